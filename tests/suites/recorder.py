"""Runs the tests of one module and records each outcome as a line of JSON.

A line is written the moment it is known, with no file left open in between:
tests close descriptors they do not know, crash and hang, and what was learned
until then must survive.
"""

import faulthandler
import json
import os
import sys
import unittest

from test import support

# What one test may take; the longest take a few seconds, on an idle machine.
TEST_SECONDS = 120
LOCAL_NETWORK = ("test.test_socketserver",)


class Recorder(unittest.TestResult):
    """One outcome per test; those of subtests are their test's."""

    def __init__(self, path):
        super().__init__()
        self._path = path
        # A test may fork, and its child come back here by mistake.
        self._owner = os.getpid()
        self._outcome = None

    def record(self, **line):
        if os.getpid() != self._owner:
            return
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def startTest(self, test):
        super().startTest(test)
        self._outcome = ("passed", "")
        self.record(start=test.id())
        faulthandler.dump_traceback_later(TEST_SECONDS, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        outcome, detail = self._outcome
        self._outcome = None
        self.record(test=test.id(), outcome=outcome, detail=detail)

    def _set(self, test, outcome, detail):
        if self._outcome is None:
            # A class or module could not be set up, torn down or was skipped.
            self.record(test=test.id(), outcome=outcome, detail=detail)
        elif self._outcome[0] in ("passed", "skipped"):
            self._outcome = (outcome, detail)

    def addError(self, test, error):
        self._set(test, "failed", self._exc_info_to_string(error, test))

    def addFailure(self, test, error):
        self.addError(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addError(test, error)

    def addSkip(self, test, reason):
        # A subtest that skips itself does not make its test skipped.
        if not hasattr(test, "test_case"):
            self._set(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        self._set(test, "failed as expected", "")

    def addUnexpectedSuccess(self, test):
        self._set(test, "passed unexpectedly", "")


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def is_selected(test, only, skip):
    """`only` names tests, or classes and modules as in "setUpClass (NAME)"."""
    name = test.id()
    if name in skip:
        return False
    if only is None or name in only:
        return True
    within = [o[o.index("(") + 1 : -1] + "." for o in only if o.endswith(")")]
    return name.startswith(tuple(within))


def main(module, results, selection, library):
    faulthandler.enable()
    # As regrtest without options: no network, no large files. But these mean
    # the loopback device by "network".
    support.use_resources = ["network"] if module in LOCAL_NETWORK else []
    with open(selection, encoding="utf-8") as file:
        chosen = json.load(file)
    recorder = Recorder(results)
    with open("/proc/self/maps", encoding="utf-8") as maps:
        recorder.record(preloaded=library in maps.read())
    suite = unittest.TestSuite(
        test
        for test in tests_of(unittest.defaultTestLoader.loadTestsFromName(module))
        if is_selected(test, chosen["only"], set(chosen["skip"]))
    )
    suite.run(recorder)
    recorder.record(end=module)


if __name__ == "__main__":
    main(*sys.argv[1:])
