"""A real Prometheus scrapes a collector: every rule, panel and query has an answer.

What is rightly empty while nothing is wrong is made to go wrong, and asked again.
"""

import math
import os
import re
import sys
import time
import unittest

from lab import own_network

own_network.enter()

from lab import crawlers, sites, told_apart  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.prometheus import ROOT, RULES, Prometheus  # noqa: E402

import demo  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "dashboards"))

import board  # noqa: E402
import generate  # noqa: E402

POD = {"POD_NAME": "crawler-1", "POD_NAMESPACE": "crawling"}
COOKBOOK = os.path.join(ROOT, "docs", "queries.md")
RUNBOOK = os.path.join(ROOT, "docs", "runbook.md")
SIZING = os.path.join(ROOT, "docs", "sizing.md")
REFERENCE = os.path.join(ROOT, "docs", "metrics.md")
# The mark of a query, in the cookbook, that is rightly empty, and its reason.
EMPTY = re.compile(r"^# Empty while (.*)$", re.MULTILINE)
# Nothing that a test could wait for. The rules' tests have days.
NEEDS_DAYS = {"Of what the day before cost"}
# Metrics in an expression: not functions, labels and strings.
METRIC = re.compile(r"\b(?:up|ALERTS|\w*proxy(?:meter)?[:_][\w:]+|\w+:[\w:]+)\b")


def blocks(path):
    """Blocks of queries on a page."""
    with open(path, encoding="utf-8") as file:
        return re.findall(r"```promql\n(.*?)```", file.read(), re.DOTALL)


def cookbook():
    """(expression, why it may be empty or None) of each query to be tried out."""
    for block in blocks(COOKBOOK) + blocks(SIZING):
        for expression in block.strip().split("\n\n"):
            mark = EMPTY.search(expression)
            yield expression, mark and mark[1]


def metrics_in(expression):
    """Names of metrics that it looks at."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|(?:by|on) \([^)]*\)', "", expression)
    return set(METRIC.findall(bare))


class PrometheusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ.update(POD)
        cls.lab = cls.enterClassContext(Lab(choice=told_apart.vendors()))
        cls.directory = cls.lab.new_directory()
        cls.collector = cls.lab.start_collector(cls.directory, audit=True)
        cls.prometheus = Prometheus(
            cls.lab.new_directory(),
            [f"127.0.0.1:{cls.collector.metrics_port}"],
            RULES,
        )
        cls.addClassCleanup(cls.prometheus.kill)

    def traffic(self):
        """{series: value} of what the collector counts by vendor."""
        return {
            (name, tuple(sorted(labels.items()))): value
            for name, labels, value in self.collector.metrics().everything()
            if "proxy_vendor" in labels
        }

    def stored(self, at=None):
        """The same, as Prometheus has it."""
        found = {}
        for labels, value in self.prometheus.query(
            '{__name__=~"proxymeter_.*", proxy_vendor!=""}', at
        ):
            rest = {
                key: text
                for key, text in labels.items()
                if key not in ("__name__", "job", "instance")
            }
            found[(labels["__name__"], tuple(sorted(rest.items())))] = value
        return found

    def arrive(self):
        """Waits for all that was crawled to be metered, scraped and recorded."""
        self.lab.settle()
        self.collector.settle()
        self.prometheus.wait_until(
            lambda: self.stored() == self.traffic(), "the collector's figures"
        )
        self.prometheus.wait_evaluated()
        return self.traffic()

    def fill(self, expression):
        """What Grafana asks for with everything chosen, by name."""
        for name, values in self.variables.items():
            expression = expression.replace(f"${name}", f"({'|'.join(values)})")
        return expression.replace("$__range", "10m")

    def ask(self, expression, over_time=False):
        """Values that are numbers."""
        now = time.time()
        if "[$__range:5m]" in expression:
            now = math.ceil(now / 300) * 300  # that such a step is in the data
        expression = self.fill(expression)
        self.assertNotIn("$", expression)
        if over_time:
            found = self.prometheus.query_range(expression, now - 120, now, 2)
            values = [value for _, series in found for value in series]
        else:
            values = [value for _, value in self.prometheus.query(expression, now)]
        return [value for value in values if not math.isnan(value)]

    def every_panel(self, also_empty):
        """Asks what every panel asks; those that may be empty only if `also_empty`."""
        for name, of in generate.BOARDS.items():
            for panel in of.panels:
                if panel.empty_when and (not also_empty or panel.title in NEEDS_DAYS):
                    may_be_empty = True
                else:
                    may_be_empty = False
                for query in panel.queries:
                    with self.subTest(board=name, panel=panel.title, expr=query.expr):
                        found = self.ask(query.expr, panel.kind == "timeseries")
                        self.assertTrue(found or may_be_empty, "no answer")

    def every_query(self, also_empty):
        queries = list(cookbook())
        self.assertGreater(len(queries), 20)
        for expression, mark in queries:
            with self.subTest(query=expression):
                found = self.ask(expression)
                needs_days = mark and "day" in mark
                self.assertTrue(
                    found or (mark and not also_empty) or needs_days, "no answer"
                )

    def every_rule(self):
        rules = self.prometheus.rules()
        self.assertGreater(len(rules), 60)
        for rule in rules:
            with self.subTest(rule=rule["name"]):
                self.assertEqual(rule["health"], "ok", rule.get("lastError"))
                if rule["type"] == "recording":
                    self.assertTrue(self.prometheus.query(rule["name"]), "no series")
                    continue
                self.prometheus.query(rule["query"])
                self.look_at_data(rule["query"])

    def look_at_data(self, expression):
        """It finds nothing when nothing is wrong: not for want of what it reads."""
        metrics = metrics_in(expression)
        self.assertTrue(metrics, expression)
        for metric in metrics:
            self.assertTrue(self.prometheus.query(metric), metric)

    def every_query_of_the_runbook(self):
        queries = [line for block in blocks(RUNBOOK) for line in block.splitlines()]
        self.assertGreater(len(queries), 20)
        for query in queries:
            with self.subTest(query=query):
                self.prometheus.query(query.replace("VENDOR", "alpha"))
                self.look_at_data(query)

    def crawl(self):
        for client, vendor, scheme, site in demo.visits(self.lab):
            self.lab.crawl(client, vendor, scheme, site, self.directory)

    def refused_crawl(self):
        """By the first vendor, whose proxy does not know the password."""
        vendor = self.lab.vendors["alpha"]
        for url in self.lab.urls("https", sites.SITES[0], ["/missing"]):
            done = crawlers.run(
                self.lab.metered(self.directory)
                + ["curl", "--silent", "--proxy"]
                + [vendor.url.replace("a-secret", "wrong"), url],
                self.lab.environment(),
                check=False,
            )
            self.assertEqual(done.returncode, 56, done.stderr)  # CONNECT was refused

    def unseen_crawl(self):
        """Without the library, to a vendor that an address tells."""
        self.lab.crawl("curl", self.lab.vendors["beta"], "http", sites.SITES[0])

    def break_configuration(self):
        with open(self.lab.config_file, "w", encoding="utf-8") as file:
            file.write("version: 2\n")

    def test_everything_has_an_answer(self):
        self.crawl()
        first, at = self.arrive(), time.time()
        self.crawl()
        second = self.arrive()

        with open(REFERENCE, encoding="utf-8") as file:
            told = set(re.findall(r"^\| `(\w+)`", file.read(), re.MULTILINE))
        text = self.collector.metrics().text
        self.assertEqual(set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) - told, set())

        # Exactly what the collector says, now and then.
        self.assertEqual(self.stored(), second)
        self.assertEqual(self.stored(at), first)
        moved = {k: v - first.get(k, 0) for k, v in second.items()}
        requests = [
            (dict(labels)["proxy_vendor"], value)
            for (name, labels), value in moved.items()
            if name == "proxymeter_vendor_requests_total"
        ]
        self.assertEqual({vendor for vendor, _ in requests}, set(self.lab.vendors))
        for vendor, value in requests:
            self.assertGreater(value, 0)
            metric = f'proxymeter_vendor_requests_total{{proxy_vendor="{vendor}"}}'
            told = self.prometheus.query(f"{metric} - {metric} @ {at}")
            self.assertEqual([v for _, v in told], [value])

        self.variables = {
            name: self.prometheus.label_values(
                query.rpartition(", ")[2][:-1], board.POD_SERIES
            )
            for name, query in board.VARIABLES
        }
        self.assertEqual(
            self.variables,
            {
                "vendor": sorted(self.lab.vendors),
                "namespace": [POD["POD_NAMESPACE"]],
                "pod": [POD["POD_NAME"]],
            },
        )
        self.every_panel(also_empty=False)
        self.every_query(also_empty=False)

        # Now with faults. Twice: a series that begins has no rate.
        for _ in range(2):
            self.refused_crawl()
            self.unseen_crawl()
            self.arrive()
        self.break_configuration()
        self.prometheus.wait_until(
            lambda: self.prometheus.query(
                'ALERTS{alertname="ProxymeterPolicyFailed", alertstate="pending"}'
            ),
            "an alert",
        )
        self.prometheus.wait_evaluated()
        self.every_rule()
        self.every_panel(also_empty=True)
        self.every_query(also_empty=True)
        self.every_query_of_the_runbook()


if __name__ == "__main__":
    unittest.main()
