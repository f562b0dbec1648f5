"""What goes wrong around a crawler neither changes it nor loses a count."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from lab import account, crawlers
from lab.lab import Lab, library, program
from lab.service import as_ordinary_user, wait_until
from metered_case import MeteredCase

SITE = "news.example.test"
# Another preloaded library, which answers getaddrinfo.
NSS_WRAPPER = "libnss_wrapper.so"
FRAME_LIMIT = 64 * 1024


def start_slow_download(lab, vendor, directory, target):
    """A metered curl that fetches 1.5 MB at 400 KB/s into `target`."""
    url = lab.origin.url("http", SITE, "/slow.bin")
    return subprocess.Popen(
        lab.metered(directory)
        + crawlers.resolving(
            ["curl", "--silent", "--no-buffer", "--proxy", vendor.url]
            + ["--output", target, url]
        ),
        env=lab.environment(),
        start_new_session=True,
    )


def size(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


class WithoutCollector(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = self.enterContext(Lab(["alpha"]))
        self.vendor = self.lab.vendors["alpha"]

    def test_counts_arrive_when_a_collector_comes_up(self):
        directory = self.lab.new_directory()
        # The first one leaves the vendor policy behind.
        first = self.lab.start_collector(directory)
        self.assertEqual(first.stop(), 0)
        before = account.witnessed(self.lab, self.vendor)
        plain = self.lab.crawl("requests", self.vendor, "https", SITE)
        self.lab.settle()
        between = account.witnessed(self.lab, self.vendor)
        alone = self.lab.crawl("requests", self.vendor, "https", SITE, directory)
        self.assertEqual(
            (alone.returncode, alone.stdout, alone.stderr),
            (plain.returncode, plain.stdout, plain.stderr),
        )
        self.lab.settle()
        expected = account.witnessed(self.lab, self.vendor) - between
        self.assertEqual(expected.requests, (between - before).requests)
        second = self.lab.start_collector(directory)

        def found():
            return account.metered(second.metrics(), self.vendor)

        deadline = time.monotonic() + 30
        while found() != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(found(), expected)

    def test_crawler_runs_as_if_nothing_were_there(self):
        missing = os.path.join(self.lab.workspace.path, "never", "made")
        plain = self.lab.crawl("curl", self.vendor, "http", SITE)
        alone = self.lab.crawl("curl", self.vendor, "http", SITE, missing)
        self.assertEqual(
            (alone.returncode, alone.stdout, alone.stderr),
            (plain.returncode, plain.stdout, plain.stderr),
        )

    def test_directory_that_cannot_be_written(self):
        directory = self.lab.new_directory()
        collector = self.lab.start_collector(directory)
        self.assertEqual(collector.stop(), 0)
        for path, _, _ in os.walk(directory):
            self.addCleanup(os.chmod, path, os.stat(path).st_mode)
            os.chmod(path, 0o555)
        # Root could write anywhere; an ordinary user cannot, and might not be
        # allowed to see the build.
        preload = shutil.copy(library(), self.lab.workspace.path)
        line = ["curl", "--silent", "--show-error", "--include"]
        line += ["--proxy", self.vendor.url, "--cacert", self.lab.origin.ca]
        line += self.lab.urls("https", SITE, ["/", "/missing", "/stream/feed.html"])

        def crawl(**more):
            return crawlers.run(
                line, self.lab.environment(**more), prefix=as_ordinary_user([])
            )

        def answer(done):
            stable = re.sub("(?m)^Date: .*$", "", done.stdout)
            return done.returncode, stable, done.stderr

        plain = crawl()
        metered = crawl(LD_PRELOAD=preload, PROXYMETER_DIR=directory)
        self.assertEqual(answer(metered), answer(plain))
        self.assertEqual(os.listdir(os.path.join(directory, "journals")), [])

    def test_overlong_directory_name(self):
        plain = self.lab.crawl("curl", self.vendor, "http", SITE)
        line = crawlers.command(
            "curl",
            self.vendor,
            self.lab.origin,
            self.lab.urls("http", SITE),
            (self.lab.upload_file, self.lab.origin.url("http", SITE, "/upload")),
        )
        metered = crawlers.run(
            line,
            self.lab.environment(
                LD_PRELOAD=library(), PROXYMETER_DIR="/" + "x" * 5000
            ),
        )
        self.assertEqual(
            (metered.returncode, metered.stdout, metered.stderr),
            (plain.returncode, plain.stdout, plain.stderr),
        )


class Killed(MeteredCase):
    vendor_names = ("alpha",)

    def test_crawler_killed_in_the_middle(self):
        vendor = self.lab.vendors["alpha"]
        before = self.baseline(vendor)
        target = os.path.join(self.lab.workspace.path, "killed.bin")
        crawler = start_slow_download(self.lab, vendor, self.directory, target)
        try:
            wait_until(lambda: size(target) > 300_000, 60, "a part of the file")
        finally:
            os.killpg(crawler.pid, signal.SIGKILL)
            crawler.wait()
        self.lab.settle()
        self.collector.settle()
        kernel = account.witnessed(self.lab, vendor) - before[0]

        def found():
            return account.metered(self.collector.metrics(), vendor) - before[1]

        self.eventually_equal(lambda: found().sent, kernel.sent)
        self.assertEqual(found().requests, {SITE: 1})
        self.assertEqual(found().connections, 1)
        # What the program wrote it had received; what the kernel had taken in
        # for it, it may not have read any more.
        self.assertGreaterEqual(found().received, size(target))
        self.assertLessEqual(found().received, kernel.received)

    def test_collector_killed_in_the_middle(self):
        vendor = self.lab.vendors["alpha"]
        directory = self.lab.new_directory()
        first = self.lab.start_collector(directory)
        self.lab.settle()
        before = account.witnessed(self.lab, vendor)
        target = os.path.join(self.lab.workspace.path, "survivor.bin")
        crawler = start_slow_download(self.lab, vendor, directory, target)
        self.addCleanup(crawler.wait)
        wait_until(lambda: size(target) > 300_000, 60, "a part of the file")
        first.kill()
        second = self.lab.start_collector(directory)
        self.assertEqual(crawler.wait(timeout=120), 0)
        self.assertEqual(size(target), 1_500_000)
        self.lab.settle()
        expected = account.witnessed(self.lab, vendor) - before
        self.eventually_equal(
            lambda: account.metered(second.metrics(), vendor), expected
        )


class Hostile(MeteredCase):
    vendor_names = ("alpha",)

    def send(self, packet):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            client.connect(self.collector.socket)
            client.send(packet)

    def test_garbage_is_counted_and_dropped(self):
        seeded = random.Random(20)
        packets = [
            b"\xff",
            b"GET / HTTP/1.1\r\n\r\n",
            # version 1, then a session name of 5 bytes instead of 16.
            b"\x08\x01\x12\x05hello",
            # An unknown version, and otherwise in order.
            b"\x08\x63\x12\x10" + bytes(16),
            # A length that reaches far beyond the end.
            b"\x08\x01\x12\xff\xff\xff\x7f",
            bytes(FRAME_LIMIT + 1),
            seeded.randbytes(FRAME_LIMIT * 2),
        ]
        # Ending in an unfinished varint, no random packet is a valid message.
        packets += [seeded.randbytes(n) + b"\xff" for n in range(1, 1500, 7)]

        def rejected():
            return self.collector.metrics().total("proxymeter_rejected_total")

        before = rejected()
        for packet in packets:
            self.send(packet)
        self.eventually_equal(lambda: rejected() - before, len(packets))

        # And it still does its work.
        vendor = self.lab.vendors["alpha"]
        accounts = self.baseline(vendor)
        self.lab.crawl("curl", vendor, "https", SITE, self.directory)
        self.assert_exact(vendor, accounts)

    def test_many_packets_on_one_connection(self):
        def rejected():
            return self.collector.metrics().total("proxymeter_rejected_total")

        before = rejected()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(self.collector.socket)
            sent = 0
            try:
                for _ in range(50):
                    client.send(b"\xff\xff")
                    sent += 1
            except (BrokenPipeError, ConnectionResetError):
                pass  # The collector may hang up on such a client.
        wait_until(lambda: rejected() > before, 30, "a rejection")
        self.assertLessEqual(rejected() - before, sent)

    def test_second_collector_is_refused(self):
        refused = subprocess.run(
            [program(), "collector", "--dir", self.directory]
            + ["--config", self.lab.config_file]
            + ["--metrics-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(self.directory, refused.stderr + refused.stdout)
        vendor = self.lab.vendors["alpha"]
        accounts = self.baseline(vendor)
        self.lab.crawl("curl", vendor, "http", SITE, self.directory)
        self.assert_exact(vendor, accounts)


class Configuration(unittest.TestCase):
    """A mistake in the file is refused with its place."""

    CASES = {
        "unknown key": (
            "version: 1\nvendors:\n- name: a\n  mach:\n  - host: a.test\n",
            4,
            "mach",
        ),
        "bad block": (
            "version: 1\nvendors:\n- name: a\n  match:\n  - cidr: 10.0.0.0/99\n",
            5,
            "cidr",
        ),
        "name twice": (
            "version: 1\nvendors:\n- name: a\n  match: [{host: a.test}]\n"
            "- name: a\n  match: [{host: b.test}]\n",
            5,
            "name",
        ),
        "bad port": (
            "version: 1\nvendors:\n- name: a\n  match:\n  - port: 70000\n",
            5,
            "port",
        ),
        "not YAML": ("version: 1\nvendors: [\n", None, ""),
        "key twice": (
            "version: 1\nvendors:\n- name: a\n  name: b\n"
            "  match: [{host: a.test}]\n",
            4,
            "name",
        ),
    }

    def test_mistakes(self):
        with Lab(["alpha"]) as lab:
            for title, (text, line, field) in self.CASES.items():
                with self.subTest(title):
                    path = lab.workspace.write("mistake.yaml", text)
                    refused = subprocess.run(
                        [program(), "collector", "--dir", lab.new_directory()]
                        + ["--config", path, "--metrics-listen", "127.0.0.1:0"]
                        + ["--grpc-listen", "127.0.0.1:0"],
                        capture_output=True,
                        text=True,
                        timeout=60,
                        check=False,
                    )
                    said = refused.stderr + refused.stdout
                    self.assertNotEqual(refused.returncode, 0, said)
                    self.assertIn(f"{path}:{line or ''}", said)
                    self.assertIn(field, said)


class Preload(MeteredCase):
    vendor_names = ("gamma",)

    def test_what_was_preloaded_stays(self):
        shown = subprocess.run(
            [*self.lab.metered(self.directory), "/usr/bin/env"],
            env=self.lab.environment(LD_PRELOAD=NSS_WRAPPER),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        variables = dict(line.split("=", 1) for line in shown.stdout.splitlines())
        first, second = variables["LD_PRELOAD"].split(":")
        self.assertEqual(first, NSS_WRAPPER)
        self.assertEqual(os.path.basename(second), "libproxymeter.so")
        self.assertEqual(variables["PROXYMETER_DIR"], self.directory)

    def test_both_work(self):
        vendor = self.lab.vendors["gamma"]
        accounts = self.baseline(vendor)
        # Resolving the vendor's name is the other library's work. It answers
        # before proxymeter is asked, so this vendor is known by its address.
        done = subprocess.run(
            self.lab.metered(self.directory)
            + crawlers.command(
                "curl", vendor, self.lab.origin, self.lab.urls("https", SITE)
            ),
            env=self.lab.environment(
                LD_PRELOAD=NSS_WRAPPER, NSS_WRAPPER_HOSTS=self.lab.hosts_file
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_exact(vendor, accounts)


if __name__ == "__main__":
    unittest.main()
