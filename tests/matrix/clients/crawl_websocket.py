#!/usr/bin/python3
"""Talks WebSocket by the library named first.

    crawl_websocket.py websockets|aiohttp PROXY CA URL

The URL's path is the sizes of the messages, such as /0/5/70000. Prints the
sizes of what came back.
"""

import asyncio
import ssl
import sys
import urllib.parse

library, proxy, ca, url = sys.argv[1:]
parts = urllib.parse.urlsplit(url)
sizes = [int(size) for size in parts.path.strip("/").split("/")]
context = ssl.create_default_context(cafile=ca) if parts.scheme == "wss" else None


async def by_websockets():
    import websockets
    from python_socks.async_.asyncio import Proxy

    # It has no scheme for "the proxy resolves".
    through = Proxy.from_url(proxy.replace("socks5h:", "socks5:"), rdns=True)
    sock = await through.connect(dest_host=parts.hostname, dest_port=parts.port)
    options = {"compression": None, "ping_interval": None, "max_size": None}
    if context:
        options |= {"ssl": context, "server_hostname": parts.hostname}
    async with websockets.connect(url, sock=sock, **options) as talk:
        for size in sizes:
            await talk.send(b"x" * size)
            print(len(await talk.recv()))


async def by_aiohttp():
    import aiohttp

    options = {}
    if proxy.startswith("http:"):
        connector = aiohttp.TCPConnector()
        options["proxy"] = proxy
    else:
        import aiohttp_socks

        host, port = proxy.split("//")[1].split(":")
        connector = aiohttp_socks.ProxyConnector(host=host, port=int(port), rdns=True)
    if context:
        options["ssl"] = context
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.ws_connect(url, max_msg_size=0, **options) as talk:
            for size in sizes:
                await talk.send_bytes(b"x" * size)
                print(len(await talk.receive_bytes()))


asyncio.run(by_aiohttp() if library == "aiohttp" else by_websockets())
