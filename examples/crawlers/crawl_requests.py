#!/usr/bin/python3
"""A small crawler: Python requests through a proxy, HTTP or SOCKS5.

One session keeps its connections alive. Prints one line per URL: method,
status, bytes of body, URL.
"""

import argparse
import sys

import requests
from requests.adapters import HTTPAdapter


class FreshConnections(HTTPAdapter):
    """Drops the connection that the request before has left open."""

    def send(self, request, **options):
        self.close()
        return super().send(request, **options)


def crawl(session, urls):
    for method in ("GET", "HEAD"):
        for url in urls:
            response = session.request(
                method, url, allow_redirects=method == "GET", timeout=60
            )
            print(method, response.status_code, len(response.content), url)


def upload(session, path, url):
    with open(path, "rb") as body:
        response = session.post(url, data=body, timeout=60)
    print("POST", response.status_code, len(response.content), url)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--proxy", required=True, help="http://host:port or socks5h://host:port"
    )
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
    arguments = parser.parse_args()
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": arguments.proxy, "https": arguments.proxy}
        session.verify = arguments.ca or True
        if arguments.fresh:
            session.mount("http://", FreshConnections())
            session.mount("https://", FreshConnections())
        try:
            crawl(session, arguments.urls)
            if arguments.upload:
                upload(session, arguments.upload, arguments.to)
        except requests.RequestException as error:
            sys.exit(f"crawl_requests.py: {error}")


if __name__ == "__main__":
    main()
