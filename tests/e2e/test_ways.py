"""Ways into a proxy, and what goes through it, beside the usual ones."""

import os
import socket
import threading
import unittest

from lab import account, crawlers, sites
from lab.nghttpx import ADDRESS, Nghttpx
from lab.origin import ADDRESS as ORIGIN
from metered_case import MeteredCase
from peer_case import PeerCase

SITE, NEWS, API = sites.SITES
PATHS = ["/", "/catalogue.html", "/picture.bin", "/missing"]


class UpgradeToHttp2(PeerCase):
    """Upgrade: h2c, to a server in clear text that speaks both."""

    @classmethod
    def make_peers(cls):
        backend = (ORIGIN, cls.lab.origin.http_port)
        cls.peer = Nghttpx(cls.lab, "upgrades", backend, ";no-tls")
        return [cls.peer]

    def urls(self, paths):
        return [f"http://{SITE}:{self.peer.port}{path}" for path in paths]

    def by_protocol(self):
        names = ("http/1.1", "http/2")
        return [self.value("requests_total", protocol=name) for name in names]

    def run_upgraded(self, command, paths):
        """Of `paths` on each connection the first one asks for the upgrade."""
        before = self.by_protocol()
        output, expected = self.run_exactly(self.peer, command)
        self.assertEqual(sum(expected.requests.values()), len(paths))
        first = expected.connections
        self.assertEqual(
            [now - was for now, was in zip(self.by_protocol(), before, strict=True)],
            [first, len(paths) - first],
        )
        for phase in ("first_byte", "request"):
            self.assertEqual(
                self.value("phase_duration_seconds_count", phase=phase),
                sum(self.by_protocol()),
            )
        self.assert_nothing_amiss()
        return output, expected

    def test_curl(self):
        paths = PATHS * 2
        command = ["curl", "--silent", "--show-error", "--http2"]
        command += ["--connect-to", f"{SITE}::{ADDRESS}:{self.peer.port}"]
        command += ["--write-out", "%{http_version} %{num_connects}\n"]
        for url in self.urls(paths):
            command += ["--output", "/dev/null", url]
        output, expected = self.run_upgraded(command, paths)
        self.assertEqual(output, "2 1\n" + "2 0\n" * (len(paths) - 1))
        self.assertEqual(expected.responses, {(SITE, "2xx"): 6, (SITE, "4xx"): 2})

    def test_uploads(self):
        command = ["curl", "--silent", "--show-error", "--http2"]
        command += ["--connect-to", f"{SITE}::{ADDRESS}:{self.peer.port}"]
        command += ["--data-binary", f"@{self.lab.upload_file}"]
        for url in self.urls([sites.UPLOAD, sites.UPLOAD]):
            command += ["--output", "/dev/null", url]
        _, expected = self.run_exactly(self.peer, command)
        self.assertEqual(expected.responses, {(SITE, "2xx"): 2})
        self.assert_nothing_amiss()

    def test_nghttp(self):
        # It resolves no names of the lab: the authority is the address.
        urls = [f"http://{ADDRESS}:{self.peer.port}{path}" for path in PATHS]
        command = ["nghttp", "--upgrade", "--null-out", "--multiply=2", *urls]
        _, expected = self.run_upgraded(command, PATHS * 2)
        self.assertEqual(expected.connections, 1)


HERE = os.path.dirname(os.path.abspath(__file__))
TUNNELS = os.path.join(HERE, "http2_tunnels.py")


class TunnelsByHttp2(PeerCase):
    """TLS to the proxy, HTTP/2 in it, and tunnels with TLS in that."""

    @classmethod
    def make_peers(cls):
        cls.squid = cls.lab.vendors["alpha"]
        cls.peer = Nghttpx(cls.lab, "gate", cls.squid.endpoint, proxy=True)
        return [cls.peer]

    def visit(self, count, alpn, site, paths):
        scheme = self.lab.origin.http2_url if alpn == "h2" else self.https_url
        command = [crawlers.PYTHON, TUNNELS]
        command += [f"{ADDRESS}:{self.peer.port}", self.lab.origin.ca]
        return [*command, count, alpn, *(scheme(site, path) for path in paths)]

    def https_url(self, site, path):
        return self.lab.origin.url("https", site, path)

    def visit_exactly(self, count, alpn, tunnels, paths=PATHS):
        squids = self.squid.tunnels()
        protocol = "https/2" if alpn == "h2" else "https/1.1"
        counted = self.value("requests_total", protocol=protocol)
        timed = [self.timed(p) for p in ("tunnel", "tls_handshake", "request")]
        places = account.destinations(self.collector.metrics(), self.peer)
        output, expected = self.run_exactly(
            self.peer, self.visit(count, alpn, SITE, paths), tunnels
        )
        self.assertEqual(output.count("\n"), tunnels)
        self.assertEqual(expected.connections, 1)
        requests = tunnels * len(paths)
        self.assertEqual(expected.requests, {SITE: requests})
        self.assertEqual(self.squid.tunnels() - squids, tunnels)
        # In one place and by one protocol: what is inside, of whom it is.
        self.assertEqual(
            self.value("requests_total", protocol=protocol), counted + requests
        )
        was = places.get(SITE, (0, 0))
        self.assertEqual(
            account.destinations(self.collector.metrics(), self.peer),
            {**places, SITE: (was[0] + expected.sent, was[1] + expected.received)},
        )
        self.assertEqual(
            [self.timed(p) for p in ("tunnel", "tls_handshake", "request")],
            [
                count + more
                for count, more in zip(
                    timed, (tunnels, tunnels + 1, requests), strict=True
                )
            ],
        )
        self.assert_nothing_amiss()

    def timed(self, phase):
        return self.value("phase_duration_seconds_count", phase=phase)

    def test_one_after_the_other(self):
        # More than are followed at once.
        self.visit_exactly("40:1", "http/1.1", 40, PATHS[:2])

    def test_side_by_side(self):
        self.visit_exactly("15:15", "http/1.1", 15)

    def test_http2_inside(self):
        self.visit_exactly("24:6", "h2", 24)


class HttpsProxy(PeerCase):
    """TLS to the proxy, and in it HTTP/1: requests, or tunnels with TLS in them."""

    @classmethod
    def make_peers(cls):
        cls.squid = cls.lab.vendors["alpha"]
        cls.peer = Nghttpx(cls.lab, "gate", cls.squid.endpoint, proxy=True)
        return [cls.peer]

    def visit_exactly(self, urls, tunnels, protocol, *more):
        squids, squid_bytes = self.squid.tunnels(), self.inside()
        counted = self.value("requests_total", protocol=protocol)
        places = account.destinations(self.collector.metrics(), self.peer)
        command = ["curl", "--silent", "--show-error", *more]
        # The proxy's name is a site's, so that its certificate is good; it is
        # another one than what is visited.
        command += ["--proxy", f"https://{API}:{self.peer.port}"]
        command += ["--resolve", f"{API}:{self.peer.port}:{ADDRESS}"]
        for option in ("--cacert", "--proxy-cacert"):
            command += [option, self.lab.origin.ca]
        for url in urls:
            command += ["--output", "/dev/null", url]
        _, expected = self.run_exactly(self.peer, command, tunnels)
        self.assertEqual(expected.requests, {SITE: len(urls)})
        self.assertEqual(self.squid.tunnels() - squids, tunnels)
        self.assertEqual(
            self.value("requests_total", protocol=protocol), counted + len(urls)
        )
        was = places.get(SITE, (0, 0))
        self.assertEqual(
            account.destinations(self.collector.metrics(), self.peer),
            {**places, SITE: (was[0] + expected.sent, was[1] + expected.received)},
        )
        # What Squid had is less: it does not see the outer TLS.
        self.assertGreater(
            expected.received, [n - w for n, w in zip(self.inside(), squid_bytes)][1]
        )
        self.assert_nothing_amiss()

    def inside(self):
        transactions = self.squid.transactions()
        return (
            sum(t.from_client for t in transactions),
            sum(t.to_client for t in transactions),
        )

    def test_clear_text(self):
        self.visit_exactly(self.lab.urls("http", SITE, PATHS), 0, "https/1.1")

    def test_tls_in_tls(self):
        urls = self.lab.urls("https", SITE, PATHS)
        self.visit_exactly(urls, 1, "https/1.1", "--http1.1")

    def test_http2_in_tls_in_tls(self):
        urls = [self.lab.origin.http2_url(SITE, path) for path in PATHS * 2]
        self.visit_exactly(urls, 1, "https/2", "--http2")


class ProxyProtocol(PeerCase):
    """Whom a connection is for, said before all else."""

    @classmethod
    def make_peers(cls):
        cls.squid = cls.lab.vendors["alpha"]
        to_squid = (cls.squid.endpoint, ";no-tls;proxyproto", True)
        to_origin = ((ORIGIN, cls.lab.origin.http_port), ";no-tls;proxyproto", False)
        in_tls = (to_origin[0], ";proxyproto", False)
        cls.proxy, cls.clear, cls.tls = (
            Nghttpx(cls.lab, name, backend, frontend, proxy)
            for name, (backend, frontend, proxy) in (
                ("prefixed", to_squid),
                ("clear", to_origin),
                ("tls", in_tls),
            )
        )
        return [cls.proxy, cls.clear, cls.tls]

    def curl(self, urls, *more):
        command = ["curl", "--silent", "--show-error", "--haproxy-protocol", *more]
        for url in urls:
            command += ["--output", "/dev/null", url]
        return command

    def test_to_a_server(self):
        urls = [f"http://{SITE}:{self.clear.port}{path}" for path in PATHS]
        to = f"{SITE}::{ADDRESS}:{self.clear.port}"
        _, expected = self.run_exactly(
            self.clear, self.curl(urls, "--connect-to", to)
        )
        self.assertEqual(expected.requests, {SITE: len(PATHS)})
        self.assertEqual(expected.connections, 1)
        self.assert_nothing_amiss()

    def test_to_tls(self):
        urls = [f"https://{SITE}:{self.tls.port}{path}" for path in PATHS]
        to = f"{SITE}::{ADDRESS}:{self.tls.port}"
        _, expected = self.run_exactly(
            self.tls,
            self.curl(urls, "--connect-to", to, "--cacert", self.lab.origin.ca),
        )
        self.assertEqual(expected.requests, {SITE: len(PATHS)})
        self.assertEqual(self.value("requests_total", protocol="https/2"), len(PATHS))
        self.assert_nothing_amiss()

    def test_by_hand(self):
        """Both versions, in front of a proxy: curl knows none of this."""
        script = os.path.join(HERE, "prefixed_crawler.py")
        urls = self.lab.urls("http", SITE, PATHS)
        for version in ("1", "2"):
            command = [crawlers.PYTHON, script, version, ADDRESS]
            command += [str(self.proxy.port), *urls]
            output, expected = self.run_exactly(self.proxy, command)
            self.assertEqual(output, "200\n200\n200\n404\n")
            self.assertEqual(expected.requests, {SITE: len(PATHS)})
            self.assertEqual(expected.connections, 1)
            self.assert_nothing_amiss()


class Echo:
    """Answers every datagram with itself, and knows how much that was."""

    def __init__(self):
        self.bytes = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ORIGIN, 0))
        self.endpoint = self.socket.getsockname()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, peer = self.socket.recvfrom(65536)
            if not data:
                return
            self.bytes += len(data)
            self.socket.sendto(data, peer)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.endpoint)


class DatagramsBySocks(MeteredCase):
    """UDP ASSOCIATE: the relay is at a port that no rule names."""

    vendor_names = ("gamma",)
    SIZES = (1, 100, 1200, 8000, 64, 3, 2000, 500)
    HEAD = 10  # in front of each datagram: RFC 1928, 7, with an IPv4 address

    def test_bytes(self):
        vendor = self.lab.vendors["gamma"]
        echo = Echo()
        self.addCleanup(echo.stop)
        before = self.lab.witness.carried(vendor.endpoint)
        done = crawlers.run(
            [crawlers.PYTHON, os.path.join(HERE, "udp_crawler.py")]
            + [vendor.address, str(vendor.port), ORIGIN, str(echo.endpoint[1])]
            + [str(size) for size in self.SIZES],
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
        )
        self.assertEqual(done.stdout.split(), [str(size) for size in self.SIZES])
        self.lab.settle()
        control = self.lab.witness.carried(vendor.endpoint) - before
        datagrams = sum(self.SIZES) + self.HEAD * len(self.SIZES)
        self.assertEqual(echo.bytes, sum(self.SIZES))

        def found():
            metrics = self.collector.metrics()
            return [
                metrics.total(f"proxymeter_{name}_bytes_total", proxy_vendor="gamma")
                for name in ("sent", "received")
            ]

        self.eventually_equal(
            found, [control.sent + datagrams, control.received + datagrams]
        )
        metrics = self.collector.metrics()
        self.assertEqual(
            metrics.total("proxymeter_tunnels_total", response_code="socks5_0"), 1
        )
        self.assertEqual(
            account.destinations(metrics, vendor), {"_unknown": tuple(found())}
        )
        self.collector.settle()
        self.assert_nothing_amiss()


if __name__ == "__main__":
    unittest.main()
