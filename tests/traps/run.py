"""Runs a program by itself, then metered.

Both runs must succeed and say the same, but for numbers of bytes, which vary
where TLS is spoken. Where they say `requests N`, `sent N` and so on (FIGURES has
the words), that is what the meter must have found, exactly. With `--cases` the
program is asked for its cases, one line of arguments each, and run in all. With
`--tmpfs SIZE` the meter's directory is a file system of that size, which takes
root and a mount namespace (`unshare -m`).
"""

import argparse
import contextlib
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
    # That came to be.
    "connections": ("proxymeter_connections_total", {"result": "ok"}),
    "unpaired": ("proxymeter_shim_events_total", {"event": "tls_unpaired"}),
    "desynchronised": ("proxymeter_desynchronised_total", {}),
}
EXPECTATION = re.compile(rf"\b({'|'.join(FIGURES)}) (\d+)")
SECONDS = 100
PATIENCE_SECONDS = 20


def run(command):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0 or done.stderr:
        sys.exit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def without_bytes(output):
    return re.sub(r"\b(sent|received|reconciled) \d+", r"\1", output)


def differences(before, after, expected):
    wrong = []
    for what, count in expected:
        name, labels = FIGURES[what]
        found = after.total(name, **labels) - before.total(name, **labels)
        if found != int(count):
            wrong.append(f"{what}: {found}, not {count}")
    return wrong


def meter(program, collector, command):
    """What was metered wrongly; empty when nothing was."""
    alone = run(command)
    before = collector.metrics()
    metered = run([program, "run", "--dir", collector.directory, "--", *command])
    if without_bytes(metered) != without_bytes(alone):
        sys.exit(f"{command}: alone:\n{alone}metered:\n{metered}")
    expected = EXPECTATION.findall(metered)
    # A collector that has not heard of the program yet has no session to wait
    # for.
    with contextlib.suppress(TimeoutError):
        wait_until(
            lambda: not differences(before, collector.metrics(), expected),
            PATIENCE_SECONDS,
            "the expected metrics",
        )
    wrong = differences(before, collector.settle(), expected)
    return f"{command}: metered {'; '.join(wrong)}\n" if wrong else ""


def mount_small(directory, size):
    if os.geteuid() != 0:
        sys.exit("not tested: --tmpfs takes root")
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "small", directory],
        check=True,
    )


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", action="store_true")
    parser.add_argument("--tmpfs", metavar="SIZE")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def main():
    program = os.environ["PROXYMETER_PROGRAM"]
    arguments = parse_arguments()
    commands = [arguments.command]
    if arguments.cases:
        cases = run(arguments.command).splitlines()
        commands = [[*arguments.command, *line.split()] for line in cases]
        if not commands:
            sys.exit(f"{arguments.command}: no cases")
    workspace = Workspace()
    try:
        directory = workspace.directory("pm")
        if arguments.tmpfs:
            mount_small(directory, arguments.tmpfs)
        config = workspace.write("vendors.yaml", CONFIGURATION)
        log = os.path.join(workspace.path, "collector.out")
        # The ledger has its own room: the program's is what is short.
        ledger = ["--ledger", os.path.join(workspace.path, "ledger.db")]
        collector = Collector(program, directory, config, log, ledger)
        try:
            wrong = [meter(program, collector, each) for each in commands]
        finally:
            collector.kill()
    finally:
        if arguments.tmpfs:
            subprocess.run(["umount", directory], check=True)
        workspace.remove()
    if any(wrong):
        sys.exit("".join(wrong))


if __name__ == "__main__":
    main()
