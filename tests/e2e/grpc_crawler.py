"""Calls a gRPC server: grpc_crawler.py TARGET CALLS [CA]."""

import sys

import grpc

target, calls, *ca = sys.argv[1:]
# With the proxy of http_proxy.
if ca:
    with open(ca[0], "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    channel = grpc.secure_channel(target, credentials)
else:
    channel = grpc.insecure_channel(target)
with channel:
    echo = channel.unary_unary("/lab.Echo/Say")
    refuse = channel.unary_unary("/lab.Echo/Refuse")
    for number in range(int(calls)):
        assert echo(b"x" * number) == b"x" * number
    waiting = [echo.future(b"y" * 20_000) for _ in range(int(calls))]
    assert all(future.result() == b"y" * 20_000 for future in waiting)
    try:
        refuse(b"")
    except grpc.RpcError as error:
        print(error.code().name)
    # Ends badly behind two messages.
    try:
        for message in channel.unary_stream("/lab.Echo/Break")(b"z"):
            assert message == b"z"
    except grpc.RpcError as error:
        print(error.code().name)
