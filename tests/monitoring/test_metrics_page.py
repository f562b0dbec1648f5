"""The reference of metrics is what a collector exposes."""

import glob
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PROGRAM = os.environ.get("PROXYMETER_ONE_OF_EVERYTHING") or os.path.join(
    ROOT, "build", "release", "tests", "one_of_everything"
)
PAGE = os.path.join(ROOT, "docs", "metrics.md")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class MetricsPageTest(unittest.TestCase):
    def test_is_what_the_program_says(self):
        subprocess.run(
            [sys.executable, os.path.join(ROOT, "docs", "generate_metrics.py")]
            + [PROGRAM, "--check"],
            check=True,
        )

    def test_what_the_program_says_is_valid(self):
        told = subprocess.run([PROGRAM], stdout=subprocess.PIPE, check=True).stdout
        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self.assertEqual(checked.returncode, 0, checked.stdout.decode())

    def test_has_every_metric_that_the_sources_name(self):
        told = set(re.findall(r"^\| `(\w+)`", read(PAGE), re.MULTILINE))
        named = set()
        for path in glob.glob(os.path.join(ROOT, "collector/exposition/*_famil*.cc")):
            if not path.endswith("_test.cc"):
                named |= set(re.findall(r'"(proxymeter_\w+)"', read(path)))
        self.assertGreater(len(named), 60)
        self.assertEqual(named - told, set())

    def test_has_every_metric_that_rules_look_at(self):
        told = set(re.findall(r"^\| `(\w+)`", read(PAGE), re.MULTILINE))
        for name in ("recording.yml", "alerts.yml"):
            text = read(os.path.join(ROOT, "prometheus", name))
            asked = re.findall(r"(?<![:\w])(proxymeter_\w+)(?=[\[{ )])", text)
            self.assertTrue(asked)
            for metric in asked:
                self.assertIn(re.sub(r"_(bucket|sum|count)$", "", metric), told)


if __name__ == "__main__":
    unittest.main()
