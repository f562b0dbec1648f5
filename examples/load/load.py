#!/usr/bin/python3
"""A steady load: Python aiohttp through several vendors at once, by weight.

All it needs comes from the environment, as in a pod:

  LOAD_VENDORS      weight and proxy of each vendor, divided by commas:
                    "40 http://gw.a.test:8080, 35 http://gw.b.test:3128, ..."
  LOAD_URLS         what each vendor fetches, in turn and over again
  LOAD_RATE         requests a second (20)
  LOAD_CONCURRENCY  most requests at a time (16)
  LOAD_SECONDS      how long; 0 goes on until SIGTERM or Ctrl-C (0)
  LOAD_CA           file of the authority to trust (PEM; the system's)

Of every hundred requests each vendor gets its weight's part, exactly. A request
that finds no room waits; the rate is then less, and the report says so. Prints a
line every ten seconds, and in the end one of JSON: requests, failures and bytes
of bodies of each vendor, in their order. Exit status: 0 unless nothing succeeded.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import ssl
import sys
import time
from urllib.parse import urlsplit

import aiohttp

REPORT_SECONDS = 10
REQUEST_SECONDS = 60


@dataclasses.dataclass
class Vendor:
    proxy: str
    weight: int
    turn: int = 0
    requests: int = 0
    failures: int = 0
    body_bytes: int = 0

    @property
    def name(self):
        """Without a password."""
        parts = urlsplit(self.proxy)
        return f"{parts.hostname}:{parts.port or 80}"


def read(name, default, kind, least):
    text = os.environ.get(name, default)
    try:
        value = kind(text)
        if not value >= least:
            raise ValueError
    except ValueError:
        sys.exit(f"load.py: {name}: {text!r} is no number of at least {least}")
    return value


def read_vendors():
    vendors = []
    for entry in filter(str.strip, os.environ.get("LOAD_VENDORS", "").split(",")):
        weight, _, proxy = entry.strip().partition(" ")
        if not weight.isdigit() or int(weight) == 0 or not urlsplit(proxy).hostname:
            sys.exit(f"load.py: LOAD_VENDORS: {entry.strip()!r} is not 'WEIGHT URL'")
        vendors.append(Vendor(proxy.strip(), int(weight)))
    if not vendors:
        sys.exit("load.py: LOAD_VENDORS names no vendor")
    return vendors


def read_urls():
    urls = os.environ.get("LOAD_URLS", "").split()
    for url in urls:
        if urlsplit(url).scheme not in ("http", "https"):
            sys.exit(f"load.py: LOAD_URLS: {url!r} is no HTTP URL")
    if not urls:
        sys.exit("load.py: LOAD_URLS names nothing to fetch")
    return urls


def next_vendor(vendors):
    """By smooth turns: who has waited longest for its share."""
    for vendor in vendors:
        vendor.turn += vendor.weight
    chosen = max(vendors, key=lambda vendor: vendor.turn)
    chosen.turn -= sum(vendor.weight for vendor in vendors)
    return chosen


class Load:
    def __init__(self):
        self.vendors = read_vendors()
        self.urls = read_urls()
        self.rate = read("LOAD_RATE", "20", float, 0.01)
        self.concurrency = read("LOAD_CONCURRENCY", "16", int, 1)
        self.seconds = read("LOAD_SECONDS", "0", float, 0)
        self.context = ssl.create_default_context(cafile=os.environ.get("LOAD_CA"))
        self.stopping = asyncio.Event()

    async def fetch(self, session, vendor, url):
        try:
            async with session.get(
                url, proxy=vendor.proxy, ssl=self.context, allow_redirects=False
            ) as response:
                vendor.body_bytes += len(await response.read())
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            vendor.failures += 1
            print(f"load.py: {vendor.name}: {url}: {error!r}", file=sys.stderr)

    async def wait(self, seconds):
        """False when the load is to stop."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), max(seconds, 0))
        return not self.stopping.is_set()

    def say(self, began):
        passed = time.monotonic() - began
        done = sum(vendor.requests for vendor in self.vendors)
        print(f"load.py: {done} requests, {done / passed:.1f} a second", flush=True)

    async def run(self):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        began = said = time.monotonic()
        running = set()
        number = 0
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        ) as session:
            while await self.wait(began + number / self.rate - time.monotonic()):
                if self.seconds and number >= self.seconds * self.rate:
                    break
                if len(running) == self.concurrency:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                vendor = next_vendor(self.vendors)
                url = self.urls[vendor.requests % len(self.urls)]
                vendor.requests += 1
                task = asyncio.create_task(self.fetch(session, vendor, url))
                running.add(task)
                task.add_done_callback(running.discard)
                number += 1
                if time.monotonic() - said >= REPORT_SECONDS:
                    said = time.monotonic()
                    self.say(began)
            if running:
                await asyncio.wait(running)
        self.say(began)


async def main():
    load = Load()
    await load.run()
    print(
        json.dumps(
            [
                {
                    "proxy": vendor.name,
                    "requests": vendor.requests,
                    "failures": vendor.failures,
                    "body_bytes": vendor.body_bytes,
                }
                for vendor in load.vendors
            ]
        )
    )
    return 0 if any(v.requests > v.failures for v in load.vendors) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
