"""Every query of the dashboards, upon a day of a thousand pods.

The day is made up: what the dashboards ask for, as the recording rules would have
recorded it, is written as text and made blocks of by promtool.
"""

import concurrent.futures
import dataclasses
import itertools
import math
import os
import random
import subprocess
import sys
import tempfile
import time

from lab.prometheus import ROOT, Prometheus

sys.path.insert(0, os.path.join(ROOT, "dashboards"))

import generate  # noqa: E402

VENDORS = ("alpha", "beta", "gamma")
PODS_OF_A_NAMESPACE = 100
BLOCK = 2 * 3600  # seconds
DAY = 24 * 3600
SAMPLE_EVERY = 120
STEP = 120  # what Grafana takes for a day on a panel of half a screen
CLASSES = ("2xx", "3xx", "4xx", "5xx")
PHASES = ("connect", "tunnel", "tls_handshake", "first_byte", "request")
RESULTS = ("ok", "refused", "timed_out", "failed", "abandoned")
ERRORS = ("dns", "quota", "bad_gateway")
UNMETERED = (
    "not_preloaded",
    "path_not_seen",
    "before_journal",
    "after_crash",
    "not_read",
)
REJECTIONS = ("malformed_frame", "too_many_rows", "wrong_owner")
GAPS = ("overrun", "undecided", "no_room")
PROTOCOLS = ("http/1.1", "http/2", "socks", "tls")
EVENTS = ("frames_sent", "rows_overflowed", "policy_rejected", "uplink_failures")
# A series' values repeat one of so many courses.
COURSES = 97


def _texts(labels):
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def _product(**choices):
    """Label sets of all combinations."""
    return [
        dict(zip(choices, values)) for values in itertools.product(*choices.values())
    ]


def _with_pods(pods, **choices):
    return [
        {**labels, "pod_namespace": f"ns-{pod // PODS_OF_A_NAMESPACE}"}
        | {"pod_name": f"crawler-{pod:04}"}
        for labels in _product(**choices)
        for pod in range(pods)
    ]


def series(pods, destinations):
    """{name of a metric: label sets}, of what there is in a day."""
    vendors = {"proxy_vendor": VENDORS}
    namespaces = [f"ns-{n}" for n in range(math.ceil(pods / PODS_OF_A_NAMESPACE))]
    hosts = [f"host-{n:04}.example" for n in range(destinations - 1)] + ["_other"]
    of_namespaces = {"destination_host": hosts, "pod_namespace": namespaces}
    made = {}
    for name in ("requests", "sent_bytes", "received_bytes"):
        made[f"vendor_pod:proxymeter_vendor_{name}:rate5m"] = _with_pods(pods, **vendors)
        made[f"namespace_vendor_destination:proxymeter_{name}:rate5m"] = _product(
            **vendors, **of_namespaces
        )
    made["proxy:bandwidth_per_pod:vendor_pod"] = _with_pods(pods, **vendors)
    made["vendor_pod:proxymeter_coverage:ratio_rate5m"] = _with_pods(pods, **vendors)
    for metric, label, values in (
        ("class:proxymeter_vendor_responses", "response_code_class", CLASSES),
        ("currency:proxymeter_cost", "currency", ("USD",)),
        ("phase:proxymeter_phase_duration_seconds_sum", "phase", PHASES),
        ("phase:proxymeter_phase_duration_seconds_count", "phase", PHASES),
    ):
        made[f"vendor_pod_{metric}:rate5m"] = _with_pods(
            pods, **vendors, **{label: values}
        )
    of_vendors = {**vendors, "pod_namespace": namespaces}
    for metric, label, values in (
        ("class:proxymeter_vendor_responses", "response_code_class", CLASSES),
        ("reason:proxymeter_proxy_errors", "reason", ERRORS),
        ("result:proxymeter_connections", "result", RESULTS),
        ("code:proxymeter_tunnels", "response_code", ("200", "502")),
        ("reason:proxymeter_unmetered_bytes", "reason", UNMETERED),
    ):
        made[f"namespace_vendor_{metric}:rate5m"] = _product(
            **of_vendors, **{label: values}
        )
    for name in (
        "vendor_requests:rate5m",
        "vendor_sent_bytes:rate5m",
        "vendor_received_bytes:rate5m",
        "received_bytes_without_destination:rate5m",
        "pods:count",
        "bandwidth_per_pod:max",
    ):
        made[f"namespace_vendor:proxymeter_{name}"] = _product(**of_vendors)
    made["vendor:proxymeter_destinations:count"] = _product(**vendors)
    made["namespace_vendor_destination_class:proxymeter_responses:rate5m"] = _product(
        **vendors, **of_namespaces, response_code_class=CLASSES
    )
    made[
        "namespace_vendor_destination_currency:proxymeter_destination_cost:rate5m"
    ] = _product(**vendors, **of_namespaces, currency=("USD",))
    made[
        "vendor_destination:proxymeter_responses_error_per_response:ratio_rate5m"
    ] = _product(**vendors, destination_host=hosts)
    for what in ("bytes", "requests"):
        made[f"proxy:top_destinations_by_{what}:vendor_destination"] = _product(
            **vendors, destination_host=hosts[:20]
        )
    for name in (
        "proxy_errors_per_attempt:ratio",
        "attempts_per_success:ratio",
        "coverage:ratio",
        "kernel_retransmitted_bytes_per_sent_byte:ratio",
        "kernel_rtt_seconds:p50",
        "kernel_rtt_seconds:p95",
    ):
        made[f"vendor:proxymeter_{name}_rate5m"] = _product(**vendors)
    made["vendor_class:proxymeter_vendor_responses_per_response:ratio_rate5m"] = (
        _product(**vendors, response_code_class=CLASSES)
    )
    for quantile in (50, 95, 99):
        made[f"vendor_phase:proxymeter_phase_duration_seconds:p{quantile}_rate5m"] = (
            _product(**vendors, phase=PHASES)
        )
    made["proxy:cost_per_hour:vendor_currency"] = _product(**vendors, currency=("USD",))
    for name in (
        "proxymeter_sessions:sum",
        "proxymeter_audit_connections:sum",
        "proxymeter_policy_failed:max",
        "proxymeter_audit_running:min",
        "process_resident_memory_bytes:sum",
        "process_cpu_seconds:rate5m",
        "proxymeter_rows_overflowed:rate5m",
        "proxymeter_folded_destinations:rate5m",
    ):
        made[f"pod:{name}"] = _with_pods(pods)
    made["pod_part:proxymeter_degraded:max"] = _with_pods(
        pods, part=("ledger", "policy")
    )
    for metric, label, values in (
        ("event:proxymeter_shim_events", "event", EVENTS),
        ("reason:proxymeter_rejected", "reason", REJECTIONS),
        ("reason:proxymeter_audit_gaps", "reason", GAPS),
        ("protocol:proxymeter_desynchronised", "protocol", PROTOCOLS),
    ):
        made[f"namespace_{metric}:rate5m"] = _product(
            pod_namespace=namespaces, **{label: values}
        )
    targets = [
        {"job": "proxymeter", "instance": f"10.0.{pod // 250}.{pod % 250}:9099"}
        for pod in range(pods)
    ]
    for name in ("up", "scrape_samples_scraped", "scrape_duration_seconds"):
        made[name] = targets
    made["proxymeter_build_info"] = [{**t, "version": "1"} for t in targets]
    made["proxymeter_policy_info"] = [{**t, "checksum": "c0ffee"} for t in targets]
    firing = {"alertname": "ProxymeterCoverageLow", "severity": "warning"}
    made["ALERTS"] = [{**firing, "alertstate": "firing"}]
    made["ALERTS_FOR_STATE"] = [firing]
    return made


def _courses(start, end):
    """Values that a series may have from `start` to `end`, as text."""
    numbers = random.Random(start)
    moments = range(start, end, SAMPLE_EVERY)
    for _ in range(COURSES):
        base = numbers.uniform(0.1, 100)
        yield [b""] + [
            b" %.3f %d\n" % (base * numbers.uniform(0.8, 1.2), moment)
            for moment in moments
        ]


def _write_block(space, data, wanted, start):
    """What the metrics of `data` that are `wanted` have been from `start` on."""
    courses = list(_courses(start, start + BLOCK))
    path = os.path.join(space, f"{start}.txt")
    with open(path, "wb") as file:
        for number, (name, label_sets) in enumerate(data.items()):
            if name not in wanted:
                continue
            for turn, labels in enumerate(label_sets):
                prefix = f"{name}{{{_texts(labels)}}}".encode()
                file.write(prefix.join(courses[(number + turn) % COURSES]))
        file.write(b"# EOF\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", path]
        + [os.path.join(space, "tsdb")],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    os.remove(path)


def write_day(space, pods, destinations, blocks):
    """So many blocks, up to the time that is returned; (that, series)."""
    data = series(pods, destinations)
    end = int(time.time()) // BLOCK * BLOCK
    jobs = [(end - n * BLOCK, set(data)) for n in range(1, blocks + 1)]
    # A day before that there was a cost, too.
    yesterday = {"proxy:cost_per_hour:vendor_currency"}
    jobs += [(start - DAY, yesterday) for start, _ in jobs]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for done in [
            pool.submit(_write_block, space, data, wanted, start)
            for start, wanted in jobs
        ]:
            done.result()
    return end, sum(map(len, data.values()))


def _fill(expression, seconds):
    for name in ("vendor", "namespace", "pod"):
        expression = expression.replace(f"${name}", ".*")
    return expression.replace("$__range", f"{seconds}s")


def time_queries(prometheus, end, seconds):
    """{board: {(panel, expression): seconds}}, each query asked once."""
    took = {}
    for name, board in generate.BOARDS.items():
        for panel in board.panels:
            for query in panel.queries:
                expression = _fill(query.expr, seconds)
                began = time.monotonic()
                if panel.kind == "timeseries":
                    found = prometheus.query_range(
                        expression, end - seconds, end - SAMPLE_EVERY, STEP
                    )
                else:
                    found = prometheus.query(expression, end - SAMPLE_EVERY)
                elapsed = time.monotonic() - began
                if not found:
                    raise RuntimeError(f"{name}: {panel.title}: no answer")
                took.setdefault(name, {})[panel.title, query.expr] = elapsed
    return took


@dataclasses.dataclass
class Day:
    series: int
    bytes_per_sample: float
    took: list  # what time_queries gave, each time


def _size(directory):
    return sum(
        os.path.getsize(os.path.join(place, name))
        for place, _, names in os.walk(directory)
        for name in names
    )


def run(pods, destinations, blocks, repetitions):
    """A Day, its queries asked so many times."""
    with tempfile.TemporaryDirectory() as space:
        end, count = write_day(space, pods, destinations, blocks)
        size = _size(os.path.join(space, "tsdb"))
        prometheus = Prometheus(
            space,
            [],
            more=[
                # Blocks stay as they are while queries are timed.
                "--storage.tsdb.min-block-duration=2h",
                "--storage.tsdb.max-block-duration=2h",
                "--storage.tsdb.retention.time=10y",
            ],
        )
        try:
            return Day(
                count,
                size / (count * blocks * BLOCK / SAMPLE_EVERY),
                [
                    time_queries(prometheus, end, blocks * BLOCK)
                    for _ in range(repetitions)
                ],
            )
        finally:
            prometheus.kill()
