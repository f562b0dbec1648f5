"""Are crawlers and vendors well, at a glance?"""

from board import TO_DESTINATIONS, Board
from panels import VENDOR, VENDOR_POD, Panel, Query

_RATIO = (("orange", 0.05), ("red", 0.5))
_SELECTED = "of the vendors, namespaces and pods chosen above"
_BYTES = "proxy:bandwidth_per_pod:vendor_pod"

_NOW = (
    Panel(
        "Requests",
        f"Requests sent a second, {_SELECTED}; those inferred from encrypted records "
        "included.",
        (Query(f"sum(vendor_pod:proxymeter_vendor_requests:rate5m{{{VENDOR_POD}}})"),),
        kind="stat",
        unit="reqps",
        width=4,
        height=4,
    ),
    Panel(
        "Bandwidth",
        f"Bytes of payload sent and received a second, {_SELECTED}.",
        (Query(f"sum({_BYTES}{{{VENDOR_POD}}})"),),
        kind="stat",
        unit="Bps",
        width=4,
        height=4,
    ),
    Panel(
        "Worst vendor's errors",
        "Of the attempts through each vendor the part that failed by the vendor's "
        "fault; here the vendor with the most. Over all pods.",
        (
            Query(
                "max(vendor:proxymeter_proxy_errors_per_attempt:ratio_rate5m"
                f"{{{VENDOR}}})"
            ),
        ),
        kind="stat",
        unit="percentunit",
        width=4,
        height=4,
        maximum=1,
        thresholds=_RATIO,
    ),
    Panel(
        "Least coverage",
        "Of the bytes that the kernel moved to and from each vendor the part that "
        "crawlers reported themselves; here the vendor with the least. Over all pods.",
        (Query(f"min(vendor:proxymeter_coverage:ratio_rate5m{{{VENDOR}}})"),),
        kind="stat",
        unit="percentunit",
        width=4,
        height=4,
        maximum=1,
        # From the lowest on: red, orange, green.
        thresholds=(("red", 0), ("orange", 0.9), ("green", 0.95)),
    ),
    Panel(
        "Cost per hour",
        "What the last hour's traffic cost, each currency apart. Over all pods.",
        (
            Query(
                f"sum by (currency) (proxy:cost_per_hour:vendor_currency{{{VENDOR}}})",
                "{{currency}}",
            ),
        ),
        kind="stat",
        unit="none",
        decimals=2,
        width=4,
        height=4,
    ),
    Panel(
        "Metered processes",
        "Crawler processes that report to a collector now, in all pods.",
        (Query("sum(pod:proxymeter_sessions:sum)"),),
        kind="stat",
        width=4,
        height=4,
    ),
)

_VENDORS = Panel(
    "Vendors",
    "What each vendor does now (rates of the last 5 minutes), over the namespaces and "
    "pods chosen; errors and cost over all pods. The vendor's name leads to its "
    "destinations.",
    (
        Query(
            "sum by (proxy_vendor) "
            f"(vendor_pod:proxymeter_vendor_requests:rate5m{{{VENDOR_POD}}})"
        ),
        Query(
            "sum by (proxy_vendor) "
            f"(vendor_pod:proxymeter_vendor_sent_bytes:rate5m{{{VENDOR_POD}}})"
        ),
        Query(
            "sum by (proxy_vendor) "
            f"(vendor_pod:proxymeter_vendor_received_bytes:rate5m{{{VENDOR_POD}}})"
        ),
        Query(f"vendor:proxymeter_proxy_errors_per_attempt:ratio_rate5m{{{VENDOR}}}"),
        Query(f"vendor:proxymeter_attempts_per_success:ratio_rate5m{{{VENDOR}}}"),
        Query(f"sum by (proxy_vendor) (proxy:cost_per_hour:vendor_currency{{{VENDOR}}})"),
    ),
    kind="table",
    width=24,
    columns=(
        ("proxy_vendor", "Vendor", None),
        ("Value #A", "Requests", "reqps"),
        ("Value #B", "Sent", "Bps"),
        ("Value #C", "Received", "Bps"),
        ("Value #D", "Vendor errors", "percentunit"),
        ("Value #E", "Attempts per success", "none"),
        ("Value #F", "Cost per hour", "none"),
    ),
    sort="Requests",
    link=("proxy_vendor", "Destinations of this vendor", TO_DESTINATIONS),
)

_TRAFFIC = (
    Panel(
        "Requests by vendor",
        f"Requests sent a second by vendor, {_SELECTED}.",
        (
            Query(
                "sum by (proxy_vendor) "
                f"(vendor_pod:proxymeter_vendor_requests:rate5m{{{VENDOR_POD}}})",
                "{{proxy_vendor}}",
            ),
        ),
        unit="reqps",
        stack=True,
    ),
    Panel(
        "Bandwidth by vendor",
        f"Bytes sent and received a second by vendor, {_SELECTED}.",
        (
            Query(
                f"sum by (proxy_vendor) ({_BYTES}{{{VENDOR_POD}}})", "{{proxy_vendor}}"
            ),
        ),
        unit="Bps",
        stack=True,
    ),
)

_TROUBLE = (
    Panel(
        "Vendor errors",
        "Of the attempts through each vendor the part that failed by the vendor's "
        "fault. What destinations answer is not part of it. Over all pods.",
        (
            Query(
                "vendor:proxymeter_proxy_errors_per_attempt:ratio_rate5m"
                f"{{{VENDOR}}}",
                "{{proxy_vendor}}",
            ),
        ),
        unit="percentunit",
        maximum=1,
        thresholds=_RATIO,
    ),
    Panel(
        "Alerts",
        "Alerts of proxymeter that are firing, or will be when what they see lasts. "
        "Of all pods; docs/runbook.md has a section for each.",
        (
            Query(
                "count by (alertname, alertstate, severity) "
                '(ALERTS{alertname=~"Proxymeter.*"})'
            ),
            Query(
                "time() - min by (alertname, severity) "
                '(ALERTS_FOR_STATE{alertname=~"Proxymeter.*"})'
            ),
        ),
        kind="table",
        columns=(
            ("alertname", "Alert", None),
            ("alertstate", "State", None),
            ("severity", "Severity", None),
            ("Value #A", "How many", "none"),
            ("Value #B", "For", "s"),
        ),
        sort="For",
        empty_when="No alert is firing or pending.",
    ),
)

BOARD = Board(
    "proxymeter-overview",
    "proxymeter / Overview",
    "What crawlers send through proxy vendors, what it costs, and what is wrong.",
    (
        ("Now", (_NOW,)),
        ("Vendors", ((_VENDORS,), _TRAFFIC)),
        ("Trouble", (_TROUBLE,)),
    ),
)
