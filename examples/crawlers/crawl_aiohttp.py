#!/usr/bin/python3
"""A small crawler: Python aiohttp through an HTTP proxy, several at a time.

asyncio speaks TLS through memory buffers, apart from its sockets. Prints one
line per URL: method, status, bytes of body, URL.
"""

import argparse
import asyncio
import ssl
import sys

import aiohttp

CONCURRENCY = 4


async def fetch(session, slots, method, url, **options):
    async with slots, session.request(method, url, **options) as response:
        body = await response.read()
        print(method, response.status, len(body), url)


async def crawl(arguments):
    slots = asyncio.Semaphore(CONCURRENCY)
    context = ssl.create_default_context(cafile=arguments.ca)
    common = {"proxy": arguments.proxy, "ssl": context}
    connector = aiohttp.TCPConnector(force_close=arguments.fresh)
    async with aiohttp.ClientSession(connector=connector) as session:
        for method in ("GET", "HEAD"):
            await asyncio.gather(
                *(
                    fetch(
                        session,
                        slots,
                        method,
                        url,
                        allow_redirects=method == "GET",
                        **common,
                    )
                    for url in arguments.urls
                )
            )
        if arguments.upload:
            with open(arguments.upload, "rb") as body:
                await fetch(
                    session,
                    slots,
                    "POST",
                    arguments.to,
                    data=body.read(),
                    **common,
                )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", required=True, help="http://host:port")
    parser.add_argument("--ca", help="file of the authority to trust (PEM)")
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="a new connection for each request, for proxies that close theirs "
        "unannounced",
    )
    parser.add_argument("--upload", help="file to send by POST")
    parser.add_argument("--to", help="URL that takes the upload")
    parser.add_argument("urls", nargs="+", metavar="URL")
    try:
        asyncio.run(crawl(parser.parse_args()))
    except aiohttp.ClientError as error:
        sys.exit(f"crawl_aiohttp.py: {error}")


if __name__ == "__main__":
    main()
