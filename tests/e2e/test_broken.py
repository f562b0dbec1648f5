"""Requests in HTTP/2 that a peer leaves undone."""

import os
import subprocess
import unittest

from lab import crawlers, sites
from lab.breaking import ADDRESS, HALF, NOTHING, REFUSED, RESET, Breaking
from lab.collector import configuration
from metered_case import MeteredCase

SITE = sites.SITES[0]
# Of the requests that a test makes, each way to go wrong a number of its own.
FATES = [*[NOTHING] * 2, *[HALF] * 3, *[REFUSED] * 2, *[RESET] * 4, *["/"] * 3]
# nghttp asks for nothing twice.
PATHS = [f"{fate}?{number}" for number, fate in enumerate(FATES)]


class Broken(MeteredCase):
    vendor_names = ("alpha",)

    def begin(self, *, tls=False, goodbye=None):
        """The server, and a collector to which it is a vendor."""
        folder = self.lab.origin.ca.rsplit("/", 1)[0]
        certificate = (f"{folder}/site.pem", f"{folder}/site.key")
        self.server = Breaking(
            "breaking", len(PATHS), certificate if tls else None, goodbye
        )
        self.addCleanup(self.server.stop)
        directory = self.make_directory()
        vendors = [self.server, *self.lab.vendors.values()]
        config = self.lab.workspace.write(
            f"broken{self.server.port}.yaml", configuration(vendors)
        )
        self.collector = self.lab.start_collector(directory, config)
        return self.lab.metered(directory)

    def run_client(self, command):
        subprocess.run(
            command,
            env=self.lab.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def assert_blamed(self, vendor, before, within):
        wanted = {}
        if before:
            wanted["closed_before_response"] = before
        if within:
            wanted["closed_in_response"] = within

        def found():
            return {
                labels["reason"]: int(value)
                for labels, value in self.collector.metrics().samples(
                    "proxymeter_proxy_errors_total", proxy_vendor=vendor
                )
                if value
            }

        self.eventually_equal(found, wanted)
        self.collector.settle()
        self.assertEqual(found(), wanted)
        self.assert_nothing_amiss()

    def in_clear(self, goodbye=None):
        metered = self.begin(goodbye=goodbye)
        self.run_client(
            [*metered, "nghttp", "--null-out"]
            + [f"http://{ADDRESS}:{self.server.port}{path}" for path in PATHS]
        )
        self.assertEqual(self.server.connections, 1)
        return self.server.left

    def test_the_proxys_own_words(self):
        left = self.in_clear()
        self.assertEqual(left, {NOTHING: 2, HALF: 3, REFUSED: 2, RESET: 4})
        self.assert_blamed(
            "breaking", left[NOTHING] + left[REFUSED], left[HALF] + left[RESET]
        )
        self.assertEqual(
            self.collector.metrics().total("proxymeter_requests_total"), len(PATHS)
        )
        self.assertEqual(
            self.collector.metrics().total("proxymeter_responses_total"),
            len(PATHS) - left[NOTHING] - left[REFUSED],
        )

    def test_goodbye(self):
        # A request is told undone once, by whatever says so first.
        left = self.in_clear(goodbye=(7, 0))
        self.assert_blamed(
            "breaking", left[NOTHING] + left[REFUSED], left[HALF] + left[RESET]
        )

    def test_in_a_tunnel(self):
        metered = self.begin(tls=True)
        script = os.path.join(os.path.dirname(__file__), "http2_at_once.py")
        url = f"https://{SITE}:{self.server.port}"
        self.run_client(
            metered
            + crawlers.resolving(
                [crawlers.PYTHON, script, self.lab.vendors["alpha"].url]
                + [self.lab.origin.ca, *(url + path for path in reversed(PATHS))]
            ),
        )
        left = self.server.left
        self.assertEqual(left, {NOTHING: 2, HALF: 3, REFUSED: 2, RESET: 4})
        # The end may have been the proxy's. A stream's is the destination's.
        self.assert_blamed("alpha", left[NOTHING], left[HALF])


if __name__ == "__main__":
    unittest.main()
