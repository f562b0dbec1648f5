"""The validation behind scripts/validate: requirements A to D, by vendor.

The example load goes through three vendors, and what proxymeter says of each is
put beside what that vendor's own access log says. The log does not show what is
asked inside a tunnel: those requests are the origin's log's.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys

from lab import account, crawlers, sites
from lab.lab import Lab
from lab.names import resolving
from lab.report import Line, table
from lab.service import wait_until
from lab.vendors import Squid

ARRIVAL_SECONDS = 30
WEIGHTS = {"alpha": 40, "beta": 35, "gamma": 25}
VENDORS = tuple(
    (Squid, name, f"127.0.23.{number}", f"gw.{name}-proxy.test")
    for number, name in enumerate(WEIGHTS, 1)
)
PATHS = ("/", "/catalogue.html", sites.MISSING)
LOAD = os.path.join(crawlers.ROOT, "examples", "load", "load.py")


@dataclasses.dataclass(frozen=True)
class Figures:
    """Of one vendor."""

    requests: int
    destinations: int
    sent: int
    received: int


REQUIREMENTS = (
    ("A requests", "requests", "vendor's log; origin's, inside tunnels"),
    ("B destinations", "destinations", "vendor's log"),
    ("C bytes sent", "sent", "vendor's log"),
    ("D bytes received", "received", "vendor's log"),
)


def run_load(lab, directory, seconds, rate):
    """What the load itself says of each vendor."""
    vendors = lab.vendors
    environment = lab.environment(
        LOAD_VENDORS=", ".join(
            f"{weight} {vendors[name].url}" for name, weight in WEIGHTS.items()
        ),
        LOAD_URLS=" ".join(
            lab.origin.url(scheme, site, path)
            for path in PATHS
            for site in sites.SITES
            for scheme in ("http", "https")
        ),
        LOAD_RATE=str(rate),
        LOAD_SECONDS=str(seconds),
        LOAD_CA=lab.origin.ca,
    )
    done = subprocess.run(
        resolving([*lab.metered(directory), crawlers.PYTHON, LOAD]),
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(WEIGHTS, told, strict=True))


def metered(metrics, vendor):
    found = account.metered(metrics, vendor)
    return Figures(
        sum(found.requests.values()),
        len(account.destinations(metrics, vendor)),
        found.sent,
        found.received,
    )


def logged(lab, vendor):
    transactions = vendor.transactions()
    plain = sum(t.method != "CONNECT" for t in transactions)
    inside = sum(
        entry["peer"] == vendor.address and entry["scheme"] == "https"
        for entry in lab.origin.entries()
    )
    return Figures(
        plain + inside,
        len({t.host for t in transactions}),
        sum(t.from_client for t in transactions),
        sum(t.to_client for t in transactions),
    )


def lines(lab, metrics):
    compared = []
    for what, figure, witness in REQUIREMENTS:
        for vendor in lab.vendors.values():
            compared.append(
                Line(
                    (what, vendor.name),
                    getattr(metered(metrics, vendor), figure),
                    getattr(logged(lab, vendor), figure),
                    witness,
                )
            )
    return compared


def verdicts(compared):
    return table(
        ("requirement", "vendor", "proxymeter", "witness", "which", ""),
        compared,
        verdicts=("PASS", "FAIL"),
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="scripts/validate")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100)
    options = parser.parse_args(arguments)
    print("Starting an origin, three vendors (Squid) and the collector ...", flush=True)
    with Lab(choice=VENDORS) as lab:
        directory = lab.new_directory()
        collector = lab.start_collector(directory)
        print(
            f"Loading them, {options.rate:g} requests a second for "
            f"{options.seconds:g} s, 40 : 35 : 25 ...",
            flush=True,
        )
        load = run_load(lab, directory, options.seconds, options.rate)
        lab.settle()
        collector.settle()

        def agree():
            return all(line.agrees for line in lines(lab, collector.metrics()))

        try:
            wait_until(agree, ARRIVAL_SECONDS, "figures to arrive")
        except TimeoutError:
            pass  # The table shows what disagrees.
        compared = lines(lab, collector.metrics())
    requests = sum(vendor["requests"] for vendor in load.values())
    failures = sum(vendor["failures"] for vendor in load.values())
    shares = " : ".join(
        f"{name} {100 * vendor['requests'] / requests:.1f} %"
        for name, vendor in load.items()
    )
    print(f"{requests} requests, {failures} failed; {shares}\n")
    print(verdicts(compared))
    passed = all(line.agrees for line in compared)
    print(f"\n{'PASS' if passed else 'FAIL'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
