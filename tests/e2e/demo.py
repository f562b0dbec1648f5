"""The demonstration behind scripts/demo: real crawlers, vendors, witnesses."""

import argparse
import contextlib
import fcntl
import itertools
import json
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time

from lab import crawlers, names, report, second_witness, sites, told_apart
from lab.lab import Lab, program
from lab.service import wait_until
from lasting import DOWN, SOON, Lasting

ARRIVAL_SECONDS = 30
ALERT_SECONDS = 180


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


def crawl_unseen(lab, command):
    """{vendor: what a crawler carried there that the library cannot see}.

    By the two vendors that an address or a port alone tells apart.
    """
    unseen = {}
    for vendor, site in zip(
        (lab.vendors["beta"], lab.vendors["gamma"]), sites.SITES, strict=False
    ):
        say(f"  go        http   by {vendor.name} ({vendor.program})  to {site}")
        unseen[vendor.name] = second_witness.crawl(lab, command, vendor, site)
    return unseen


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


def compare(lab, collector, unseen):
    """(all lines agree, text of the tables), once all figures have arrived."""
    lab.settle()
    collector.settle()

    def lines():
        metrics = collector.metrics()
        return (
            report.destination_lines(lab, metrics, unseen),
            report.vendor_lines(lab, metrics, unseen),
            report.kernel_lines(
                lab,
                metrics,
                unseen,
                second_witness.shown_coverage(program(), collector.directory),
            ),
        )

    def agree(tables):
        return all(line.agrees for line in itertools.chain(*tables))

    try:
        wait_until(lambda: agree(lines()), ARRIVAL_SECONDS, "figures to arrive")
    except TimeoutError:
        pass  # The tables will show what disagrees.
    tables = lines()
    text = "\nPer vendor and destination\n\n"
    text += report.table(
        ("vendor", "destination", "sent", "received", "requests", "origin's")
        + ("witness", ""),
        tables[0],
    )
    text += "\nPer vendor, beside every independent witness\n\n"
    text += report.table(
        ("vendor", "figure", "proxymeter", "witness", "which", ""),
        tables[1],
        explain(lab),
    )
    text += "\nThe kernel as second witness: what the library saw and did not see\n\n"
    text += report.table(
        ("vendor", "figure", "proxymeter", "witness", "which", ""), tables[2]
    )
    return agree(tables), text


def show_top(collector):
    """The screen of `proxymeter top`, as on a terminal of this size."""
    columns, rows = 112, 30
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    with subprocess.Popen(
        [program(), "top", "--dir", collector.directory, "--once"],
        stdout=terminal,
        env={**os.environ, "NO_COLOR": "1"},
    ):
        os.close(terminal)
        screen = b""
        try:
            while read := os.read(master, 65536):
                screen += read
        except OSError:  # EIO: the program has ended
            pass
    os.close(master)
    text = re.sub(r"\x1b\[[?\d]*[A-Za-z]", "", screen.decode()).replace("\r", "")
    say("\nproxymeter top --once\n")
    for line in text.splitlines():
        say(f"  {line}".rstrip())


def show_places(lab, collector):
    say(f"  page      {collector.metrics_url.removesuffix('metrics')}")
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


def go_on(lab, collector, go):
    """Until Ctrl-C: a load, and a Prometheus in which alerts fire that should."""
    say("\nStarting a steady load, and a Prometheus with the rules ...")
    with contextlib.closing(Lasting(lab, collector, go)) as lasting:
        say(f"  Prometheus  {lasting.prometheus.url}/alerts")
        say(
            f"Waiting for alerts; here they wait {SOON} instead of minutes. One vendor "
            f"({DOWN}) is down, one has a crawler that the library cannot enter ..."
        )
        said = set()
        deadline = time.monotonic() + ALERT_SECONDS
        while not lasting.expected() <= said and time.monotonic() < deadline:
            for alert, vendor in sorted(lasting.firing() - said, key=str):
                say(f"  firing: {alert}" + (f" ({vendor})" if vendor else ""))
                said.add((alert, vendor))
            time.sleep(1)
        for alert, vendor in sorted(lasting.expected() - said):
            say(f"  NOT firing, though it should: {alert} ({vendor})")
        show_commands(lab, collector)
        say("\nCtrl-C takes everything down.")
        signal.pause()


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
        collector = lab.start_collector(directory, audit=True)
        show_places(lab, collector)
        say("\nCrawling under `proxymeter run` ...")
        crawl(lab, directory)
        say("\nCompiling a crawler in Go, which makes system calls without libc ...")
        go = crawlers.build_go()
        unseen = crawl_unseen(lab, go)
        say("\nWaiting for the last connection to end ...")
        agreed, text = compare(lab, collector, unseen)
        say(text)
        show_top(collector)
        say()
        if agreed:
            say("All figures agree.")
        else:
            say("FIGURES DISAGREE: see above.")
        say(f"({time.monotonic() - started:.1f} s)")
        say()
        show_places(lab, collector)
        if keep:
            go_on(lab, collector, go)
    say("\nEverything has been taken down; --keep leaves it up to look around.")
    return 0 if agreed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
