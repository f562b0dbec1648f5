"""Asks for a URL again and again, each time by another proxy."""

import itertools
import os
import signal
import sys
import threading
import urllib.error
import urllib.request

stopped = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopped.set())

urls = os.environ["CRAWLER_URLS"].split()
proxies = os.environ.get("CRAWLER_PROXIES", "").split() or [None]
pause = float(os.environ.get("CRAWLER_PAUSE", "1"))

for url, proxy in zip(itertools.cycle(urls), itertools.cycle(proxies)):
    ways = {s: f"http://{proxy}" for s in ("http", "https")} if proxy else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(ways))
    try:
        with opener.open(url, timeout=30) as response:
            print(proxy, response.status, len(response.read()), url)
    except (OSError, urllib.error.URLError) as error:
        print(proxy, error, url, file=sys.stderr)
    if stopped.wait(pause):
        break
