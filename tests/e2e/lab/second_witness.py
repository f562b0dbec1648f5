"""Crawlers that nothing preloaded sees, and what the kernel tells of them."""

import collections
import subprocess

from .account import Account

# Go's default User-Agent: the origin's log tells whose requests are whose.
_AGENT = "Go-http-client/"


def crawl(lab, command, vendor, site):
    """Runs `command`, not preloaded, by `vendor`; what it carried (Carried).

    In clear text and to an orderly end: who ends a TLS session may be answered
    when he is gone, and of a connection that is reset the kernel's count is one
    byte unsure.
    """
    # Nobody else's connection may end in between.
    lab.settle()
    before = vendor.carried(lab.witness)
    lab.crawl(command, vendor, "http", site)
    lab.settle()
    return vendor.carried(lab.witness) - before


def beyond_the_kernel(lab, vendor, carried):
    """What only who reads the bytes could tell of that crawl, as an Account."""
    mine = [
        entry
        for entry in lab.origin.entries()
        if entry["peer"] == vendor.address and entry["agent"].startswith(_AGENT)
    ]
    return Account(
        connections=0,
        tunnels=0 if vendor.scheme == "http" else carried.connections,
        sent=0,
        received=0,
        requests=collections.Counter(e["host"] for e in mine),
        responses=collections.Counter(
            (e["host"], f"{e['status'] // 100}xx") for e in mine
        ),
    )


def shown_coverage(program, directory):
    """{vendor: its coverage ratio}, by `proxymeter top --once`."""
    done = subprocess.run(
        [program, "top", "--dir", directory, "--once"],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    (names,) = [line for line in lines if line[0] == "#vendor"]
    name, ratio = names.index("vendor"), names.index("coverage_ratio")
    return {
        line[name]: float(line[ratio])
        for line in lines
        if line[0] == "vendor" and line[ratio] != "-"
    }
