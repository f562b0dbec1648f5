"""Base of tests of a pod in miniature.

A network of its own; the collector an ordinary user in it; programs with the
library beside others that it cannot enter, all through real proxies.
"""

import json
import os
import subprocess
import unittest

from lab import own_network

own_network.enter()

from lab import crawlers  # noqa: E402
from lab.collector import configuration  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.names import resolving  # noqa: E402
from lab.service import as_ordinary_user, wait_until  # noqa: E402
from lab.workspace import free_port  # noqa: E402

RAPID_ADDRESS = "127.0.30.1"
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pod")
# Claims are awaited for some seconds, connections that are open seen twice.
DECISION_SECONDS = 60
REASONS = (
    "not_preloaded",
    "path_not_seen",
    "before_journal",
    "after_crash",
    "not_read",
)


def compile_c(workspace, name, compiler, *options):
    """The command of pod/`name`.c."""
    program = os.path.join(workspace, name)
    source = os.path.join(PROGRAMS, name + ".c")
    subprocess.run([compiler, "-O2", *options, "-o", program, source], check=True)
    return [program]


def compile_java(workspace):
    """The command of pod/Crawl.java."""
    classes = os.path.join(workspace, "java")
    subprocess.run(
        ["javac", "-d", classes, os.path.join(PROGRAMS, "Crawl.java")], check=True
    )
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return ["java", *quick, "-cp", classes, "Crawl"]


class PodCase(unittest.TestCase):
    maxDiff = None
    vendor_names = ()
    by_address = ()  # those whose rules have their address too

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(cls.vendor_names))
        cls.rapid_port = free_port(RAPID_ADDRESS)
        config = json.loads(configuration(cls.lab.vendors.values()))
        # By their addresses too: who inherits a connection knows no names.
        for vendor in config["vendors"]:
            known = cls.lab.vendors[vendor["name"]]
            if vendor["name"] in cls.by_address:
                vendor["match"].append(
                    {"cidr": f"{known.address}/32", "port": known.port}
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
