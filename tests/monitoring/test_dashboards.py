"""Dashboards: what their source gives, and as Grafana 10 takes it.

Whether their queries have answers, tests/e2e/test_prometheus.py asks.
"""

import glob
import itertools
import json
import os
import re
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PLACE = os.path.join(ROOT, "dashboards")
sys.path.insert(0, PLACE)

import generate  # noqa: E402

BUILT_IN = {"row", "timeseries", "stat", "bargauge", "table"}
VARIABLES = ["datasource", "vendor", "namespace", "pod"]
GRAFANAS_OWN = {"__range", "__url_time_range", "__data"}
GRID = 24


def overlap(one, other):
    a, b = one["gridPos"], other["gridPos"]
    return (
        a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    )


class DashboardsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.boards = {}
        for path in sorted(glob.glob(os.path.join(PLACE, "*.json"))):
            with open(path, encoding="utf-8") as file:
                cls.boards[os.path.basename(path)] = json.load(file)

    # What is looked at, for messages.
    where = ""

    def _formatMessage(self, msg, standardMsg):
        return f"{self.where}: {super()._formatMessage(msg, standardMsg)}"

    def each(self):
        for self.where, board in self.boards.items():
            yield board

    def each_panel(self):
        for name, board in self.boards.items():
            for panel in board["panels"]:
                if panel["type"] != "row":
                    self.where = f"{name}, {panel['title']}"
                    yield panel

    def test_are_what_the_source_gives(self):
        self.assertEqual(generate.stale(), [], "run dashboards/generate.py")
        self.assertEqual(len(self.boards), 6)

    def test_are_of_a_schema_that_grafana_10_has(self):
        for board in self.each():
            self.assertGreaterEqual(board["schemaVersion"], 38)
            self.assertIsNone(board["id"])
            self.assertRegex(board["uid"], r"^proxymeter-[a-z]+$")
            self.assertLessEqual(len(board["uid"]), 40)
            self.assertTrue(board["description"])
            for panel in board["panels"]:
                self.assertIn(panel["type"], BUILT_IN)
        uids = [board["uid"] for board in self.boards.values()]
        self.assertEqual(len(uids), len(set(uids)))

    def test_panels_have_ids_and_places_of_their_own(self):
        for board in self.each():
            ids = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            for panel in board["panels"]:
                place = panel["gridPos"]
                self.assertGreaterEqual(place["x"], 0)
                self.assertLessEqual(place["x"] + place["w"], GRID)
            for one, other in itertools.combinations(board["panels"], 2):
                self.assertFalse(
                    overlap(one, other), f"{one['title']} and {other['title']}"
                )

    def test_panels_are_described_and_have_units(self):
        for panel in self.each_panel():
            self.assertRegex(panel["description"], r"^[A-Z].*\.$")
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["thresholds"]["steps"])
            references = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(references), len(set(references)))
            if panel["type"] in ("timeseries", "bargauge"):
                for target in panel["targets"]:
                    self.assertNotEqual(target["legendFormat"], "__auto")

    def test_titles_are_told_apart(self):
        for board in self.each():
            titles = [p["title"] for p in board["panels"] if p["type"] != "row"]
            self.assertEqual(sorted(titles), sorted(set(titles)))

    def test_data_come_from_the_variable_alone(self):
        for board in self.each():
            text = json.dumps(board)
            self.assertEqual(
                set(re.findall(r'"uid": "([^"]*)"', text)),
                {board["uid"], "${datasource}"},
            )
        for panel in self.each_panel():
            for part in (panel, *panel["targets"]):
                self.assertEqual(part["datasource"]["uid"], "${datasource}")

    def test_variables_are_there_and_used(self):
        for board in self.each():
            given = board["templating"]["list"]
            self.assertEqual([variable["name"] for variable in given], VARIABLES)
            for variable in given[1:]:
                self.assertTrue(variable["multi"] and variable["includeAll"])
            text = json.dumps(board["panels"])
            used = set(re.findall(r"\$\{?(\w+)", text))
            self.assertLessEqual(used, {*VARIABLES, *GRAFANAS_OWN})
            # A multiple choice is a regular expression.
            for name in VARIABLES[1:]:
                self.assertNotRegex(text, rf'[^~]\\"\${name}\\"')

    def test_boards_lead_to_each_other_and_vendors_to_destinations(self):
        for board in self.each():
            (link,) = board["links"]
            self.assertEqual(link["tags"], ["proxymeter"])
            self.assertIn("proxymeter", board["tags"])
        leads = 0
        for panel in self.each_panel():
            columns = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}
            if panel["type"] != "table" or "proxy_vendor" not in columns:
                continue
            if "destination_host" in columns:
                continue  # it is where they lead to
            leads += 1
            self.assertIn("/d/proxymeter-destinations?", json.dumps(panel["fieldConfig"]))
        self.assertGreaterEqual(leads, 3)


if __name__ == "__main__":
    unittest.main()
