"""Downloads with and without the shim, in turns."""

import contextlib
import dataclasses
import os
import re
import resource
import subprocess

from lab.collector import Collector
from lab.origin import ADDRESS, Origin
from lab.workspace import Workspace

PAGE = "/picture.bin"
CONFIGURATION = """\
version: 1
vendors:
  - name: origin
    match:
      - cidr: [{address}/32]
        port: [{ports}]
"""


@dataclasses.dataclass
class Way:
    name: str
    options: list
    requests: int  # of a page of 1.5 MB each


WAYS = (
    Way("HTTP/1 in clear", ["--h1"], 1000),
    Way("HTTP/1 inside TLS", ["--h1"], 300),
    Way("HTTP/2 inside TLS", ["--max-concurrent-streams=4"], 300),
)


def throughput(output):
    """h2load's own, in bytes a second: of the time that it sends and receives."""
    found = re.search(r"^finished in [\d.]+m?s, .*?([\d.]+)([KMG])B/s$", output, re.M)
    if not found or " 0 failed, 0 errored, 0 timeout" not in output:
        raise RuntimeError(output)
    return float(found[1]) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[found[2]]


@dataclasses.dataclass
class Download:
    throughput: float  # bytes a second
    cpu: float  # seconds of the client's, in itself and in the kernel


def _spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def download(way, url, requests, prefix=()):
    spent = _spent()
    done = subprocess.run(
        [*prefix, "h2load", "--clients=4", f"--requests={requests}"]
        + [*way.options, url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return Download(throughput(done.stdout), _spent() - spent)


def side_by_side(run):
    """Of each way, what is measured with the shim by that without: (throughput,
    CPU time), in as many pairs as there are turns."""
    with contextlib.ExitStack() as stack:
        space = Workspace()
        stack.callback(space.remove)
        origin = Origin(space)
        stack.callback(origin.service.stop)
        origin.wait()
        ports = (origin.http_port, origin.https_port, origin.http2_port)
        directory = space.directory("pm")
        program = os.path.join(run.build, "bin", "proxymeter")
        collector = Collector(
            program,
            directory,
            space.write(
                "vendors.yaml",
                CONFIGURATION.format(
                    address=ADDRESS, ports=", ".join(str(port) for port in ports)
                ),
            ),
            os.path.join(space.path, "collector.out"),
        )
        stack.callback(collector.kill)
        # Not by `proxymeter run`, whose own start would be among the CPU time.
        library = os.path.join(run.build, "lib", "libproxymeter.so")
        metered = ["env", f"LD_PRELOAD={library}", f"PROXYMETER_DIR={directory}"]
        urls = (
            f"http://{ADDRESS}:{origin.http_port}{PAGE}",
            f"https://{ADDRESS}:{origin.https_port}{PAGE}",
            f"https://{ADDRESS}:{origin.http2_port}{PAGE}",
        )
        ratios = {}
        asked = 0
        for way, url in zip(WAYS, urls):
            requests = 8 if run.smoke else way.requests
            ratios[way.name] = []
            for turn in range(run.repetitions):
                # Who comes first has the colder machine: by turns.
                plain = ["env"]
                prefixes = [plain, metered] if turn % 2 else [metered, plain]
                found = {
                    prefix is metered: download(way, url, requests, prefix)
                    for prefix in prefixes
                }
                asked += requests
                ratios[way.name].append(
                    (
                        found[True].throughput / found[False].throughput,
                        found[True].cpu / found[False].cpu,
                    )
                )
        collector.settle()
        counted = collector.metrics().total("proxymeter_requests_total")
        if counted != asked:
            raise RuntimeError(f"{counted} of {asked} requests metered")
        return ratios
