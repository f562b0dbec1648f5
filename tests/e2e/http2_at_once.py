"""Visits the first URL, then all others at once, on one connection of HTTP/2.

http2_at_once.py PROXY CA URL...
"""

import asyncio
import sys

import httpx


async def visit(client, url):
    try:
        answer = await client.get(url)
    except httpx.HTTPError as error:
        print(type(error).__name__)
    else:
        print(answer.status_code, answer.http_version, len(answer.content))


async def main():
    proxy, ca, first, *others = sys.argv[1:]
    async with httpx.AsyncClient(
        http2=True, verify=ca, proxies=proxy, timeout=60
    ) as client:
        await visit(client, first)
        await asyncio.gather(*(visit(client, url) for url in others))


asyncio.run(main())
