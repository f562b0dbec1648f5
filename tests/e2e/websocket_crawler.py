"""Talks WebSocket by a proxy: websocket_crawler.py PROXY CA URL SIZE..."""

import asyncio
import ssl
import sys

import websockets
from python_socks.async_.asyncio import Proxy

proxy, ca, url, *sizes = sys.argv[1:]


async def main():
    scheme, rest = url.split("://")
    host, port = rest.split("/")[0].split(":")
    through = Proxy.from_url(proxy.replace("socks5h:", "socks5:"), rdns=True)
    sock = await through.connect(dest_host=host, dest_port=int(port))
    more = {}
    if scheme == "wss":
        more = {"ssl": ssl.create_default_context(cafile=ca), "server_hostname": host}
    async with websockets.connect(
        url, sock=sock, compression=None, ping_interval=None, max_size=None, **more
    ) as talk:
        for size in map(int, sizes):
            await talk.send(b"x" * size)
            print(len(await talk.recv()))


asyncio.run(main())
