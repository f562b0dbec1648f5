"""A crawler with many accounts.

    users_crawler.py CA

Reads lines of JSON from its input: a proxy's URL, the address to come from, and
what to fetch. Answers each with a line of status codes.
"""

import json
import sys

import requests
from requests.adapters import HTTPAdapter


class From(HTTPAdapter):
    """Connections from one of this machine's addresses."""

    def __init__(self, address):
        self._source = {"source_address": (address, 0)}
        super().__init__()

    def proxy_manager_for(self, proxy, **options):
        return super().proxy_manager_for(proxy, **options, **self._source)


def visit(proxy, address, urls, ca):
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": proxy, "https": proxy}
        session.verify = ca
        for scheme in ("http://", "https://"):
            session.mount(scheme, From(address))
        return [session.get(url, timeout=60).status_code for url in urls]


def main():
    for line in sys.stdin:
        print(*visit(*json.loads(line), sys.argv[1]), flush=True)


if __name__ == "__main__":
    main()
