"""What goes on while `scripts/demo --keep` is looked at.

A steady load through three vendors, a crawler in Go that no library enters, a
vendor whose proxy is down; and a Prometheus with the rules, in which alerts fire
that should.
"""

import json
import os
import re
import shlex

from lab import crawlers, prometheus, sites
from lab.service import Service
from lab.workspace import free_port

WEIGHTS = {"alpha": 40, "beta": 35, "delta": 25}
# A vendor that has gone: nobody listens at its address.
DOWN = "omega"
RATE = 20
# Nobody waits a quarter of an hour to see an alert.
SOON = "15s"
LOAD = os.path.join(crawlers.ROOT, "examples", "load", "load.py")


class Lasting:
    """Starts with the collector's configuration changed; `close` ends it all."""

    def __init__(self, lab, collector, go):
        self._lab = lab
        self._services = []
        network = lab.vendors["beta"].address.rpartition(".")[0]
        self._down = f"{network}.9"
        self._down_port = free_port(self._down)
        try:
            self._add_vendor()
            self._start_load(collector.directory)
            self._start_go(go)
            self.prometheus = self._start_prometheus(collector)
        except BaseException:
            self.close()
            raise

    def close(self):
        for service in reversed(self._services):
            service.stop()

    def _add_vendor(self):
        """The collector follows its configuration."""
        with open(self._lab.config_file, encoding="utf-8") as file:
            config = json.load(file)
        rule = {"cidr": f"{self._down}/32", "port": self._down_port}
        config["vendors"].append({"name": DOWN, "match": [rule]})
        changed = self._lab.config_file + ".new"
        with open(changed, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=2)
        os.rename(changed, self._lab.config_file)

    def _run(self, name, command):
        service = Service(
            name,
            command,
            os.path.join(self._lab.workspace.path, f"{name}.out"),
            hosts_file=self._lab.hosts_file,
        )
        self._services.append(service)
        return service

    def _start_load(self, directory):
        vendors = [f"{w} {self._lab.vendors[n].url}" for n, w in WEIGHTS.items()]
        vendors.append(f"5 http://{self._down}:{self._down_port}")
        urls = [
            self._lab.origin.url(scheme, site, path)
            for path in ("/", "/catalogue.html", sites.MISSING)
            for site in sites.SITES
            for scheme in ("http", "https")
        ]
        self._run(
            "load",
            ["env", f"LOAD_VENDORS={', '.join(vendors)}", f"LOAD_RATE={RATE}"]
            + [f"LOAD_URLS={' '.join(urls)}", f"LOAD_CA={self._lab.origin.ca}"]
            + [*self._lab.metered(directory), crawlers.PYTHON, LOAD],
        )

    def _start_go(self, go):
        url = self._lab.origin.url("http", sites.SITES[0], "/catalogue.html")
        line = crawlers.command(
            go, self._lab.vendors["gamma"], self._lab.origin, [url]
        )
        self._run("go", ["sh", "-c", f"while {shlex.join(line)}; do sleep 1; done"])

    def _start_prometheus(self, collector):
        rules = []
        for path in prometheus.RULES:
            with open(path, encoding="utf-8") as file:
                sooner = re.sub(r"^( +for:) \w+$", rf"\1 {SOON}", file.read(), flags=re.M)
            rules.append(self._lab.workspace.write(os.path.basename(path), sooner))
        host = collector.metrics_url.removeprefix("http://").removesuffix("/metrics")
        made = prometheus.Prometheus(
            self._lab.workspace.directory("prometheus"), [host], rules
        )
        self._services.append(made.service)
        return made

    def firing(self):
        """{(alert, vendor)}; the vendor is None where there is none."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("proxy_vendor"))
            for alert in self.prometheus.get("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    def expected(self):
        """What must fire."""
        return {
            ("ProxymeterVendorErrorRatioHigh", DOWN),
            ("ProxymeterVendorFailing", DOWN),
            ("ProxymeterCoverageLow", "gamma"),
        }

