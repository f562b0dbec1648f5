"""Is the meter itself well?"""

from board import Board
from panels import (
    NAMESPACE,
    POD,
    VENDOR,
    VENDOR_NAMESPACE,
    VENDOR_POD,
    Panel,
    Query,
)

_UP = "up and on (job, instance) last_over_time(proxymeter_build_info[1h])"
_CHOSEN = "Of the pods chosen; collectors are no vendor's."


def _events(title, what, record, label):
    return Panel(
        title,
        f"{what} Over all pods of the namespaces chosen.",
        (
            Query(
                f"sum by ({label}) ({record}{{{NAMESPACE}}})",
                f"{{{{{label}}}}}",
            ),
        ),
        unit="cps",
    )


def _yes_no(title, what, expression, bad):
    """A number that is 0 or 1, and which of the two is bad."""
    return Panel(
        title,
        what,
        (Query(expression),),
        kind="stat",
        width=6,
        height=4,
        thresholds=(("red", 1),) if bad else (("red", 0), ("green", 1)),
        mappings=(
            (0, "no", "green" if bad else "red"),
            (1, "yes", "red" if bad else "green"),
        ),
    )


_NOW = (
    Panel(
        "Collectors that answer",
        "Of the collectors that Prometheus knows the part that it could scrape just "
        "now.",
        (Query(f"avg({_UP})"),),
        kind="stat",
        unit="percentunit",
        maximum=1,
        width=6,
        height=4,
        thresholds=(("red", 0), ("orange", 0.95), ("green", 0.99)),
    ),
    _yes_no(
        "All audits run",
        "Whether every collector chosen compares what crawlers report with the kernel.",
        f"min(pod:proxymeter_audit_running:min{{{POD}}})",
        bad=False,
    ),
    _yes_no(
        "A configuration failed",
        "Whether one of the collectors chosen could not take its configuration.",
        f"max(pod:proxymeter_policy_failed:max{{{POD}}})",
        bad=True,
    ),
    _yes_no(
        "Something cannot be written",
        "Whether one of the collectors chosen cannot write its ledger or policy.",
        f"max(pod_part:proxymeter_degraded:max{{{POD}}})",
        bad=True,
    ),
)

_COVERAGE = (
    Panel(
        "Coverage",
        "Of the bytes that the kernel moved to and from each vendor the part that "
        "crawlers reported themselves. The rest is metered by the kernel's word. Over "
        "all pods.",
        (
            Query(
                f"vendor:proxymeter_coverage:ratio_rate5m{{{VENDOR}}}",
                "{{proxy_vendor}}",
            ),
        ),
        unit="percentunit",
        maximum=1,
    ),
    Panel(
        "Bytes that crawlers did not report",
        "By why not; README.md says what each reason means. Over all pods of the "
        "namespaces chosen.",
        (
            Query(
                "sum by (reason) "
                "(namespace_vendor_reason:proxymeter_unmetered_bytes:rate5m"
                f"{{{VENDOR_NAMESPACE}}})",
                "{{reason}}",
            ),
        ),
        unit="Bps",
        stack=True,
    ),
    Panel(
        "Pods with the least coverage",
        "The ten pods where the least part is reported, of those chosen.",
        (
            Query(
                f"bottomk(10, vendor_pod:proxymeter_coverage:ratio_rate5m{{{VENDOR_POD}}})",
                "{{pod_name}} to {{proxy_vendor}}",
            ),
        ),
        kind="bargauge",
        unit="percentunit",
        maximum=1,
    ),
    _events(
        "What the comparison does not know",
        "Gaps in the comparison with the kernel, by kind, a second. 0 is the rule.",
        "namespace_reason:proxymeter_audit_gaps:rate5m",
        "reason",
    ),
)

_INSIDE = (
    _events(
        "What libraries report",
        "Events in crawlers, a second; README.md (Troubleshooting) says what each means.",
        "namespace_event:proxymeter_shim_events:rate5m",
        "event",
    ),
    _events(
        "Not taken by collectors",
        "Frames, rows, journals and connections that were refused, a second.",
        "namespace_reason:proxymeter_rejected:rate5m",
        "reason",
    ),
    _events(
        "Parsers that lost their place",
        "Connections of which only bytes are counted from there on, a second.",
        "namespace_protocol:proxymeter_desynchronised:rate5m",
        "protocol",
    ),
    Panel(
        "Series that end or find no room",
        "Additions under _other for want of room, and idle destinations whose series "
        f"ended, a second. {_CHOSEN}",
        (
            Query(f"sum(pod:proxymeter_rows_overflowed:rate5m{{{POD}}})", "no room"),
            Query(f"sum(pod:proxymeter_folded_destinations:rate5m{{{POD}}})", "idle"),
        ),
        unit="cps",
    ),
)

_SIZE = (
    Panel(
        "Memory of collectors",
        f"Resident memory, the most and the mean. {_CHOSEN}",
        (
            Query(f"max(pod:process_resident_memory_bytes:sum{{{POD}}})", "most"),
            Query(f"avg(pod:process_resident_memory_bytes:sum{{{POD}}})", "mean"),
        ),
        unit="bytes",
    ),
    Panel(
        "CPU time of collectors",
        f"Cores that a collector takes, the most and the mean. {_CHOSEN}",
        (
            Query(f"max(pod:process_cpu_seconds:rate5m{{{POD}}})", "most"),
            Query(f"avg(pod:process_cpu_seconds:rate5m{{{POD}}})", "mean"),
        ),
    ),
    Panel(
        "Samples of a scrape",
        "Series that a collector gives, the most and the mean. docs/sizing.md says how "
        "many to expect. Over all pods.",
        tuple(
            Query(
                f'{function}(scrape_samples_scraped{{job=~".*proxymeter.*"}})',
                legend,
            )
            for function, legend in (("max", "most"), ("avg", "mean"))
        ),
    ),
    Panel(
        "Duration of a scrape",
        "How long scrapes take, the longest and the mean. Over all pods.",
        tuple(
            Query(
                f'{function}(scrape_duration_seconds{{job=~".*proxymeter.*"}})',
                legend,
            )
            for function, legend in (("max", "longest"), ("avg", "mean"))
        ),
        unit="s",
    ),
)

_WHAT_RUNS = (
    Panel(
        "Metered processes",
        f"Crawler processes that report now. {_CHOSEN}",
        (Query(f"sum(pod:proxymeter_sessions:sum{{{POD}}})", "processes"),),
        width=8,
    ),
    Panel(
        "Configurations in force",
        "How many collectors have which configuration, by its checksum: more than one "
        "line means that a change is not everywhere yet. Over all pods.",
        (Query("count by (checksum) (proxymeter_policy_info)", "{{checksum}}"),),
        width=8,
    ),
    Panel(
        "Versions",
        "How many collectors run which version. Over all pods.",
        (Query("count by (version) (proxymeter_build_info)", "{{version}}"),),
        width=8,
    ),
)

BOARD = Board(
    "proxymeter-meter",
    "proxymeter / The meter's own health",
    "Whether the figures of the other dashboards can be relied upon.",
    (
        ("Now", (_NOW,)),
        ("Coverage", (_COVERAGE[:2], _COVERAGE[2:])),
        ("Inside", (_INSIDE[:2], _INSIDE[2:])),
        ("What runs", (_WHAT_RUNS,)),
        ("Size", (_SIZE[:2], _SIZE[2:])),
    ),
)
