#!/usr/bin/python3
"""Crawls by the Python library named first; Debian's own libraries.

Prints one line per URL: method, status, bytes of body, URL.
"""

import argparse
import asyncio
import ctypes
import io
import ssl
import sys

# What the options of libcurl are called in its header.
CURLOPT_WRITEDATA, CURLOPT_URL, CURLOPT_PROXY = 10001, 10002, 10004
CURLOPT_POSTFIELDS, CURLOPT_POSTFIELDSIZE = 10015, 60
CURLOPT_FOLLOWLOCATION, CURLOPT_CAINFO = 52, 10065
CURLOPT_PROXY_CAINFO = 10246
CURLOPT_WRITEFUNCTION = 20011
CURLINFO_RESPONSE_CODE = 0x200000 + 2


# Names of SOCKS with which the proxy resolves the site's name.
PROXY_RESOLVES = ("socks4a", "socks5h")


def parts(proxy):
    """(scheme, host, port)"""
    scheme, rest = proxy.split("://")
    host, port = rest.split(":")
    return scheme, host, int(port)


class Urllib:
    def __init__(self, proxy, ca):
        import urllib.request

        self._request = urllib.request.Request
        context = ssl.create_default_context(cafile=ca)
        if proxy.startswith("http:"):
            proxies = {"http": proxy, "https": proxy}
            opener = urllib.request.build_opener(
                urllib.request.HTTPSHandler(context=context),
                urllib.request.ProxyHandler(proxies),
            )
            self._openers = {"http": opener, "https": opener}
        elif proxy.startswith("https:"):
            # It knows no TLS inside of TLS.
            opener = urllib.request.build_opener(
                urllib.request.HTTPSHandler(context=context),
                urllib.request.ProxyHandler({"http": proxy}),
            )
            self._openers = {"http": opener}
        else:
            self._openers = {
                "http": self._by_socks(proxy),
                "https": self._by_socks(proxy, context=context),
            }

    @staticmethod
    def _by_socks(proxy, **options):
        import urllib.request

        import socks
        import sockshandler

        scheme, host, port = parts(proxy)
        kind = socks.SOCKS4 if scheme.startswith("socks4") else socks.SOCKS5
        options["rdns"] = scheme in PROXY_RESOLVES
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            sockshandler.SocksiPyHandler(kind, host, port, **options),
        )

    def fetch(self, url, body):
        import urllib.error

        try:
            opener = self._openers[url.split(":")[0]]
            with opener.open(self._request(url, body), timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


class Requests:
    def __init__(self, proxy, ca):
        import requests

        self._session = requests.Session()
        self._session.trust_env = False
        self._session.proxies = {"http": proxy, "https": proxy}
        self._session.verify = ca

    def fetch(self, url, body):
        method = "GET" if body is None else "POST"
        answer = self._session.request(method, url, data=body, timeout=60)
        return answer.status_code, answer.content

    def close(self):
        self._session.close()


class Httpx:
    http2 = False

    def __init__(self, proxy, ca):
        import certifi
        import httpx

        # It takes a proxy's certificate by these authorities alone.
        certifi.where = lambda: ca
        self._client = httpx.Client(
            http2=self.http2,
            # It has no scheme for "the proxy resolves": its SOCKS always does.
            proxies=proxy.replace("socks5h:", "socks5:"),
            verify=ca,
            trust_env=False,
            follow_redirects=True,
            timeout=60,
        )

    def fetch(self, url, body):
        method = "GET" if body is None else "POST"
        answer = self._client.request(method, url, content=body)
        return answer.status_code, answer.content

    def close(self):
        self._client.close()


class Httpx2(Httpx):
    http2 = True


class Aiohttp:
    def __init__(self, proxy, ca):
        self._loop = asyncio.new_event_loop()
        self._proxy = proxy
        self._session = self._loop.run_until_complete(self._open(proxy, ca))

    async def _open(self, proxy, ca):
        import aiohttp

        context = ssl.create_default_context(cafile=ca)
        if proxy.startswith("http"):
            connector = aiohttp.TCPConnector(ssl=context)
        else:
            import aiohttp_socks

            scheme, host, port = parts(proxy)
            version = "SOCKS4" if scheme.startswith("socks4") else "SOCKS5"
            connector = aiohttp_socks.ProxyConnector(
                proxy_type=aiohttp_socks.ProxyType[version],
                host=host,
                port=port,
                rdns=scheme in PROXY_RESOLVES,
                ssl=context,
            )
            self._proxy = None
        return aiohttp.ClientSession(connector=connector)

    async def _fetch(self, url, body):
        method = "GET" if body is None else "POST"
        data = None if body is None else io.BytesIO(body)
        async with self._session.request(
            method, url, data=data, proxy=self._proxy
        ) as answer:
            return answer.status, await answer.read()

    def fetch(self, url, body):
        return self._loop.run_until_complete(self._fetch(url, body))

    def close(self):
        self._loop.run_until_complete(self._session.close())
        # As asyncio.run does: none is left to complain of its end.
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            self._loop.run_until_complete(
                asyncio.wait([task], return_when=asyncio.ALL_COMPLETED)
            )
        self._loop.close()


class Pycurl:
    def __init__(self, proxy, ca):
        import pycurl

        self._pycurl = pycurl
        self._curl = pycurl.Curl()
        self._proxy = proxy
        self._ca = ca

    def fetch(self, url, body):
        taken = io.BytesIO()
        curl, names = self._curl, self._pycurl
        curl.reset()
        curl.setopt(names.URL, url)
        curl.setopt(names.PROXY, self._proxy)
        curl.setopt(names.CAINFO, self._ca)
        curl.setopt(names.PROXY_CAINFO, self._ca)
        curl.setopt(names.FOLLOWLOCATION, True)
        curl.setopt(names.WRITEDATA, taken)
        if body is not None:
            curl.setopt(names.POSTFIELDS, body)
        curl.perform()
        return curl.getinfo(names.RESPONSE_CODE), taken.getvalue()

    def close(self):
        self._curl.close()


class Libcurl:
    """libcurl as linked to GnuTLS, of which Debian has no curl command."""

    def __init__(self, proxy, ca):
        self._library = ctypes.CDLL("libcurl-gnutls.so.4")
        self._library.curl_easy_init.restype = ctypes.c_void_p
        self._library.curl_version.restype = ctypes.c_char_p
        if b"GnuTLS" not in self._library.curl_version():
            sys.exit("libcurl-gnutls.so.4 is not linked to GnuTLS")
        self._curl = ctypes.c_void_p(self._library.curl_easy_init())
        self._taken = bytearray()
        self._write = ctypes.CFUNCTYPE(
            ctypes.c_size_t,
            *[ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p],
        )(self._take)
        for option, value in (
            (CURLOPT_PROXY, proxy.encode()),
            (CURLOPT_CAINFO, ca.encode()),
            (CURLOPT_PROXY_CAINFO, ca.encode()),
            (CURLOPT_FOLLOWLOCATION, ctypes.c_long(1)),
            (CURLOPT_WRITEFUNCTION, self._write),
        ):
            self._set(option, value)

    def _take(self, data, size, count, _):
        self._taken += ctypes.string_at(data, size * count)
        return size * count

    def _set(self, option, value):
        code = self._library.curl_easy_setopt(self._curl, option, value)
        if code:
            sys.exit(f"curl_easy_setopt({option}): {code}")

    def fetch(self, url, body):
        self._taken.clear()
        self._set(CURLOPT_URL, url.encode())
        if body is not None:
            self._set(CURLOPT_POSTFIELDSIZE, ctypes.c_long(len(body)))
            self._set(CURLOPT_POSTFIELDS, body)
        code = self._library.curl_easy_perform(self._curl)
        if code:
            sys.exit(f"curl_easy_perform: {code}")
        status = ctypes.c_long()
        self._library.curl_easy_getinfo(
            self._curl, CURLINFO_RESPONSE_CODE, ctypes.byref(status)
        )
        return status.value, bytes(self._taken)

    def close(self):
        self._library.curl_easy_cleanup(self._curl)


LIBRARIES = {
    "urllib": Urllib,
    "requests": Requests,
    "httpx": Httpx,
    "httpx-http2": Httpx2,
    "aiohttp": Aiohttp,
    "pycurl": Pycurl,
    "libcurl-gnutls": Libcurl,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--upload", nargs=2, metavar=("FILE", "URL"))
    parser.add_argument("urls", nargs="*", metavar="URL")
    arguments = parser.parse_intermixed_args()
    client = LIBRARIES[arguments.library](arguments.proxy, arguments.ca)
    for url in arguments.urls:
        status, content = client.fetch(url, None)
        print("GET", status, len(content), url)
    if arguments.upload:
        file, url = arguments.upload
        with open(file, "rb") as source:
            status, content = client.fetch(url, source.read())
        print("POST", status, len(content), url)
    if hasattr(client, "close"):
        client.close()


if __name__ == "__main__":
    main()
