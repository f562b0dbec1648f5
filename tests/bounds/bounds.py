"""What the meter costs a program: instructions, system calls, memory."""

import collections
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from lab.collector import Collector  # noqa: E402
from lab.lab import library  # noqa: E402
from lab.workspace import Workspace  # noqa: E402

CONFIGURATION = """
version: 1
vendors:
  - {name: peer, match: [{cidr: 127.0.0.0/8}]}
"""
CALLS = os.environ["PROXYMETER_CALLS"]
# Instructions more per call than without us.
UNTRACKED_BOUND = 15
METERED_BOUND = 120
# What a flush consists of: at most one a second, seen by its kind of socket.
FLUSH = ("socket", "connect", "sendto", "close", "getpid")
FLUSH_SOCKET = "socket(AF_UNIX, SOCK_SEQPACKET"


class Peer:
    """Sends an endless body, and reads what comes, until the other side ends."""

    HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with peer, contextlib.suppress(OSError):
            if peer.recv(65536).startswith(b"GET"):
                peer.sendall(self.HEAD)
                while True:
                    peer.sendall(bytes(65536))
            while peer.recv(65536):
                pass

    def close(self):
        self._listener.close()


class Bounds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workspace = Workspace()
        cls.addClassCleanup(cls.workspace.remove)
        directory = cls.workspace.directory("pm")
        cls.collector = Collector(
            os.environ["PROXYMETER_PROGRAM"],
            directory,
            cls.workspace.write("vendors.yaml", CONFIGURATION),
            os.path.join(cls.workspace.path, "collector.out"),
        )
        cls.addClassCleanup(cls.collector.kill)
        cls.peer = Peer()
        cls.addClassCleanup(cls.peer.close)
        cls.metered = {"LD_PRELOAD": library(), "PROXYMETER_DIR": directory}

    def run_calls(self, kind, count, metered, prefix=()):
        done = subprocess.run(
            [*prefix, CALLS, kind, str(count), str(self.peer.port)],
            env={**os.environ, **(self.metered if metered else {})},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    # Instructions.

    def instructions(self, kind, count, metered):
        done = self.run_calls(
            kind,
            count,
            metered,
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"],
        )
        return int(re.search(r"Collected : (\d+)", done.stderr)[1])

    def instructions_per_call(self, kind, metered):
        few, many = 1000, 11000
        return (
            self.instructions(kind, many, metered)
            - self.instructions(kind, few, metered)
        ) / (many - few)

    def assert_instructions(self, kind, bound):
        alone = self.instructions_per_call(kind, False)
        more = self.instructions_per_call(kind, True) - alone
        print(f"{kind}: {more:+.1f} instructions", file=sys.stderr)
        # None at all would mean that we were not there.
        self.assertGreater(more, 0)
        self.assertLessEqual(more, bound)

    def test_instructions_of_an_untracked_read(self):
        self.assert_instructions("read", UNTRACKED_BOUND)

    def test_instructions_of_an_untracked_write(self):
        self.assert_instructions("write", UNTRACKED_BOUND)

    def test_instructions_of_a_metered_recv(self):
        self.assert_instructions("recv", METERED_BOUND)

    def test_instructions_of_a_metered_send(self):
        self.assert_instructions("send", METERED_BOUND)

    # System calls.

    def system_calls(self, kind, count, metered):
        """Calls by name without those of flushes, and how many those were."""
        log = os.path.join(self.workspace.path, "strace.out")
        # Straight into strace's child: strace itself shall not be metered.
        with_us = [f"--env={k}={v}" for k, v in self.metered.items()]
        self.run_calls(
            kind,
            count,
            False,
            ["strace", "-f", "-o", log, *(with_us if metered else [])],
        )
        calls = collections.Counter()
        flushes = 0
        with open(log, encoding="utf-8") as file:
            for line in file:
                match = re.match(r"\d+ +(\w+)\(", line)
                if match:
                    calls[match[1]] += 1
                    flushes += FLUSH_SOCKET in line
        for name in FLUSH:
            calls[name] -= flushes
        return calls, flushes

    def assert_no_system_call_more(self, kind, expected):
        count = 1000
        added = []
        for metered in (False, True):
            few, _ = self.system_calls(kind, count, metered)
            many, flushes = self.system_calls(kind, 2 * count, metered)
            added.append(
                {name: n - few[name] for name, n in many.items() if n != few[name]}
            )
            self.assertEqual(flushes > 0, metered and kind in ("recv", "send"))
        self.assertEqual(added[0], {expected: count})
        self.assertEqual(added[1], added[0])

    def test_system_calls_of_untracked_calls(self):
        self.assert_no_system_call_more("read", "read")
        self.assert_no_system_call_more("write", "write")

    def test_system_calls_of_metered_calls(self):
        self.assert_no_system_call_more("recv", "recvfrom")
        self.assert_no_system_call_more("send", "sendto")

    # Memory.

    def test_memory_of_the_programs_allocator_is_left_alone(self):
        for kind in ("read", "recv", "send"):
            with self.subTest(kind):
                alone = self.run_calls(kind, 1000, False).stdout
                metered = self.run_calls(kind, 1000, True).stdout
                self.assertEqual(metered, alone)


if __name__ == "__main__":
    unittest.main()
