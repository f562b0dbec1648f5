"""Runs a program by itself, then metered.

Both runs must succeed and say the same, but for numbers of bytes, which vary
where TLS is spoken. A line such as `requests N sent N received N` is what the
meter must have found, exactly; FIGURES has the words. With `--cases` the
program is asked for its cases, one line of arguments each, and run in all.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from lab.collector import Collector  # noqa: E402
from lab.service import wait_until  # noqa: E402
from lab.workspace import Workspace  # noqa: E402

CONFIGURATION = """
version: 1
vendors:
  - {name: peer, match: [{cidr: 127.0.0.0/8}]}
"""
PLAINTEXT = {"protocol": "https/1.1", "visibility": "plaintext"}
FIGURES = {
    "requests": ("proxymeter_requests_total", {}),
    "responses": ("proxymeter_responses_total", {}),
    # Requests that were read inside TLS.
    "plaintext": ("proxymeter_requests_total", PLAINTEXT),
    "sent": ("proxymeter_sent_bytes_total", {}),
    "received": ("proxymeter_received_bytes_total", {}),
    # Of them, what no hook saw.
    "reconciled": ("proxymeter_reconciled_bytes_total", {}),
    "unpaired": ("proxymeter_shim_events_total", {"event": "tls_unpaired"}),
    "desynchronised": ("proxymeter_shim_events_total", {"event": "desynchronised"}),
}
SECONDS = 60


def run(command):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0 or done.stderr:
        sys.exit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def without_bytes(output):
    return re.sub(r"\b(sent|received|reconciled) \d+", r"\1", output)


def figures(metrics):
    return {
        word: metrics.total(name, **labels) for word, (name, labels) in FIGURES.items()
    }


def settled(collector, sessions):
    """The metrics once more sessions than `sessions` have begun, and all ended."""

    def ended():
        metrics = collector.metrics()
        begun = metrics.total("proxymeter_sessions_total") > sessions
        return metrics if begun and not metrics.total("proxymeter_sessions") else None

    return wait_until(ended, SECONDS, "collector: the session to end")


def meter(program, collector, command):
    """What was metered wrongly; empty when nothing was."""
    alone = run(command)
    before = collector.metrics()
    prefix = [program, "run", "--dir", collector.directory, "--"]
    metered = run([*prefix, *command])
    if without_bytes(metered) != without_bytes(alone):
        sys.exit(f"{command}: alone:\n{alone}metered:\n{metered}")
    words = metered.split()
    if not words:
        return ""
    after = settled(collector, before.total("proxymeter_sessions_total"))
    was, now = figures(before), figures(after)
    wrong = [
        f"{what}: {now[what] - was[what]}, not {count}"
        for what, count in zip(words[::2], words[1::2], strict=True)
        if now[what] - was[what] != int(count)
    ]
    return f"{command}: metered {'; '.join(wrong)}\n" if wrong else ""


def main():
    program = os.environ["PROXYMETER_PROGRAM"]
    command = sys.argv[1:]
    commands = [command]
    if command[0] == "--cases":
        command = command[1:]
        commands = [[*command, *line.split()] for line in run(command).splitlines()]
        if not commands:
            sys.exit(f"{command}: no cases")
    workspace = Workspace()
    try:
        directory = workspace.directory("pm")
        config = workspace.write("vendors.yaml", CONFIGURATION)
        log = os.path.join(workspace.path, "collector.out")
        collector = Collector(program, directory, config, log)
        try:
            wrong = [meter(program, collector, each) for each in commands]
        finally:
            collector.kill()
    finally:
        workspace.remove()
    if any(wrong):
        sys.exit("".join(wrong))


if __name__ == "__main__":
    main()
