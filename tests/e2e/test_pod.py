"""What a pod's programs move, by the library and by the kernel.

What the library reports and what the kernel says must agree to the byte, and
together they must be all that the proxies carried, each byte once.
"""

import os
import subprocess
import unittest
from unittest import mock

from pod_case import (
    PROGRAMS,
    RAPID_ADDRESS,
    REASONS,
    PodCase,
    compile_c,
    compile_java,
)

from lab import crawlers
from lab.collector import Collector
from lab.lab import program

SITE = "shop.example.test"


class Pod(PodCase):
    vendor_names = ("alpha", "beta")
    by_address = ("alpha",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        workspace = cls.lab.workspace.path
        cls.go = crawlers.build_go()
        cls.musl = compile_c(workspace, "crawl", "musl-gcc", "-static")
        cls.java = compile_java(workspace)

    def carried(self, vendor, before):
        """What the kernel's own events tell this test of `vendor`."""
        self.lab.settle()
        return vendor.carried(self.lab.witness) - before

    def learn(self, vendor):
        url = self.lab.origin.url("http", SITE, "/index.html")
        line = crawlers.command("curl", vendor, self.lab.origin, [url])
        before = self.figures(vendor.name)
        self.run_in_pod(line, metered=True)
        self.lab.settle()
        self.wait_for(vendor.name, before, {"kernel connections": 1})

    def test_all_programs_together_are_what_the_proxies_carried(self):
        url = self.lab.origin.url("http", SITE, "/index.html")
        pages = self.lab.urls("http", SITE)
        for name in ("alpha", "beta"):
            vendor = self.lab.vendors[name]
            before = self.figures(name)
            carried = vendor.carried(self.lab.witness)
            own = {k: v for k, v, _ in vendor.own_figures()}
            # The vendors are given by name: whoever uses the name through the
            # library tells what address it has.
            for client in ("curl", "requests"):
                for scheme in ("http", "https"):
                    line = crawlers.command(
                        client,
                        vendor,
                        self.lab.origin,
                        self.lab.urls(scheme, SITE),
                    )
                    self.run_in_pod(line, metered=True)
            preloaded = self.carried(vendor, carried)
            found = self.wait_for(
                name,
                before,
                {
                    "kernel sent": preloaded.sent,
                    "kernel received": preloaded.received,
                },
            )
            # Both witnesses agree to the byte.
            self.assertEqual(
                found,
                {
                    "all sent": preloaded.sent,
                    "all received": preloaded.received,
                    "kernel sent": preloaded.sent,
                    "kernel received": preloaded.received,
                    "connections": preloaded.connections,
                    "kernel connections": preloaded.connections,
                },
            )
            line = crawlers.command(self.go, vendor, self.lab.origin, [url] * 5 + pages)
            self.run_in_pod(line)
            endpoint = [vendor.address, str(vendor.port)]
            self.run_in_pod([*self.musl, *endpoint, "end", url, url])
            self.run_in_pod([*self.java, *endpoint, url, url])
            total = self.carried(vendor, carried)
            found = self.wait_for(
                name,
                before,
                {"kernel sent": total.sent, "kernel received": total.received},
            )
            # A program that resets its connection leaves one byte in doubt.
            unsure = self.gaps().get("fin_unsure", 0)
            excess = found["all received"] - total.received
            self.assertLessEqual(abs(excess), unsure)
            total.received += excess
            others = total - preloaded
            self.assertGreater(others.received, 0)
            self.assertEqual(
                found,
                {
                    "all sent": total.sent,
                    "all received": total.received,
                    "kernel sent": total.sent,
                    "kernel received": total.received,
                    "connections": total.connections,
                    "kernel connections": total.connections,
                    "by kernel sent": others.sent,
                    "by kernel received": others.received,
                    "not_preloaded sent": others.sent,
                    "not_preloaded received": others.received,
                    "unmetered connections": others.connections,
                },
            )
            for figure, value, source in vendor.own_figures():
                way = "sent" if figure.endswith("sent") else "received"
                self.assertAlmostEqual(
                    found[f"all {way}"],
                    value - own[figure],
                    delta=unsure if way == "received" else 0,
                    msg=f"{source}: {figure}",
                )
            self.check_coverage(name)
        self.assertLessEqual(set(self.gaps()), {"fin_unsure"})

    def check_coverage(self, name):
        now = self.figures(name)
        kernel = now["kernel sent"] + now["kernel received"]
        missing = sum(
            now[f"{reason} {way}"] for reason in REASONS for way in ("sent", "received")
        )
        ((_, ratio),) = self.collector.metrics().samples(
            "proxymeter_coverage_ratio", proxy_vendor=name
        )
        self.assertAlmostEqual(ratio, (kernel - missing) / kernel, places=9)
        self.assertLess(ratio, 1)

    def test_what_goes_on_is_counted_before_it_ends(self):
        vendor = self.lab.vendors["alpha"]
        self.learn(vendor)
        before = self.figures("alpha")
        url = self.lab.origin.url("http", SITE, "/slow.bin")
        crawler = subprocess.Popen(
            [*self.musl, vendor.address, str(vendor.port), "hold", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(crawler.stdout.close)
        try:
            self.assertGreater(int(crawler.stdout.readline()), 0)
            found = self.wait_for("alpha", before, {"unmetered connections": 1})
            self.assertEqual(found["kernel connections"], 1)
            self.assertGreater(found["not_preloaded sent"], 0)
        finally:
            crawler.stdin.close()
            crawler.wait()
        self.lab.settle()

    def test_who_ends_in_the_middle_is_after_a_crash(self):
        vendor = self.lab.vendors["alpha"]
        self.learn(vendor)
        before = self.figures("alpha")
        carried = vendor.carried(self.lab.witness)
        url = self.lab.origin.url("http", SITE, "/index.html")
        line = [crawlers.PYTHON, f"{PROGRAMS}/past_the_hooks.py", vendor.address]
        got = int(self.run_in_pod([*line, str(vendor.port), url], metered=True))
        total = self.carried(vendor, carried)
        found = self.wait_for("alpha", before, {"after_crash received": 1})
        self.assertGreaterEqual(total.received, got)
        self.assertEqual(found["after_crash received"], total.received)
        self.assertEqual(found["all received"], total.received)
        self.assertEqual(found["all sent"], total.sent)
        self.assertNotIn("after_crash sent", found)
        self.assertNotIn("unmetered connections", found)

    def test_what_came_before_the_library_is_told_apart(self):
        vendor = self.lab.vendors["alpha"]
        self.learn(vendor)
        before = self.figures("alpha")
        carried = vendor.carried(self.lab.witness)
        url = self.lab.origin.url("http", SITE, "/index.html")
        then = [*self.lab.metered(self.directory), crawlers.PYTHON]
        then += [f"{PROGRAMS}/goes_on.py", url]
        line = [crawlers.PYTHON, f"{PROGRAMS}/begins.py", vendor.address]
        out = self.run_in_pod([*line, str(vendor.port), url, *then])
        sent, received = map(int, out.split())
        total = self.carried(vendor, carried)
        found = self.wait_for("alpha", before, {"before_journal received": 1})
        self.assertEqual(found["before_journal sent"], sent)
        self.assertEqual(found["before_journal received"], received)
        self.assertEqual(found["all sent"], total.sent)
        self.assertEqual(found["all received"], total.received)
        self.assertEqual(found["adopted"], 1)
        self.assertNotIn("unmetered connections", found)

    def test_who_cannot_connect_is_counted(self):
        before = self.figures("rapid")
        for _ in range(3):
            # It does not wait in connect: who does leaves no port behind.
            done = subprocess.run(
                [*self.go, f"--proxy=http://{RAPID_ADDRESS}:{self.rapid_port}"]
                + ["http://x/"],
                capture_output=True,
            )
            self.assertEqual(done.returncode, 1)
        found = self.wait_for("rapid", before, {"kernel failures": 3})
        self.assertEqual(
            found,
            {"kernel failures": 3, "connections": 3, "unmetered connections": 3},
        )

    def test_where_the_kernel_may_not_be_asked_crawlers_are_metered_still(self):
        directory = self.lab.new_directory()
        log = os.path.join(self.lab.workspace.path, "without.out")
        with mock.patch.dict(os.environ, PROXYMETER_PROGRAM=program()):
            collector = Collector(
                os.path.join(PROGRAMS, "without_sock_diag.py"),
                directory,
                self.lab.config_file,
                log,
                audit=True,
                hosts_file=self.lab.hosts_file,
            )
        self.addCleanup(collector.kill)
        vendor = self.lab.vendors["beta"]
        carried = vendor.carried(self.lab.witness)
        self.lab.crawl("curl", vendor, "https", SITE, directory)
        total = self.carried(vendor, carried)
        collector.settle()
        metrics = collector.metrics()
        self.assertEqual(metrics.total("proxymeter_vendor_sent_bytes_total"), total.sent)
        self.assertEqual(
            metrics.total("proxymeter_vendor_received_bytes_total"), total.received
        )
        self.assertEqual(metrics.total("proxymeter_audit_running"), 0)
        self.assertEqual(metrics.samples("proxymeter_coverage_ratio"), [])
        self.assertIn("event=kernel_not_asked", collector.service.log())
        self.assertIn("event=kernel_not_heard", collector.service.log())


if __name__ == "__main__":
    unittest.main()
