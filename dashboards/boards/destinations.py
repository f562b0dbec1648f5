"""Where does the traffic go?"""

from board import DESTINATIONS, Board
from panels import NAMESPACE, VENDOR, Panel, Query

_LEVEL = "namespace_vendor_destination"
_WHERE = f"{{{VENDOR}, {NAMESPACE}}}"
_BY = "sum by (proxy_vendor, destination_host)"
_PODS = "Over all pods of the namespaces chosen: destinations are not recorded by pod."
_BOTH = (
    f"{_LEVEL}:proxymeter_sent_bytes:rate5m{_WHERE}"
    f" + {_LEVEL}:proxymeter_received_bytes:rate5m{_WHERE}"
)


def _top(count, expression):
    return f"topk({count}, {_BY} ({expression}))"


def _of_top(expression):
    """`expression` for the destinations in the table alone."""
    return f"{expression}\nand on (proxy_vendor, destination_host)\n{_top(50, _BOTH)}"


_TABLE = Panel(
    "Destinations with the most bytes",
    "The fifty with the most bytes now (rates of the last 5 minutes). Refused: the "
    "part of the responses of class 4xx and 5xx, over all namespaces. _other: those "
    f"for which there was no room; _unknown: no host was ever told. {_PODS}",
    (
        Query(_top(50, _BOTH)),
        Query(_of_top(f"{_BY} ({_LEVEL}:proxymeter_requests:rate5m{_WHERE})")),
        Query(
            _of_top(
                "vendor_destination:proxymeter_responses_error_per_response"
                f":ratio_rate5m{{{VENDOR}}}"
            )
        ),
        Query(
            _of_top(
                f"3600 * {_BY} "
                f"({_LEVEL}_currency:proxymeter_destination_cost:rate5m{_WHERE})"
            )
        ),
    ),
    kind="table",
    width=24,
    height=12,
    columns=(
        ("destination_host", "Destination", None),
        ("proxy_vendor", "Vendor", None),
        ("Value #A", "Bytes", "Bps"),
        ("Value #B", "Requests", "reqps"),
        ("Value #C", "Refused", "percentunit"),
        ("Value #D", "Cost per hour", "none"),
    ),
    sort="Bytes",
)

_SERIES = tuple(
    Panel(
        f"{title} by destination",
        f"{title} a second of the ten destinations with the most, among the twenty of "
        "each vendor. Over all namespaces and pods.",
        (
            Query(
                f"topk(10, proxy:top_destinations_by_{what}:vendor_destination"
                f"{{{VENDOR}}})",
                "{{destination_host}} by {{proxy_vendor}}",
            ),
        ),
        unit=unit,
        height=10,
    )
    for title, what, unit in (
        ("Bytes", "bytes", "Bps"),
        ("Requests", "requests", "reqps"),
    )
)

_REFUSED = (
    Panel(
        "Destinations that refuse the most",
        "Responses of class 4xx and 5xx a second of the ten destinations with the "
        f"most. {_PODS}",
        (
            Query(
                _top(
                    10,
                    f"{_LEVEL}_class:proxymeter_responses:rate5m"
                    f'{{{VENDOR}, {NAMESPACE}, response_code_class=~"[45]xx"}}',
                ),
                "{{destination_host}} by {{proxy_vendor}}",
            ),
        ),
        kind="bargauge",
        unit="reqps",
    ),
    Panel(
        "Responses by class",
        "What destinations, and proxies in their place, answer. " + _PODS,
        (
            Query(
                "sum by (response_code_class) "
                f"(namespace_vendor_class:proxymeter_vendor_responses:rate5m{_WHERE})",
                "{{response_code_class}}",
            ),
        ),
        unit="reqps",
        stack=True,
    ),
)

_MANY = (
    Panel(
        "Destinations told apart",
        "Destinations by vendor that have series now. Over all namespaces and pods.",
        (Query(f"vendor:proxymeter_destinations:count{{{VENDOR}}}", "{{proxy_vendor}}"),),
    ),
    Panel(
        "Bytes without a destination",
        "Of each vendor's bytes the part that no destination is known of: _unknown, "
        "_invalid, _other. More means more destinations than are told apart, or "
        f"programs that the library does not see. {_PODS}",
        (
            Query(
                "sum by (proxy_vendor) (namespace_vendor"
                f":proxymeter_received_bytes_without_destination:rate5m{_WHERE})\n"
                "/ (sum by (proxy_vendor) (namespace_vendor"
                f":proxymeter_vendor_received_bytes:rate5m{_WHERE}) > 0)",
                "{{proxy_vendor}}",
            ),
        ),
        unit="percentunit",
        maximum=1,
        thresholds=(("orange", 0.2),),
        empty_when="Every byte has a destination.",
    ),
)

BOARD = Board(
    DESTINATIONS,
    "proxymeter / Destinations",
    "Hosts that crawlers ask for through proxy vendors.",
    (
        ("Destinations", ((_TABLE,), _SERIES)),
        ("Answers", (_REFUSED,)),
        ("How many", (_MANY,)),
    ),
)
