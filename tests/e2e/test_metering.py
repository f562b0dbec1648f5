"""Every client through every vendor: metered exactly as witnessed."""

import subprocess
import unittest

from lab import account, crawlers
from lab.lab import program
from metered_case import MeteredCase

SITE = "shop.example.test"
# GET and HEAD of nine URLs, the redirect followed once, and one POST.
REQUESTS = 20


class Metering(MeteredCase):
    """One test per client, vendor and scheme; made below."""

    def crawl_exactly(self, client, name, scheme):
        vendor = self.lab.vendors[name]
        before = self.baseline(vendor)
        places = account.destinations(self.collector.metrics(), vendor)
        done = self.lab.crawl(client, vendor, scheme, SITE, self.directory)
        self.assertEqual(len(done.stdout.splitlines()), REQUESTS - 1)
        self.assertEqual(done.stderr, "")
        expected = self.assert_exact(vendor, before)
        self.assertEqual(expected.requests, {SITE: REQUESTS})
        self.assertGreater(expected.sent, 100_000)
        self.assertGreater(expected.received, 1_600_000)
        # One site was visited, so every byte is that site's.
        was = places.get(SITE, (0, 0))
        now = account.destinations(self.collector.metrics(), vendor)
        self.assertEqual(
            {**places, SITE: (was[0] + expected.sent, was[1] + expected.received)},
            now,
        )
        self.assert_nothing_amiss()


def _add(client, name, scheme):
    def test(self):
        self.crawl_exactly(client, name, scheme)

    setattr(Metering, f"test_{client}_{name}_{scheme}", test)


for _client in crawlers.PROGRAMS:
    for _name in ("alpha", "beta", "gamma", "delta"):
        if _name in ("gamma", "delta") and _client not in crawlers.SOCKS_PROGRAMS:
            continue
        for _scheme in ("http", "https"):
            _add(_client, _name, _scheme)


class Destinations(MeteredCase):
    """Several sites over one connection."""

    vendor_names = ("alpha",)

    def test_clear_text_bytes_follow_their_request(self):
        vendor = self.lab.vendors["alpha"]
        logged = len(vendor.transactions())
        before = self.baseline(vendor)
        sites = ("shop.example.test", "news.example.test", "api.example.test")
        paths = ("/", "/catalogue.html", "/stream/feed.html", "/missing")
        urls = [self.lab.urls("http", s, [p])[0] for p in paths for s in sites]
        crawlers.run(
            crawlers.command("requests", vendor, self.lab.origin, urls),
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
        )
        expected = self.assert_exact(vendor, before)
        self.assertEqual(expected.connections, 1)
        # Squid writes down what each request took.
        by_site = {site: [0, 0] for site in sites}
        for transaction in vendor.transactions()[logged:]:
            if transaction.host in by_site:
                by_site[transaction.host][0] += transaction.from_client
                by_site[transaction.host][1] += transaction.to_client
        self.assertEqual(
            account.destinations(self.collector.metrics(), vendor),
            {site: tuple(figures) for site, figures in by_site.items()},
        )


class Labels(MeteredCase):
    """What the samples say beyond their sums."""

    vendor_names = ("alpha", "gamma")

    def test_protocols_and_codes(self):
        vendor = self.lab.vendors["alpha"]
        before = self.baseline(vendor)
        self.lab.crawl("curl", vendor, "http", SITE, self.directory)
        self.lab.crawl("curl", vendor, "https", SITE, self.directory)
        expected = self.assert_exact(vendor, before)
        metrics = self.collector.metrics()
        by_protocol = {
            (labels["protocol"], labels["visibility"]): value
            for labels, value in metrics.samples("proxymeter_requests_total")
            if value
        }
        self.assertEqual(
            by_protocol,
            {
                ("http/1.1", "plaintext"): REQUESTS,
                ("https/1.1", "plaintext"): REQUESTS,
            },
        )
        self.assertEqual(
            metrics.total("proxymeter_tunnels_total", response_code="200"),
            expected.tunnels,
        )

    def test_refused_connections_are_counted(self):
        # gamma's rule covers the ports beside its own, where nobody listens.
        vendor = self.lab.vendors["gamma"]
        url = f"{vendor.scheme}://{vendor.host}:{vendor.port + 1}"
        done = crawlers.run(
            ["curl", "--silent", "--proxy", url, *self.lab.urls("http", SITE, ["/"])],
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
            check=False,
        )
        self.assertEqual(done.returncode, 7, done.stderr)

        def refused():
            return self.collector.metrics().total(
                "proxymeter_connections_total",
                proxy_vendor=vendor.name,
                result="refused",
            )

        self.eventually_equal(refused, 1)


class Exposition(MeteredCase):
    """The metrics page and the command line, after some traffic."""

    vendor_names = ("alpha",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        vendor = cls.lab.vendors["alpha"]
        cls.lab.crawl("curl", vendor, "https", SITE, cls.directory)
        cls.lab.settle()
        cls.collector.settle()

    def test_promtool_finds_nothing_to_say(self):
        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=self.collector.metrics().text,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(
            (checked.returncode, checked.stdout, checked.stderr), (0, "", "")
        )

    def test_top_shows_the_totals(self):
        shown = subprocess.run(
            [program(), "top", "--once", "--dir", self.directory],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(shown.returncode, 0, shown.stderr)
        vendor = self.lab.vendors["alpha"]
        witnessed = account.witnessed(self.lab, vendor)
        (row,) = _table(shown.stdout, "vendor")
        self.assertEqual(
            [row[column] for column in ("vendor", "sent_bytes", "received_bytes")],
            ["alpha", str(witnessed.sent), str(witnessed.received)],
        )
        rows = _table(shown.stdout, "traffic")
        requests = [r["requests"] for r in rows if r["destination"] == SITE]
        self.assertEqual(sum(map(int, requests)), REQUESTS)


def _table(text, kind):
    """Rows of one kind of `top`'s tab-separated lines, as dictionaries."""
    columns, rows = [], []
    for line in text.splitlines():
        first, *cells = line.split("\t")
        if first == f"#{kind}":
            columns = cells
        elif first == kind:
            rows.append(dict(zip(columns, cells, strict=True)))
    return rows


if __name__ == "__main__":
    unittest.main()
