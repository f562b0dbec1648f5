"""The configuration changes while crawlers run."""

import os
import signal
import time
import unittest
import urllib.request

import reloads
from lab import account
from lab.service import wait_until
from metered_case import MeteredCase
from reloads import SECOND, Reloader, Steady, configuration, replace


class Reloading(MeteredCase):
    vendor_names = ("alpha",)

    def setUp(self):
        self.vendor = self.lab.vendors["alpha"]
        self.first = configuration([self.vendor])
        self.second = configuration([self.vendor], SECOND)
        self.config_file = os.path.join(self.lab.workspace.path, "changing.yaml")
        replace(self.config_file, self.first)
        self.collector = self.lab.start_collector(
            self.lab.new_directory(), self.config_file
        )

    def tearDown(self):
        self.collector.kill()

    def metric(self, name, **labels):
        return self.collector.metrics().total("proxymeter_" + name, **labels)

    def await_generation(self, number):
        wait_until(
            lambda: self.metric("policy_generation") == number,
            60,
            f"generation {number}",
        )

    def requests(self, name):
        return self.metric("requests_total", proxy_vendor=name)

    def test_open_connections_keep_their_vendor(self):
        self.lab.settle()
        before = account.witnessed(self.lab, self.vendor)
        crawler = Steady(self.lab, self.vendor, self.collector.directory)
        crawler.ask("kept 5")
        crawler.ask("fresh 3")
        replace(self.config_file, self.second)
        self.await_generation(2)
        # A crawler looks at most once a second; each of these is a request.
        fresh, begin = 3, time.monotonic()

        def seen():
            nonlocal fresh
            fresh += crawler.ask("fresh 1")
            return self.requests("alpha" + SECOND) > 0

        wait_until(seen, 60, "the new name")
        print(f"in crawlers after {time.monotonic() - begin:.2f} s", flush=True)
        crawler.ask("kept 7")
        crawler.ask("fresh 2")
        self.assertLessEqual(crawler.mapped_policies(), 2)
        self.assertEqual(crawler.end(), 0)
        self.lab.settle()
        self.collector.settle()
        witnessed = account.witnessed(self.lab, self.vendor) - before
        self.assertEqual(witnessed.connections, fresh + 2 + 1)
        self.eventually_equal(
            lambda: reloads.metered(self.collector.metrics(), self.vendor), witnessed
        )
        metrics = self.collector.metrics()
        old, new = (
            metrics.total("proxymeter_connections_total", proxy_vendor=name)
            for name in ("alpha", "alpha" + SECOND)
        )
        # Of the old name: the kept one, with all of its requests.
        self.assertEqual(self.requests("alpha"), 5 + 7 + old - 1)
        self.assertEqual(self.requests("alpha" + SECOND), new)
        self.assertGreaterEqual(new, 3)

    def test_every_way_to_reload(self):
        replace(self.config_file, self.second)
        self.await_generation(2)
        # In place, as a shell does.
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(self.first)
        self.await_generation(3)
        os.unlink(self.config_file)
        wait_until(lambda: self.metric("policy_failed"), 60, "the failure")
        replace(self.config_file, self.second)
        self.await_generation(4)
        unchanged = self.metric("policy_reloads_total", result="unchanged")
        self.collector.service.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: self.metric("policy_reloads_total", result="unchanged") > unchanged,
            60,
            "SIGHUP to be heard",
        )
        self.assertEqual(self.metric("policy_generation"), 4)

    def test_config_map(self):
        mount = self.lab.workspace.directory("mount")

        def version(name, text):
            os.mkdir(os.path.join(mount, name))
            path = os.path.join(mount, name, "vendors.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

        def link(target, name):
            os.symlink(target, os.path.join(mount, name + "_tmp"))
            os.rename(os.path.join(mount, name + "_tmp"), os.path.join(mount, name))

        version("..1", self.first)
        link("..1", "..data")
        link("..data/vendors.yaml", "vendors.yaml")
        self.collector.kill()
        self.collector = self.lab.start_collector(
            self.lab.new_directory(), os.path.join(mount, "vendors.yaml")
        )
        version("..2", self.second)
        link("..2", "..data")
        self.await_generation(2)
        version("..3", self.first)
        link("..3", "..data")
        self.await_generation(3)

    def test_a_bad_file_changes_nothing_and_is_told(self):
        policy = os.path.join(self.collector.directory, "policy")
        before = os.stat(policy)
        replace(self.config_file, self.first.replace("match", "mach"))
        wait_until(lambda: self.metric("policy_failed"), 60, "the failure")
        with Reloader(self.collector) as reloader:
            answers = [reloader.reload() for _ in range(3)]
        for answer in answers:
            self.assertEqual(answer.result, reloads.FAILED)
            self.assertRegex(
                answer.error,
                f"{self.config_file}:1:[0-9]+: vendors.0..mach: unknown key "
                ".did you mean 'match'",
            )
            self.assertEqual(answer.generation, 1)
        self.assertEqual(os.stat(policy).st_ino, before.st_ino)
        self.assertEqual(os.stat(policy).st_mtime_ns, before.st_mtime_ns)
        self.assertEqual(
            self.collector.service.log().count("event=config_rejected"), 1
        )
        ready = self.collector.metrics_url.replace("/metrics", "/readyz")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(ready, timeout=30) as response:
            self.assertEqual(response.status, 200)
        self.lab.settle()
        baseline = self.baseline(self.vendor)
        self.lab.crawl(
            "curl", self.vendor, "http", reloads.SITE, self.collector.directory
        )
        self.assert_exact(self.vendor, baseline)
        replace(self.config_file, self.second)
        self.await_generation(2)
        self.assertEqual(self.metric("policy_failed"), 0)


class UnderLoad(unittest.TestCase):
    maxDiff = None

    def test_nothing_is_lost(self):
        figures = reloads.run(300)
        self.assertEqual(figures.in_force, figures.expected_in_force)
        self.assertEqual(figures.failed, figures.expected_failed)
        self.assertGreater(figures.failed, 50)
        for found, seen in figures.requests.values():
            self.assertEqual(found, seen)
        # Both names were in force while somebody crawled.
        for name, share in figures.share.items():
            self.assertGreater(min(share), 0, name)
        self.assertLessEqual(figures.policies_mapped, 2)
        # A descriptor, or a configuration, kept of each would be more.
        self.assertLess(figures.files_growth, 20)
        self.assertLess(figures.collector_growth, 8 << 20)
        self.assertLess(figures.crawler_growth, 4 << 20)


if __name__ == "__main__":
    unittest.main()
