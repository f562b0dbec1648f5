"""What was metered beside what was witnessed, as a table with verdicts."""

import dataclasses

from . import account


@dataclasses.dataclass
class Line:
    """One comparison. Figures are integers."""

    cells: tuple
    metered: int
    witnessed: int
    witness: str

    @property
    def agrees(self):
        return self.metered == self.witnessed


def destination_lines(lab, metrics):
    """Requests per vendor and destination, against the origin's log."""
    lines = []
    for vendor in lab.vendors.values():
        found = account.metered(metrics, vendor)
        expected = account.witnessed(lab, vendor)
        traffic = account.destinations(metrics, vendor)
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


def vendor_lines(lab, metrics):
    """Everything else that somebody independent has counted."""
    lines = []
    for vendor in lab.vendors.values():
        found = account.metered(metrics, vendor)
        expected = account.witnessed(lab, vendor)

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
    return lines


def _of_class(responses, wanted):
    return sum(n for (_, code), n in responses.items() if code == wanted)


def table(header, lines):
    """Text of `lines`: their cells, both figures, the witness, the verdict."""
    rows = [header]
    for line in lines:
        rows.append(
            (
                *line.cells,
                f"{line.metered:,}",
                f"{line.witnessed:,}",
                line.witness,
                "agree" if line.agrees else "DISAGREE",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def is_figure(column):
        return all(row[column].replace(",", "").isdigit() for row in rows[1:])

    figures = [is_figure(column) for column in range(len(widths))]
    text = ""
    for row in rows:
        cells = (
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, width, figure in zip(row, widths, figures, strict=True)
        )
        text += ("  " + "  ".join(cells)).rstrip() + "\n"
    return text
