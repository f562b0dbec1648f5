"""Totals outlive the collector, exactly, and never go backwards."""

import os
import random
import signal
import sqlite3
import subprocess
import time
import unittest

from lab import account, crawlers
from lab.lab import Lab, program
from lab.metrics import Metrics
from lab.service import wait_until
from metered_case import ARRIVAL_SECONDS

SITE = "news.example.test"
SEED = 7
LIVES = 6


class Ledger(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(["alpha"]))
        cls.vendor = cls.lab.vendors["alpha"]

    def setUp(self):
        self.directory = self.lab.new_directory()

    def eventually_equal(self, found, expected):
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while found() != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(found(), expected)

    def crawl(self):
        done = self.lab.crawl("curl", self.vendor, "https", SITE, self.directory)
        self.assertEqual(done.returncode, 0)
        self.lab.settle()

    def test_totals_outlive_any_end(self):
        self.lab.settle()
        before = account.witnessed(self.lab, self.vendor)
        for end in ("kill", "stop", "kill"):
            collector = self.lab.start_collector(self.directory)
            self.crawl()
            # An origin may write a line of its log when the answer has long
            # arrived.
            deadline = time.monotonic() + ARRIVAL_SECONDS
            while True:
                expected = account.witnessed(self.lab, self.vendor) - before
                found = account.metered(collector.metrics(), self.vendor)
                if found == expected or time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            self.assertEqual(found, expected)
            getattr(collector, end)()
        collector = self.lab.start_collector(self.directory)
        self.assertEqual(account.metered(collector.metrics(), self.vendor), expected)
        collector.settle()
        self.assertEqual(account.metered(collector.metrics(), self.vendor), expected)
        self.assertEqual(os.listdir(os.path.join(self.directory, "journals")), [])

    def test_kills_at_any_moment_lose_and_double_nothing(self):
        seeded = random.Random(SEED)
        self.lab.settle()
        before = account.witnessed(self.lab, self.vendor)
        shown = {}
        url = self.lab.origin.url("http", SITE, "/slow.bin")
        downloads = []
        for _ in range(LIVES):
            collector = self.lab.start_collector(self.directory)
            downloads.append(
                subprocess.Popen(
                    self.lab.metered(self.directory)
                    + crawlers.resolving(
                        ["curl", "--silent", "--proxy", self.vendor.url]
                        + ["--output", os.devnull, url]
                    ),
                    env=self.lab.environment(),
                )
            )
            short = self.lab.crawl(
                "curl", self.vendor, "http", SITE, self.directory
            )
            self.assertEqual(short.returncode, 0)
            deadline = time.monotonic() + seeded.uniform(0, 1.5)
            while time.monotonic() < deadline:
                self.assert_monotonic(shown, collector.metrics())
            collector.kill()
        collector = self.lab.start_collector(self.directory)
        for download in downloads:
            self.assertEqual(download.wait(timeout=120), 0)
        self.lab.settle()
        expected = account.witnessed(self.lab, self.vendor) - before
        self.eventually_equal(
            lambda: account.metered(collector.metrics(), self.vendor), expected
        )
        collector.settle()
        self.assertEqual(account.metered(collector.metrics(), self.vendor), expected)
        self.assert_monotonic(shown, collector.metrics())

    def assert_monotonic(self, shown, metrics):
        for name in (
            "proxymeter_sent_bytes_total",
            "proxymeter_received_bytes_total",
            "proxymeter_requests_total",
            "proxymeter_responses_total",
            "proxymeter_connections_total",
            "proxymeter_frames_total",
            "proxymeter_sessions_total",
        ):
            for labels, value in metrics.samples(name):
                key = (name, *sorted(labels.items()))
                self.assertGreaterEqual(value, shown.get(key, 0), key)
                shown[key] = value
        for key in shown:
            # A series that was there stays there.
            self.assertTrue(metrics.samples(key[0], **dict(key[1:])), key)

    def test_a_last_scrape_is_waited_for(self):
        collector = self.lab.start_collector(
            self.directory, more=["--linger", "60"]
        )
        self.crawl()
        expected = account.metered(collector.metrics(), self.vendor)
        process = collector.service.process
        process.send_signal(signal.SIGTERM)
        wait_until(
            lambda: "event=lingering" in collector.service.log(),
            60,
            "the collector to wait for a last scrape",
        )
        last = Metrics.scrape(collector.metrics_url)
        self.assertEqual(account.metered(last, self.vendor), expected)
        self.assertEqual(process.wait(timeout=60), 0)

    def test_idle_destinations_are_folded_for_good(self):
        def by_vendor(metrics):
            return {
                name: metrics.total(
                    f"proxymeter_vendor_{name}_total", proxy_vendor="alpha"
                )
                for name in ("sent_bytes", "received_bytes", "requests")
            }

        def folded(metrics):
            return metrics.total(
                "proxymeter_folded_destinations_total", proxy_vendor="alpha"
            )

        def by_destination(metrics):
            return metrics.total(
                "proxymeter_received_bytes_total", destination_host=SITE
            )

        self.lab.settle()
        before = account.witnessed(self.lab, self.vendor)
        collector = self.lab.start_collector(self.directory)
        self.crawl()
        collector.settle()
        witnessed = account.witnessed(self.lab, self.vendor) - before
        first = by_vendor(collector.metrics())
        received = by_destination(collector.metrics())
        self.assertEqual(account.metered(collector.metrics(), self.vendor), witnessed)
        self.assertEqual(first["received_bytes"], received)
        self.assertGreater(received, 0)
        collector.stop()

        collector = self.lab.start_collector(
            self.directory, more=["--fold-idle", "1"]
        )
        wait_until(
            lambda: folded(collector.metrics()) == 1, 60, "a destination to be folded"
        )
        metrics = collector.metrics()
        self.assertEqual(by_vendor(metrics), first)
        self.assertEqual(
            metrics.samples("proxymeter_received_bytes_total", proxy_vendor="alpha"),
            [],
        )
        collector.kill()

        collector = self.lab.start_collector(self.directory)
        self.assertEqual(by_vendor(collector.metrics()), first)
        self.assertEqual(folded(collector.metrics()), 1)
        self.crawl()
        collector.settle()
        metrics = collector.metrics()
        # From 0 by destination; on and on by vendor.
        again = by_destination(metrics)
        self.assertEqual(
            by_vendor(metrics)["received_bytes"], first["received_bytes"] + again
        )
        self.assertEqual(by_vendor(metrics)["requests"], 2 * first["requests"])

    def test_what_cannot_be_taken_up_is_set_aside(self):
        ledger = os.path.join(self.directory, "ledger.db")

        def garbage():
            with open(ledger, "wb") as file:
                file.write(b"not a database at all" * 1000)

        def cut():
            os.truncate(ledger, os.path.getsize(ledger) // 2)

        def newer():
            database = sqlite3.connect(ledger)
            database.execute("PRAGMA user_version = 99")
            database.close()

        for spoil, name in (
            (garbage, "damaged"),
            (cut, "damaged"),
            (newer, "other-layout"),
        ):
            with self.subTest(spoil.__name__):
                self.lab.start_collector(self.directory).stop()
                spoil()
                with open(ledger, "rb") as file:
                    spoilt = file.read()
                before = account.witnessed(self.lab, self.vendor)
                collector = self.lab.start_collector(self.directory)
                log = collector.service.log()
                self.assertEqual(log.count("event=ledger_set_aside"), 1, log)
                self.assertIn(f"file={ledger} now={ledger}.{name}-", log)
                metrics = collector.metrics()
                self.assertEqual(
                    metrics.total("proxymeter_ledger_set_aside_total"), 1
                )
                self.assertEqual(
                    metrics.total("proxymeter_degraded", part="ledger"), 0
                )
                (aside,) = [
                    entry.path
                    for entry in os.scandir(self.directory)
                    if entry.name.startswith(f"ledger.db.{name}-")
                    and not entry.name.endswith("-wal")
                ]
                with open(aside, "rb") as file:
                    self.assertEqual(file.read(), spoilt)
                os.remove(aside)
                # And it meters.
                self.crawl()
                expected = account.witnessed(self.lab, self.vendor) - before
                self.eventually_equal(
                    lambda: account.metered(collector.metrics(), self.vendor),
                    expected,
                )
                collector.stop()
                os.remove(ledger)

    def test_another_programs_file_is_refused(self):
        path = os.path.join(self.directory, "ledger.db")
        subprocess.run(
            ["/usr/bin/python3", "-c"]
            + ["import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("
               "'create table mine (i)')", path],
            check=True,
        )
        done = subprocess.run(
            [program(), "collector", "--dir", self.directory]
            + ["--metrics-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"ledger {path}: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
