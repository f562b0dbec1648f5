#!/usr/bin/python3
"""The tests of Tornado and Twisted, with and without the library."""

import glob
import os
import sys

import comparison

# Clients and servers over loopback, in clear and in TLS by two other bindings
# than CPython's own tests use: asyncio streams and pyOpenSSL.
BOUNDED = """tornado.test.httpserver_test tornado.test.httpclient_test
tornado.test.tcpclient_test tornado.test.websocket_test twisted.test.test_tcp
twisted.test.test_ssl twisted.web.test.test_webclient""".split()

PACKAGES = "/usr/lib/python3/dist-packages"
FOLDERS = ("tornado/test", "twisted/internet/test", "twisted/web/test")
ABSENT = ("twisted.internet.test.test_gireactor",)  # cannot start without GTK
# Not test_sslverify, which makes large keys for minutes, nor the tests of
# twisted.protocols.tls, of which some hang by themselves.
OTHERS = """twisted.test.test_tcp twisted.test.test_ssl
twisted.test.test_internet twisted.test.test_process twisted.test.test_unix
twisted.test.test_udp twisted.test.test_threads""".split()


def modules():
    """All that Debian ships in the folders, and the others."""
    for folder in FOLDERS:
        names = glob.glob("*test*.py", root_dir=os.path.join(PACKAGES, folder))
        for name in sorted(names):
            module = f"{folder.replace('/', '.')}.{name[: -len('.py')]}"
            if name.startswith("test_") or name.endswith("_test.py"):
                if module not in ABSENT:
                    yield module
    yield from OTHERS


if __name__ == "__main__":
    sys.exit(comparison.main(__doc__, BOUNDED, list(modules())))
