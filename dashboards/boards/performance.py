"""How fast and how reliable are the vendors?"""

import dataclasses

from board import Board
from panels import POD, VENDOR, VENDOR_NAMESPACE, VENDOR_POD, Panel, Query

_PHASES = (
    ("request", "Whole request", "From the request sent until its response ends"),
    ("first_byte", "First byte", "From the request sent until its response begins"),
    ("connect", "Connect", "Until the TCP connection to the proxy stands"),
    ("tunnel", "Tunnel", "From CONNECT, or the first SOCKS message, to its answer"),
    ("tls_handshake", "TLS handshake", "From the first TLS record to the first data"),
)
_PODS = "Over all pods of the namespaces chosen."
_ALL_PODS = "Over all namespaces and pods: quantiles cannot be added up."


def _phase(phase, title, what):
    return Panel(
        title,
        f"{what}, as the crawler saw it: 50, 95 and 99 of 100 took no longer. {_ALL_PODS}",
        tuple(
            Query(
                f"vendor_phase:proxymeter_phase_duration_seconds:p{quantile}_rate5m"
                f'{{{VENDOR}, phase="{phase}"}}',
                f"{{{{proxy_vendor}}}} p{quantile}",
            )
            for quantile in (50, 95, 99)
        ),
        unit="s",
    )


_ROUND_TRIP = Panel(
    "Round trip to the proxy",
    "The kernel's smoothed round-trip time at the end of each connection, of whatever "
    f"program: 50 and 95 of 100 took no longer. {_ALL_PODS}",
    tuple(
        Query(
            f"vendor:proxymeter_kernel_rtt_seconds:p{quantile}_rate5m{{{VENDOR}}}",
            f"{{{{proxy_vendor}}}} p{quantile}",
        )
        for quantile in (50, 95)
    ),
    unit="s",
)

_SLOW_PODS = Panel(
    "Slowest pods",
    "Mean duration of whole requests of the ten pods where it is longest, among the "
    "vendors, namespaces and pods chosen.",
    (
        Query(
            "topk(10,\n"
            "  sum by (pod_namespace, pod_name) "
            "(vendor_pod_phase:proxymeter_phase_duration_seconds_sum:rate5m"
            f'{{{VENDOR_POD}, phase="request"}})\n'
            "  / (sum by (pod_namespace, pod_name) "
            "(vendor_pod_phase:proxymeter_phase_duration_seconds_count:rate5m"
            f'{{{VENDOR_POD}, phase="request"}}) > 0)\n)',
            "{{pod_name}}",
        ),
    ),
    kind="bargauge",
    unit="s",
)

_RETRANSMITTED = Panel(
    "Bytes sent again",
    "Of the bytes that the kernel sent to each vendor the part that it had to send "
    "again: loss on the way. Over all pods.",
    (
        Query(
            "vendor:proxymeter_kernel_retransmitted_bytes_per_sent_byte:ratio_rate5m"
            f"{{{VENDOR}}}",
            "{{proxy_vendor}}",
        ),
    ),
    unit="percentunit",
    thresholds=(("orange", 0.02), ("red", 0.1)),
)

_ERRORS = (
    Panel(
        "Vendor errors",
        "Of the attempts through each vendor (requests, refused tunnels, failed "
        "connections) the part that failed by the vendor's fault. Over all pods.",
        (
            Query(
                "vendor:proxymeter_proxy_errors_per_attempt:ratio_rate5m"
                f"{{{VENDOR}}}",
                "{{proxy_vendor}}",
            ),
        ),
        unit="percentunit",
        maximum=1,
        thresholds=(("orange", 0.05), ("red", 0.5)),
    ),
    Panel(
        "Vendor errors by reason",
        "What the vendors' proxies did not do, a second. README.md has what each "
        f"reason means. {_PODS}",
        (
            Query(
                "sum by (proxy_vendor, reason) "
                f"(namespace_vendor_reason:proxymeter_proxy_errors:rate5m{{{VENDOR_NAMESPACE}}})",
                "{{proxy_vendor}} {{reason}}",
            ),
        ),
        unit="reqps",
        stack=True,
        empty_when="No proxy has failed yet: series begin with the first error.",
    ),
)

_ANSWERS = (
    Panel(
        "Responses by class",
        "Of each vendor's responses the part in each class: mostly what destinations "
        "say. Over all pods.",
        (
            Query(
                "vendor_class:proxymeter_vendor_responses_per_response:ratio_rate5m"
                f'{{{VENDOR}, response_code_class!="2xx"}}',
                "{{proxy_vendor}} {{response_code_class}}",
            ),
        ),
        unit="percentunit",
        maximum=1,
    ),
    Panel(
        "Attempts per success",
        "Requests that were read, refused tunnels and failed connections for each "
        "response of class 1xx to 3xx: 1 is perfect, 100 stands for more and for no "
        "success at all. Over all pods.",
        (
            Query(
                f"vendor:proxymeter_attempts_per_success:ratio_rate5m{{{VENDOR}}}",
                "{{proxy_vendor}}",
            ),
        ),
        thresholds=(("orange", 1.5), ("red", 2)),
    ),
)

_CONNECTIONS = (
    Panel(
        "Connections by result",
        f"Attempts to connect to the proxies, a second. {_PODS}",
        (
            Query(
                "sum by (result) "
                f"(namespace_vendor_result:proxymeter_connections:rate5m{{{VENDOR_NAMESPACE}}})",
                "{{result}}",
            ),
        ),
        unit="cps",
        stack=True,
    ),
    Panel(
        "Tunnels by reply",
        "Replies to CONNECT (status codes) and SOCKS (socks5_0: granted), a second. "
        + _PODS,
        (
            Query(
                "sum by (response_code) "
                f"(namespace_vendor_code:proxymeter_tunnels:rate5m{{{VENDOR_NAMESPACE}}})",
                "{{response_code}}",
            ),
        ),
        unit="reqps",
        stack=True,
    ),
    Panel(
        "Requests per connection",
        "Requests for each connection that was made: few mean that crawlers do not "
        f"keep connections, and pay for handshakes. {_PODS}",
        (
            Query(
                "sum by (proxy_vendor) "
                "(namespace_vendor:proxymeter_vendor_requests:rate5m"
                f"{{{VENDOR_NAMESPACE}}})\n"
                "/ (sum by (proxy_vendor) "
                "(namespace_vendor_result:proxymeter_connections:rate5m"
                f'{{{VENDOR_NAMESPACE}, result="ok"}}) > 0)',
                "{{proxy_vendor}}",
            ),
        ),
    ),
)

_OPEN = Panel(
    "Connections followed",
    "Connections to vendors that are open now, by namespace, as the kernel tells the "
    "collectors. Of the pods chosen, over all vendors.",
    (
        Query(
            f"sum by (pod_namespace) (pod:proxymeter_audit_connections:sum{{{POD}}})",
            "{{pod_namespace}}",
        ),
    ),
)

_THIRDS = tuple(dataclasses.replace(panel, width=8) for panel in _CONNECTIONS)
_made = [_phase(*phase) for phase in _PHASES]

BOARD = Board(
    "proxymeter-performance",
    "proxymeter / Performance and health of vendors",
    "How long things take through each vendor, and what fails, whoever is to blame.",
    (
        (
            "Latency",
            (tuple(_made[:2]), tuple(_made[2:4]), (_made[4], _ROUND_TRIP)),
        ),
        ("Pods and network", ((_SLOW_PODS, _RETRANSMITTED),)),
        ("Errors", (_ERRORS, _ANSWERS)),
        ("Connections", (_THIRDS, (_OPEN,))),
    ),
)
