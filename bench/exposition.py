"""/metrics of a collector that has many series."""

import dataclasses
import gzip
import os
import time
import urllib.request

from lab.collector import Collector
from lab.reporting import report, traffic
from lab.workspace import Workspace

CONFIGURATION = """\
version: 1
vendors:
  - name: acme
    match: [{cidr: 192.0.2.1/32}]
"""
VENDORS = 8
SERIES_OF_EACH = 3  # requests, sent, received
ROWS_OF_FRAME = 900  # a frame is of 64 KiB at most


@dataclasses.dataclass
class Scrape:
    seconds: float
    sent: int  # bytes on the wire
    size: int  # bytes of text
    series: int


def _scrape(url, encoding):
    request = urllib.request.Request(url, headers={"Accept-Encoding": encoding})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    began = time.perf_counter()
    with opener.open(request, timeout=60) as answer:
        body = answer.read()
    seconds = time.perf_counter() - began
    packed = answer.headers.get("Content-Encoding") == "gzip"
    if packed != (encoding == "gzip"):
        raise RuntimeError(f"asked for {encoding}, got {answer.headers}")
    text = gzip.decompress(body) if packed else body
    lines = sum(not line.startswith(b"#") for line in text.splitlines())
    return Scrape(seconds, len(body), len(text), lines)


def scrapes(run, series):
    """{encoding: [Scrape]} of a collector with at least so many series."""
    space = Workspace()
    try:
        collector = Collector(
            os.path.join(run.build, "bin", "proxymeter"),
            space.directory("pm"),
            space.write("vendors.yaml", CONFIGURATION),
            os.path.join(space.path, "collector.out"),
        )
        try:
            rows = [
                traffic(
                    f"vendor-{number % VENDORS}",
                    f"site-{number:06}.shop.example.com",
                    1_000_000 + number,
                    9_000_000 + number,
                    1 + number,
                )
                for number in range(series // SERIES_OF_EACH + 1)
            ]
            for first in range(0, len(rows), ROWS_OF_FRAME):
                report(collector.grpc_endpoint, rows[first : first + ROWS_OF_FRAME])
            found = {
                encoding: [
                    _scrape(collector.metrics_url, encoding)
                    for _ in range(run.repetitions)
                ]
                for encoding in ("identity", "gzip")
            }
        finally:
            collector.kill()
    finally:
        space.remove()
    if min(scrape.series for s in found.values() for scrape in s) < series:
        raise RuntimeError(f"fewer than {series} series")
    return found
