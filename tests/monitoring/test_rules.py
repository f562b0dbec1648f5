"""Recording rules and alerts, by promtool and by what they say of themselves."""

import glob
import os
import re
import subprocess
import sys
import unittest

import yaml

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PLACE = os.path.join(ROOT, "prometheus")
RUNBOOK = os.path.join(ROOT, "docs", "runbook.md")
TESTS = sorted(glob.glob(os.path.join(PLACE, "tests", "*.yml")))
PARTS = ("Meaning", "Impact", "Check", "Mitigate")


def load(*names):
    with open(os.path.join(PLACE, *names), encoding="utf-8") as file:
        return yaml.safe_load(file)


def rules(name):
    return [rule for group in load(name)["groups"] for rule in group["rules"]]


def sections(path):
    """{anchor as in a link: text of the section} of the second level."""
    with open(path, encoding="utf-8") as file:
        _, *found = re.split(r"^## ", file.read(), flags=re.MULTILINE)
    return {
        re.sub(r"[^a-z0-9 -]", "", s.partition("\n")[0].lower()).replace(" ", "-"): s
        for s in found
    }


class RulesTest(unittest.TestCase):
    maxDiff = None

    def promtool(self, *arguments):
        done = subprocess.run(
            ["promtool", *arguments], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_are_what_the_source_gives(self):
        subprocess.run(
            [sys.executable, os.path.join(PLACE, "generate.py"), "--check"], check=True
        )

    def test_are_valid(self):
        self.promtool("check", "rules", *glob.glob(os.path.join(PLACE, "*ing.yml")))
        self.promtool("check", "rules", os.path.join(PLACE, "alerts.yml"))
        self.promtool("check", "config", os.path.join(PLACE, "prometheus.yml"))

    def test_give_what_their_tests_say(self):
        for path in TESTS:
            with self.subTest(path):
                self.promtool("test", "rules", path)

    def test_every_recording_rule_is_tested(self):
        tested = " ".join(
            check["expr"]
            for test in load("tests", "recording.yml")["tests"]
            for check in test["promql_expr_test"]
        )
        for rule in rules("recording.yml"):
            self.assertRegex(tested, rf"(?<![\w:]){rule['record']}(?![\w:])")

    def test_every_alert_is_seen_to_fire_and_not_to(self):
        fires, stays = set(), set()
        for path in TESTS:
            for test in load(path)["tests"]:
                for check in test.get("alert_rule_test", ()):
                    (fires if check.get("exp_alerts") else stays).add(
                        check["alertname"]
                    )
        names = {rule["alert"] for rule in rules("alerts.yml")}
        self.assertEqual(fires, names)
        self.assertEqual(stays, names)

    def test_every_alert_says_what_it_is_and_what_to_do(self):
        runbook = sections(RUNBOOK)
        for rule in rules("alerts.yml"):
            with self.subTest(rule["alert"]):
                self.assertIn(
                    rule["labels"]["severity"], ("critical", "warning", "info")
                )
                told = rule["annotations"]
                self.assertTrue(told["summary"] and told["description"])
                page, _, anchor = told["runbook_url"].partition("#")
                self.assertEqual(page, os.path.relpath(RUNBOOK, ROOT))
                self.assertEqual(anchor, rule["alert"].lower())
                section = runbook[anchor]
                for part in PARTS:
                    self.assertIn(f"**{part}.**", section)
                severity = rule["labels"]["severity"].capitalize()
                self.assertIn(f"**Meaning.** {severity}. ", section)
                self.assertIn("```promql\n", section)

    def test_the_runbook_has_no_section_of_an_alert_that_is_not(self):
        names = {rule["alert"].lower() for rule in rules("alerts.yml")}
        for anchor in sections(RUNBOOK):
            if anchor.startswith("proxymeter"):
                self.assertIn(anchor, names)


if __name__ == "__main__":
    unittest.main()
