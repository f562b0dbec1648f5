"""Base of tests that meter crawlers in a lab with a collector."""

import time
import unittest

from lab import own_network

own_network.enter()

from lab import account  # noqa: E402
from lab.lab import Lab  # noqa: E402

# A figure may be on its way when its crawler ends; this is long enough for
# any machine, and a test waits for it only when it is about to fail.
ARRIVAL_SECONDS = 30


class MeteredCase(unittest.TestCase):
    """One lab and one collector for all tests of a class."""

    maxDiff = None
    vendor_names = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(cls.vendor_names))
        cls.directory = cls.make_directory()
        cls.collector = cls.lab.start_collector(cls.directory)

    @classmethod
    def make_directory(cls):
        """Where collector and crawlers meet."""
        return cls.lab.new_directory()

    def baseline(self, vendor):
        """Both accounts of `vendor` as they stand."""
        return (
            account.witnessed(self.lab, vendor),
            account.metered(self.collector.metrics(), vendor),
        )

    def assert_exact(self, vendor, baseline):
        """What was metered since `baseline` equals what was witnessed.

        Returns the account of that time.
        """
        self.lab.settle()

        def expected():
            return account.witnessed(self.lab, vendor) - baseline[0]

        def found():
            return account.metered(self.collector.metrics(), vendor) - baseline[1]

        # An origin may write a line of its log when the answer has long arrived.
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while found() != expected() and time.monotonic() < deadline:
            time.sleep(0.05)
        # After the last session, so that an excess shows as well.
        self.collector.settle()
        witnessed = expected()
        self.assertEqual(found(), witnessed)
        return witnessed

    def assert_nothing_amiss(self):
        """Nothing was refused, held back, misread or missed."""
        metrics = self.collector.metrics()
        for name in ("rejected_total", "held_bytes", "desynchronised_total"):
            self.assertEqual(metrics.total("proxymeter_" + name), 0, name)
        # What the shims themselves report; frames are no trouble.
        events = {
            labels["event"]
            for labels, value in metrics.samples("proxymeter_shim_events_total")
            if value
        }
        self.assertEqual(events, {"frames_sent"})

    def eventually_equal(self, found, expected):
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while found() != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(found(), expected)
