"""Who moves how many bytes?"""

from board import TO_DESTINATIONS, Board
from panels import VENDOR_NAMESPACE, VENDOR_POD, Panel, Query

_BYTES = "proxy:bandwidth_per_pod:vendor_pod"
_SENT = "vendor_pod:proxymeter_vendor_sent_bytes:rate5m"
_RECEIVED = "vendor_pod:proxymeter_vendor_received_bytes:rate5m"
_SELECTED = "of the vendors, namespaces and pods chosen above"


def _in_range(series, labels):
    """What was moved in the range shown: a rate each minute, for that minute."""
    return (
        f"sum by ({labels}) "
        f"(sum_over_time({series}{{{VENDOR_POD}}}[$__range:5m])) * 300"
    )


_BY_VENDOR = tuple(
    Panel(
        f"{title} by vendor",
        f"Bytes of payload {title.lower()} a second, {_SELECTED}. TLS records and "
        "handshakes with the proxy are part of it.",
        (
            Query(
                f"sum by (proxy_vendor) ({series}{{{VENDOR_POD}}})", "{{proxy_vendor}}"
            ),
        ),
        unit="Bps",
        stack=True,
    )
    for title, series in (("Sent", _SENT), ("Received", _RECEIVED))
)

_TABLE = Panel(
    "In the range shown",
    f"Bytes in the whole range above, {_SELECTED}, summed up from rates: a hundredth "
    "more or less than the counters say. Invoices are compared with counters "
    "(docs/queries.md). The vendor's name leads to its destinations.",
    (
        Query(_in_range(_SENT, "proxy_vendor")),
        Query(_in_range(_RECEIVED, "proxy_vendor")),
        Query(_in_range(_BYTES, "proxy_vendor")),
    ),
    kind="table",
    width=12,
    columns=(
        ("proxy_vendor", "Vendor", None),
        ("Value #A", "Sent", "decbytes"),
        ("Value #B", "Received", "decbytes"),
        ("Value #C", "Both", "decbytes"),
    ),
    sort="Both",
    link=("proxy_vendor", "Destinations of this vendor", TO_DESTINATIONS),
)

_PER_REQUEST = Panel(
    "Received per request",
    f"Bytes received for each request sent, {_SELECTED}: pages that grow, or media "
    "that nobody needs.",
    (
        Query(
            f"sum by (proxy_vendor) ({_RECEIVED}{{{VENDOR_POD}}})\n"
            "/ (sum by (proxy_vendor) "
            f"(vendor_pod:proxymeter_vendor_requests:rate5m{{{VENDOR_POD}}}) > 0)",
            "{{proxy_vendor}}",
        ),
    ),
    unit="decbytes",
)

_BY_POD = (
    Panel(
        "Pods with the most",
        f"Bytes sent and received a second of the ten pods with the most now, {_SELECTED}.",
        (
            Query(
                "topk(10, sum by (pod_namespace, pod_name) "
                f"({_BYTES}{{{VENDOR_POD}}}))",
                "{{pod_name}}",
            ),
        ),
        kind="bargauge",
        unit="Bps",
        height=10,
    ),
    Panel(
        "By namespace",
        f"Bytes sent and received a second by namespace, {_SELECTED}.",
        (
            Query(
                f"sum by (pod_namespace) ({_BYTES}{{{VENDOR_POD}}})",
                "{{pod_namespace}}",
            ),
        ),
        unit="Bps",
        stack=True,
        height=10,
    ),
)

_PODS = "Over all pods of the namespaces chosen."
_COUNT = (
    "sum by (proxy_vendor) "
    f"(namespace_vendor:proxymeter_pods:count{{{VENDOR_NAMESPACE}}})"
)
_SPREAD = (
    Panel(
        "Bandwidth of a pod",
        "Bytes sent and received a second by the pod with the most, and by the mean "
        f"of those with any traffic, for each vendor. {_PODS}",
        (
            Query(
                "max by (proxy_vendor) (namespace_vendor"
                f":proxymeter_bandwidth_per_pod:max{{{VENDOR_NAMESPACE}}})",
                "{{proxy_vendor}}, the most",
            ),
            Query(
                "(sum by (proxy_vendor) (namespace_vendor"
                f":proxymeter_vendor_sent_bytes:rate5m{{{VENDOR_NAMESPACE}}})\n"
                " + sum by (proxy_vendor) (namespace_vendor"
                f":proxymeter_vendor_received_bytes:rate5m{{{VENDOR_NAMESPACE}}}))\n"
                f"/ {_COUNT}",
                "{{proxy_vendor}}, the mean",
            ),
        ),
        unit="Bps",
    ),
    Panel(
        "Pods with traffic",
        f"Pods that move any bytes to or from each vendor. {_PODS}",
        (Query(_COUNT, "{{proxy_vendor}}"),),
    ),
)

BOARD = Board(
    "proxymeter-bandwidth",
    "proxymeter / Bandwidth",
    "Bytes to and from proxy vendors, by vendor, namespace and pod.",
    (
        ("By vendor", (_BY_VENDOR, (_TABLE, _PER_REQUEST))),
        ("By pod", (_BY_POD, _SPREAD)),
    ),
)
