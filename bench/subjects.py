"""What is measured: a function per subject, each giving figures."""

import dataclasses
import json
import os
import statistics
import subprocess
import tempfile

import audit as audit_runs
import collector_process
import dashboards as dashboard_runs
import downloads as download_runs
import exposition as exposition_runs
import proxied as proxied_runs
from google_benchmark import run_benchmarks


@dataclasses.dataclass
class Figure:
    """Something measured several times, and what it may be."""

    what: str
    unit: str
    samples: list
    # ("<" or ">=", value): for the median; None where nothing is promised.
    bound: tuple = None

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def spread(self):
        """Half the distance between the quartiles, as a part of the median."""
        if len(self.samples) < 2 or not self.median:
            return None
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return (high - low) / 2 / self.median

    @property
    def met(self):
        if self.bound is None:
            return None
        relation, value = self.bound
        return self.median < value if relation == "<" else self.median >= value


def rows(run):
    """Row updates that one core accounts: bytes of frames in, totals out."""
    figures = []
    for sessions, of_each in [(20, 5)] if run.smoke else [(2000, 5), (100, 100)]:
        found = run_benchmarks(
            run, "accounts", f"ApplyFrames/sessions:{sessions}/rows:{of_each}"
        )
        figures.append(
            Figure(
                f"row updates, {of_each} a frame, {sessions} sessions (CPU time)",
                "rows/s",
                [sample["items_per_second"] for sample in found],
                (">=", 1_000_000),
            )
        )
    # A frame each: what it costs besides its rows.
    if not run.smoke:
        found = run_benchmarks(run, "accounts", "ApplyFrames/sessions:2000/rows:1")
        figures.append(
            Figure(
                "frames of one row, 2000 sessions (CPU time)",
                "frames/s",
                [sample["items_per_second"] for sample in found],
            )
        )
    return figures


def commit(run):
    """A transaction of the ledger: rows of sessions, and as many totals."""
    count = 100 if run.smoke else 10_000
    figures = []
    for name, what in (
        ("CommitChanged", f"commit of {count} changed rows and {count} totals"),
        ("CommitNew", f"commit of {count} new rows and {count} totals"),
    ):
        found = run_benchmarks(run, "ledger", f"{name}/rows:{count}")
        bound = ("<", 50)
        for time in ("wall clock", "CPU time"):
            key = "real_time" if time == "wall clock" else "cpu_time"
            figures.append(
                Figure(
                    f"{what} ({time})",
                    "ms",
                    [sample[key] for sample in found],
                    bound if name == "CommitChanged" else None,
                )
            )
    return figures


def sockets(run):
    """The kernel asked for all TCP connections, of IPv4 and IPv6."""
    count = 100 if run.smoke else 10_000
    found = run_benchmarks(run, "sockets", f"Dump/sockets:{count}")
    return [
        Figure(
            f"dump of {count} sockets ({time})",
            "ms",
            [sample[key] for sample in found],
            ("<", 50),
        )
        for time, key in (("wall clock", "real_time"), ("CPU time", "cpu_time"))
    ]


def audit(run):
    """A collector that follows every connection of its network."""
    rate, seconds = (100, 1) if run.smoke else (1000, 10)

    def percent(audits, metered):
        return 100 * audit_runs.cores(run, rate, seconds, audits, metered)

    # Both ends of each are in sight: twice as many sockets as in a pod.
    figures = []
    for metered in (False, True):
        pairs = [
            (percent(False, metered), percent(True, metered))
            for _ in range(run.repetitions)
        ]
        whose = "with the library" if metered else "without"
        what = f"{rate} connections/s {whose}: CPU of"
        figures.append(
            Figure(
                f"{what} a collector that audits",
                "% of a core",
                [audited for _, audited in pairs],
            )
        )
        figures.append(
            Figure(
                f"{what} the audit alone",
                "% of a core",
                [max(audited - alone, 1e-3) for alone, audited in pairs],
                ("<", 1),
            )
        )
    return figures


def sessions(run):
    """Memory of a collector that many processes report to."""
    count = 20 if run.smoke else 2000
    samples = [collector_process.crowd(run, count) for _ in range(run.repetitions)]
    what = f"collector with {count} sessions of 5 rows"
    return [
        Figure(
            f"{what}: resident (VmRSS)",
            "MB",
            [sample.resident / 1e6 for sample in samples],
            ("<", 50),
        ),
        Figure(
            f"{what}: more than with none",
            "MB",
            [(sample.resident - sample.idle) / 1e6 for sample in samples],
        ),
    ]


def restart(run):
    """From exec to /readyz, with journals left by processes that are gone."""
    count = 100 if run.smoke else 10_000
    samples = [collector_process.restart(run, count) for _ in range(run.repetitions)]
    return [
        Figure(
            f"restart with {count} journals: to /readyz (wall clock)",
            "ms",
            [sample.ready * 1e3 for sample in samples],
            ("<", 2000),
        ),
        Figure(
            f"restart with {count} journals: CPU time until /readyz",
            "ms",
            [sample.cpu * 1e3 for sample in samples],
        ),
        Figure(
            f"restart with {count} journals: until all are accounted and removed",
            "ms",
            [sample.done * 1e3 for sample in samples],
        ),
    ]


def downloads(run):
    """Throughput of a downloading crawler, metered, of nginx's whole speed."""
    figures = []
    for name, pairs in download_runs.side_by_side(run).items():
        throughputs, cpu = zip(*pairs)
        figures += [
            Figure(
                f"download, {name}: throughput with the shim / without",
                "ratio",
                list(throughputs),
                (">=", 0.99),
            ),
            Figure(
                f"download, {name}: CPU time with the shim / without",
                "ratio",
                list(cpu),
                ("<", 1.01),
            ),
        ]
    return figures


def proxied(run):
    """Throughput of curl through Squid and Dante, metered, of what it was."""
    return [
        Figure(
            f"download by {proxy}, {way}: throughput with the shim / without",
            "ratio",
            samples,
            (">=", 0.99),
        )
        for (proxy, way), samples in proxied_runs.side_by_side(run).items()
    ]


def exposition(run):
    """/metrics as a scrape sees it, of a hundred thousand series."""
    series = 3000 if run.smoke else 100_000
    figures = []
    for encoding, scrapes in exposition_runs.scrapes(run, series).items():
        what = f"/metrics of {series} series, {encoding}"
        figures += [
            Figure(
                f"{what} (wall clock)",
                "ms",
                [scrape.seconds * 1e3 for scrape in scrapes],
                ("<", 150),
            ),
            Figure(f"{what}: sent", "MB", [scrape.sent / 1e6 for scrape in scrapes]),
        ]
    return figures


def policy(run):
    """Ten million IPv4 and a million IPv6 entries: compile, load, look up."""
    # IPv4 gets a table of single addresses from half a million on.
    count4, count6 = (600_000, 60_000) if run.smoke else (10_000_000, 1_000_000)

    def bench(*arguments):
        done = subprocess.run(
            [os.path.join(run.build, "bench", "bench_policy"), *arguments],
            stdout=subprocess.PIPE,
            timeout=600,
            check=True,
        )
        return json.loads(done.stdout)

    # A tmpfs, as DIR is.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        bench("generate", directory, str(count4), str(count6))
        compiled = [bench("compile", directory) for _ in range(run.repetitions)]
        found = [bench("look-up", directory) for _ in range(run.repetitions)]

    def figure(samples, what, unit, key, factor, bound=None):
        values = [sample[key] * factor for sample in samples]
        return Figure(f"policy, {what}", unit, values, bound)

    megabyte = 1e-6
    figures = [
        figure(compiled, "compile (wall clock)", "s", "wall_seconds", 1, ("<", 20)),
        figure(compiled, "compile: CPU time", "s", "cpu_seconds", 1),
        figure(compiled, "peak memory", "MB", "peak_bytes", megabyte, ("<", 1000)),
        figure(compiled, "file", "MB", "policy_bytes", megabyte, ("<", 100)),
        figure(found, "load by mmap", "us", "load_seconds", 1e6),
        figure(found, "load: pages touched", "pages", "load_faults", 1, ("<", 10)),
    ]
    # Of exits in use, which the cache holds; of any, each from memory: that is
    # compared with what the machine takes for one such read.
    for family in "46":
        figures.append(
            figure(
                found,
                f"look-up, IPv{family}, of 1,000 in use (CPU)",
                "ns",
                f"used{family}_ns",
                1,
                ("<", 100),
            )
        )
    for family in "46":
        for what in ("hit", "miss"):
            name = f"look-up, IPv{family} {what}, of all"
            key = f"{what}{family}_ns"
            figures.append(figure(found, f"{name} (CPU)", "ns", key, 1))
            ratios = [sample[key] / sample["read_ns"] for sample in found]
            figures.append(
                Figure(f"policy, {name}, in reads of memory", "x", ratios, ("<", 2))
            )
    figures.append(figure(found, "one read of memory at random", "ns", "read_ns", 1))
    return figures


def dashboards(run):
    """Every query of the dashboards, upon a day of 1,000 pods in Prometheus."""
    pods, destinations, blocks = (20, 10, 1) if run.smoke else (1000, 200, 12)
    day = dashboard_runs.run(pods, destinations, blocks, run.repetitions)
    what = f"{pods} pods, {blocks * 2} hours, {day.series} series"
    figures = []
    for board in day.took[0]:
        medians = {
            query: statistics.median(took[board][query] for took in day.took)
            for query in day.took[0][board]
        }
        slowest = max(medians, key=medians.get)
        panel, _ = slowest
        figures.append(
            Figure(
                f"{what}: slowest of {len(medians)} queries of {board} ({panel})",
                "s",
                [took[board][slowest] for took in day.took],
                ("<", 2),
            )
        )
    figures.append(
        Figure(f"{what}: blocks, for each sample", "bytes", [day.bytes_per_sample])
    )
    return figures


SUBJECTS = {
    f.__name__: f
    for f in (
        rows,
        commit,
        sockets,
        audit,
        sessions,
        restart,
        downloads,
        proxied,
        exposition,
        policy,
        dashboards,
    )
}
