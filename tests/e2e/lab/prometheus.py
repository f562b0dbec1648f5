"""A real Prometheus that scrapes on loopback, with rules of the repository."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

from .service import Service, wait_until
from .workspace import free_port

ADDRESS = "127.0.0.1"
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
RULES = [
    os.path.join(ROOT, "prometheus", name) for name in ("recording.yml", "alerts.yml")
]
ARRIVAL_SECONDS = 60


class QueryError(RuntimeError):
    pass


class Prometheus:
    """Scrapes and evaluates every second; what it stores is under `directory`."""

    def __init__(self, directory, targets, rules=(), more=()):
        self.port = free_port(ADDRESS)
        configuration = os.path.join(directory, "prometheus.yml")
        with open(configuration, "w", encoding="utf-8") as file:
            json.dump(  # JSON is YAML.
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": list(rules),
                    "scrape_configs": [
                        {
                            "job_name": "proxymeter",
                            "static_configs": [{"targets": list(targets)}],
                        }
                    ],
                },
                file,
            )
        self.service = Service(
            "prometheus",
            ["prometheus", f"--config.file={configuration}", "--log.level=warn"]
            + [f"--storage.tsdb.path={os.path.join(directory, 'tsdb')}"]
            + [f"--web.listen-address={ADDRESS}:{self.port}", *more],
            os.path.join(directory, "prometheus.out"),
        )
        try:
            self.service.wait_for(self._is_ready, "ready")
        except BaseException:
            self.service.kill()
            raise

    @property
    def url(self):
        return f"http://{ADDRESS}:{self.port}"

    def _open(self, path, **parameters):
        # No proxy of the environment: it is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        query = urllib.parse.urlencode(parameters, doseq=True)
        return opener.open(f"{self.url}{path}?{query}", timeout=60)

    def _is_ready(self):
        try:
            with self._open("/-/ready") as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, what, **parameters):
        """`data` of the HTTP API's answer; QueryError when it is an error."""
        try:
            with self._open(f"/api/v1/{what}", **parameters) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise QueryError(error.read().decode()) from None
        if told.get("warnings"):
            raise QueryError(str(told["warnings"]))
        return told["data"]

    def query(self, expression, at=None):
        """[(labels, value)] now, or at the time `at`."""
        found = self.get("query", query=expression, time=at or time.time())["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def query_range(self, expression, start, end, step):
        """[(labels, [value])]."""
        found = self.get(
            "query_range", query=expression, start=start, end=end, step=step
        )["result"]
        return [
            (series["metric"], [float(value) for _, value in series["values"]])
            for series in found
        ]

    def label_values(self, label, series):
        return self.get(f"label/{label}/values", **{"match[]": series})

    def rules(self):
        """Every rule, as the API tells of it."""
        return [r for group in self.get("rules")["groups"] for r in group["rules"]]

    def wait_until(self, condition, what):
        return wait_until(condition, ARRIVAL_SECONDS, f"prometheus: {what}")

    def wait_evaluated(self):
        """Until every rule has seen what is stored now."""
        self._wait_rules_after(time.time())

    def _wait_rules_after(self, moment):
        def all_later():
            told = [rule["lastEvaluation"][:19] for rule in self.rules()]
            floor = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment + 1))
            return all(last > floor for last in told)

        self.wait_until(all_later, "rules to be evaluated")

    def stop(self):
        return self.service.stop()

    def kill(self):
        return self.service.kill()
