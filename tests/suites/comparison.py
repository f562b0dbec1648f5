"""A project's own tests, with and without the preload library: no difference?

Both sides run the same test modules, one side after the other, each in a
directory of its own. On one side every loopback connection is metered for a
running collector. A test that ends otherwise on one side is run again on both.

Exit status: 0 no difference, 1 a difference, 2 the comparison itself failed.
"""

import argparse
import collections
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

VENDOR = "everything"
CONFIGURATION = {
    "version": 1,
    "vendors": [
        {"name": VENDOR, "match": [{"cidr": ["127.0.0.0/8", "::1/128"]}]}
    ],
}
# Reruns on both sides of a test that ended otherwise: alone, and with its whole
# module; and of one that goes on to flicker on one side alone.
RERUNS = {"alone": 4, "whole": 2}
MORE = {"alone": 8}
# So often must an outcome be seen on one side, and never on the other, to count
# as a difference: once is what a test that flickers by itself does.
ENOUGH = 2
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
        work = tempfile.mkdtemp(prefix="suite-")
        recorder = os.path.join(HERE, "recorder.py")
        command = [PYTHON, recorder, module, results, selection]
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
    runs: list  # of pairs of outcomes: without, with

    def _words(self):
        return [collections.Counter(o.word for o in side) for side in zip(*self.runs)]

    @property
    def lasting(self):
        """Whether one side ends in a way that the other never does."""
        plain, metered = self._words()
        return any(
            max(plain[word], metered[word]) >= ENOUGH
            and not (plain[word] and metered[word])
            for word in plain | metered
        )

    @property
    def explained(self):
        """Whether each side was seen to end in all the ways of the other."""
        plain, metered = self._words()
        return plain.keys() == metered.keys()

    @property
    def constant(self):
        """Whether each side always ends in one way."""
        return all(len(words) == 1 for words in self._words())

    @property
    def title(self):
        if self.lasting:
            return "differs"
        if self.explained:
            return "flickers on both sides, not counted"
        return "flickers, not counted"

    def report(self):
        print(f"    {self.test}")
        for side, words in zip(("without", "with"), self._words()):
            seen = ", ".join(f"{word} {count}x" for word, count in words.items())
            print(f"      {side}: {seen}")
        for side, outcome in zip(("without", "with"), self.runs[0]):
            for line in outcome.detail.splitlines():
                print(f"      {side} | {line}")


class Comparison:
    """One module on both sides."""

    def __init__(self, sides, module):
        self._sides = sides
        self._module = module
        self._wholes = [[side.run(module) for side in sides]]
        if not {"passed", "skipped"} & {o.word for o in self.runs[0].values()}:
            raise RuntimeError(f"{module}: no test passes in any case: {self.runs[0]}")
        self.findings = [self._examine(name) for name in differing(*self.runs)]

    @property
    def runs(self):
        """The first run of the whole module."""
        return self._wholes[0]

    def _whole(self, number):
        """One of the runs of the whole module, which all findings share."""
        while len(self._wholes) <= number:
            self._wholes.append([side.run(self._module) for side in self._sides])
        return self._wholes[number]

    def _examine(self, name):
        finding = Finding(name, [[run.get(name, ABSENT) for run in self.runs]])
        self._rerun(finding, RERUNS)
        if finding.lasting and not finding.constant:
            self._rerun(finding, MORE)
        return finding

    def _rerun(self, finding, bounds):
        name = finding.test
        # What happens between tests cannot be run alone.
        alone = 0 if name.startswith(f"{self._module}: ") else bounds["alone"]
        for number in range(alone + bounds.get("whole", 0)):
            if finding.explained:
                break
            if number < alone:
                runs = [side.run(self._module, [name]) for side in self._sides]
            else:
                runs = self._whole(1 + number - alone)
            finding.runs.append([run.get(name, ABSENT) for run in runs])

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
        for title in sorted({finding.title for finding in self.findings}):
            print(f"  {title}:")
            for finding in self.findings:
                if finding.title == title:
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


def main(description, bounded, whole, package=""):
    """Runs the command line; `package` is where modules are looked for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--modules", help="names, with commas between them")
    parser.add_argument("--all", action="store_true", help="takes minutes")
    parser.add_argument(
        "--timeout", type=int, default=600, help="seconds for one module"
    )
    arguments = parser.parse_args()
    # So that everything is stopped and removed then as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.modules:
        modules = arguments.modules.split(",")
    else:
        modules = whole if arguments.all else bounded
    try:
        return compare([package + module for module in modules], arguments.timeout)
    except (RuntimeError, TimeoutError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
