"""What it costs the collector to follow many short connections."""

import contextlib
import os
import subprocess

import collector_process
from lab.collector import Collector
from lab.service import wait_until
from lab.workspace import free_port

ADDRESS = "127.0.30.2"
CONFIGURATION = (
    "{{version: 1, vendors: [{{name: rapid, match: [{{cidr: {address}/32}}]}}]}}\n"
)
SOURCE = os.path.join(os.path.dirname(__file__), "../tests/e2e/pod/rapid.c")
# Between the last connection and the decision on it.
DECISION_SECONDS = 30


def cores(run, rate, seconds, audit, metered):
    """Cores that the collector takes while a program connects so often."""
    with collector_process.workspace() as space, contextlib.ExitStack() as stack:
        program = os.path.join(run.build, "bin", "proxymeter")
        rapid = os.path.join(space.path, "rapid")
        subprocess.run(["cc", "-O2", "-pthread", "-o", rapid, SOURCE], check=True)
        directory = space.directory("pm")
        collector = Collector(
            program,
            directory,
            space.write("vendors.yaml", CONFIGURATION.format(address=ADDRESS)),
            os.path.join(space.path, "collector.out"),
            audit=audit,
        )
        stack.callback(collector.kill)
        prefix = [program, "run", "--dir", directory, "--"] if metered else []
        crawler = subprocess.Popen(
            [*prefix, rapid, ADDRESS, str(free_port(ADDRESS)), str(rate), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(crawler.kill)
        if crawler.stdout.readline() != "ready\n":
            raise RuntimeError("nobody connects")
        if audit:
            wait_until(
                lambda: collector.metrics().total("proxymeter_audit_dumps_total") > 1,
                DECISION_SECONDS,
                "a look at who listens",
            )
        before = collector_process.cpu_seconds(collector.service.pid)
        crawler.stdin.write("go\n")
        crawler.stdin.flush()
        connections = int(crawler.stdout.readline().split()[0])
        used = collector_process.cpu_seconds(collector.service.pid) - before

        def all_counted():
            return (
                collector.metrics().total("proxymeter_kernel_connections_total")
                == connections
            )

        if audit:
            wait_until(all_counted, DECISION_SECONDS, "all connections to be counted")
        return used / seconds
