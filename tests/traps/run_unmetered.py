"""Runs a program that nothing can be preloaded into: by itself, then metered.

It must do the same, and nothing of it must be counted. `run` must warn in one
line, and the doctor must say why. Tried as it is (static), marked as Go's, and,
by root, as a dynamic program of another user with its set-user-ID bit.
"""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from lab.collector import Collector  # noqa: E402
from lab.service import as_ordinary_user  # noqa: E402
from lab.workspace import Workspace  # noqa: E402
from run import CONFIGURATION, FIGURES  # noqa: E402

WARNING = "proxymeter: warning: "


def run(command, status):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != status:
        sys.exit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def attempt(meter, directory, program, why, user=lambda command: command):
    expected = run(user([program]), 0)
    out, err = run(user([meter, "run", "--dir", directory, "--", program]), 0)
    if (out, "") != expected:
        sys.exit(f"alone:\n{expected}metered:\n{out}")
    if not err.startswith(WARNING) or why not in err or err.count("\n") != 1:
        sys.exit(f"{program}: warned {err!r}")
    out, _ = run(user([meter, "doctor", "--dir", directory, "--", program]), 1)
    if not any(
        line.startswith("  cannot ") and why in line for line in out.splitlines()
    ):
        sys.exit(f"{program}: the doctor says\n{out}")


def main():
    meter = os.environ["PROXYMETER_PROGRAM"]
    static, dynamic = sys.argv[1:]
    workspace = Workspace()
    # Not in memory, where the bit may be ignored (nosuid).
    setuid = os.path.join("/var/tmp", f"proxymeter-trap-{os.getpid()}")
    try:
        directory = workspace.directory("pm")
        config = workspace.write("vendors.yaml", CONFIGURATION)
        log = os.path.join(workspace.path, "collector.out")
        go = os.path.join(workspace.path, "go")
        section = f".go.buildinfo={config}"
        run(["objcopy", "--add-section", section, static, go], 0)
        collector = Collector(meter, directory, config, log)
        try:
            attempt(meter, directory, static, "statically linked")
            attempt(meter, directory, go, "Go program")
            if os.geteuid() == 0:
                shutil.copy(dynamic, setuid)
                os.chmod(setuid, 0o4755)
                attempt(
                    meter, directory, setuid, "set-user-ID", as_ordinary_user
                )
            collector.settle()
            metrics = collector.metrics()
        finally:
            collector.kill()
    finally:
        if os.path.exists(setuid):
            os.remove(setuid)
        workspace.remove()
    for name, labels in FIGURES.values():
        if metrics.total(name, **labels) != 0:
            sys.exit(f"{name}: {metrics.total(name):.0f} of unmetered programs")


if __name__ == "__main__":
    main()
