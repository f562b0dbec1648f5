"""How long things took and whom to blame, with real proxies."""

import math
import unittest

from lab import crawlers
from lab.workspace import free_port
from metered_case import MeteredCase

SITE = "shop.example.test"
PHASES = "proxymeter_phase_duration_seconds"
# nginx is told to take its time over sites.PAGES["/picture.bin"].
SLOW_BYTES, SLOW_BYTES_PER_SECOND = 1_500_000, 400 * 1024


class PhasesCase(MeteredCase):
    def crawl(self, vendor, urls, *options, check=True):
        return crawlers.run(
            ["curl", "--silent", "--http1.1", "--cacert", self.lab.origin.ca]
            + ["--proxy", vendor.url, *options]
            + [part for url in urls for part in ("--output", "/dev/null", url)],
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
            check=check,
        )


class Phases(PhasesCase):
    def counts(self, vendor):
        metrics = self.collector.metrics()
        return {
            labels["phase"]: int(value)
            for labels, value in metrics.samples(
                PHASES + "_count", proxy_vendor=vendor.name
            )
        }

    def assert_each_is_timed(self, vendor, scheme):
        before = self.counts(vendor)
        baseline = self.baseline(vendor)
        urls = self.lab.urls(scheme, SITE, ["/", "/missing", "/"])
        # One after the other, where a connection may end behind an answer.
        parts = [[url] for url in urls] if vendor.closes_unannounced else [urls]
        for part in parts:
            self.crawl(vendor, part)
        expected = self.assert_exact(vendor, baseline)
        requests = sum(expected.requests.values())
        self.assertEqual(requests, 3)
        counts = self.counts(vendor)
        wanted = {
            "connect": expected.connections,
            "first_byte": requests,
            "request": requests,
            "tunnel": expected.tunnels,
            "tls_handshake": expected.connections if scheme == "https" else 0,
        }
        self.assertEqual(
            {phase: counts.get(phase, 0) - before.get(phase, 0) for phase in wanted},
            wanted,
        )

    def test_a_slow_answer_is_long(self):
        vendor = self.lab.vendors["alpha"]
        self.crawl(vendor, self.lab.urls("http", SITE, ["/slow.bin"]))
        self.collector.settle()
        metrics = self.collector.metrics()
        least = SLOW_BYTES / SLOW_BYTES_PER_SECOND - 1
        # nginx lets the first second's worth go at once.
        buckets = {
            float(labels["le"]): int(value)
            for labels, value in metrics.samples(
                PHASES + "_bucket", proxy_vendor=vendor.name, phase="request"
            )
        }
        total = buckets[math.inf]
        faster = max(n for bound, n in buckets.items() if bound <= least)
        self.assertEqual(total - faster, 1, buckets)
        (sum_of_all,) = (
            value
            for _, value in metrics.samples(
                PHASES + "_sum", proxy_vendor=vendor.name, phase="request"
            )
        )
        self.assertGreater(sum_of_all, least)


def _add(name, scheme):
    def test(self):
        self.assert_each_is_timed(self.lab.vendors[name], scheme)

    setattr(Phases, f"test_{name}_{scheme}", test)


for _name in ("alpha", "beta", "gamma", "delta"):
    for _scheme in ("http", "https"):
        _add(_name, _scheme)


class Blame(PhasesCase):
    """Each error has its reason, and no other."""

    def reasons(self, vendor):
        return {
            labels["reason"]: int(value)
            for labels, value in self.collector.metrics().samples(
                "proxymeter_proxy_errors_total", proxy_vendor=vendor.name
            )
        }

    def assert_blamed(self, vendor, url, wanted, *options):
        before = self.reasons(vendor)
        self.crawl(vendor, [url], *options, check=False)

        def found():
            now = self.reasons(vendor)
            return {r: now[r] - before.get(r, 0) for r in now if now[r] != before.get(r)}

        self.eventually_equal(found, wanted)
        self.collector.settle()
        self.assertEqual(found(), wanted)

    def unused(self):
        address = self.lab.vendors["alpha"].address
        return f"{address}:{free_port(address)}"

    def test_a_destination_that_refuses(self):
        for name, reason in (
            ("alpha", "destination_unavailable"),
            ("gamma", "destination_refused"),
            ("delta", "destination_refused"),
        ):
            with self.subTest(name):
                vendor = self.lab.vendors[name]
                self.assert_blamed(vendor, f"https://{self.unused()}/", {reason: 1})

    def test_a_proxy_says_so_in_clear_text_too(self):
        vendor = self.lab.vendors["alpha"]
        self.assert_blamed(
            vendor, f"http://{self.unused()}/", {"destination_unavailable": 1}
        )

    def test_errors_of_destinations_are_not_the_proxys(self):
        for scheme in ("http", "https"):
            for path in ("/missing", "/broken"):
                (url,) = self.lab.urls(scheme, SITE, [path])
                self.assert_blamed(self.lab.vendors["alpha"], url, {})

    def test_nobody_listens(self):
        # gamma's rule covers the ports beside its own.
        vendor = self.lab.vendors["gamma"]
        before = self.reasons(vendor).get("connect_refused", 0)
        crawlers.run(
            ["curl", "--silent", "--proxy"]
            + [f"{vendor.scheme}://{vendor.host}:{vendor.port + 1}"]
            + self.lab.urls("http", SITE, ["/"]),
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
            check=False,
        )
        self.eventually_equal(
            lambda: self.reasons(vendor).get("connect_refused", 0) - before, 1
        )


if __name__ == "__main__":
    unittest.main()
