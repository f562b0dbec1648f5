"""The live page, in a real browser beside a real collector."""

import os
import subprocess
import unittest

from lab import own_network

own_network.enter()

from lab import crawlers, reporting, sites, told_apart  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.service import wait_until  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SITE = sites.SITES[0]
INFERRED = 2  # VISIBILITY_INFERRED
TLS = 2  # PROTOCOL_TLS


class Page(unittest.TestCase):
    def test_in_a_browser(self):
        with Lab(("alpha", "beta"), told_apart.vendors()) as lab:
            directory = lab.new_directory()
            collector = lab.start_collector(directory, audit=True)
            empty = lab.start_collector(lab.new_directory(), audit=False)
            self._crawl(lab, directory)
            self._report(collector)
            self._settle(lab, collector)
            done = subprocess.run(
                ["node", os.path.join(HERE, "page", "page_test.mjs")],
                env={
                    **os.environ,
                    "COLLECTOR_URL": collector.metrics_url.removesuffix("metrics"),
                    "COLLECTOR_PID": str(collector.service.pid),
                    "EMPTY_URL": empty.metrics_url.removesuffix("metrics"),
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=280,
                check=False,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("# pass 16\n# fail 0\n", done.stdout)

    def _crawl(self, lab, directory):
        alpha, beta = lab.vendors["alpha"], lab.vendors["beta"]
        lab.crawl("curl", alpha, "http", SITE, directory)
        lab.crawl("requests", alpha, "https", sites.SITES[1], directory)
        lab.crawl("curl", beta, "http", SITE, directory)
        # Without the library: the kernel alone tells of it.
        lab.crawl("curl", beta, "http", SITE)
        # Nobody listens there.
        crawlers.run(
            ["curl", "-s", "-x", f"http://{beta.address}:{beta.port + 1}"]
            + lab.urls("http", SITE, ["/"]),
            lab.environment(),
            prefix=lab.metered(directory),
            check=False,
        )

    def _report(self, collector):
        rows = [
            reporting.traffic("reported", f"d{n:03}.example.test", n, 2 * n, n % 50)
            for n in range(120)
        ]
        rows.append(
            reporting.traffic("reported", "<img src=x onerror=alert(1)>", 1, 2, 3)
        )
        rows.append(
            reporting.traffic(
                "reported", "inferred.example.test", 5, 6, 7, INFERRED, TLS
            )
        )
        taken = reporting.report(collector.grpc_endpoint, rows)
        self.assertEqual(taken, len(rows))

    def _settle(self, lab, collector):
        lab.settle()
        collector.settle()
        # The kernel's word is taken when nobody else has claimed it for a while.
        wait_until(
            lambda: collector.metrics().total(
                "proxymeter_unmetered_bytes_total",
                proxy_vendor="beta",
                reason="not_preloaded",
            ),
            30,
            "what the library did not see",
        )


if __name__ == "__main__":
    unittest.main()
