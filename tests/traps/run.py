"""Runs a program that tries a trap: by itself, then metered.

Both runs must succeed and say the same. A line of `requests N`, `sent N` and
`received N` is what the meter must have found, exactly.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from lab.collector import Collector  # noqa: E402
from lab.workspace import Workspace  # noqa: E402

CONFIGURATION = """
version: 1
vendors:
  - {name: peer, match: [{cidr: 127.0.0.0/8}]}
"""
METRICS = {
    "requests": "proxymeter_requests_total",
    "sent": "proxymeter_sent_bytes_total",
    "received": "proxymeter_received_bytes_total",
}


def run(command):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0 or done.stderr:
        sys.exit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    meter = os.environ["PROXYMETER_PROGRAM"]
    program = sys.argv[1:]
    alone = run(program)
    workspace = Workspace()
    try:
        directory = workspace.directory("pm")
        config = workspace.write("vendors.yaml", CONFIGURATION)
        log = os.path.join(workspace.path, "collector.out")
        collector = Collector(meter, directory, config, log)
        try:
            metered = run([meter, "run", "--dir", directory, "--", *program])
            collector.settle()
            metrics = collector.metrics()
        finally:
            collector.kill()
    finally:
        workspace.remove()
    if metered != alone:
        sys.exit(f"alone:\n{alone}metered:\n{metered}")
    words = metered.split()
    wrong = [
        f"{what}: {metrics.total(METRICS[what]):.0f}, not {count}"
        for what, count in zip(words[::2], words[1::2])
        if metrics.total(METRICS[what]) != int(count)
    ]
    if wrong:
        sys.exit("metered " + "; ".join(wrong))


if __name__ == "__main__":
    main()
