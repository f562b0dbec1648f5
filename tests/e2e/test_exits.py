"""Proxy exits by the million: lists of addresses tell whose a connection is."""

import collections
import gzip
import ipaddress
import json
import os
import random
import subprocess
import unittest

from lab import crawlers
from lab.lab import Lab
from lab.vendors import Squid
from lab.workspace import free_port

SITE = "news.example.test"
SEED = 11
# Of all three lists; the policy of ten million is a benchmark's.
ENTRIES = int(os.environ.get("PROXYMETER_EXITS", 1_000_000))
USED = 1000  # exits of each vendor that the crawler goes to
VENDORS = ("one", "two", "three")
ANY = "0.0.0.0"


class Exits(Squid):
    """One proxy, on every address of the machine; its log tells which."""

    def _configure(self, text):
        self.port = free_port(ANY)
        lines = [
            f"http_port {ANY}:{self.port}"
            if line.startswith("http_port")
            else line.replace("%rm", "%>la %rm")
            for line in text.splitlines()
            if not line.startswith("tcp_outgoing_address")
        ]
        # Listening everywhere, answering this machine.
        configured = "\n".join(lines) + "\n"
        return super()._configure(
            configured.replace(
                "http_access allow all",
                "acl here src 127.0.0.0/8\nhttp_access allow here",
            )
        )

    @property
    def endpoint(self):
        return (ANY, self.port)

    def by_exit(self):
        """Of each address: (requests, bytes from clients, bytes to them)."""
        found = collections.defaultdict(lambda: (0, 0, 0))
        with open(self._log, encoding="utf-8") as log:
            for line in log:
                received, sent, exit_address, *_ = line.split()
                count = found[exit_address]
                found[exit_address] = (
                    count[0] + 1,
                    count[1] + int(received),
                    count[2] + int(sent),
                )
        return found


def loopback(seeded, network):
    return ipaddress.IPv4Address(
        int(network.network_address) + seeded.randrange(2, network.num_addresses - 2)
    )


class Exit:
    """Whose the exits are, and the lists that say so."""

    def __init__(self):
        seeded = random.Random(SEED)
        everywhere = ipaddress.ip_network("127.0.0.0/8")
        # Within a network of `two` the exits of `one` are single addresses.
        of_two = ipaddress.ip_network("127.64.0.0/10")
        # `three` has no list of addresses here, but a range within that.
        of_three = ipaddress.ip_network("127.96.0.0/16")
        self.owners = {}
        while len(self.owners) < USED:
            network = of_two if len(self.owners) % 2 else everywhere
            address = loopback(seeded, network)
            if address not in of_three:
                self.owners.setdefault(address, "one")
        single = list(self.owners)
        while len(self.owners) < 2 * USED:
            address = loopback(seeded, of_two)
            if address not in of_three:
                self.owners.setdefault(address, "two")
        while len(self.owners) < 3 * USED:
            self.owners.setdefault(loopback(seeded, of_three), "three")
        self.lists = {
            "one": [str(address) for address in single],
            "two": [str(of_two)],
            "three": [f"{of_three[0]}-{of_three[-1]}"],
        }
        # Elsewhere, as many as it takes; no address is in two lists.
        for number in seeded.sample(range(1 << 24, 1 << 30), ENTRIES):
            name = VENDORS[number % len(VENDORS)]
            octets = number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255
            self.lists[name].append("%d.%d.%d.%d" % octets)
        for entries in self.lists.values():
            seeded.shuffle(entries)
        self.order = [str(address) for address in self.owners]
        seeded.shuffle(self.order)


class ManyExits(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = self.enterContext(Lab(["alpha"]))
        self.exits = Exit()
        self.proxy = Exits(
            self.lab.workspace, self.lab.hosts_file, "exits", "127.0.0.1", "exits.test"
        )
        self.addCleanup(self.proxy.stop)
        self.proxy.service.wait_listening(self.proxy.endpoint)

    def configuration(self):
        directory = self.lab.workspace.directory("policy")
        for name, entries in self.exits.lists.items():
            text = ("\n".join(["# exits of " + name, *entries]) + "\n").encode()
            path = os.path.join(directory, name + ".list")
            with open(path, "wb") as file:
                file.write(gzip.compress(text, 1) if name == "one" else text)
        path = os.path.join(directory, "vendors.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(
                {
                    "version": 1,
                    "vendors": [
                        {"name": name, "match": [{"addresses": name + ".list"}]}
                        for name in VENDORS
                    ],
                },
                file,
            )
        return path

    def test_every_connection_is_its_vendors(self):
        directory = self.lab.new_directory()
        collector = self.lab.start_collector(directory, self.configuration())
        crawled = subprocess.run(
            self.lab.metered(directory)
            + [crawlers.PYTHON]
            + [os.path.join(os.path.dirname(__file__), "exits_crawler.py")]
            + [self.lab.origin.url("http", SITE, "/index.html"), str(self.proxy.port)],
            input="\n".join(self.exits.order),
            env=self.lab.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(crawled.returncode, 0, crawled.stderr)
        collector.settle()

        expected = {name: (0, 0, 0) for name in VENDORS}
        log = self.proxy.by_exit()
        self.assertEqual(set(log), set(self.exits.order))
        for address, figures in log.items():
            owner = self.exits.owners[ipaddress.IPv4Address(address)]
            expected[owner] = tuple(map(sum, zip(expected[owner], figures)))
        self.assertEqual({name: n for name, (n, _, _) in expected.items()},
                         {name: USED for name in VENDORS})

        metrics = collector.metrics()

        def found(name):
            return tuple(
                metrics.total("proxymeter_" + figure, proxy_vendor=name)
                for figure in ("requests_total", "sent_bytes_total",
                               "received_bytes_total")
            )

        self.assertEqual({name: found(name) for name in VENDORS}, expected)
        for name in VENDORS:
            self.assertEqual(
                metrics.total(
                    "proxymeter_connections_total", proxy_vendor=name, result="ok"
                ),
                USED,
            )
        self.assertEqual(
            metrics.total("proxymeter_connections_total", proxy_vendor="direct"), 0
        )


if __name__ == "__main__":
    unittest.main()
