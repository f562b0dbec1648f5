"""What examples/ offers, as users run it: crawlers, the load, the validation."""

import os
import subprocess
import sys
import unittest
from unittest import mock

from metered_case import MeteredCase

import validate
from lab import account, crawlers, sites
from lab.metrics import Metrics

SITE = "shop.example.test"
EXAMPLES = os.path.join(crawlers.ROOT, "examples")


class Crawlers(MeteredCase):
    """Those whose TLS may be their own: bytes and destinations are exact then."""

    vendor_names = ["alpha"]

    def check(self, command):
        vendor = self.lab.vendors["alpha"]
        for scheme in ("http", "https"):
            with self.subTest(scheme):
                before = self.figures(vendor)
                self.lab.crawl(command, vendor, scheme, SITE, self.directory)
                self.lab.settle()
                self.collector.settle()
                self.check_scheme(scheme, vendor, before)

    def figures(self, vendor):
        metrics = self.collector.metrics()
        return (
            account.witnessed(self.lab, vendor),
            account.metered(metrics, vendor),
            metrics.total(
                "proxymeter_requests_total",
                proxy_vendor=vendor.name,
                destination_host=SITE,
            ),
        )

    def check_scheme(self, scheme, vendor, before):
        after = self.figures(vendor)
        witnessed, metered = after[0] - before[0], after[1] - before[1]
        for figure in ("connections", "tunnels", "sent", "received"):
            self.assertEqual(
                getattr(metered, figure), getattr(witnessed, figure), figure
            )
        asked = witnessed.requests[SITE]
        self.assertEqual(asked, 2 * len(sites.crawl_paths()) + 1)
        if scheme == "http" or metered.requests:
            self.assertEqual(metered.requests, witnessed.requests)
        else:
            # Inferred: how well, docs/inferred.md says.
            self.assertGreater(after[2] - before[2], 0)

    def test_node(self):
        self.check(["node", os.path.join(EXAMPLES, "crawlers", "crawl_node.js")])

    def test_java(self):
        self.check(["java", os.path.join(EXAMPLES, "crawlers", "Crawl.java")])


class Load(unittest.TestCase):
    def refusal(self, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LOAD_")}
        done = subprocess.run(
            [crawlers.PYTHON, validate.LOAD],
            env={**clean, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 1, done)
        return done.stderr

    def test_what_is_wrong_with_the_environment_is_said(self):
        vendors = {"LOAD_VENDORS": "5 http://gw.a.test:1"}
        urls = {"LOAD_URLS": "http://x/"}
        self.assertIn("LOAD_VENDORS names no vendor", self.refusal())
        self.assertIn("'0 http://x' is not", self.refusal(LOAD_VENDORS="0 http://x"))
        self.assertIn("LOAD_URLS names nothing", self.refusal(**vendors))
        self.assertIn(
            "'ftp://x/' is no HTTP URL", self.refusal(**vendors, LOAD_URLS="ftp://x/")
        )
        self.assertIn(
            "LOAD_RATE: 'nan'", self.refusal(**vendors, **urls, LOAD_RATE="nan")
        )


class Validation(unittest.TestCase):
    def run_it(self):
        with mock.patch("builtins.print") as printed:
            status = validate.main(["--seconds", "2", "--rate", "50"])
        text = "\n".join(" ".join(map(str, call.args)) for call in printed.mock_calls)
        print(text, file=sys.stderr)
        return status, text

    def test_right_figures_pass(self):
        status, text = self.run_it()
        self.assertEqual(status, 0)
        self.assertEqual(text.count("  PASS\n"), 4 * len(validate.WEIGHTS))
        self.assertIn("100 requests, 0 failed", text)
        self.assertIn("alpha 40.0 % : beta 35.0 % : gamma 25.0 %", text)

    def test_a_wrong_figure_fails(self):
        total = Metrics.total

        def one_more(metrics, name, **labels):
            found = total(metrics, name, **labels)
            wrong = name == "proxymeter_sent_bytes_total"
            return found + (wrong and labels.get("proxy_vendor") == "beta")

        with (
            mock.patch.object(Metrics, "total", one_more),
            mock.patch.object(validate, "ARRIVAL_SECONDS", 1),
        ):
            status, text = self.run_it()
        self.assertEqual(status, 1)
        self.assertEqual(text.count("  FAIL\n"), 1)


if __name__ == "__main__":
    unittest.main()
