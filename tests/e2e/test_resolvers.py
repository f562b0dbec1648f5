"""Crawlers that resolve their proxies' names by themselves, past getaddrinfo."""

import collections
import os
import unittest

from lab import account, crawlers, names, sites
from lab.collector import configuration
from lab.dns_server import DnsServer
from lab.vendors import Squid
from metered_case import MeteredCase

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = [crawlers.PYTHON, os.path.join(HERE, "resolvers", "crawl.py")]
NODE = ["node", os.path.join(HERE, "resolvers", "crawl.js")]
JAVA = ["java", "-Dhttp.keepAlive=false"]
JAVA += [os.path.join(HERE, "resolvers", "Crawl.java")]
SITE = sites.SITES[0]
PATHS = ("/", "/catalogue.html", "/")
# An alias of a name that is no vendor's, and one of so many addresses that they
# do not fit into a datagram.
ALIAS, MANY = "edge.omega-proxy.test", "pool.omega-proxy.test"
CLOUD = "host7.cloud.test"


@unittest.skipIf(os.geteuid() != 0, "only root answers at port 53")
class Resolvers(MeteredCase):
    """Two vendors at one address: their names alone tell them apart.

    The kernel's witness tells them apart too, by their ports, which no rule
    knows.
    """

    vendor_names = ("alpha",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab = cls.lab
        cls.alpha = lab.vendors["alpha"]
        cls.omega = Squid(
            lab.workspace,
            lab.hosts_file,
            "omega",
            cls.alpha.address,
            "gw.omega-proxy.test",
        )
        cls.addClassCleanup(cls.omega.stop)
        address = cls.alpha.address
        vendor_hosts = [cls.alpha.host, cls.omega.host]
        others = [f"127.54.0.{last}" for last in range(1, 120)]
        cls.server = DnsServer(
            lab.workspace,
            {
                **{name: [address] for name in [*vendor_hosts, CLOUD]},
                MANY: [*others, address],
            },
            {ALIAS: CLOUD},
        )
        cls.addClassCleanup(cls.server.service.stop)
        cls.server.wait()
        cls.omega.service.wait_listening(cls.omega.endpoint)
        cls.hosts_file = lab.workspace.write(
            "shared.hosts",
            names.hosts((address, name) for name in vendor_hosts),
        )
        cls.no_hosts_file = lab.workspace.write("no.hosts", names.hosts([]))
        config = lab.workspace.write("shared.yaml", cls.configuration())
        cls.directory = cls.make_directory()
        cls.collector = lab.start_collector(cls.directory, config)

    @classmethod
    def configuration(cls):
        class Whole:
            name, rule = "omega", {"host": "*.omega-proxy.test"}

        return configuration([cls.alpha, Whole])

    def carried(self, vendor):
        """What `vendor` carried: by the kernel, and by its own log."""
        carried = self.lab.witness.carried(vendor.endpoint)
        return (
            carried,
            collections.Counter(t.host for t in vendor.transactions()),
        )

    def figures(self, vendor):
        return account.metered(self.collector.metrics(), vendor)

    def crawl(self, command, host=None, environment=()):
        """Crawls by alpha and omega in turn, and compares both accounts.

        `host` is the name of omega that is used.
        """
        vendors = (self.alpha, self.omega)
        hosts = (self.alpha.host, host or self.omega.host)
        proxies = [f"{h}:{v.port}" for h, v in zip(hosts, vendors, strict=True)]
        self.settle()
        before = [(self.carried(v), self.figures(v)) for v in vendors]
        done = crawlers.run(
            [*command, self.alpha.address, ",".join(proxies)]
            + self.lab.urls("http", SITE, PATHS),
            {**self.lab.environment(), **dict(environment)},
            prefix=self.lab.metered(self.directory),
        )
        expected = [f"200 {sites.PAGES[path]}" for path in PATHS for _ in vendors]
        self.assertEqual(done.stdout.splitlines(), expected)
        self.settle()
        for vendor, ((carried, requests), metered) in zip(
            vendors, before, strict=True
        ):
            now, now_requests = self.carried(vendor)
            moved = now - carried
            want = account.Account(
                connections=moved.connections,
                tunnels=0,
                sent=moved.sent,
                received=moved.received,
                requests=dict(now_requests - requests),
                responses={(SITE, "2xx"): len(PATHS)},
            )
            self.assertEqual(moved.connections, len(PATHS))
            self.assertEqual(want.requests, {SITE: len(PATHS)})
            self.eventually_equal(
                lambda v=vendor, m=metered: self.figures(v) - m, want
            )
        self.collector.settle()
        self.assert_nothing_amiss()

    def settle(self):
        self.lab.witness.settle([self.alpha.endpoint, self.omega.endpoint])

    def streams(self):
        """How often the DNS server was asked by TCP."""
        self.lab.witness.settle([self.server.endpoint])
        return self.lab.witness.carried(self.server.endpoint).connections

    def crawl_by(self, command, name):
        """As crawl, by the DNS server; how often it was asked by TCP."""
        asked, streams = self.server.questions(name), self.streams()
        # With a hosts file that has no answer, as c-ares reads it by itself.
        self.crawl(command, name, {names.VARIABLE: self.no_hosts_file})
        self.assertGreaterEqual(self.server.questions(name) - asked, len(PATHS))
        return self.streams() - streams

    def test_cares(self):
        command = [*PYTHON, "cares-udp", self.server.address]
        self.assertEqual(self.crawl_by(command, self.omega.host), 0)
        self.assertEqual(self.crawl_by(command, ALIAS), 0)
        # By the stream alone, a new one for each question.
        command = [*PYTHON, "cares-tcp", self.server.address]
        self.assertEqual(self.crawl_by(command, ALIAS), 2 * len(PATHS))

    def test_dnspython(self):
        command = [*PYTHON, "dnspython-udp", self.server.address]
        self.assertEqual(self.crawl_by(command, ALIAS), 0)
        command = [*PYTHON, "dnspython-tcp", self.server.address]
        self.assertEqual(self.crawl_by(command, MANY), 2 * len(PATHS))

    def test_node(self):
        command = [*NODE, self.server.address]
        self.assertEqual(self.crawl_by(command, ALIAS), 0)
        self.assertGreater(self.crawl_by(command, MANY), 0)

    def test_java(self):
        command = [*JAVA, self.server.address]
        self.assertEqual(self.crawl_by(command, self.omega.host), 0)
        self.assertGreater(self.crawl_by(command, MANY), 0)

    def test_gethostbyname(self):
        environment = {names.VARIABLE: self.hosts_file}
        self.crawl([*PYTHON, "gethostbyname", "-"], environment=environment)


if __name__ == "__main__":
    unittest.main()
