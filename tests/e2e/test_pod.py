"""A pod in miniature: the kernel as second witness of every program in it.

A network of its own; the collector an ordinary user in it; programs with the
library beside others that it cannot enter, all through real proxies. What the
library reports and what the kernel says must agree to the byte, and together
they must be all that the proxies carried, each byte once.
"""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

from lab import own_network

own_network.enter()

from lab import account, crawlers  # noqa: E402
from lab.collector import Collector, configuration  # noqa: E402
from lab.lab import Lab, program  # noqa: E402
from lab.names import resolving  # noqa: E402
from lab.service import as_ordinary_user, wait_until  # noqa: E402
from lab.workspace import free_port  # noqa: E402

SITE = "shop.example.test"
RAPID_ADDRESS = "127.0.30.1"
HERE = os.path.dirname(os.path.abspath(__file__))
# Claims are awaited for some seconds, connections that are open seen twice.
DECISION_SECONDS = 60
REASONS = (
    "not_preloaded",
    "path_not_seen",
    "before_journal",
    "after_crash",
    "not_read",
)

# Moves bytes that no hook sees, and ends without closing its connection.
PAST_THE_HOOKS = """
import ctypes, os, socket, sys
host, port, url = sys.argv[1:]
request = ("GET %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % url).encode()
connection = socket.create_connection((host, int(port)))
connection.sendall(request)
buffer = ctypes.create_string_buffer(1 << 16)
got = 0
SYS_READ = {"x86_64": 0, "aarch64": 63}[os.uname().machine]
while b"\\r\\n\\r\\n" not in buffer.raw[:got]:
    more = ctypes.CDLL(None).syscall(
        SYS_READ, connection.fileno(), ctypes.byref(buffer, got), len(buffer) - got
    )
    assert more > 0
    got += more
print(got, flush=True)
os._exit(0)
"""

# Uses a connection, and leaves the rest of it to a metered program.
BEGINS = """
import os, socket, sys
host, port, url, *then = sys.argv[1:]
request = ("GET %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % url).encode()
connection = socket.create_connection((host, int(port)))
connection.sendall(request)
head = b""
while not head.endswith(b"\\r\\n\\r\\n"):
    head += connection.recv(1)
length = [
    int(line.split(b":")[1])
    for line in head.split(b"\\r\\n")
    if line.lower().startswith(b"content-length:")
]
left = length[0]
while left:
    left -= len(connection.recv(left))
print(len(request), len(head) + length[0], flush=True)
os.dup2(connection.fileno(), 9)
os.execvp(then[0], then)
"""
GOES_ON = """
import socket, sys
connection = socket.socket(fileno=9)
connection.sendall(b"GET %s HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n" % sys.argv[1].encode())
while connection.recv(65536):
    pass
"""


# A collector that the kernel's policy keeps from NETLINK_SOCK_DIAG (seccomp(2)).
WITHOUT_SOCK_DIAG = """#!/usr/bin/python3
import ctypes, os, platform, struct, sys

SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
AF_NETLINK, NETLINK_SOCK_DIAG = 16, 4
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
REFUSE, ALLOW = 0x00050001, 0x7FFF0000
steps = [
    (LOAD, 0, 0, 0),
    (IF_EQUAL, 0, 5, SOCKET),
    (LOAD, 0, 0, 16),
    (IF_EQUAL, 0, 3, AF_NETLINK),
    (LOAD, 0, 0, 32),
    (IF_EQUAL, 0, 1, NETLINK_SOCK_DIAG),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0) == 0
os.execv(sys.argv[0] + ".program", ["proxymeter", *sys.argv[1:]])
"""


def compile_all(workspace):
    """{name: command line} of the programs in pod/."""
    source = os.path.join(HERE, "pod")
    built = {name: os.path.join(workspace, name) for name in ("go", "musl", "rapid")}
    classes = os.path.join(workspace, "java")
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOCACHE": os.path.join(workspace, "go-cache"),
        "GOFLAGS": "",
    }
    for line in (
        ["go", "build", "-o", built["go"], os.path.join(source, "crawl.go")],
        ["musl-gcc", "-O2", "-static", "-o", built["musl"]]
        + [os.path.join(source, "crawl.c")],
        ["gcc", "-O2", "-pthread", "-o", built["rapid"]]
        + [os.path.join(source, "rapid.c")],
        ["javac", "-d", classes, os.path.join(source, "Crawl.java")],
    ):
        subprocess.run(line, check=True, env=environment)
    return {
        **{name: [path] for name, path in built.items()},
        "java": ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        + ["-cp", classes, "Crawl"],
    }


class Pod(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(["alpha", "beta"]))
        cls.programs = compile_all(cls.lab.workspace.path)
        cls.rapid_port = free_port(RAPID_ADDRESS)
        config = json.loads(configuration(cls.lab.vendors.values()))
        # By its address too: who inherits a connection knows no names.
        alpha = cls.lab.vendors["alpha"]
        config["vendors"][0]["match"].append(
            {"cidr": f"{alpha.address}/32", "port": alpha.port}
        )
        config["vendors"].append(
            {
                "name": "rapid",
                "match": [{"cidr": f"{RAPID_ADDRESS}/32", "port": cls.rapid_port}],
            }
        )
        cls.directory = cls.lab.new_directory(for_servers=True)
        cls.collector = cls.lab.start_collector(
            cls.directory,
            cls.lab.workspace.write("pod.yaml", json.dumps(config)),
            ordinary_user=True,
        )

    def run_in_pod(self, line, metered=False, text=None):
        prefix = self.lab.metered(self.directory) if metered else []
        done = subprocess.run(
            resolving(as_ordinary_user([*prefix, *line])),
            env=self.lab.environment(),
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def figures(self, vendor):
        """What the collector says of `vendor`, of bytes sent and received."""
        metrics = self.collector.metrics()

        def total(name, **labels):
            return metrics.total(f"proxymeter_{name}", proxy_vendor=vendor, **labels)

        found = {
            f"{witness} {way}": total(f"{name}_{way}_bytes_total")
            for witness, name in (("all", "vendor"), ("kernel", "kernel"))
            for way in ("sent", "received")
        }
        for way in ("sent", "received"):
            found[f"by kernel {way}"] = total(
                f"{way}_bytes_total", visibility="kernel"
            )
            for reason in REASONS:
                found[f"{reason} {way}"] = total(
                    "unmetered_bytes_total", reason=reason, direction=way
                )
        found["connections"] = total("connections_total")
        found["adopted"] = total("adopted_connections_total")
        found["kernel connections"] = total("kernel_connections_total", result="ok")
        found["kernel failures"] = total("kernel_connections_total", result="failed")
        found["unmetered connections"] = total("unmetered_connections_total")
        return found

    def gaps(self):
        return {
            labels["reason"]: int(value)
            for labels, value in self.collector.metrics().samples(
                "proxymeter_audit_gaps_total"
            )
            if value
        }

    def since(self, vendor, before):
        now = self.figures(vendor)
        return {
            key: now[key] - before[key] for key in now if now[key] != before[key]
        }

    def wait_for(self, vendor, before, wanted):
        """The difference since `before`, once it has what is `wanted`."""

        def decided():
            found = self.since(vendor, before)
            reached = all(found.get(key, 0) >= value for key, value in wanted.items())
            return found if reached else None

        try:
            return wait_until(decided, DECISION_SECONDS, f"{vendor}: {wanted}")
        except TimeoutError as error:
            self.fail(f"{error}; found {self.since(vendor, before)}, {self.gaps()}")

    def carried(self, vendor, before):
        """What the kernel's own events tell this test of `vendor`."""
        self.lab.settle()
        return vendor.carried(self.lab.witness) - before

    def go(self, vendor, *urls):
        return self.run_in_pod([*self.programs["go"], vendor.url, *urls])

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
            self.go(vendor, *[url] * 5, *pages)
            endpoint = [vendor.address, str(vendor.port)]
            self.run_in_pod([*self.programs["musl"], *endpoint, "end", url, url])
            self.run_in_pod([*self.programs["java"], *endpoint, url, url])
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
            [*self.programs["musl"], vendor.address, str(vendor.port), "hold", url],
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

    def learn(self, vendor):
        url = self.lab.origin.url("http", SITE, "/index.html")
        line = crawlers.command("curl", vendor, self.lab.origin, [url])
        before = self.figures(vendor.name)
        self.run_in_pod(line, metered=True)
        self.lab.settle()
        self.wait_for(vendor.name, before, {"kernel connections": 1})

    def test_who_ends_in_the_middle_is_after_a_crash(self):
        vendor = self.lab.vendors["alpha"]
        self.learn(vendor)
        before = self.figures("alpha")
        carried = vendor.carried(self.lab.witness)
        url = self.lab.origin.url("http", SITE, "/index.html")
        line = [crawlers.PYTHON, "-c", PAST_THE_HOOKS, vendor.address]
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
        then = [*self.lab.metered(self.directory), crawlers.PYTHON, "-c", GOES_ON]
        line = [crawlers.PYTHON, "-c", BEGINS, vendor.address, str(vendor.port), url]
        out = self.run_in_pod([*line, *then, url])
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
                [*self.programs["go"], f"http://{RAPID_ADDRESS}:{self.rapid_port}"]
                + ["http://x/"],
                capture_output=True,
            )
            self.assertEqual(done.returncode, 1)
        found = self.wait_for("rapid", before, {"kernel failures": 3})
        self.assertEqual(
            found,
            {"kernel failures": 3, "connections": 3, "unmetered connections": 3},
        )

    def test_thousands_a_second_are_counted_or_their_loss_is(self):
        rate, seconds = 5000, 10
        for metered in (False, True):
            gaps = self.gaps()
            before = self.figures("rapid")
            prefix = self.lab.metered(self.directory) if metered else []
            line = [*prefix, *self.programs["rapid"], RAPID_ADDRESS]
            line += [str(self.rapid_port), str(rate), str(seconds / 2)]
            crawler = subprocess.Popen(
                as_ordinary_user(line),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.assertEqual(crawler.stdout.readline(), "ready\n")
            dumps = self.dumps()
            wait_until(lambda: self.dumps() > dumps + 1, 30, "a look at who listens")
            out, _ = crawler.communicate("go\n")
            self.assertEqual(crawler.returncode, 0)
            connections, sent, received = map(int, out.split())
            print(
                f"{connections / (seconds / 2):.0f} connections a second, "
                f"{'with' if metered else 'without'} the library",
                file=sys.stderr,
            )
            new = lambda: {
                key: value - gaps.get(key, 0)
                for key, value in self.gaps().items()
                if value != gaps.get(key, 0)
            }
            lost = lambda: any(key in new() for key in ("overrun", "no_room"))

            def decided():
                found = self.since("rapid", before)
                done = found.get("kernel connections", 0) >= connections
                return found if done or lost() else None

            found = wait_until(decided, DECISION_SECONDS, "all connections")
            if lost():
                print(f"lost, and said: {new()}", file=sys.stderr)
                self.assertLessEqual(found["kernel connections"], connections)
                continue
            self.assertEqual(found["kernel connections"], connections)
            self.assertEqual(found["kernel sent"], sent)
            # A reset now and then, whose FIN nobody can tell from a byte.
            unsure = new().get("fin_unsure", 0)
            self.assertAlmostEqual(found["kernel received"], received, delta=unsure)
            self.assertEqual(found["all sent"], sent)
            self.assertEqual(found["all received"], found["kernel received"])
            self.assertEqual(found["connections"], connections)
            if not metered:
                self.assertEqual(found["unmetered connections"], connections)
                self.assertEqual(found["not_preloaded sent"], sent)
                self.assertEqual(
                    found["not_preloaded received"], found["kernel received"]
                )
            else:
                self.assertNotIn("unmetered connections", found)
                self.assertNotIn("by kernel sent", found)
            self.assertLessEqual(set(new()), {"fin_unsure"})

    def rapid(self, rate, seconds):
        line = [*self.programs["rapid"], RAPID_ADDRESS, str(self.rapid_port)]
        out = self.run_in_pod([*line, str(rate), str(seconds)], text="go\n")
        return int(out.split()[1])

    def test_who_is_not_heard_in_time_is_missed_and_that_is_said(self):
        before = self.figures("rapid")
        overruns = self.gaps().get("overrun", 0)
        pid = self.collector.service.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            connections = self.rapid(100000, 1)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(
            lambda: self.gaps().get("overrun", 0) > overruns,
            DECISION_SECONDS,
            "the loss to be said",
        )
        # And it goes on.
        more = self.rapid(100, 0.2)
        found = self.wait_for("rapid", before, {"kernel connections": more})
        self.assertLess(found["kernel connections"], connections + more)

    def test_where_the_kernel_may_not_be_asked_crawlers_are_metered_still(self):
        script = self.lab.workspace.write("without_sock_diag", WITHOUT_SOCK_DIAG)
        os.chmod(script, 0o755)
        os.symlink(program(), script + ".program")
        directory = self.lab.new_directory()
        log = os.path.join(self.lab.workspace.path, "without.out")
        collector = Collector(
            script,
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

    def dumps(self):
        return self.collector.metrics().total(
            "proxymeter_audit_dumps_total", result="ok"
        )


if __name__ == "__main__":
    unittest.main()
