"""Call sites: who opened the connections, by samples, and what that touches."""

import glob
import json
import os
import unittest

from lab import account, crawlers
from metered_case import MeteredCase

SITE = "shop.example.test"
PROGRAM = os.environ.get("PROXYMETER_CALLER_PROGRAM") or os.path.join(
    crawlers.ROOT, "build", "release", "tests", "caller_program"
)
# By its real name: Debian's python3 is a link.
PYTHON = os.path.basename(os.path.realpath(crawlers.PYTHON))
ALL_OF_FIRST = 64
ONE_OF = 64

# Threads that connect at once: one stack at a time is walked.
_THREADS = """
import socket, sys, threading
address = sys.argv[1], int(sys.argv[2])
barrier = threading.Barrier(8)
def crawl():
    barrier.wait()
    for _ in range(6):
        socket.create_connection(address).close()
threads = [threading.Thread(target=crawl) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def sampled_among(connections):
    """How many of so many connections of one process are walked."""
    walked = 0
    for number in range(connections):
        mixed = number * 0x9E3779B97F4A7C15 % 2**64
        walked += number < ALL_OF_FIRST or (mixed >> 40) % ONE_OF == 0
    return walked


def without_libunwind(workspace):
    """What goes before a command so that it finds an empty file instead."""
    (library,) = glob.glob("/usr/lib/*/libunwind-*.so.8")
    empty = workspace.write("empty", "")
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    return ["unshare", *user, "--mount", "sh", "-c", script, "sh"] + [
        empty,
        os.path.realpath(library),
    ]


class CallerCase(MeteredCase):
    vendor_names = ("alpha", "gamma")
    call_sites = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # In the way of nobody: a directory and collector of its own.
        with open(cls.lab.config_file, encoding="utf-8") as file:
            configuration = json.load(file)
        if cls.call_sites:
            configuration["call_sites"] = cls.call_sites
        config = cls.lab.workspace.write("callers.yaml", json.dumps(configuration))
        cls.collector.stop()
        cls.directory = cls.make_directory()
        cls.collector = cls.lab.start_collector(cls.directory, config)

    def figures(self, vendor):
        """(callers, without caller, walks by unwinder, connections)."""
        metrics = self.collector.metrics()

        def by(name, label, **wanted):
            return {
                labels[label]: int(value)
                for labels, value in metrics.samples(name, **wanted)
                if value
            }

        own = {"proxy_vendor": vendor.name}
        return (
            by("proxymeter_connections_by_caller_total", "caller", **own),
            by("proxymeter_connections_without_caller_total", "reason", **own),
            by("proxymeter_caller_walks_total", "unwinder"),
            metrics.total("proxymeter_connections_total", result="ok", **own),
        )

    def run_program(self, *ways, prefix=()):
        """Runs the C program against gamma; what it says of itself."""
        vendor = self.lab.vendors["gamma"]
        done = crawlers.run(
            [PROGRAM, vendor.address, str(vendor.port), *map(str, ways)],
            self.lab.environment(),
            prefix=[*prefix, *self.lab.metered(self.directory)],
        )
        self.assertEqual(done.stderr, "")
        words = done.stdout.split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def settled_figures(self, vendor, connections):
        """Figures once so many connections have arrived and sessions ended."""
        self.lab.settle()
        self.eventually_equal(lambda: self.figures(vendor)[3], connections)
        self.collector.settle()
        return self.figures(vendor)


class Off(CallerCase):
    def test_nothing_is_loaded_and_nothing_shown(self):
        said = self.run_program("direct", 3, "libc", 1)
        self.assertEqual(said["libunwind"], 0)
        figures = self.settled_figures(self.lab.vendors["gamma"], 4)
        self.assertEqual(figures, ({}, {}, {}, 4))
        self.assertNotIn("caller", self.collector.metrics().text)


class Sampled(CallerCase):
    """Each test has a collector of its own, hence figures from zero."""

    call_sites = "sampled"
    unwinder = "libunwind"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hidden = []

    def setUp(self):
        config = os.path.join(self.lab.workspace.path, "callers.yaml")
        self.collector.stop()
        type(self).directory = self.make_directory()
        type(self).collector = self.lab.start_collector(self.directory, config)

    def crawl(self, client, scheme):
        """The usual crawl through alpha; how many connections it took."""
        vendor = self.lab.vendors["alpha"]
        before = account.witnessed(self.lab, vendor).connections
        upload = (self.lab.upload_file, self.lab.origin.url(scheme, SITE, "/upload"))
        crawlers.run(
            crawlers.command(
                client, vendor, self.lab.origin, self.lab.urls(scheme, SITE), upload
            ),
            self.lab.environment(),
            prefix=[*self.hidden, *self.lab.metered(self.directory)],
        )
        self.lab.settle()
        return account.witnessed(self.lab, vendor).connections - before

    def names(self, client, caller):
        connections = self.crawl(client, "https")
        self.assertGreater(connections, 0)
        self.assertEqual(
            self.settled_figures(self.lab.vendors["alpha"], connections),
            (
                {caller: connections},
                {},
                {self.unwinder: connections},
                connections,
            ),
        )

    def test_curl(self):
        self.names("curl", "libcurl.so.4")

    def test_python(self):
        self.names("requests", PYTHON)

    def test_program_and_glibc_on_its_behalf(self):
        said = self.run_program("direct", 5, "libc", 3, prefix=self.hidden)
        self.assertEqual(said["libunwind"], int(self.unwinder == "libunwind"))
        self.assertEqual(
            self.settled_figures(self.lab.vendors["gamma"], 8),
            ({"caller_program": 8}, {}, {self.unwinder: 8}, 8),
        )

    def test_no_descriptor_stays_open(self):
        walked = self.run_program("direct", 1, prefix=self.hidden)
        untouched = self.run_program(prefix=self.hidden)
        self.assertEqual(walked["descriptors"], untouched["descriptors"])

    def test_the_sample_says_what_it_left_out(self):
        walked = sampled_among(300)
        self.assertLess(walked, 100)
        self.run_program("direct", 300, prefix=self.hidden)
        self.assertEqual(
            self.settled_figures(self.lab.vendors["gamma"], 300),
            (
                {"caller_program": walked},
                {"not_sampled": 300 - walked},
                {self.unwinder: walked},
                300,
            ),
        )

    def test_a_signal_stack_is_not_walked(self):
        self.run_program("handler", 2, "direct", 1, prefix=self.hidden)
        self.assertEqual(
            self.settled_figures(self.lab.vendors["gamma"], 3),
            ({"caller_program": 1}, {"not_safe": 2}, {self.unwinder: 1}, 3),
        )

    def test_threads(self):
        vendor = self.lab.vendors["gamma"]
        crawlers.run(
            [crawlers.PYTHON, "-c", _THREADS, vendor.address, str(vendor.port)],
            self.lab.environment(),
            prefix=[*self.hidden, *self.lab.metered(self.directory)],
        )
        callers, without, walks, _ = self.settled_figures(vendor, 48)
        self.assertEqual(set(callers), {PYTHON})
        self.assertLessEqual(set(without), {"not_safe"})
        self.assertEqual(sum(callers.values()) + sum(without.values()), 48)
        # No thread but the first may load a library.
        self.assertEqual(walks, {"libgcc": callers[PYTHON]})


class WithoutLibunwind(Sampled):
    unwinder = "libgcc"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hidden = without_libunwind(cls.lab.workspace)


if __name__ == "__main__":
    unittest.main()
