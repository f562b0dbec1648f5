"""What does it cost?"""

from board import TO_DESTINATIONS, Board
from panels import NAMESPACE, VENDOR, VENDOR_POD, Panel, Query

_PER_HOUR = f"proxy:cost_per_hour:vendor_currency{{{VENDOR}}}"
_BY_POD = f"vendor_pod_currency:proxymeter_cost:rate5m{{{VENDOR_POD}}}"
_CURRENCIES = "Each currency apart; vendors without a price are missing."
_IN_RANGE = f"(sum_over_time({_BY_POD}[$__range:5m])) * 300"
_SUCCESSES = (
    "sum by (proxy_vendor) (vendor_pod_class:proxymeter_vendor_responses:rate5m"
    f'{{{VENDOR_POD}, response_code_class=~"[123]xx"}})'
)

_NOW = (
    Panel(
        "Cost per hour",
        f"What the last hour cost, over all pods. {_CURRENCIES}",
        (Query(f"sum by (currency) ({_PER_HOUR})", "{{currency}}"),),
        kind="stat",
        unit="none",
        decimals=2,
        width=8,
        height=4,
    ),
    Panel(
        "In the range shown",
        "What the range above cost, of the vendors, namespaces and pods chosen, summed "
        f"up from rates. {_CURRENCIES}",
        (Query(f"sum by (currency) {_IN_RANGE}", "{{currency}}"),),
        kind="stat",
        unit="none",
        decimals=2,
        width=8,
        height=4,
    ),
    Panel(
        "A month like the last hour",
        "What 730 hours like the last one would cost, over all pods. " + _CURRENCIES,
        (Query(f"730 * sum by (currency) ({_PER_HOUR})", "{{currency}}"),),
        kind="stat",
        unit="none",
        decimals=0,
        width=8,
        height=4,
    ),
)

_OVER_TIME = (
    Panel(
        "Cost per hour by vendor",
        f"What an hour cost, up to each moment, over all pods. {_CURRENCIES}",
        (Query(_PER_HOUR, "{{proxy_vendor}} {{currency}}"),),
        unit="none",
        decimals=2,
    ),
    Panel(
        "Of what the day before cost",
        "Cost per hour, as a multiple of what it was a day earlier, over all pods. The "
        "alert compares with the most of the three hours around that time.",
        (
            Query(
                f"{_PER_HOUR}\n/ (proxy:cost_per_hour:vendor_currency{{{VENDOR}}} "
                "offset 1d > 0)",
                "{{proxy_vendor}} {{currency}}",
            ),
        ),
        thresholds=(("orange", 1.5), ("red", 2)),
        empty_when="Nothing was recorded a day ago yet.",
    ),
)

_TABLE = Panel(
    "Vendors",
    "Of the vendors, namespaces and pods chosen: what the range shown cost, and rates "
    "of the last 5 minutes for what is had for it. The vendor's name leads to its "
    "destinations.",
    (
        Query(f"sum by (proxy_vendor, currency) {_IN_RANGE}"),
        Query(f"3600 * sum by (proxy_vendor, currency) ({_BY_POD})"),
        Query(
            f"1000 * sum by (proxy_vendor, currency) ({_BY_POD})\n"
            f"/ on (proxy_vendor) group_left () ({_SUCCESSES} > 0)"
        ),
        Query(
            f"1e9 * sum by (proxy_vendor, currency) ({_BY_POD})\n"
            "/ on (proxy_vendor) group_left () (sum by (proxy_vendor) "
            f"(proxy:bandwidth_per_pod:vendor_pod{{{VENDOR_POD}}}) > 0)"
        ),
    ),
    kind="table",
    width=24,
    columns=(
        ("proxy_vendor", "Vendor", None),
        ("currency", "Currency", None),
        ("Value #A", "In the range", "none"),
        ("Value #B", "Per hour, now", "none"),
        ("Value #C", "Per 1,000 successes", "none"),
        ("Value #D", "Per GB", "none"),
    ),
    sort="In the range",
    link=("proxy_vendor", "Destinations of this vendor", TO_DESTINATIONS),
)

_WHO = (
    Panel(
        "Destinations that cost the most",
        "Cost per hour by the rate of the last 5 minutes, of the ten destinations with "
        "the most; of vendors that bill bytes as they are on the wire. Over all pods "
        "of the namespaces chosen.",
        (
            Query(
                "topk(10, 3600 * sum by (proxy_vendor, destination_host, currency) "
                "(namespace_vendor_destination_currency:proxymeter_destination_cost"
                f":rate5m{{{VENDOR}, {NAMESPACE}}}))",
                "{{destination_host}} by {{proxy_vendor}}, {{currency}}",
            ),
        ),
        kind="bargauge",
        unit="none",
        height=10,
    ),
    Panel(
        "Pods that cost the most",
        "Cost per hour by the rate of the last 5 minutes, of the ten pods with the "
        "most among those chosen.",
        (
            Query(
                "topk(10, 3600 * sum by (pod_namespace, pod_name, currency) "
                f"({_BY_POD}))",
                "{{pod_name}}, {{currency}}",
            ),
        ),
        kind="bargauge",
        unit="none",
        height=10,
    ),
)

BOARD = Board(
    "proxymeter-cost",
    "proxymeter / Cost",
    "What the traffic costs by the prices of the configuration.",
    (
        ("Now", (_NOW,)),
        ("Vendors", (_OVER_TIME, (_TABLE,))),
        ("For what", (_WHO,)),
    ),
)
