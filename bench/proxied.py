"""Downloads through real proxies with and without the shim, in turns.

The crawler, the proxy and the origin share the machine, as they would share a
wire: what the crawler takes longer for each page is all that it can lose.
"""

import dataclasses
import json
import os
import subprocess
import time

from lab import sites
from lab.collector import Collector
from lab.lab import Lab
from lab.vendors import Dante, Squid

PROXIES = (
    (Squid, "squid", "127.0.24.1", "gw.squid.test"),
    (Dante, "dante", "127.0.24.2", "gw.dante.test"),
)
PAGE = "/picture.bin"
TURNS = 4  # pairs in one sample


@dataclasses.dataclass
class Way:
    name: str
    option: str
    scheme: str
    port: str  # attribute of the origin


WAYS = (
    Way("HTTP/1 in clear", "--http1.1", "http", "http_port"),
    Way("HTTP/1 inside TLS", "--http1.1", "https", "https_port"),
    Way("HTTP/2 inside TLS", "--http2", "https", "http2_port"),
)


def _configuration(lab):
    """By address: curl is given addresses, so that no name has to be looked up."""
    return json.dumps(
        {
            "version": 1,
            "vendors": [
                {"name": v.name, "match": [{"cidr": f"{v.address}/32"}]}
                for v in lab.vendors.values()
            ],
        }
    )


def _command(lab, vendor, way, pages):
    port = getattr(lab.origin, way.port)
    proxy = vendor.url.replace(vendor.host, vendor.address)
    return [
        *("curl", "--silent", "--insecure", "--fail", way.option, "--proxy", proxy),
        *("--output", os.devnull),
        f"{way.scheme}://{sites.SITES[0]}:{port}{PAGE}?[1-{pages}]",
    ]


def _seconds(command, prefix):
    began = time.perf_counter()
    subprocess.run([*prefix, *command], timeout=120, check=True)
    return time.perf_counter() - began


def _ratio(command, metered):
    """Throughput with the shim by that without, over TURNS pairs."""
    plain = ["env"]
    spent = {True: 0, False: 0}
    for turn in range(TURNS):
        # Who comes first has the colder machine: by turns.
        for prefix in (plain, metered) if turn % 2 else (metered, plain):
            spent[prefix is metered] += _seconds(command, prefix)
    return spent[False] / spent[True]


def side_by_side(run):
    """{(proxy, way): throughput with the shim by that without, each turn}."""
    pages = 2 if run.smoke else 80
    with Lab(choice=PROXIES) as lab:
        directory = lab.new_directory()
        collector = Collector(
            os.path.join(run.build, "bin", "proxymeter"),
            directory,
            lab.workspace.write("proxied.yaml", _configuration(lab)),
            os.path.join(lab.workspace.path, "collector.out"),
        )
        try:
            # Not by `proxymeter run`, whose own start would be among the time.
            library = os.path.join(run.build, "lib", "libproxymeter.so")
            metered = ["env", f"LD_PRELOAD={library}", f"PROXYMETER_DIR={directory}"]
            ratios = {}
            for vendor in lab.vendors.values():
                for way in WAYS:
                    command = _command(lab, vendor, way, pages)
                    ratios[vendor.program, way.name] = [
                        _ratio(command, metered) for _ in range(run.repetitions)
                    ]
            collector.settle()
            asked = len(ratios) * run.repetitions * TURNS * pages
            counted = collector.metrics().total("proxymeter_requests_total")
            if counted != asked:
                raise RuntimeError(f"{counted} of {asked} requests metered")
            return ratios
        finally:
            collector.kill()
