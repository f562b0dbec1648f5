"""A real collector, with many processes or many journals."""

import contextlib
import dataclasses
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.request

from lab.collector import Collector
from lab.metrics import Metrics
from lab.service import wait_until
from lab.workspace import Workspace, free_port

CONFIGURATION = "{version: 1, vendors: []}\n"
ROWS = 5
PATIENCE_SECONDS = 120
ADDRESS = "127.0.0.1"


def crowd_program(run):
    return os.path.join(run.build, "bench", "bench_crawlers")


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", file.read(), re.MULTILINE)[1]) * 1024


def cpu_seconds(pid):
    """Of all threads, dead ones apart; finer than the ticks of /proc/PID/stat."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="utf-8") as file:
                total += int(file.read().split()[0])
    return total / 1e9


@contextlib.contextmanager
def workspace():
    space = Workspace()
    try:
        yield space
    finally:
        space.remove()


@dataclasses.dataclass
class CrowdSample:
    idle: int  # bytes, before anybody reported
    resident: int


def crowd(run, count):
    """`count` living processes, each with its journal and a frame sent."""
    with workspace() as space, contextlib.ExitStack() as stack:
        directory = space.directory("pm")
        collector = Collector(
            os.path.join(run.build, "bin", "proxymeter"),
            directory,
            space.write("vendors.yaml", CONFIGURATION),
            os.path.join(space.path, "collector.out"),
        )
        stack.callback(collector.kill)
        collector.metrics()
        idle = resident_bytes(collector.service.pid)
        crawlers = subprocess.Popen(
            [crowd_program(run), "live", directory, str(count), str(ROWS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        # The end of its input ends them all.
        stack.callback(crawlers.wait, PATIENCE_SECONDS)
        stack.callback(crawlers.stdin.close)
        if crawlers.stdout.readline() != b"ready\n":
            raise RuntimeError("the crowd did not gather")

        def accounted():
            metrics = collector.metrics()
            return (
                metrics.total("proxymeter_sessions") == count
                and metrics.total("proxymeter_requests_total") == count * ROWS
            )

        wait_until(accounted, PATIENCE_SECONDS, "the crowd to be accounted")
        return CrowdSample(idle, resident_bytes(collector.service.pid))


@dataclasses.dataclass
class RestartSample:
    ready: float  # seconds from exec to /readyz
    cpu: float  # of the collector's seconds of CPU until then
    done: float  # seconds from exec until no journal is left


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}:{port}/readyz", timeout=10):
            return True
    except OSError:
        return False


def restart(run, count):
    """A collector was killed; `count` processes came and went meanwhile."""
    with workspace() as space, contextlib.ExitStack() as stack:
        directory = space.directory("pm")
        program = os.path.join(run.build, "bin", "proxymeter")
        first = Collector(
            program,
            directory,
            space.write("vendors.yaml", CONFIGURATION),
            os.path.join(space.path, "collector.out"),
        )
        first.kill()
        subprocess.run(
            [crowd_program(run), "left", directory, str(count), str(ROWS)],
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        journals = os.path.join(directory, "journals")
        if len(os.listdir(journals)) != count:
            raise RuntimeError("not as many journals as were to be")
        port = free_port(ADDRESS)
        log = stack.enter_context(open(os.path.join(space.path, "second.out"), "wb"))
        began = time.monotonic()
        process = subprocess.Popen(
            [program, "collector", "--dir", directory]
            + ["--config", os.path.join(space.path, "vendors.yaml")]
            + ["--metrics-listen", f"{ADDRESS}:{port}"]
            + ["--grpc-listen", f"{ADDRESS}:0"],
            stderr=log,
        )
        stack.callback(process.wait, PATIENCE_SECONDS)
        stack.callback(process.terminate)
        while not is_ready(port):
            if process.poll() is not None:
                raise RuntimeError(f"the collector ended: {process.returncode}")
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise TimeoutError("the collector is not ready")
            time.sleep(0.001)
        ready = time.monotonic() - began
        cpu = cpu_seconds(process.pid)
        wait_until(
            lambda: not os.listdir(journals), PATIENCE_SECONDS, "the journals to go"
        )
        done = time.monotonic() - began
        requests = Metrics.scrape(f"http://{ADDRESS}:{port}/metrics").total(
            "proxymeter_requests_total"
        )
        if requests != count * ROWS:
            raise RuntimeError(f"{requests} requests accounted")
        return RestartSample(ready, cpu, done)
