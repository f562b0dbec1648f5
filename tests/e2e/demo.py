"""The demonstration behind scripts/demo: real crawlers, vendors, witnesses."""

import argparse
import itertools
import json
import shlex
import signal
import subprocess
import sys
import time

from lab import crawlers, names, report, sites, told_apart
from lab.lab import Lab, program
from lab.service import wait_until

ARRIVAL_SECONDS = 30


def say(text=""):
    print(text, flush=True)


def visits(lab):
    """(client, vendor, scheme, site) of each crawl."""
    rotation = itertools.cycle(sites.SITES)
    for vendor in lab.vendors.values():
        clients = crawlers.PROGRAMS
        if vendor.scheme != "http":
            clients = crawlers.SOCKS_PROGRAMS
        for client, scheme in itertools.product(clients, ("http", "https")):
            yield client, vendor, scheme, next(rotation)


def crawl(lab, directory):
    plan = list(visits(lab))
    for number, (client, vendor, scheme, site) in enumerate(plan, 1):
        say(
            f"  {number:2}/{len(plan)}  {client:8}  {scheme:5}  by {vendor.name} "
            f"({vendor.program})  to {site}"
        )
        lab.crawl(client, vendor, scheme, site, directory)


def explain(lab):
    """{vendor: what its connections are recognised by}, by `explain`."""
    told = {}
    for vendor in lab.vendors.values():
        done = subprocess.run(
            [program(), "explain", "--json", "--config", lab.config_file]
            + ["--address", vendor.endpoint[0], vendor.url],
            check=True,
            capture_output=True,
            text=True,
        )
        (decided,) = json.loads(done.stdout)
        if decided["vendor"] != vendor.name:
            raise RuntimeError(f"{vendor.url} is {decided['vendor']}'s")
        told[vendor.name] = "recognised by " + decided["holds"]
    return told


def compare(lab, collector):
    """(all lines agree, text of both tables), once all figures have arrived."""
    lab.settle()
    collector.settle()

    def lines():
        metrics = collector.metrics()
        return (
            report.destination_lines(lab, metrics),
            report.vendor_lines(lab, metrics),
        )

    def agree(both):
        return all(line.agrees for line in itertools.chain(*both))

    try:
        wait_until(lambda: agree(lines()), ARRIVAL_SECONDS, "figures to arrive")
    except TimeoutError:
        pass  # The tables will show what disagrees.
    both = lines()
    text = "\nPer vendor and destination\n\n"
    text += report.table(
        ("vendor", "destination", "sent", "received", "requests", "origin's")
        + ("witness", ""),
        both[0],
    )
    text += "\nPer vendor, beside every independent witness\n\n"
    text += report.table(
        ("vendor", "figure", "proxymeter", "witness", "which", ""),
        both[1],
        explain(lab),
    )
    return agree(both), text


def show_places(lab, collector):
    say(f"  metrics   {collector.metrics_url}")
    say(f"  gRPC      {collector.grpc_endpoint}")
    say(f"  config    {lab.config_file}")
    for vendor in lab.vendors.values():
        say(f"  {vendor.name:8}  {vendor.url}  ({vendor.program})")


def show_commands(lab, collector):
    vendor = lab.vendors["alpha"]
    curl = crawlers.resolving(
        lab.metered(collector.directory)
        + ["curl", "--proxy", vendor.url, "--cacert", lab.origin.ca]
        + lab.urls("https", sites.SITES[0], ["/missing"])
    )
    say("\nTo try, in another terminal:\n")
    say(f"  curl {collector.metrics_url}")
    say(f"  {program()} top --dir {collector.directory}")
    say(f"  {names.VARIABLE}={lab.hosts_file} {shlex.join(curl)}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--keep", action="store_true")
    keep = parser.parse_args().keep
    # An orderly end, so that the lab takes down what it has put up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    started = time.monotonic()
    say("Starting origin and vendors ...")
    with Lab(choice=told_apart.vendors()) as lab:
        directory = lab.new_directory()
        say("Starting the collector ...")
        collector = lab.start_collector(directory)
        show_places(lab, collector)
        say("\nCrawling under `proxymeter run` ...")
        crawl(lab, directory)
        say("\nWaiting for the last connection to end ...")
        agreed, text = compare(lab, collector)
        say(text)
        if agreed:
            say("All figures agree.")
        else:
            say("FIGURES DISAGREE: see above.")
        say(f"({time.monotonic() - started:.1f} s)")
        say()
        show_places(lab, collector)
        if keep:
            show_commands(lab, collector)
            say("\nCtrl-C takes everything down.")
            signal.pause()
    say("\nEverything has been taken down; --keep leaves it up to look around.")
    return 0 if agreed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
