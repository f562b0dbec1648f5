#!/usr/bin/python3
"""Calls a gRPC server, by the proxy of the environment.

    crawl_grpc.py sync|asyncio grpc|grpcs://HOST:PORT CA

Prints one line per kind of call: what it was answered, how often.
"""

import asyncio
import collections
import sys

import grpc

CALLS = 20
kind, url, ca = sys.argv[1:]
scheme, target = url.split("://")
METADATA = [("host-asked", target.split(":")[0])]


def channel(module):
    if scheme == "grpc":
        return module.insecure_channel(target)
    with open(ca, "rb") as file:
        return module.secure_channel(target, grpc.ssl_channel_credentials(file.read()))


def bodies():
    """Of one call after the other, and of some at once."""
    return [b"x" * n for n in range(CALLS)], [b"y" * 20_000] * CALLS


def synchronous():
    with channel(grpc) as through:
        say = through.unary_unary("/lab.Echo/Say")
        one_by_one, at_once = bodies()
        same = [say(body, metadata=METADATA) == body for body in one_by_one]
        waiting = [say.future(body, metadata=METADATA) for body in at_once]
        same += [w.result() == b for w, b in zip(waiting, at_once, strict=True)]
        yield from same
        try:
            through.unary_unary("/lab.Echo/Refuse")(b"", metadata=METADATA)
        except grpc.RpcError as error:
            yield error.code().name
        try:
            for _ in through.unary_stream("/lab.Echo/Break")(b"z", metadata=METADATA):
                yield "streamed"
        except grpc.RpcError as error:
            yield error.code().name


async def asynchronous():
    found = []
    async with channel(grpc.aio) as through:
        say = through.unary_unary("/lab.Echo/Say")
        one_by_one, at_once = bodies()
        for body in one_by_one:
            found.append(await say(body, metadata=METADATA) == body)
        answers = await asyncio.gather(*(say(b, metadata=METADATA) for b in at_once))
        found += [a == b for a, b in zip(answers, at_once, strict=True)]
        try:
            await through.unary_unary("/lab.Echo/Refuse")(b"", metadata=METADATA)
        except grpc.RpcError as error:
            found.append(error.code().name)
        stream = through.unary_stream("/lab.Echo/Break")(b"z", metadata=METADATA)
        try:
            async for _ in stream:
                found.append("streamed")
        except grpc.RpcError as error:
            found.append(error.code().name)
    return found


outcome = asyncio.run(asynchronous()) if kind == "asyncio" else list(synchronous())
for word, count in collections.Counter(map(str, outcome)).items():
    print(word, count)
