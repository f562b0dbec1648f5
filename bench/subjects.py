"""What is measured: a function per subject, each giving figures."""

import dataclasses
import os
import statistics

import collector_process
import downloads as download_runs
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
    return [
        Figure(
            f"download, {name}: throughput with the shim / without",
            "ratio",
            samples,
            (">=", 0.99),
        )
        for name, samples in download_runs.side_by_side(run).items()
    ]


SUBJECTS = {f.__name__: f for f in (rows, commit, sessions, restart, downloads)}
