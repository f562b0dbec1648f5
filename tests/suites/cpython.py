#!/usr/bin/python3
"""CPython's own tests, with and without the preload library: no difference?

Both sides run the test modules of Debian's libpython3.11-testsuite, one side
after the other, each in a directory of its own. On one side every loopback
connection is metered for a running collector. A test that passes on one side
alone is run again; only what differs every time counts.

Exit status: 0 no difference, 1 a difference, 2 the comparison itself failed.
"""

import argparse
import contextlib
import ctypes.util
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from lab.collector import Collector  # noqa: E402
from lab.lab import library, program  # noqa: E402
from lab.workspace import Workspace  # noqa: E402

PYTHON = "/usr/bin/python3"
# Short, and most of them talk to themselves over loopback, TLS included.
BOUNDED = """test_httplib test_urllib test_urllib2_localnet test_ftplib
test_smtplib test_socketserver test_os test_posix""".split()
ALL = """test_socket test_ssl test_asyncio test_selectors test_subprocess
test_httplib test_urllib test_urllib2_localnet test_ftplib test_smtplib
test_socketserver test_multiprocessing_fork test_multiprocessing_spawn
test_signal test_os test_posix test_io test_threading""".split()

VENDOR = "everything"
CONFIGURATION = {
    "version": 1,
    "vendors": [
        {"name": VENDOR, "match": [{"cidr": ["127.0.0.0/8", "::1/128"]}]}
    ],
}
RERUNS = 3
WELL = "exited with 0"


@dataclasses.dataclass(frozen=True)
class Outcome:
    word: str
    detail: str = ""


ABSENT = Outcome("did not run")


class Side:
    """The tests as they run with one library preloaded."""

    def __init__(self, name, preload, directory, seconds):
        self.name = name
        self._preload = preload
        self._directory = directory
        self._seconds = seconds
        self._runs = 0

    def run(self, module, only=None):
        """Outcomes by test; begins anew behind a test that crashes or hangs."""
        outcomes = {}
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            left = deadline - time.monotonic()
            lines, end, log = self._run_once(module, only, outcomes, left)
            if not lines or lines[0].get("preloaded") is not self.metered:
                raise RuntimeError(
                    f"{module} {self.name} the library: not started as meant, "
                    f"{end}\n{log}"
                )
            running = None
            for line in lines:
                if "test" in line:
                    found = Outcome(line["outcome"], line["detail"])
                    outcomes[line["test"]] = found
                    running = None
                elif "start" in line:
                    running = line["start"]
            if lines[-1].get("end"):
                # A process may still crash or hang on its way out.
                detail = log if end != WELL else ""
                outcomes[f"{module}: exit"] = Outcome(end, detail)
                break
            if running is None:
                outcomes[f"{module}: between tests"] = Outcome(end, log)
                break
            outcomes[running] = Outcome(end, log)
        else:
            outcomes[f"{module}: all of it"] = Outcome(
                f"did not end within {self._seconds} s"
            )
        return outcomes

    def _run_once(self, module, only, skip, seconds):
        self._runs += 1
        base = os.path.join(self._directory, f"{module}.{self._runs}")
        results, selection, log = (base + end for end in (".json", ".in", ".log"))
        with open(selection, "w", encoding="utf-8") as file:
            json.dump({"only": only, "skip": list(skip)}, file)
        open(results, "x", encoding="utf-8").close()
        work = tempfile.mkdtemp(prefix=f"{module}-")
        recorder = os.path.join(HERE, "recorder.py")
        command = [PYTHON, recorder, f"test.{module}", results, selection]
        try:
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    # Even if we are killed, no test stays behind.
                    ["setpriv", "--pdeathsig=KILL", "--", *command, library()],
                    cwd=work,
                    env=self._environment(work),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                end = self._wait(process, seconds)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        with open(log, encoding="utf-8", errors="replace") as output:
            tail = output.read()[-4000:]
        with open(results, encoding="utf-8") as file:
            # The last line may have been cut short by a crash.
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return lines, end, tail

    def _wait(self, process, seconds):
        """How it ended, in words; what is left of it is killed."""
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if status is None:
            return "hung"
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exited with {status}" if status else WELL

    @property
    def metered(self):
        return self._preload == library()

    def _environment(self, work):
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": work,
            "TMPDIR": work,
            "LANG": "C.UTF-8",
            # On both sides, so that what a test makes of its environment is
            # no difference.
            "LD_PRELOAD": self._preload,
            "PROXYMETER_DIR": os.path.join(self._directory, "..", "meter"),
        }


def differing(plain, metered):
    """Names of tests that ended otherwise, in order."""
    names = dict.fromkeys([*plain, *metered])
    return [
        name
        for name in names
        if plain.get(name, ABSENT).word != metered.get(name, ABSENT).word
    ]


@dataclasses.dataclass
class Finding:
    """A test that ended otherwise, and how it ended when it was run again."""

    test: str
    first: list
    alone: list = dataclasses.field(default_factory=list)
    together: list = dataclasses.field(default_factory=list)

    @property
    def lasting(self):
        """Whether it always differed: alone, or again among the others."""
        sides = zip(self.first, *self.alone)
        words = [{outcome.word for outcome in side} for side in sides]
        if self.alone and words[0].isdisjoint(words[1]):
            return True
        return [o.word for o in self.together] == [o.word for o in self.first]

    def report(self):
        print(f"    {self.test}")
        rows = [("first", self.first)]
        rows += [("rerun alone", pair) for pair in self.alone]
        rows += [("rerun with its module", self.together)] if self.together else []
        for what, (plain, metered) in rows:
            print(f"      {what}: without {plain.word}, with {metered.word}")
        if self.lasting:
            for side, outcome in zip(("without", "with"), self.first):
                for line in outcome.detail.splitlines():
                    print(f"      {side} | {line}")


class Comparison:
    """One module on both sides."""

    def __init__(self, sides, module):
        self._sides = sides
        self._module = module
        self.runs = [side.run(module) for side in sides]
        if not any(outcome.word == "passed" for outcome in self.runs[0].values()):
            raise RuntimeError(f"{module}: no test passes in any case: {self.runs[0]}")
        self._again = None
        self.findings = [self._examine(name) for name in differing(*self.runs)]

    def _examine(self, name):
        finding = Finding(name, [run.get(name, ABSENT) for run in self.runs])
        # What happens between tests cannot be run alone.
        if not name.startswith(f"{self._module}: "):
            for _ in range(RERUNS):
                pair = [
                    side.run(self._module, [name]).get(name, ABSENT)
                    for side in self._sides
                ]
                finding.alone.append(pair)
                if pair[0].word == pair[1].word:
                    break
        if not finding.lasting:
            if self._again is None:
                self._again = [side.run(self._module) for side in self._sides]
            finding.together = [run.get(name, ABSENT) for run in self._again]
        return finding

    def report(self, seconds):
        counts = []
        for run in self.runs:
            words = [o.word for name, o in run.items() if ": " not in name]
            passed, skipped = words.count("passed"), words.count("skipped")
            failed = words.count("failed")
            other = len(words) - passed - skipped - failed
            counts.append(
                f"{passed} passed, {failed} failed, {skipped} skipped, "
                f"{other} otherwise"
            )
        same = "" if counts[0] == counts[1] else f"; with: {counts[1]}"
        print(f"{self._module}: {counts[0]}{same} ({seconds:.0f} s)")
        for title, lasting in (
            ("differs every time", True),
            ("unsteady, not counted", False),
        ):
            findings = [f for f in self.findings if f.lasting is lasting]
            if findings:
                print(f"  {title}:")
            for finding in findings:
                finding.report()
        sys.stdout.flush()


def neutral_library():
    """A library that is there anyway, to be preloaded on the plain side."""
    return ctypes.util.find_library("c")


def compare(modules, seconds):
    """Compares the modules; the exit status."""
    workspace = Workspace()
    collector = None
    try:
        config = workspace.write("vendors.yaml", json.dumps(CONFIGURATION))
        collector = Collector(
            program(),
            workspace.directory("meter"),
            config,
            os.path.join(workspace.path, "collector.log"),
        )
        sides = [
            Side(name, preload, workspace.directory(name), seconds)
            for name, preload in (
                ("without", neutral_library()),
                ("with", library()),
            )
        ]
        lasting = 0
        for module in modules:
            start = time.monotonic()
            comparison = Comparison(sides, module)
            comparison.report(time.monotonic() - start)
            lasting += sum(f.lasting for f in comparison.findings)
        metrics = collector.settle()
        connections = metrics.total("proxymeter_connections_total", proxy_vendor=VENDOR)
        moved = [
            metrics.total(f"proxymeter_{way}_bytes_total", proxy_vendor=VENDOR)
            for way in ("sent", "received")
        ]
        print(
            f"metered: {metrics.total('proxymeter_sessions_total')} processes, "
            f"{connections} connections, {moved[0]} bytes sent, "
            f"{moved[1]} received"
        )
        for name, label in (
            ("proxymeter_rejected_total", "reason"),
            ("proxymeter_shim_events_total", "event"),
        ):
            for labels, value in metrics.samples(name):
                if value:
                    print(f"  {labels[label]}: {value:.0f}")
        if not connections or not all(moved):
            print("Nothing was metered: the comparison proves nothing.")
            return 2
        print(f"{lasting} tests differ with the preload library.")
        return 1 if lasting else 0
    finally:
        if collector is not None:
            collector.stop()
        workspace.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--modules", help="names, with commas between them")
    parser.add_argument("--all", action="store_true", help="takes minutes")
    parser.add_argument(
        "--timeout", type=int, default=180, help="seconds for one module"
    )
    arguments = parser.parse_args()
    # So that everything is stopped and removed then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.modules:
        modules = arguments.modules.split(",")
    else:
        modules = ALL if arguments.all else BOUNDED
    try:
        return compare(modules, arguments.timeout)
    except (RuntimeError, TimeoutError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
