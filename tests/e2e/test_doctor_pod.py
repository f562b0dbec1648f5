"""`proxymeter doctor --pod`: who talks to vendors, and why nothing is metered."""

import json
import os
import shutil
import subprocess
import unittest
from urllib.parse import urlsplit

from lab import witness
from lab.crawlers import PYTHON
from lab.lab import Lab, library, program
from lab.names import resolving
from lab.service import as_ordinary_user, wait_until

HOLDERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "holders")
HOLD = os.path.join(HOLDERS, "hold.py")
NOBODY = 65534
ELSEWHERE = (
    "count at the proxy instead, or use a client that calls the system's libc"
)
RUN = "start it with 'proxymeter run'"


class DoctorPod(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Lab(("alpha", "gamma")))
        cls.directory = cls.lab.new_directory()
        cls.lab.start_collector(cls.directory)
        cls.alpha = cls.lab.vendors["alpha"]
        cls.gamma = cls.lab.vendors["gamma"]
        cls.target = urlsplit(
            cls.lab.origin.url("http", "shop.example.test", "/")
        ).netloc
        cls.by_host = f"{cls.alpha.host}:{cls.alpha.port}"
        cls.by_address = f"{cls.alpha.address}:{cls.alpha.port}"

    def setUp(self):
        self.expected = []
        self.addCleanup(self.lab.settle)

    def path(self, name):
        return os.path.join(self.lab.workspace.path, name)

    def build(self, name, *command, **environment):
        target = self.path(name)
        subprocess.run(
            [word.format(target=target) for word in command],
            check=True,
            cwd=HOLDERS,
            env={**os.environ, **environment},
        )
        return target

    def start(self, command, **variables):
        process = subprocess.Popen(
            resolving(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.lab.environment(**variables),
        )

        def stop():
            process.stdin.close()
            try:
                process.wait(30)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()

        self.addCleanup(stop)
        return process

    def expect(self, pid, name, figures, why="", reason="", advice="", **more):
        sent, received = figures
        row = {
            "pid": pid,
            "name": name,
            "uid": os.geteuid(),
            "vendors": ["alpha"],
            "connections": 1,
            "sent_bytes": sent,
            "received_bytes": received,
            "covered": "no" if why else "yes",
            "why": why,
            "reason": reason,
            "advice": advice,
            **more,
        }
        self.expected.append(row)
        return row

    def hold(self, command, why="", reason="", advice="", variables=None, **more):
        """Starts a holder and expects a row of it."""
        process = self.start(command, **(variables or {}))
        said = process.stdout.readline().split()
        self.assertEqual(len(said), 3, command)
        pid, *figures = map(int, said)
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            name = file.read().strip()
        self.expect(pid, name, figures, why, reason, advice, **more)
        return process

    def python(self, *proxies):
        return [PYTHON, HOLD, self.target, *(proxies or [self.by_host])]

    def doctor(self, *options, before=()):
        done = subprocess.run(
            resolving(
                [*before, program(), "doctor", "--pod", "--dir", self.directory]
                + list(options)
            ),
            env=self.lab.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def assert_pod(self, status, before=()):
        found, text = self.doctor("--json", before=before)
        report = json.loads(text)
        rows = report.pop("processes")
        for row in rows:
            del row["executable"]

        def order(row):
            return row["pid"] or 0

        self.assertEqual(
            sorted(rows, key=order), sorted(self.expected, key=order)
        )
        self.assertEqual(
            report,
            {
                "directory": self.directory,
                "all_covered": status == 0,
                "closed_connections": 0,
                "unresolved_hosts": [],
            },
        )
        self.assertEqual(found, status)
        return rows

    def hold_by_curl(self):
        """curl, of which the kernel alone says what it moved."""
        process = self.start(
            [*self.lab.metered(self.directory), "curl", "--silent", "--proxytunnel"]
            + ["--proxy", self.alpha.url, f"telnet://{self.target}"]
        )
        self.addCleanup(process.terminate)  # it does not mind the end of input

        def tunnel():
            for connection in witness.open_connections():
                if (
                    connection.remote == self.alpha.endpoint
                    and connection.bytes_received > 0
                ):
                    return connection
            return None

        # Squid sends all of its answer at once.
        connection = wait_until(tunnel, 30, "curl's tunnel")
        self.expect(
            process.pid, "curl", (connection.data_sent, connection.bytes_received)
        )

    def test_nobody_is_there(self):
        self.assertEqual(
            self.doctor(),
            (
                0,
                "connections to vendors of the policy in "
                f"{self.directory}\nNobody has a connection to a vendor.\n",
            ),
        )
        self.assert_pod(0)

    def test_all_are_covered(self):
        self.hold_by_curl()
        metered = self.lab.metered(self.directory)
        self.hold([*metered, *self.python()])
        socks = f"socks:{self.gamma.host}:{self.gamma.port}"
        self.hold(
            [*metered, *self.python(self.by_host, socks)],
            vendors=["alpha", "gamma"],
            connections=2,
        )
        self.assert_pod(0)

    def test_each_reason_is_told(self):
        metered = self.lab.metered(self.directory)
        self.hold([*metered, *self.python()])
        self.hold(
            self.python(), "preload", "LD_PRELOAD is not in its environment", RUN
        )

        # A shell that does not give way to what it starts.
        cleans = ["sh", "-c", 'env -i "$@"; exit', "sh"]
        shell = self.hold(
            [*metered, *cleans, *self.python(self.by_address)], "preload"
        )
        self.expected[-1].update(
            reason="LD_PRELOAD is not in its environment, though it descends from "
            f"process {shell.pid} (sh), which has it: the environment was cleaned",
            advice="have whoever starts it keep LD_PRELOAD and PROXYMETER_DIR",
        )

        other = self.lab.new_directory()
        self.hold(
            [*self.lab.metered(other), *self.python()],
            "directory",
            f"it is metered into {other}, not into {self.directory}",
            f"start it with PROXYMETER_DIR={self.directory}, or look there: "
            f"doctor --pod --dir {other}",
        )
        self.hold(
            self.python(),
            "library",
            "its LD_PRELOAD names /nowhere/libproxymeter.so, which is not a file "
            "where it lives",
            "make the library available under that path",
            {"LD_PRELOAD": "/nowhere/libproxymeter.so"},
        )
        self.assert_pod(1)

    def test_programs_that_load_nothing_are_told(self):
        metered = self.lab.metered(self.directory)
        static = self.build(
            "musl", "musl-gcc", "-static", "-o", "{target}", "hold.c"
        )
        self.hold(
            [*metered, static, self.target, self.by_address],
            "linking",
            f"{static} is statically linked and loads no library",
            ELSEWHERE,
        )
        settings = {"GOCACHE": self.path("go-cache"), "GO111MODULE": "off"}
        go = ["go", "build", "-o", "{target}", "hold.go"]
        # With libc, for its resolver alone: the library is in it, to no avail.
        dynamic = self.build("go-dynamic", *go, **settings, CGO_ENABLED="1")
        static = self.build("go-static", *go, **settings, CGO_ENABLED="0")
        for path, how in ((dynamic, ""), (static, ", statically linked")):
            self.hold(
                [*metered, path, self.target, self.by_host],
                "linking",
                f"{path} is a Go program{how}, and Go makes its system calls "
                "without libc",
                ELSEWHERE,
            )
        self.assert_pod(1)
        pid = self.expected[1]["pid"]
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            self.assertIn(os.path.realpath(library()), maps.read())

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_raised_privilege_is_told(self):
        # Not in memory, where the bit may be ignored (nosuid).
        copy = f"/var/tmp/proxymeter-pod-{os.getpid()}"
        self.addCleanup(lambda: os.path.exists(copy) and os.remove(copy))
        shutil.copy(self.build("raised", "gcc", "-o", "{target}", "hold.c"), copy)
        os.chmod(copy, 0o4755)
        self.hold(
            [*self.lab.metered(self.directory)]
            + as_ordinary_user([copy, self.target, self.by_address]),
            "privilege",
            "it was started with raised privilege (AT_SECURE), for which the "
            "system ignores LD_PRELOAD",
            "start it as the user that it is to run as, without set-ID bits or "
            "file capabilities",
            uid=NOBODY,
        )
        self.assert_pod(1)

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_what_may_not_be_looked_into_is_told(self):
        self.hold([*self.lab.metered(self.directory), *self.python()])
        self.hold(self.python(), "preload")
        sent = sum(row["sent_bytes"] for row in self.expected)
        received = sum(row["received_bytes"] for row in self.expected)
        self.expected.clear()
        self.expect(
            None,
            "",
            (sent, received),
            "process",
            "held by processes of user 0 that may not be looked into, or are not "
            "in this PID namespace",
            "ask as root, as user 0 or with CAP_SYS_PTRACE, in a PID namespace "
            "shared with them",
            uid=0,
            connections=2,
            covered="unknown",
        )
        # Its own it may.
        self.hold(
            as_ordinary_user([*self.lab.metered(self.directory), *self.python()]),
            uid=NOBODY,
        )
        self.assert_pod(1, before=as_ordinary_user([]))

    def test_people_read_a_table(self):
        self.hold([*self.lab.metered(self.directory), *self.python()])
        self.hold(self.python())
        status, text = self.doctor()
        self.assertEqual(status, 1)
        subject, title, *lines, conclusion = text.splitlines()
        self.assertEqual(
            subject, f"connections to vendors of the policy in {self.directory}"
        )
        self.assertEqual(
            title.split(),
            ["covered", "pid", "program", "vendor", "connections", "sent", "received"],
        )
        metered, plain = self.expected

        def figures(row):
            keys = ("pid", "name", "connections", "sent_bytes", "received_bytes")
            pid, name, *numbers = (str(row[key]) for key in keys)
            return [pid, name, "alpha", *numbers]

        self.assertEqual(lines[0].split(), ["no", *figures(plain)])
        self.assertEqual(
            lines[1], f"      LD_PRELOAD is not in its environment -> {RUN}"
        )
        self.assertEqual(lines[2].split(), ["yes", *figures(metered)])
        self.assertEqual(len(lines), 3)
        self.assertEqual(conclusion, "Of 2: 1 not covered.")

    def test_without_a_policy_there_is_nothing_to_say(self):
        empty = self.lab.new_directory()
        done = subprocess.run(
            [program(), "doctor", "--pod", "--dir", empty],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(
            done.stderr,
            f"proxymeter: {empty}: no policy, so no vendors are known; start a "
            "collector there, or name another --dir\n",
        )


if __name__ == "__main__":
    unittest.main()
