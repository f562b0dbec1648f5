#!/usr/bin/python3
"""Real clients through real proxies: is every cell of the matrix exact?

Runs each client twice, without and with the preload library, and compares
what was metered with what the kernel, the proxy and the origin saw. The table
of what was seen goes to --output and is compared with the one in
docs/matrix.md, cell by cell.

Without --full each client goes by fewer proxies. Exit status: 0 all exact and
the table as committed; 1 otherwise.

With --ways it is the second table: HTTP/2, gRPC, WebSockets, HTTPS proxies, and
SOCKS where the client resolves or the version is another (ways.py).
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import catalogue
import pages
import table
import ways
from cell import HERE, Examination, Place
from lab.collector import configuration
from lab.lab import Lab

# Longer ones repeat a program's whole output.
FAULT_LENGTH = 2000
DOCUMENT = os.path.join(HERE, "..", "..", "docs", "matrix.md")


def places(clients, vendors, full):
    """The cells to run, in the order of the table."""
    found = []
    for number, client in enumerate(clients):
        usable = [v for v in vendors if v.scheme in client.proxies]
        if not full:
            usable = _fewer(usable, number)
        for index, vendor in enumerate(usable):
            for scheme in table.SCHEMES:
                # Clear text needs no second proxy when every run is dear.
                if full or not client.heavy or index == 0 or scheme == "https":
                    found.append(Place(client, vendor, scheme))
    return found


def _fewer(vendors, number):
    """One for each way into a proxy; which one differs between clients."""
    by_scheme = {}
    for vendor in vendors:
        by_scheme.setdefault(vendor.scheme, []).append(vendor)
    return [group[number % len(group)] for group in by_scheme.values()]


def _configuration(vendors):
    """By address as well: not every client's look-ups are seen."""
    vendors = list(vendors)
    wanted = json.loads(configuration(vendors))
    for entry, vendor in zip(wanted["vendors"], vendors, strict=True):
        if "host" in vendor.rule:
            entry["match"].append({"host": vendor.address})
    return json.dumps(wanted)


class Runner:
    """Runs cells, those of different vendors side by side."""

    def __init__(self, lab, vendors):
        self._lab = lab
        self._lock = threading.Lock()
        self._results = {}
        self._config_file = lab.workspace.write(
            "matrix.yaml", _configuration(vendors)
        )

    def run(self, cells):
        lanes = [
            threading.Thread(target=self._lane, args=(lane, cells))
            for lane in {place.lane for place in cells}
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        # A lane that died left cells behind.
        missing = [str(p) for p in cells if p not in self._results]
        if missing:
            raise RuntimeError(f"not run: {missing}")
        return [self._results[place] for place in cells]

    def _lane(self, lane, cells):
        for number, place in enumerate(cells):
            if place.lane != lane:
                continue
            state = os.path.join(self._lab.workspace.path, f"cell{number}")
            result = Examination(self._lab, place, state, self._config_file).result()
            with self._lock:
                self._results[place] = result
                _report(result)


def _report(result):
    moved = ""
    if result.account:
        figures = result.account
        moved = (
            f", {figures.connections} connections, {figures.sent:,} bytes sent, "
            f"{figures.received:,} received"
        )
    word = "exact" if result.exact else "NOT EXACT"
    took = f"({result.seconds:.1f} s)"
    print(f"{word}: {result.place}: {result.visibility}{moved} {took}")
    for fault in result.faults:
        print(f"  {fault[:FAULT_LENGTH]}")
    sys.stdout.flush()


def _compile_java(lab):
    source = os.path.join(catalogue.CLIENTS, "Crawl.java")
    subprocess.run(["javac", "-d", catalogue.java_classes(lab), source], check=True)


def _differences(committed, words):
    return [
        f"{' / '.join(key)}: {word}, in docs/matrix.md {committed.get(key, 'nothing')}"
        for key, word in words.items()
        if committed.get(key) != word
    ]


def _publish(shown, results, arguments):
    """Writes the table; how it differs from the one that is committed."""
    with open(DOCUMENT, encoding="utf-8") as file:
        document = file.read()
    head, before, tail = shown.split(document)
    committed = shown.parse(before)
    words = table.cells(results)
    # What did not run here stands as it was.
    now = shown.render({**committed, **words})
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(now)
    if arguments.write:
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(head + now + tail)
        return []
    different = _differences(committed, words)
    if now != before and not different:
        different.append("rows or columns of docs/matrix.md are not today's")
    return different


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true", help="all cells")
    parser.add_argument("--ways", action="store_true", help="the second table")
    parser.add_argument("--clients", help="only those whose name contains this")
    parser.add_argument("--vendors", help="only these programs, with commas")
    parser.add_argument("--headings", help="only columns that contain this")
    parser.add_argument("--output", help="where the table goes")
    parser.add_argument("--write", action="store_true", help="into docs/matrix.md too")
    return parser.parse_args()


def _usual(lab, arguments):
    vendors = list(lab.vendors.values())
    clients = [c for c in catalogue.ALL if c.available()]
    cells = places(clients, vendors, arguments.full)
    if arguments.vendors:
        wanted = arguments.vendors.split(",")
        cells = [p for p in cells if p.vendor.program in wanted]
    return cells, table.of_vendors(catalogue.ALL, vendors), vendors


def _more(around, arguments):
    known = (*catalogue.ALL, *catalogue.OTHERS)
    clients = [c for c in known if c.available()]
    cells = ways.places(clients, around, arguments.full)
    if arguments.headings:
        cells = [p for p in cells if arguments.headings in p.way.heading]
    return cells, ways.the_table(known), list(around.vendors.values())


def main():
    arguments = _arguments()
    # So that everything is stopped and removed then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(Lab(ways.CARRIERS if arguments.ways else None))
        pages.add_to(lab)
        if arguments.ways:
            around = stack.enter_context(ways.Around(lab))
            cells, shown, vendors = _more(around, arguments)
        else:
            cells, shown, vendors = _usual(lab, arguments)
        if arguments.clients:
            cells = [p for p in cells if arguments.clients in p.client.name]
        if any(p.client.name.startswith("Java") for p in cells):
            _compile_java(lab)
        results = Runner(lab, vendors).run(cells)
        different = _publish(shown, results, arguments)
    faulty = [r for r in results if not r.exact]
    print(f"{len(results)} cells, {len(results) - len(faulty)} exact")
    for line in different:
        print(f"the table differs: {line}")
    return 1 if faulty or different or not results else 0


if __name__ == "__main__":
    sys.exit(main())
