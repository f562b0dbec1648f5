"""Visits URLs by proxies whose names it resolves without getaddrinfo.

crawl.py HOW SERVER ADDRESS HOST:PORT,HOST:PORT URL...

HOW is cares-udp or cares-tcp (c-ares asks SERVER, for aiohttp), dnspython-udp or
dnspython-tcp (which asks from a socket that is not connected), or gethostbyname.
Each URL is visited by each proxy in turn, on a connection of its own; a name has
to have ADDRESS, which is where the connection goes.
"""

import asyncio
import ctypes
import http.client
import socket
import sys
import urllib.parse

import aiohttp
import dns.resolver
import pycares
from aiohttp.resolver import AsyncResolver


class Only(AsyncResolver):
    """Of all that a name has, one address."""

    def __init__(self, address, **options):
        super().__init__(**options)
        self._address = address

    async def resolve(self, host, port=0, family=socket.AF_INET):
        found = await super().resolve(host, port, family)
        return [entry for entry in found if entry["host"] == self._address]


async def by_cares(tcp, server, address, visits):
    flags = pycares.ARES_FLAG_USEVC if tcp else 0
    resolver = Only(address, nameservers=[server], flags=flags)
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        family=socket.AF_INET,
        use_dns_cache=False,
        force_close=True,
    )
    async with aiohttp.ClientSession(connector=connector) as session:
        for proxy, url in visits:
            async with session.get(url, proxy=f"http://{proxy}") as response:
                print(response.status, len(await response.read()))


def by_gethostbyname(host):
    # Python's own asks getaddrinfo first.
    libc = ctypes.CDLL(None)
    libc.gethostbyname.restype = ctypes.c_void_p
    assert libc.gethostbyname(host.encode())


def by_dnspython(tcp, server, address):
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [server]

    def resolve(host):
        found = [r.address for r in resolver.resolve(host, "A", tcp=tcp)]
        assert address in found

    return resolve


def visit_all(resolve, address, visits):
    for proxy, url in visits:
        host, port = proxy.split(":")
        resolve(host)
        connection = http.client.HTTPConnection(address, int(port))
        connection.request(
            "GET", url, headers={"Host": urllib.parse.urlsplit(url).netloc}
        )
        response = connection.getresponse()
        print(response.status, len(response.read()))
        connection.close()


def main():
    how, server, address, proxies, *urls = sys.argv[1:]
    visits = [(proxy, url) for url in urls for proxy in proxies.split(",")]
    tcp = how.endswith("tcp")
    if how.startswith("cares"):
        asyncio.run(by_cares(tcp, server, address, visits))
    elif how.startswith("dnspython"):
        visit_all(by_dnspython(tcp, server, address), address, visits)
    else:
        visit_all(by_gethostbyname, address, visits)


main()
