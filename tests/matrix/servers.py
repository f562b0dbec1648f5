"""Origins of the matrix that are no web server, each with a log of its own.

A log has (peer's address, host, class of response) of each request, as the
lab's origin has in its access log.
"""

import asyncio
import collections
import concurrent.futures
import os
import ssl
import threading

import grpc
import websockets
from lab.origin import ADDRESS
from lab.workspace import free_port


class Log:
    """Entries by threads of servers."""

    def __init__(self):
        self._lock = threading.Lock()
        self._entries = []

    def add(self, *entry):
        with self._lock:
            self._entries.append(entry)

    def clear(self):
        with self._lock:
            self._entries.clear()

    def count(self):
        """Counter of the entries."""
        with self._lock:
            return collections.Counter(self._entries)


def _pair(lab):
    """Certificate and key of the lab's sites."""
    folder = os.path.dirname(lab.origin.ca)
    return os.path.join(folder, "site.pem"), os.path.join(folder, "site.key")


class _Weighing(websockets.WebSocketServerProtocol):
    """Knows what the frames weighed that came."""

    weighed = 0

    async def read_frame(self, max_size):
        frame = await super().read_frame(max_size)
        self.weighed += weight(len(frame.data), masked=True)
        return frame


def weight(size, masked):
    """Bytes of a frame with so much in it (RFC 6455, 5.2)."""
    extended = 0 if size < 126 else 2 if size < 65536 else 8
    return 2 + extended + (4 if masked else 0) + size


class WebSockets:
    """Answers every message with itself."""

    def __init__(self, lab, secure):
        self.log = Log()
        # (bytes of a client's frames,): a client may send a message in several.
        self.frames = Log()
        self._loop = asyncio.new_event_loop()
        context = None
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*_pair(lab))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(self._serve(context))
        self.port = self._server.sockets[0].getsockname()[1]

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _serve(self, context):
        options = {"compression": None, "ping_interval": None, "max_size": None}
        return await websockets.serve(
            self._echo, ADDRESS, 0, ssl=context, create_protocol=_Weighing, **options
        )

    async def _echo(self, talk):
        host = talk.request_headers["Host"].split(":")[0]
        self.log.add(talk.remote_address[0], host, "1xx")
        async for message in talk:
            await talk.send(message)
        self.frames.add(talk.weighed)

    def stop(self):
        async def close():
            self._server.close()
            await self._server.wait_closed()

        self._run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class Calls(grpc.GenericRpcHandler):
    """Answers /lab.Echo/Say with what it was asked; breaks off /lab.Echo/Break.

    There is no other method.
    """

    def __init__(self, lab, secure):
        self.log = Log()
        self.statuses = Log()
        self._server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(4), handlers=[self]
        )
        self.port = free_port(ADDRESS)
        place = f"{ADDRESS}:{self.port}"
        if secure:
            contents = []
            for path in _pair(lab)[::-1]:
                with open(path, "rb") as file:
                    contents.append(file.read())
            credentials = grpc.ssl_server_credentials([tuple(contents)])
            self._server.add_secure_port(place, credentials)
        else:
            self._server.add_insecure_port(place)
        self._server.start()

    def service(self, details):
        handlers = {
            "/lab.Echo/Say": grpc.unary_unary_rpc_method_handler(self._say),
            "/lab.Echo/Break": grpc.unary_stream_rpc_method_handler(self._break_off),
        }
        return handlers.get(
            details.method, grpc.unary_unary_rpc_method_handler(self._refuse)
        )

    def _note(self, context, status):
        # "ipv4:127.0.21.1:4711"; who asks names its target's host.
        peer = context.peer().split(":")[1]
        host = dict(context.invocation_metadata())["host-asked"]
        # gRPC's errors are 200, too.
        self.log.add(peer, host, "2xx")
        self.statuses.add(status)

    def _say(self, request, context):
        self._note(context, "OK")
        return request

    def _refuse(self, _, context):
        self._note(context, "UNIMPLEMENTED")
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "no such method")

    def _break_off(self, request, context):
        self._note(context, "ABORTED")
        yield request
        yield request
        context.abort(grpc.StatusCode.ABORTED, "enough")

    def stop(self):
        self._server.stop(None).wait()
