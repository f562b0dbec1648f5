#!/usr/bin/python3
"""Writes recording.yml, the recording rules, from the lists below.

With --check it writes nothing; exit status 1 says that the file is not what
this program gives.

Names are level:metric:operations, as Prometheus recommends; those that begin
with `proxy:` are names that queries already use.
"""

import argparse
import os
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
OUTPUT = os.path.join(HERE, "recording.yml")
HEADER = """\
# Recording rules for proxymeter. Written by prometheus/generate.py: change that.
#
# Each first sums by pod, then further from there. A pod goes by the collector's
# own labels (pod_name, pod_namespace), else by the target's (pod, namespace, as
# the Prometheus operator gives them), else by its instance.
# Windows of 5 minutes hold 20 samples of a scrape every 15 seconds.
"""

# What says which pod a series is of, before it goes by pod_name.
IDENTITY = ("pod_name", "pod", "instance", "pod_namespace", "namespace")


def indented(text, by=2):
    return textwrap.indent(text, " " * by)


def normalised(expression):
    """`expression` with pod_name and pod_namespace, whatever says so."""
    return f"""\
label_replace(
  label_replace(
    label_join(
      label_join(
{indented(expression, 8)},
        "any_pod", ";", "pod_name", "pod", "instance"),
      "any_namespace", ";", "pod_namespace", "namespace"),
    "pod_name", "$1", "any_pod", ";*([^;]+).*"),
  "pod_namespace", "$1", "any_namespace", ";*([^;]+).*")"""


def of_pods(labels, expression, operation="sum", many=False):
    """`expression` by pod and `labels`. `many`: series of a pod, summed first."""
    if many:
        inner = ", ".join((*labels, *IDENTITY))
        expression = f"sum by ({inner}) (\n{indented(expression)}\n)"
    outer = ", ".join((*labels, "pod_namespace", "pod_name"))
    return f"{operation} by ({outer}) (\n{indented(normalised(expression))}\n)"


def of_namespaces(labels, expression):
    """The same by namespace: of so many series that pods are left out."""
    inner = ", ".join((*labels, "pod_namespace", "namespace"))
    expression = f"sum by ({inner}) (\n{indented(expression)}\n)"
    outer = ", ".join((*labels, "pod_namespace"))
    named = f"""\
label_replace(
  label_join(
{indented(expression, 4)},
    "any_namespace", ";", "pod_namespace", "namespace"),
  "pod_namespace", "$1", "any_namespace", ";*([^;]+).*")"""
    return f"sum by ({outer}) (\n{indented(named)}\n)"


def rate(selector):
    return f"rate({selector}[5m])"


def pods():
    """What each pod does, by vendor."""
    vendor = ("proxy_vendor",)
    for name in ("requests", "sent_bytes", "received_bytes"):
        metric = f"proxymeter_vendor_{name}"
        yield f"vendor_pod:{metric}:rate5m", of_pods(vendor, rate(f"{metric}_total"))
    yield "proxy:bandwidth_per_pod:vendor_pod", (
        "vendor_pod:proxymeter_vendor_sent_bytes:rate5m\n"
        "+ vendor_pod:proxymeter_vendor_received_bytes:rate5m"
    )
    for level, label, metric in (
        ("class", "response_code_class", "proxymeter_vendor_responses"),
        ("reason", "reason", "proxymeter_proxy_errors"),
        ("result", "result", "proxymeter_connections"),
        ("code", "response_code", "proxymeter_tunnels"),
        ("currency", "currency", "proxymeter_cost"),
    ):
        yield (
            f"vendor_pod_{level}:{metric}:rate5m",
            of_pods((*vendor, label), rate(f"{metric}_total")),
        )
    yield "vendor_pod:proxymeter_plaintext_requests:rate5m", of_pods(
        vendor, rate('proxymeter_requests_total{visibility="plaintext"}'), many=True
    )
    for part in ("sum", "count"):
        metric = f"proxymeter_phase_duration_seconds_{part}"
        yield f"vendor_pod_phase:{metric}:rate5m", of_pods(
            (*vendor, "phase"), rate(metric)
        )


def witness():
    """What the kernel saw."""
    vendor = ("proxy_vendor",)
    for name in ("sent", "received", "retransmitted"):
        metric = f"proxymeter_kernel_{name}_bytes"
        yield f"vendor_pod:{metric}:rate5m", of_pods(vendor, rate(f"{metric}_total"))
    yield "vendor_pod_reason:proxymeter_unmetered_bytes:rate5m", of_pods(
        ("proxy_vendor", "reason"), rate("proxymeter_unmetered_bytes_total"), many=True
    )
    kernel = " + ".join(
        f"sum by (LEVEL) (vendor_pod:proxymeter_kernel_{way}_bytes:rate5m)"
        for way in ("sent", "received")
    )
    for level, labels in (
        ("vendor", "proxy_vendor"),
        ("vendor_pod", "proxy_vendor, pod_namespace, pod_name"),
    ):
        yield f"{level}:proxymeter_coverage:ratio_rate5m", f"""\
clamp_min(
  1
  - sum by ({labels}) (vendor_pod_reason:proxymeter_unmetered_bytes:rate5m)
    / ({kernel.replace("LEVEL", labels)} > 0),
  0
)"""
    bucket = "proxymeter_kernel_rtt_seconds_bucket"
    yield f"namespace_vendor_le:{bucket}:rate5m", of_namespaces(
        ("proxy_vendor", "le"), rate(bucket)
    )
    for quantile in (50, 95):
        yield f"vendor:proxymeter_kernel_rtt_seconds:p{quantile}_rate5m", f"""\
histogram_quantile(
  {quantile / 100},
  sum by (proxy_vendor, le) (namespace_vendor_le:{bucket}:rate5m)
)
and on (proxy_vendor)
  sum by (proxy_vendor) (namespace_vendor_le:{bucket}:rate5m{{le="+Inf"}}) > 0"""
    yield "vendor:proxymeter_kernel_retransmitted_bytes_per_sent_byte:ratio_rate5m", """\
sum by (proxy_vendor) (vendor_pod:proxymeter_kernel_retransmitted_bytes:rate5m)
/ (sum by (proxy_vendor) (vendor_pod:proxymeter_kernel_sent_bytes:rate5m) > 0)"""


# Tunnels that were refused, and connections that were not made: nothing was
# asked for in these, so they are in no count of requests.
FAILED = """\
(
  sum by (proxy_vendor) (
    vendor_pod_code:proxymeter_tunnels:rate5m{response_code!~"2..|socks5_0|socks4_90"}
  )
  or 0 * REQUESTS
)
+ (
  sum by (proxy_vendor) (
    vendor_pod_result:proxymeter_connections:rate5m{result=~"refused|timed_out|failed"}
  )
  or 0 * REQUESTS
)"""


def vendors():
    """What goes through each vendor."""
    yield "proxy:requests_per_second:vendor", (
        "sum by (proxy_vendor) (vendor_pod:proxymeter_vendor_requests:rate5m)"
    )
    for way in ("sent", "received"):
        metric = f"proxymeter_vendor_{way}_bytes:rate5m"
        yield f"vendor:{metric}", f"sum by (proxy_vendor) (vendor_pod:{metric})"
    requests = "proxy:requests_per_second:vendor"
    yield "vendor:proxymeter_attempts:rate5m", (
        f"{requests}\n+ {FAILED.replace('REQUESTS', requests)}"
    )
    yield "vendor:proxymeter_proxy_errors_per_attempt:ratio_rate5m", """\
clamp_max(
  (
    sum by (proxy_vendor) (vendor_pod_reason:proxymeter_proxy_errors:rate5m)
    or 0 * vendor:proxymeter_attempts:rate5m{proxy_vendor!="direct"}
  )
  / (vendor:proxymeter_attempts:rate5m{proxy_vendor!="direct"} > 0),
  1
)"""
    yield "vendor_class:proxymeter_vendor_responses_per_response:ratio_rate5m", """\
sum by (proxy_vendor, response_code_class) (
  vendor_pod_class:proxymeter_vendor_responses:rate5m
)
/ on (proxy_vendor) group_left ()
  (sum by (proxy_vendor) (vendor_pod_class:proxymeter_vendor_responses:rate5m) > 0)"""
    requests = "sum by (proxy_vendor) (vendor_pod:proxymeter_plaintext_requests:rate5m)"
    failed = indented(FAILED.replace("REQUESTS", requests), 4).lstrip()
    # 100 stands for all that is more, also for attempts without any success.
    yield "vendor:proxymeter_attempts_per_success:ratio_rate5m", f"""\
clamp_max(
  (
    ({requests} > 0)
    + {failed}
  )
  / (
    sum by (proxy_vendor) (
      vendor_pod_class:proxymeter_vendor_responses:rate5m{{response_code_class=~"[123]xx"}}
    )
    or 0 * {requests}
  ),
  100
)"""


def namespaces():
    """The same by namespace: for graphs over many pods."""

    def summed(level, metric, label=None):
        source = f"vendor_pod{level}:{metric}:rate5m"
        labels = ", ".join(filter(None, ("proxy_vendor", label, "pod_namespace")))
        yield f"namespace_vendor{level}:{metric}:rate5m", (
            f"sum by ({labels}) ({source})"
        )

    for name in ("requests", "sent_bytes", "received_bytes"):
        yield from summed("", f"proxymeter_vendor_{name}")
    yield from summed("_class", "proxymeter_vendor_responses", "response_code_class")
    yield from summed("_reason", "proxymeter_proxy_errors", "reason")
    yield from summed("_result", "proxymeter_connections", "result")
    yield from summed("_code", "proxymeter_tunnels", "response_code")
    yield from summed("_reason", "proxymeter_unmetered_bytes", "reason")
    by_pod = "proxy:bandwidth_per_pod:vendor_pod"
    by = "by (proxy_vendor, pod_namespace)"
    yield "namespace_vendor:proxymeter_pods:count", f"count {by} ({by_pod} > 0)"
    yield "namespace_vendor:proxymeter_bandwidth_per_pod:max", f"max {by} ({by_pod})"


def latency():
    """How long it took: quantiles over all pods."""
    bucket = "proxymeter_phase_duration_seconds_bucket"
    labels = ("proxy_vendor", "phase", "le")
    yield f"namespace_vendor_phase_le:{bucket}:rate5m", of_namespaces(
        labels, rate(bucket)
    )
    for quantile in (50, 95, 99):
        yield (
            f"vendor_phase:proxymeter_phase_duration_seconds:p{quantile}_rate5m",
            f"""\
histogram_quantile(
  {quantile / 100},
  sum by (proxy_vendor, phase, le) (namespace_vendor_phase_le:{bucket}:rate5m)
)
and on (proxy_vendor, phase)
  sum by (proxy_vendor, phase) (
    vendor_pod_phase:proxymeter_phase_duration_seconds_count:rate5m
  ) > 0""",
        )


def destinations():
    """Where it went: by namespace, as pods times destinations are too many."""
    level = ("proxy_vendor", "destination_host")
    prefix = "namespace_vendor_destination"
    for name in ("requests", "sent_bytes", "received_bytes"):
        metric = f"proxymeter_{name}"
        yield f"{prefix}:{metric}:rate5m", of_namespaces(level, rate(f"{metric}_total"))
    yield f"{prefix}_class:proxymeter_responses:rate5m", of_namespaces(
        (*level, "response_code_class"), rate("proxymeter_responses_total")
    )
    yield f"{prefix}_currency:proxymeter_destination_cost:rate5m", of_namespaces(
        (*level, "currency"), rate("proxymeter_destination_cost_total")
    )
    both = f"{prefix}:proxymeter_sent_bytes:rate5m + {prefix}:proxymeter_received_bytes:rate5m"
    for what, of_each in (
        ("bytes", both),
        ("requests", f"{prefix}:proxymeter_requests:rate5m"),
    ):
        yield f"proxy:top_destinations_by_{what}:vendor_destination", f"""\
topk by (proxy_vendor) (
  20,
  sum by (proxy_vendor, destination_host) ({of_each}) > 0
)"""
    yield "vendor:proxymeter_destinations:count", f"""\
count by (proxy_vendor) (
  count by (proxy_vendor, destination_host) ({prefix}:proxymeter_sent_bytes:rate5m)
)"""
    yield "namespace_vendor:proxymeter_received_bytes_without_destination:rate5m", f"""\
sum by (proxy_vendor, pod_namespace) (
  {prefix}:proxymeter_received_bytes:rate5m{{destination_host=~"_.*"}}
)"""
    yield "vendor_destination:proxymeter_responses_error_per_response:ratio_rate5m", f"""\
sum by (proxy_vendor, destination_host) (
  {prefix}_class:proxymeter_responses:rate5m{{response_code_class=~"[45]xx"}}
)
/ (
  sum by (proxy_vendor, destination_host) ({prefix}_class:proxymeter_responses:rate5m) > 0
)"""


def cost():
    """What it costs, in the currency's unit, each currency apart."""
    yield "proxy:cost_per_hour:vendor_currency", (
        "3600 * sum by (proxy_vendor, currency) (rate(proxymeter_cost_total[1h]))"
    )


TARGET = "job, instance, pod, namespace"


def of_targets(labels, expression, operation="sum"):
    """By pod, of metrics that do not say which pod they are of."""
    outer = ", ".join((*labels, "pod_namespace", "pod_name"))
    return f"""\
{operation} by ({outer}) (
  {expression}
  * on ({TARGET}) group_left (pod_namespace, pod_name)
    target:proxymeter_pod:info
)"""


def targets():
    """Which pod each target is of, as its traffic says, else the target's labels."""

    def named(selector):
        by = f"{TARGET}, pod_namespace, pod_name"
        expression = normalised(f"last_over_time({selector}[5m])")
        return f"group by ({by}) (\n{indented(expression)}\n)"

    # Of one target there is one, whatever happens: else all that is joined to it
    # would fail.
    traffic = named('proxymeter_vendor_sent_bytes_total{pod_name!=""}')
    yield "target:proxymeter_pod:info", f"""\
topk by ({TARGET}) (
  1,
{indented(traffic)}
)
or on ({TARGET})
{named("proxymeter_build_info")}"""


def meter():
    """How the collectors are."""
    for name in ("sessions", "audit_connections"):
        metric = f"proxymeter_{name}"
        yield f"pod:{metric}:sum", of_targets((), metric)
    for name in ("policy_failed", "policy_in_force_timestamp_seconds"):
        metric = f"proxymeter_{name}"
        yield f"pod:{metric}:max", of_targets((), metric, "max")
    yield "pod:proxymeter_audit_running:min", of_targets(
        (), "proxymeter_audit_running", "min"
    )
    yield "pod_part:proxymeter_degraded:max", of_targets(
        ("part",), "proxymeter_degraded", "max"
    )
    # Others have these too; what is joined to are collectors alone.
    yield "pod:process_resident_memory_bytes:sum", of_targets(
        (), "process_resident_memory_bytes"
    )
    yield "pod:process_cpu_seconds:rate5m", of_targets(
        (), rate("process_cpu_seconds_total")
    )
    yield "pod:proxymeter_rows_overflowed:rate5m", of_targets(
        (), rate("proxymeter_rows_overflowed_total")
    )
    yield "pod:proxymeter_folded_destinations:rate5m", of_pods(
        (), rate("proxymeter_folded_destinations_total")
    )
    for level, metric in (
        ("event", "proxymeter_shim_events"),
        ("reason", "proxymeter_rejected"),
        ("reason", "proxymeter_audit_gaps"),
        ("protocol", "proxymeter_desynchronised"),
    ):
        by_pod = f"pod_{level}:{metric}:rate5m"
        yield by_pod, of_targets((level,), rate(f"{metric}_total"))
        yield f"namespace_{level}:{metric}:rate5m", (
            f"sum by ({level}, pod_namespace) ({by_pod})"
        )


# Of each group the rules are evaluated one after the other: what a rule takes
# from another stands before it, or in a group that is named before.
GROUPS = (
    ("proxymeter.vendors", (pods, vendors, latency, witness, namespaces)),
    ("proxymeter.destinations", (destinations,)),
    ("proxymeter.cost", (cost,)),
    ("proxymeter.meter", (targets, meter)),
)


def text():
    lines = [HEADER, "groups:"]
    for group, parts in GROUPS:
        lines += [f"  - name: {group}", "    rules:"]
        for part in parts:
            lines += ["", f"      # {part.__doc__}"]
            for record, expression in part():
                lines += [f"      - record: {record}", "        expr: |"]
                lines.append(indented(expression, 10))
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        with open(OUTPUT, "w", encoding="utf-8") as file:
            file.write(text())
        return 0
    with open(OUTPUT, encoding="utf-8") as file:
        if file.read() == text():
            return 0
    print(f"{OUTPUT} is out of date: run prometheus/generate.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
