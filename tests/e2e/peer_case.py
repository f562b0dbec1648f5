"""Base of tests whose crawlers go by another peer than the lab's vendors."""

import subprocess

from lab import account
from lab.collector import configuration
from metered_case import MeteredCase


class PeerCase(MeteredCase):
    """Peers are made by make_peers; each is a vendor to the collector.

    A peer has a name, a rule, an endpoint and a service.
    """

    vendor_names = ("alpha",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.peers = cls.make_peers()
        for peer in cls.peers:
            cls.addClassCleanup(peer.service.stop)
        cls.directory = cls.make_directory()
        config = cls.lab.workspace.write("peers.yaml", configuration(cls.peers))
        cls.collector = cls.lab.start_collector(cls.directory, config)

    @classmethod
    def make_peers(cls):
        raise NotImplementedError

    def value(self, name, **labels):
        return self.collector.metrics().total("proxymeter_" + name, **labels)

    def run_exactly(self, peer, command, tunnels=0, status=0):
        """Runs `command` metered; (its output, what was witnessed of it).

        Bytes and connections by the kernel, requests by the origin's log.
        """
        self.settle(peer)
        entries = len(self.lab.origin.entries())
        errors = self.value("proxy_errors_total")
        before = self.lab.witness.carried(peer.endpoint)
        was = account.metered(self.collector.metrics(), peer)
        done = subprocess.run(
            [*self.lab.metered(self.directory), *command],
            env=self.lab.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.settle(peer)
        carried = self.lab.witness.carried(peer.endpoint) - before

        def late(carried):
            """Of what the kernel counted, what came when nobody was there.

            A TLS server answers close_notify with its own. Where that finds the
            socket closed, the kernel counts it still.
            """
            more = carried.received - found().received
            goodbyes = range(
                0, carried.connections * peer.goodbye + 1, peer.goodbye or 1
            )
            return more if more in goodbyes else 0

        def expected():
            hosts, codes = {}, {}
            for entry in self.lab.origin.entries()[entries:]:
                code = (entry["host"], f"{entry['status'] // 100}xx")
                hosts[entry["host"]] = hosts.get(entry["host"], 0) + 1
                codes[code] = codes.get(code, 0) + 1
            return account.Account(
                connections=carried.connections,
                tunnels=tunnels,
                sent=carried.sent,
                received=carried.received - late(carried),
                requests=hosts,
                responses=codes,
            )

        def found():
            return account.metered(self.collector.metrics(), peer) - was

        # The origin's log may be late.
        self.eventually_equal(lambda: found() == expected(), True, found, expected)
        self.collector.settle()
        self.assertEqual(found(), expected())
        # Who answered everything is to blame for nothing.
        self.assertEqual(self.value("proxy_errors_total"), errors)
        return done.stdout, expected()

    def settle(self, peer):
        self.lab.witness.settle([peer.endpoint])

    def eventually_equal(self, found, expected, *show):
        try:
            super().eventually_equal(found, expected)
        except AssertionError:
            if not show:
                raise
            self.assertEqual(*(each() for each in show))
