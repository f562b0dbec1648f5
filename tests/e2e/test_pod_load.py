"""Thousands of connections a second: each is counted, or its loss is."""

import os
import signal
import subprocess
import sys
import unittest

from pod_case import DECISION_SECONDS, RAPID_ADDRESS, PodCase, compile_c

from lab.service import as_ordinary_user, wait_until

RATE, SECONDS = 5000, 10


class PodLoad(PodCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = compile_c(cls.lab.workspace.path, "rapid", "gcc", "-pthread")

    def rapid(self, rate, seconds):
        line = [*self.program, RAPID_ADDRESS, str(self.rapid_port)]
        out = self.run_in_pod([*line, str(rate), str(seconds)], text="go\n")
        return int(out.split()[1])

    def dumps(self):
        return self.collector.metrics().total(
            "proxymeter_audit_dumps_total", result="ok"
        )

    def crawl(self, prefix):
        """Connections, bytes sent and received, as both its ends counted them."""
        line = [*prefix, *self.program, RAPID_ADDRESS, str(self.rapid_port)]
        with subprocess.Popen(
            as_ordinary_user([*line, str(RATE), str(SECONDS)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as crawler:
            self.assertEqual(crawler.stdout.readline(), "ready\n")
            dumps = self.dumps()
            wait_until(lambda: self.dumps() > dumps + 1, 30, "a look at who listens")
            out, _ = crawler.communicate("go\n")
        self.assertEqual(crawler.returncode, 0)
        return map(int, out.split())

    def test_each_is_counted_by_the_kernel(self):
        self.check(metered=False)

    def test_each_is_counted_by_both_witnesses(self):
        self.check(metered=True)

    def check(self, metered):
        gaps = self.gaps()
        before = self.figures("rapid")
        prefix = self.lab.metered(self.directory) if metered else []
        connections, sent, received = self.crawl(prefix)
        print(f"{connections / SECONDS:.0f} connections a second", file=sys.stderr)

        def new_gaps():
            return {
                key: value - gaps.get(key, 0)
                for key, value in self.gaps().items()
                if value != gaps.get(key, 0)
            }

        def lost():
            return not {"overrun", "no_room"}.isdisjoint(new_gaps())

        def decided():
            found = self.since("rapid", before)
            done = found.get("kernel connections", 0) >= connections
            return found if done or lost() else None

        found = wait_until(decided, DECISION_SECONDS, "all connections")
        if lost():
            print(f"lost, and said: {new_gaps()}", file=sys.stderr)
            self.assertLessEqual(found["kernel connections"], connections)
            return
        # A reset now and then, whose FIN nobody can tell from a byte.
        unsure = new_gaps().get("fin_unsure", 0)
        self.assertLessEqual(abs(found["kernel received"] - received), unsure)
        received = found["kernel received"]
        expected = {
            "all sent": sent,
            "all received": received,
            "kernel sent": sent,
            "kernel received": received,
            "connections": connections,
            "kernel connections": connections,
        }
        if not metered:
            expected |= {
                "by kernel sent": sent,
                "by kernel received": received,
                "not_preloaded sent": sent,
                "not_preloaded received": received,
                "unmetered connections": connections,
            }
        self.assertEqual(found, expected)
        self.assertLessEqual(set(new_gaps()), {"fin_unsure"})

    def test_who_is_not_heard_in_time_is_missed_and_that_is_said(self):
        before = self.figures("rapid")
        overruns = self.gaps().get("overrun", 0)
        pid = self.collector.service.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            connections = self.rapid(100000, 1)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(
            lambda: self.gaps().get("overrun", 0) > overruns,
            DECISION_SECONDS,
            "the loss to be said",
        )
        # And it goes on.
        more = self.rapid(100, 0.2)
        found = self.wait_for("rapid", before, {"kernel connections": more})
        self.assertLess(found["kernel connections"], connections + more)


if __name__ == "__main__":
    unittest.main()
