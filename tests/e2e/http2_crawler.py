"""Visits URLs by HTTP/2: http2_crawler.py PROXY CA URL..."""

import sys

import httpx

proxy, ca, *urls = sys.argv[1:]
with httpx.Client(http2=True, verify=ca, proxies=proxy, timeout=60) as client:
    for url in urls:
        answer = client.get(url)
        print(answer.status_code, answer.http_version, len(answer.content))
