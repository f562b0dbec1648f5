"""A SOCKS 4 server that is given names (4a): Dante takes them for addresses."""

import asyncio
import contextlib
import threading

from lab import sites
from lab.origin import ADDRESS as ORIGIN_ADDRESS

ADDRESS, HOST = "127.0.21.5", "gw.epsilon-proxy.test"
_CONNECT, _GRANTED, _REJECTED = 1, 90, 91
_PIECE = 1 << 16


class Socks4a:
    """A vendor as the others; listens on, and goes out from, one address.

    https://www.openssh.com/txt/socks4a.protocol
    """

    name, program, scheme = "epsilon", "socks4a", "socks4a"
    address, host = ADDRESS, HOST

    def __init__(self):
        self._tunnels = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, ADDRESS, 0))
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def endpoint(self):
        return (ADDRESS, self.port)

    @property
    def rule(self):
        return {"host": HOST}

    def tunnels(self):
        return self._tunnels

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _serve(self, reader, writer):
        with contextlib.closing(writer):
            head = await reader.readexactly(8)
            await reader.readuntil(b"\0")  # the user
            port = int.from_bytes(head[2:4], "big")
            named = head[4:7] == bytes(3) and head[7]
            # Addresses are for Dante.
            name = (await reader.readuntil(b"\0"))[:-1].decode() if named else ""
            if head[:2] != bytes([4, _CONNECT]) or name not in sites.SITES:
                writer.write(bytes([0, _REJECTED]) + bytes(6))
                await writer.drain()
                return
            there, back = await asyncio.open_connection(
                ORIGIN_ADDRESS, port, local_addr=(ADDRESS, 0)
            )
            self._tunnels += 1
            with contextlib.closing(back):
                writer.write(bytes([0, _GRANTED]) + bytes(6))
                await asyncio.gather(_carry(reader, back), _carry(there, writer))

    def stop(self):
        async def close():
            self._server.close()
            await self._server.wait_closed()

        self._run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


async def _carry(reader, writer):
    """Until the end, which is passed on unless there is nobody."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
