"""HTTP/2: requests one by one, under their own authority."""

import concurrent.futures
import os
import subprocess
import unittest

import grpc
from lab import account, crawlers, sites
from lab.collector import configuration
from lab.origin import ADDRESS
from lab.workspace import free_port
from metered_case import MeteredCase

SITE, NEWS, API = sites.SITES
PATHS = ["/", "/catalogue.html", "/picture.bin", "/stream/feed.html", "/missing"]


class Http2Case(MeteredCase):
    def timed(self):
        """How many first bytes, how many whole requests have been timed."""
        metrics = self.collector.metrics()
        return [
            metrics.total("proxymeter_phase_duration_seconds_count", phase=phase)
            for phase in ("first_byte", "request")
        ]

    def requests_by(self, protocol):
        return self.collector.metrics().total(
            "proxymeter_requests_total", protocol=protocol, visibility="plaintext"
        )


class ThroughProxies(Http2Case):
    """Inside TLS, inside a tunnel."""

    vendor_names = ("alpha", "gamma")

    def crawl_exactly(self, command, name):
        """Runs `command` metered; what was witnessed of it."""
        vendor = self.lab.vendors[name]
        entries = len(self.lab.origin.entries())
        counted = self.requests_by("https/2")
        timed = self.timed()
        before = self.baseline(vendor)
        places = account.destinations(self.collector.metrics(), vendor)
        crawlers.run(
            command, self.lab.environment(), prefix=self.lab.metered(self.directory)
        )
        expected = self.assert_exact(vendor, before)
        new = self.lab.origin.entries()[entries:]
        self.assertEqual({entry["protocol"] for entry in new}, {"HTTP/2.0"})
        self.assertEqual(self.requests_by("https/2"), counted + len(new))
        self.assertEqual(self.timed(), [count + len(new) for count in timed])
        self.assertEqual(
            self.collector.metrics().total("proxymeter_proxy_errors_total"), 0
        )
        # Every byte is the server name's, whose requests ever went with it.
        was = places.get(SITE, (0, 0))
        self.assertEqual(
            account.destinations(self.collector.metrics(), vendor),
            {**places, SITE: (was[0] + expected.sent, was[1] + expected.received)},
        )
        self.assert_nothing_amiss()
        return expected

    def curl(self, name, *arguments):
        vendor, origin = self.lab.vendors[name], self.lab.origin
        return [
            *["curl", "--silent", "--show-error", "--http2", "--proxy", vendor.url],
            *["--cacert", origin.ca, *arguments],
        ]

    def urls(self, site, paths):
        return [self.lab.origin.http2_url(site, path) for path in paths]

    def test_curl(self):
        for name in ("alpha", "gamma"):
            for more in ([], ["--parallel"]):
                with self.subTest(name=name, more=more):
                    urls = self.urls(SITE, PATHS * 3)
                    outputs = ["--output", "/dev/null"] * len(urls)
                    expected = self.crawl_exactly(
                        self.curl(name, *more, *outputs, *urls), name
                    )
                    self.assertEqual(expected.requests, {SITE: len(urls)})
                    self.assertEqual(
                        expected.responses, {(SITE, "2xx"): 12, (SITE, "4xx"): 3}
                    )
                    self.assertGreater(expected.received, 4_500_000)

    def test_uploads(self):
        upload = self.urls(SITE, [sites.UPLOAD])
        expected = self.crawl_exactly(
            self.curl("alpha", "--output", "/dev/null")
            + ["--data-binary", f"@{self.lab.upload_file}", *upload],
            "alpha",
        )
        self.assertEqual(expected.requests, {SITE: 1})
        self.assertGreater(expected.sent, os.path.getsize(self.lab.upload_file))

    def test_several_authorities_on_one_connection(self):
        part = ["--silent", "--show-error", "--http2", "--output", "/dev/null"]
        part += ["--proxy", self.lab.vendors["alpha"].url]
        part += ["--cacert", self.lab.origin.ca]
        command = ["curl"]
        for path in PATHS:
            for site in sites.SITES:
                # The connection is that to SITE; curl makes :authority of it.
                command += [*part, "--header", f"Host: {site}"]
                command += [*self.urls(SITE, [path]), "--next"]
        expected = self.crawl_exactly(command[:-1], "alpha")
        self.assertEqual(expected.connections, 1)
        self.assertEqual(expected.requests, {s: len(PATHS) for s in sites.SITES})

    def test_httpx(self):
        urls = self.urls(SITE, PATHS)
        script = os.path.join(os.path.dirname(__file__), "http2_crawler.py")
        expected = self.crawl_exactly(
            [crawlers.PYTHON, script, self.lab.vendors["alpha"].url]
            + [self.lab.origin.ca, *urls],
            "alpha",
        )
        self.assertEqual(expected.requests, {SITE: len(urls)})


class Echo(grpc.GenericRpcHandler):
    """Answers /lab.Echo/Say with what it was asked; breaks off /lab.Echo/Break."""

    def __init__(self):
        self.calls = 0

    def service(self, details):
        self.calls += 1
        if details.method == "/lab.Echo/Break":
            return grpc.unary_stream_rpc_method_handler(self.break_off)
        if details.method != "/lab.Echo/Say":
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)

    @staticmethod
    def break_off(request, context):
        yield request
        yield request
        context.abort(grpc.StatusCode.ABORTED, "enough")


class Grpc(Http2Case):
    """By gRPC's own C++ core, through a tunnel, in clear and inside TLS."""

    vendor_names = ("alpha",)
    CALLS = 20

    def serve(self, credentials):
        echo = Echo()
        server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(4), handlers=[echo]
        )
        self.addCleanup(lambda: server.stop(None).wait())
        port = free_port(ADDRESS)
        if credentials:
            server.add_secure_port(f"{ADDRESS}:{port}", credentials)
        else:
            server.add_insecure_port(f"{ADDRESS}:{port}")
        server.start()
        return echo, port

    def call_exactly(self, protocol, credentials=None, more=()):
        vendor = self.lab.vendors["alpha"]
        echo, port = self.serve(credentials)
        before = self.baseline(vendor)
        counted = self.requests_by(protocol)
        statuses, timed = self.statuses(), self.timed()
        script = os.path.join(os.path.dirname(__file__), "grpc_crawler.py")
        done = crawlers.run(
            [crawlers.PYTHON, script, f"{SITE}:{port}", str(self.CALLS), *more],
            # Its own resolver would not find the lab's names.
            self.lab.environment(
                http_proxy=vendor.url, GRPC_DNS_RESOLVER="native"
            ),
            prefix=self.lab.metered(self.directory),
        )
        self.assertEqual(done.stdout, "UNIMPLEMENTED\nABORTED\n")
        self.assertEqual(echo.calls, 2 * self.CALLS + 2)
        self.lab.settle()
        expected = account.witnessed(self.lab, vendor) - before[0]
        # The origin that has a log was not asked. gRPC's errors are 200, too.
        expected.requests = {SITE: echo.calls}
        expected.responses = {(SITE, "2xx"): echo.calls}

        def found():
            return account.metered(self.collector.metrics(), vendor) - before[1]

        self.eventually_equal(found, expected)
        self.assertEqual(self.requests_by(protocol), counted + echo.calls)
        ended = {"OK": 2 * self.CALLS, "UNIMPLEMENTED": 1, "ABORTED": 1}
        for status, calls in ended.items():
            ended[status] = statuses.get(status, 0) + calls
        self.assertEqual(self.statuses(), ended)
        self.assertEqual(self.timed(), [count + echo.calls for count in timed])
        self.assert_nothing_amiss()

    def statuses(self):
        return {
            labels["grpc_status"]: int(value)
            for labels, value in self.collector.metrics().samples(
                "proxymeter_grpc_responses_total", proxy_vendor="alpha"
            )
        }

    def test_in_clear(self):
        self.call_exactly("http/2")

    def test_inside_tls(self):
        folder = os.path.dirname(self.lab.origin.ca)
        pair = []
        for name in ("site.key", "site.pem"):
            with open(os.path.join(folder, name), "rb") as file:
                pair.append(file.read())
        self.call_exactly(
            "https/2", grpc.ssl_server_credentials([pair]), [self.lab.origin.ca]
        )


class Origin:
    """Stands where a vendor stands: nghttp2's clients know no proxies."""

    name, scheme, rule = "origin", "https", {"cidr": f"{ADDRESS}/32"}


class WithoutProxy(Http2Case):
    vendor_names = ("alpha",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = cls.make_directory()
        config = cls.lab.workspace.write("origin.yaml", configuration([Origin]))
        cls.collector = cls.lab.start_collector(cls.directory, config)

    def run_exactly(self, command):
        """Runs `command` metered; (its output, requests, responses)."""
        origin = self.lab.origin
        endpoint = (ADDRESS, origin.http2_port)
        entries = len(origin.entries())
        before = self.lab.witness.carried(endpoint)
        was = account.metered(self.collector.metrics(), Origin)
        done = subprocess.run(
            [*self.lab.metered(self.directory), *command],
            env=self.lab.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        self.lab.witness.settle([endpoint])
        carried = self.lab.witness.carried(endpoint) - before
        new = origin.entries()[entries:]
        hosts, codes = {}, {}
        for entry in new:
            code = (entry["host"], f"{entry['status'] // 100}xx")
            hosts[entry["host"]] = hosts.get(entry["host"], 0) + 1
            codes[code] = codes.get(code, 0) + 1
        expected = account.Account(
            connections=carried.connections,
            tunnels=0,
            sent=carried.sent,
            received=carried.received,
            requests=hosts,
            responses=codes,
        )

        def found():
            return account.metered(self.collector.metrics(), Origin) - was

        self.eventually_equal(found, expected)
        self.assert_nothing_amiss()
        return done.stdout, expected

    def test_nghttp(self):
        urls = [self.lab.origin.http2_url(ADDRESS, path) for path in PATHS[:4]]
        # Padding, priorities, a header block in two frames, every URL thrice.
        _, expected = self.run_exactly(
            ["nghttp", "--null-out", "--no-verify-peer", "--padding=100"]
            + ["--continuation", "--multiply=3", "--window-bits=20", *urls]
        )
        self.assertEqual(expected.requests, {ADDRESS: 12})
        self.assertEqual(expected.responses, {(ADDRESS, "2xx"): 12})

    def test_h2load(self):
        url = self.lab.origin.http2_url(ADDRESS, "/")
        output, expected = self.run_exactly(
            ["h2load", "--requests=2000", "--clients=4", "--threads=2"]
            + ["--max-concurrent-streams=100", url]
        )
        self.assertIn("status codes: 2000 2xx", output)
        self.assertEqual(expected.connections, 4)
        self.assertEqual(expected.responses, {(ADDRESS, "2xx"): 2000})


if __name__ == "__main__":
    unittest.main()
