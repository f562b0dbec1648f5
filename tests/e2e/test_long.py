"""Connections that last: WebSockets, server-sent events, long polls."""

import asyncio
import http.server
import json
import os
import ssl
import subprocess
import threading
import time
import unittest

import websockets
from lab import account, crawlers, sites
from lab.lab import program
from lab.origin import ADDRESS as ORIGIN
from metered_case import MeteredCase

HERE = os.path.dirname(os.path.abspath(__file__))
SITE = sites.SITES[0]


class EchoServer:
    """Answers every message with itself; counts openings."""

    def __init__(self, certificate=None):
        self.opened = 0
        self.loop = asyncio.new_event_loop()
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self._run(self._serve(context))
        self.port = self.server.sockets[0].getsockname()[1]

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def _serve(self, context):
        return await websockets.serve(
            self._echo,
            ORIGIN,
            0,
            ssl=context,
            compression=None,
            ping_interval=None,
            max_size=None,
        )

    async def _echo(self, talk):
        self.opened += 1
        async for message in talk:
            await talk.send(message)

    def stop(self):
        async def close():
            self.server.close()
            await self.server.wait_closed()

        self._run(close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


def frame(size, masked):
    """Bytes of a frame with so much in it (RFC 6455, 5.2)."""
    extended = 0 if size < 126 else 2 if size < 65536 else 8
    return 2 + extended + (4 if masked else 0) + size


class WebSockets(MeteredCase):
    """Behind the opening request, every byte in clear is the protocol's."""

    vendor_names = ("alpha", "gamma", "delta")
    SIZES = (0, 5, 125, 126, 5000, 65535, 65536, 300_000)
    CLOSE = 2  # a status, in a frame

    def rows(self, vendor, protocol):
        """Sent and received bytes, and requests, of `protocol`."""
        shown = subprocess.run(
            [program(), "top", "--once", "--json", "--dir", self.directory],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        found = [0, 0, 0]
        for row in json.loads(shown.stdout)["traffic"]:
            if (row["vendor"], row["protocol"]) == (vendor.name, protocol):
                self.assertEqual(row["destination"], SITE)
                for i, name in enumerate(("sent_bytes", "received_bytes", "requests")):
                    found[i] += row[name]
        return found

    def talk(self, name, scheme, server):
        vendor = self.lab.vendors[name]
        before = self.baseline(vendor)
        protocols = ("http/1.1", "https/1.1", "websocket")
        was = [self.rows(vendor, protocol) for protocol in protocols]
        done = crawlers.run(
            [crawlers.PYTHON, os.path.join(HERE, "websocket_crawler.py")]
            + [vendor.url, self.lab.origin.ca, f"{scheme}://{SITE}:{server.port}/"]
            + [str(size) for size in self.SIZES],
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
        )
        self.assertEqual(done.stdout.split(), [str(size) for size in self.SIZES])
        self.lab.settle()
        expected = account.witnessed(self.lab, vendor) - before[0]
        # The origin that has a log was not asked.
        expected.requests = {SITE: 1}
        expected.responses = {(SITE, "1xx"): 1}

        def found():
            return account.metered(self.collector.metrics(), vendor) - before[1]

        self.eventually_equal(found, expected)
        self.collector.settle()
        self.assertEqual(found(), expected)
        clear, tls, socket = (
            [now - then for now, then in zip(self.rows(vendor, p), old, strict=True)]
            for p, old in zip(protocols, was, strict=True)
        )
        frames = [
            sum(frame(size, masked) for size in (*self.SIZES, self.CLOSE))
            for masked in (True, False)
        ]
        if scheme == "ws":
            self.assertEqual(socket, [*frames, 0])
            self.assertEqual(clear[2], 1)
            self.assertEqual(clear[0] + socket[0], expected.sent)
            self.assertEqual(clear[1] + socket[1], expected.received)
        else:
            # Inside TLS records, which are more than the frames.
            self.assertEqual((socket[2], tls[2]), (0, 1))
            for i in (0, 1):
                self.assertGreater(socket[i], frames[i])
            self.assertEqual(tls[0] + socket[0], expected.sent)
            self.assertEqual(tls[1] + socket[1], expected.received)
        self.assert_nothing_amiss()

    def test_in_clear(self):
        server = EchoServer()
        self.addCleanup(server.stop)
        for number, name in enumerate(self.vendor_names):
            with self.subTest(name):
                self.talk(name, "ws", server)
                self.assertEqual(server.opened, number + 1)

    def test_inside_tls(self):
        folder = os.path.dirname(self.lab.origin.ca)
        server = EchoServer([f"{folder}/site.pem", f"{folder}/site.key"])
        self.addCleanup(server.stop)
        for number, name in enumerate(self.vendor_names):
            with self.subTest(name):
                self.talk(name, "wss", server)
                self.assertEqual(server.opened, number + 1)


class Slow(http.server.BaseHTTPRequestHandler):
    """Sends an event, waits until it was heard, and then for HOLD seconds."""

    HOLD = 0.4
    heard = threading.Event()

    def do_GET(self):  # pylint: disable=invalid-name
        path = "/" + self.path.rsplit("/", 1)[1]
        if path == "/heard":
            self.heard.set()
        elif path == "/poll":
            time.sleep(self.HOLD)
        self.send_response(200)
        if path != "/events":
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"good")
            return
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"data: 1\n\n")
        self.heard.wait(60)
        time.sleep(self.HOLD)
        self.wfile.write(b"data: 2\n\ndata: 3\n\n")

    def log_message(self, *_):
        pass


class Waiting(MeteredCase):
    """What is waited for is in `first_byte` or in `request`, as it should be."""

    vendor_names = ("alpha",)
    PHASES = "proxymeter_phase_duration_seconds_sum"

    def seconds(self, phase):
        return sum(
            value
            for _, value in self.collector.metrics().samples(self.PHASES, phase=phase)
        )

    def test_events_and_polls(self):
        server = http.server.ThreadingHTTPServer((ORIGIN, 0), Slow)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        vendor = self.lab.vendors["alpha"]
        before = self.baseline(vendor)
        done = crawlers.run(
            [crawlers.PYTHON, os.path.join(HERE, "events_crawler.py")]
            + [vendor.host, str(vendor.port)]
            + [f"http://{SITE}:{server.server_address[1]}"],
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
        )
        self.assertEqual(done.stdout.split("\n")[:-1], ["data: 1", "good", "2", "good"])
        self.lab.settle()
        expected = account.witnessed(self.lab, vendor) - before[0]
        expected.requests = {SITE: 3}
        expected.responses = {(SITE, "2xx"): 3}
        self.eventually_equal(
            lambda: account.metered(self.collector.metrics(), vendor) - before[1],
            expected,
        )
        self.collector.settle()
        # The poll's answer came late; the events' end came late behind a first
        # byte that had been read.
        first, whole = self.seconds("first_byte"), self.seconds("request")
        self.assertGreaterEqual(first, Slow.HOLD)
        self.assertGreaterEqual(whole - first, Slow.HOLD)
        self.assert_nothing_amiss()


if __name__ == "__main__":
    unittest.main()
