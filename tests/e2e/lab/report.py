"""What was metered beside what was witnessed, as a table with verdicts."""

import dataclasses
import re
from decimal import Decimal

from . import account, second_witness


@dataclasses.dataclass
class Line:
    """One comparison."""

    cells: tuple
    metered: int | float | Decimal
    witnessed: int | float | Decimal
    witness: str

    @property
    def agrees(self):
        return self.metered == self.witnessed


def _expected(lab, vendor, unseen):
    expected = account.witnessed(lab, vendor)
    if vendor.name not in unseen:
        return expected
    return expected - second_witness.beyond_the_kernel(
        lab, vendor, unseen[vendor.name]
    )


def destination_lines(lab, metrics, unseen):
    """Requests per vendor and destination, against the origin's log.

    `unseen` has by vendor what crawlers without the library carried: their
    requests and destinations are not known.
    """
    lines = []
    for vendor in lab.vendors.values():
        found = account.metered(metrics, vendor)
        expected = _expected(lab, vendor, unseen)
        traffic = account.destinations(metrics, vendor)
        if vendor.name in unseen:
            traffic.pop("_unknown", None)
        for host in sorted(traffic.keys() | expected.requests.keys()):
            sent, received = traffic.get(host, (0, 0))
            lines.append(
                Line(
                    (vendor.name, host, f"{sent:,}", f"{received:,}"),
                    found.requests.get(host, 0),
                    expected.requests.get(host, 0),
                    "origin's access log",
                )
            )
    return lines


def vendor_lines(lab, metrics, unseen):
    """Everything else that somebody independent has counted."""
    lines = []
    for vendor in lab.vendors.values():
        found = account.metered(metrics, vendor)
        expected = _expected(lab, vendor, unseen)

        def add(what, mine, theirs, witness, name=vendor.name):
            lines.append(Line((name, what), mine, theirs, witness))

        add("bytes sent", found.sent, expected.sent, "kernel, tcp_info")
        add("bytes received", found.received, expected.received, "kernel, tcp_info")
        for what, theirs, witness in vendor.own_figures():
            add(what, getattr(found, what.split()[-1]), theirs, witness)
        add("connections", found.connections, expected.connections, "kernel")
        add("tunnels", found.tunnels, expected.tunnels, f"{vendor.program}'s log")
        for code in sorted({c for _, c in found.responses | expected.responses}):
            add(
                f"responses {code}",
                _of_class(found.responses, code),
                _of_class(expected.responses, code),
                "origin's access log",
            )
        for what, mine, theirs, witness in _by_terms(metrics, vendor, expected):
            add(what, mine, theirs, witness)
    return lines


def kernel_lines(lab, metrics, unseen, shown):
    """What the collector has from the kernel, against the lab's own witness.

    `shown` is the coverage by vendor that `proxymeter top` shows.
    """
    lines = []
    for vendor in lab.vendors.values():
        everything = vendor.carried(lab.witness)
        covered = total = everything.sent + everything.received

        def add(what, mine, theirs, witness, name=vendor.name):
            lines.append(Line((name, what), mine, theirs, witness))

        def count(what, vendor=vendor, **wanted):
            return metrics.total(
                f"proxymeter_{what}_total", proxy_vendor=vendor.name, **wanted
            )

        add("kernel sent", count("kernel_sent_bytes"), everything.sent, "kernel")
        add(
            "kernel received",
            count("kernel_received_bytes"),
            everything.received,
            "kernel",
        )
        if vendor.name in unseen:
            mine = unseen[vendor.name]
            covered -= mine.sent + mine.received
            for what in ("sent", "received"):
                add(
                    f"Go's bytes {what}",
                    count(
                        f"{what}_bytes",
                        destination_host="_unknown",
                        visibility="kernel",
                    ),
                    getattr(mine, what),
                    "kernel, while it ran",
                )
            add(
                "Go's connections",
                count("unmetered_connections"),
                mine.connections,
                "kernel, while it ran",
            )
        ratios = [
            value
            for _, value in metrics.samples(
                "proxymeter_coverage_ratio", proxy_vendor=vendor.name
            )
        ]
        add("coverage, /metrics", sum(ratios, 0.0), covered / total, "all but Go's")
        add(
            "coverage, top --once",
            shown.get(vendor.name, 0.0),
            covered / total,
            "all but Go's",
        )
    return lines


def _by_terms(metrics, vendor, expected):
    """What labels and prices make of it."""
    for label, value in getattr(vendor, "asks_for", {}).items():
        mine = metrics.total(
            "proxymeter_product_requests_total",
            proxy_vendor=vendor.name,
            **{label: value},
        )
        theirs = sum(expected.requests.values())
        yield f"requests, {label} {value}", mine, theirs, "origin's access log"
    price = vendor.terms.get("price")
    if not price:
        return
    # In floating point, but the shortest text of it is the exact sum.
    mine = sum(
        Decimal(repr(value))
        for _, value in metrics.samples(
            "proxymeter_cost_total",
            proxy_vendor=vendor.name,
            currency=price["currency"],
        )
    )
    carried = expected.sent + expected.received
    asked = sum(expected.requests.values())
    theirs = Decimal(str(price.get("per_gb", 0))) * carried / 10**9
    theirs += Decimal(str(price.get("per_request", 0))) * asked
    terms = [f"{key} {price[key]}" for key in ("per_gb", "per_request") if key in price]
    yield f"cost, {price['currency']}", mine, theirs, " ".join(
        [*terms, "of the above"]
    )


def _of_class(responses, wanted):
    return sum(n for (_, code), n in responses.items() if code == wanted)


def _written(figure):
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.9f}"


def table(header, lines, headings=None, verdicts=("agree", "DISAGREE")):
    """Text of `lines`: their cells, both figures, the witness, the verdict.

    With `headings`, by what stands in the first column: that is left out, and a
    line of text put in front of those that have it.
    """
    headings = headings or {}
    rows = [header]
    for line in lines:
        rows.append(
            (
                *line.cells,
                _written(line.metered),
                _written(line.witnessed),
                line.witness,
                verdicts[0] if line.agrees else verdicts[1],
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def is_figure(column):
        return all(re.fullmatch(r"[\d,]+(\.\d+)?", row[column]) for row in rows[1:])

    figures = [is_figure(column) for column in range(len(widths))]
    text, last = "", None
    for row in rows:
        if row[0] in headings and row[0] != last:
            text += f"  {row[0]}: {headings[row[0]]}\n"
            last = row[0]
        cells = (
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, width, figure in zip(row, widths, figures, strict=True)
        )
        shown = list(cells)[1 if headings else 0 :]
        text += ("    " if headings else "  ") + "  ".join(shown).rstrip() + "\n"
    return text
