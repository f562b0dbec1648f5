#!/usr/bin/python3
"""Writes metrics.md: every metric of a collector, from what one exposes.

    docs/generate_metrics.py build/release/tests/one_of_everything

That program prints what a collector exposes that has counted one of everything.
With --check nothing is written; exit status 1 says that the page is not what this
gives.
"""

import argparse
import os
import re
import subprocess
import sys

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.md")
HEAD = """\
# Metrics

Written by `docs/generate_metrics.py` from what a collector exposes: names, types, labels and texts are the program's own.
How things hang together is told in [README.md](../README.md#metrics); questions and their queries are in the
[cookbook](queries.md); how many series there are, in [sizing](sizing.md).

Counters end in `_total` and never fall, but where a destination was idle: its series end, and begin at 0 when it comes
back. The collector's ledger keeps them over restarts. Metrics with `proxy_vendor` carry `pod_name` and `pod_namespace` too when
the collector is told them; the others have the target's labels alone.

"Says" is who the figure is from:

| says | |
| --- | --- |
| library | the library in the crawler counted it: exact |
| library, inferred | the library: exact where `visibility="plaintext"`; told from turns of encrypted records where it is `inferred`, [more or less right](inferred.md) |
| library, kernel | the library; with `visibility="kernel"`, or where no library reported the traffic, the kernel: both exact |
| kernel | the kernel's own counts of TCP sockets, of whatever program |
| comparison | the library's report beside the kernel's count |
| sample | the library, of some: not exact |
| prices | the configuration's prices, times what was counted: exact |
| collector | the collector, of itself and of what reports to it |
"""

# (pattern of names, who says so), the first that matches.
SAYS = (
    (r"proxymeter_(vendor_|product_)?requests_total", "library, inferred"),
    (r"proxymeter_(vendor_)?(sent|received)_bytes_total", "library, kernel"),
    (r"proxymeter_(connections|retransmitted_bytes)_total", "library, kernel"),
    (r"proxymeter_rtt_seconds", "library, kernel"),
    (r"proxymeter_product_\w+", "library"),
    (r"proxymeter_(vendor_)?responses_total", "library"),
    (r"proxymeter_(adopted|unsettled)_connections_total", "library"),
    (r"proxymeter_(tunnels|proxy_errors|grpc_responses)_total", "library"),
    (r"proxymeter_tls_sessions_total", "library, inferred"),
    (r"proxymeter_(held_bytes|phase_duration_seconds)", "library"),
    (r"proxymeter_reconciled_bytes_total", "comparison"),
    (r"proxymeter_connections_by_caller_total", "sample"),
    (r"proxymeter_(connections_without_caller|caller_walks)_total", "library"),
    (r"proxymeter_kernel_\w+", "kernel"),
    (r"proxymeter_(unmetered|unsent)_\w+|proxymeter_coverage_ratio", "comparison"),
    (r"proxymeter_(destination_)?cost_total", "prices"),
    (r"proxymeter_(shim_events|desynchronised)_total", "library"),
    (
        r"proxymeter_(audit_|rejected|sessions|frames|journals|rows_|degraded|ledger_"
        r"|policy_|build_info|start_time|folded_)\w*",
        "collector",
    ),
    (r"process_\w+", "collector"),
)

SECTIONS = (
    ("Traffic by vendor", r"proxymeter_vendor_\w+"),
    ("Cost", r"proxymeter_\w*cost_total"),
    (
        "Traffic by destination",
        r"proxymeter_(requests|responses|sent_bytes|received_bytes|folded_\w+)_total",
    ),
    ("Traffic by product", r"proxymeter_product_\w+"),
    (
        "Connections, tunnels, times and errors",
        r"proxymeter_((adopted_|unsettled_)?connections|tunnels|proxy_errors"
        r"|tls_sessions|grpc_responses|retransmitted_bytes|reconciled_bytes)_total"
        r"|proxymeter_(phase_\w+|rtt_seconds|held_bytes)",
    ),
    ("Callers", r"proxymeter_\w*caller\w*"),
    (
        "The kernel as second witness",
        r"proxymeter_(kernel|unmetered|unsent|coverage|audit)_\w+",
    ),
    ("Configuration", r"proxymeter_policy_\w+"),
    ("The meter itself", r".*"),
)

FEW = 8  # values of a label that are listed
OPEN = {"proxy_vendor", "destination_host", "pod_name", "pod_namespace"}
OPEN |= {"currency", "zone", "caller", "checksum", "version", "compiler"}
OPEN |= {"response_code"}


class Family:
    def __init__(self, name):
        self.name = name
        self.kind = self.help = ""
        self.labels = {}  # name: values, in order of appearance

    @property
    def unit(self):
        if "_bytes" in self.name:
            return "bytes"
        if "_seconds" in self.name:
            return "seconds"
        if self.name.endswith("_ratio"):
            return "ratio, 0 to 1"
        if self.name.endswith("cost_total"):
            return "the currency's"
        if self.kind == "gauge" and re.search(r"_info$|_failed$|_running$|_degraded$", self.name):
            return "0 or 1"
        return "number"

    @property
    def says(self):
        for pattern, who in SAYS:
            if re.fullmatch(pattern, self.name):
                return who
        raise SystemExit(f"{self.name}: who says so? docs/generate_metrics.py, SAYS")

    def row(self):
        labels = []
        for name, values in self.labels.items():
            if name == "zone":
                labels.append("the vendor's `labels`")
            elif name in ("pod_name", "pod_namespace", "le"):
                continue
            elif name in OPEN or len(values) > FEW:
                labels.append(f"`{name}`")
            else:
                told = ", ".join(f"`{value}`" for value in values)
                labels.append(f"`{name}`: {told}")
        return (
            f"| `{self.name}` | {self.kind} | {self.unit} | {'; '.join(labels)} "
            f"| {self.says} | {self.help} |"
        )


def families(text):
    found, now = [], None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, told = line.split(" ", 3)
            now = Family(name)
            now.help = told.replace('\\"', '"').replace("\\n", " ").replace("|", "\\|")
            found.append(now)
        elif line.startswith("# TYPE "):
            now.kind = line.split(" ")[3]
        else:
            for name, value in re.findall(r'(\w+)="([^"]*)"', line):
                values = now.labels.setdefault(name, [])
                if value and value not in values:
                    values.append(value)
    return found


def enumerations(found):
    """Labels with more values than a table has room for."""
    told = {}
    for family in found:
        for name, values in family.labels.items():
            if name not in OPEN and name != "le" and len(values) > FEW:
                told[(family.name, name)] = values
    for (metric, label), values in told.items():
        yield f"- `{label}` of `{metric}`: " + ", ".join(f"`{v}`" for v in values) + "."


def page(text):
    left = families(text)
    lines = [HEAD]
    for title, pattern in SECTIONS:
        here = [f for f in left if re.fullmatch(pattern, f.name)]
        left = [f for f in left if f not in here]
        lines += [f"## {title}\n", "| metric | type | unit | labels | says | meaning |"]
        lines.append("| --- | --- | --- | --- | --- | --- |")
        lines += [family.row() for family in here]
        lines.append("")
    lines.append("## Values of labels\n")
    lines += enumerations(families(text))
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="one_of_everything of a build")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    made = page(
        subprocess.run(
            [arguments.program], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    )
    if not arguments.check:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(made)
        return 0
    with open(PAGE, encoding="utf-8") as file:
        if file.read() == made:
            return 0
    print(f"{PAGE} is out of date: run docs/generate_metrics.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
