"""The witnesses themselves, with nothing metered: they must be beyond doubt."""

import socket
import unittest

from lab import account, report
from lab.lab import Lab
from lab.witness import Carried, Witness

SITE = "shop.example.test"


class KernelWitness(unittest.TestCase):
    def setUp(self):
        self.witness = Witness()
        self.addCleanup(self.witness.close)
        self.server = self.enterContext(socket.create_server(("127.0.22.1", 0)))
        self.endpoint = self.server.getsockname()

    def connect(self):
        client = self.enterContext(socket.create_connection(self.endpoint))
        return client, self.enterContext(self.server.accept()[0])

    def carried(self):
        self.witness.settle([self.endpoint])
        return self.witness.carried(self.endpoint)

    def test_bytes_of_both_directions(self):
        client, peer = self.connect()
        client.sendall(b"a" * 1000)
        peer.sendall(b"b" * 70_000)
        received = 0
        while received < 70_000:
            received += len(client.recv(1 << 16))
        client.close()
        peer.close()
        self.assertEqual(self.carried(), Carried(1, 1000, 70_000))

    def test_end_of_stream_is_no_byte(self):
        client, peer = self.connect()
        peer.sendall(b"b" * 5)
        peer.close()
        while client.recv(100):
            pass
        client.close()
        self.assertEqual(self.carried(), Carried(1, 0, 5))

    def test_data_after_the_client_left_is_not_received(self):
        client, peer = self.connect()
        client.close()
        self.assertEqual(peer.recv(1), b"")
        peer.sendall(b"too late")
        peer.close()
        self.assertEqual(self.carried(), Carried(1, 0, 0))

    def test_refused_connection_carries_nothing(self):
        self.server.close()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(self.endpoint)
        self.assertEqual(self.carried(), Carried(0, 0, 0))

    def test_sums_over_connections(self):
        for _ in range(50):
            client, peer = self.connect()
            client.sendall(b"a" * 10)
            self.assertEqual(peer.recv(10), b"a" * 10)
            client.close()
            peer.close()
        self.assertEqual(self.carried(), Carried(50, 500, 0))


class Witnesses(unittest.TestCase):
    def test_kernel_and_vendors_logs_agree(self):
        with Lab(["alpha", "gamma"]) as lab:
            for vendor in lab.vendors.values():
                for client in ("curl", "requests"):
                    for scheme in ("http", "https"):
                        lab.crawl(client, vendor, scheme, SITE)
                lab.settle()
                carried = account.witnessed(lab, vendor)
                figures = vendor.own_figures()
                self.assertTrue(figures)
                for what, value, witness in figures:
                    with self.subTest(vendor.name, figure=what):
                        expected = getattr(carried, what.split()[-1])
                        self.assertEqual(value, expected, witness)
                self.assertEqual(carried.requests, {SITE: 80})


class Report(unittest.TestCase):
    def test_difference_of_one_is_shown(self):
        same = report.Line(("alpha",), 5, 5, "kernel")
        other = report.Line(("alpha",), 1_000, 1_001, "kernel")
        self.assertTrue(same.agrees)
        self.assertFalse(other.agrees)
        text = report.table(("vendor", "mine", "theirs", "who", ""), [same, other])
        self.assertEqual(
            [line.split() for line in text.splitlines()[1:]],
            [
                ["alpha", "5", "5", "kernel", "agree"],
                ["alpha", "1,000", "1,001", "kernel", "DISAGREE"],
            ],
        )


if __name__ == "__main__":
    unittest.main()
