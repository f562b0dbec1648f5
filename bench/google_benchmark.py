"""Programs written with Google Benchmark, run for their samples."""

import json
import os
import re
import subprocess

TIMEOUT_SECONDS = 600


def run_benchmarks(run, program, name):
    """The samples of the benchmark called `name`, as Google Benchmark says them.

    Times are in the unit that the benchmark was registered with.
    """
    done = subprocess.run(
        [
            os.path.join(run.build, "bench", f"bench_{program}"),
            f"--benchmark_filter=^{re.escape(name)}$",
            f"--benchmark_repetitions={run.repetitions}",
            f"--benchmark_min_time={0.001 if run.smoke else 0.5}",
            "--benchmark_format=json",
        ],
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    samples = [
        entry
        for entry in json.loads(done.stdout)["benchmarks"]
        if entry["run_type"] == "iteration"
    ]
    for sample in samples:
        if sample.get("error_occurred"):
            raise RuntimeError(f"{name}: {sample['error_message']}")
    if len(samples) != run.repetitions:
        raise RuntimeError(f"{name}: {len(samples)} samples")
    return samples
