"""The pods that chart and `proxymeter inject` make, run as on a node.

The crawler is another user than the collector and than root, its root is
read-only, and each has processes, files and mounts of its own; what the
collector publishes is what the vendor's proxy itself logged.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from contextlib import ExitStack

E2E = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e")
sys.path.append(E2E)
if os.geteuid() != 0:
    # Several users and mounts: root's alone.
    os.execvp("sudo", ["sudo", "--non-interactive", "--preserve-env"] + sys.orig_argv)

from lab import own_network  # noqa: E402

own_network.enter()

import yaml  # noqa: E402
from lab.lab import Lab  # noqa: E402
from lab.metrics import Metrics  # noqa: E402

import tools  # noqa: E402
from kubelet import Pod, wait_until  # noqa: E402

SITE = "shop.example.test"
IMAGE = "proxymeter:0.1.0"
CRAWLER = "crawler:1"
METRICS = "http://127.0.0.1:9099/metrics"


def setUpModule():
    global lab, image
    lab = unittest.enterModuleContext(Lab(["alpha"]))
    image = unittest.enterModuleContext(tempfile.TemporaryDirectory())
    os.chmod(image, 0o755)
    subprocess.run(
        ["cmake", "--install", tools.build(), "--prefix", image, "--strip"],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def vendors(name):
    alpha = lab.vendors["alpha"]
    match = [{"cidr": f"{alpha.address}/32", "port": alpha.port}]
    return json.dumps({"version": 1, "vendors": [{"name": name, "match": match}]})


def crawl(times=1):
    """What a crawler runs: it waits for nothing but its answers."""
    alpha = lab.vendors["alpha"]
    url = lab.origin.url("http", SITE, "/index.html")
    proxy = f"http://{alpha.address}:{alpha.port}"
    return ["curl", "--fail", "-sS", "--proxy", proxy, "-o", "/dev/null"] + [url] * times


def of_chart(*values):
    """The template of the example's pods."""
    sets = [word for value in values for word in ("--set-json", value)]
    rendered = tools.helm(
        "template", "pm", tools.CHART, "--set", "example.enabled=true", *sets,
        "--set-json", f"example.image={json.dumps(CRAWLER)}",
        "--set-json", f"example.command={json.dumps(crawl())}",
    ).stdout  # fmt: skip
    (template,) = [
        d["spec"]["template"]
        for d in yaml.safe_load_all(rendered)
        if d["kind"] == "Deployment"
    ]
    return template


def of_inject(container, spec=None, *options):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            **(spec or {}),
            "containers": [{"name": "crawler", "image": CRAWLER, **container}],
        },
    }
    done = subprocess.run(
        [tools.program(), "inject", "-f", "-", *options],
        input=json.dumps(pod),
        capture_output=True,
        text=True,
        check=True,
    )
    return yaml.safe_load(done.stdout)


class PodTest(unittest.TestCase):
    def run_pod(self, template, config_map="proxymeter", stack=None, ipv6=True):
        images = {IMAGE: image, CRAWLER: "/usr/local"}
        maps = {
            config_map: {"vendors.yaml": vendors("acme")},
            "pm-example": {"crawler.py": ""},
        }
        enter = stack.enter_context if stack else self.enterContext
        pod = enter(Pod(template, images, maps))
        pod.without_ipv6 = not ipv6
        pod.start()
        return pod

    def metrics(self):
        return Metrics.scrape(METRICS)

    def settled(self, total, vendor="acme"):
        """Metrics once `total` requests are in them and nobody runs."""

        def there():
            metrics = self.metrics()
            return metrics.total("proxymeter_sessions") == 0 and (
                metrics.total("proxymeter_requests_total", proxy_vendor=vendor) >= total
            )

        try:
            wait_until(there, f"{total} requests of {vendor}")
        except TimeoutError as error:
            self.fail(f"{error}\n{self.metrics().text}")
        return self.metrics()

    def expect_all_metered(self, pod, before, requests=1):
        """That the collector tells what the proxy's own log does."""
        self.assertEqual(
            pod.containers["crawler"].wait(), 0, pod.containers["crawler"].log()
        )
        metrics = self.settled(requests)
        lab.settle()
        labels = {
            "proxy_vendor": "acme",
            "destination_host": SITE,
            "pod_name": "crawler-0",
            "pod_namespace": "crawling",
        }
        self.assertEqual(metrics.total("proxymeter_requests_total", **labels), requests)
        for (figure, value, _), (_, old, _) in zip(
            lab.vendors["alpha"].own_figures(), before
        ):
            name = figure.split()[1]
            self.assertEqual(
                metrics.total(f"proxymeter_{name}_bytes_total", **labels),
                value - old,
                figure,
            )
        for labels, ratio in metrics.samples("proxymeter_coverage_ratio"):
            self.assertEqual(ratio, 1, labels)
        self.assertEqual(metrics.total("proxymeter_audit_running"), 1)
        self.assertEqual(metrics.total("proxymeter_rejected_total"), 0)
        self.assertEqual(metrics.total("proxymeter_degraded"), 0)

    def test_the_chart(self):
        before = lab.vendors["alpha"].own_figures()
        pod = self.run_pod(of_chart(), "pm")
        self.expect_all_metered(pod, before)
        collector = pod.containers["proxymeter-collector"]
        for probe in ("livenessProbe", "readinessProbe"):
            self.assertTrue(pod.probe(collector, probe))

    def test_the_chart_on_a_node_without_ipv6(self):
        before = lab.vendors["alpha"].own_figures()
        self.expect_all_metered(self.run_pod(of_chart(), "pm", ipv6=False), before)

    def test_the_chart_with_a_plain_sidecar(self):
        template = of_chart("collector.nativeSidecar=false")
        # Which begins first is up to the node: here the collector.
        template["spec"]["containers"].reverse()
        before = lab.vendors["alpha"].own_figures()
        wait = "until test -S /run/proxymeter/pod/collector.sock; do sleep 0.05; done"
        crawler = template["spec"]["containers"][1]
        crawler["command"] = ["sh", "-c", f'{wait}; exec "$@"', "sh", *crawl()]
        self.expect_all_metered(self.run_pod(template, "pm"), before)

    def test_inject_for_root_and_for_a_shared_group(self):
        for context in ({"runAsUser": 0}, {"runAsUser": 10001, "runAsGroup": 20002}):
            for spec in ({}, {"securityContext": {"fsGroup": 3000}}):
                with self.subTest(context=context, spec=spec), ExitStack() as stack:
                    before = lab.vendors["alpha"].own_figures()
                    template = of_inject(
                        {"command": crawl(), "securityContext": context}, spec
                    )
                    pod = self.run_pod(template, stack=stack)
                    self.expect_all_metered(pod, before)

    def test_a_crawler_cannot_put_anything_in_the_collectors_place(self):
        template = of_chart()
        pod = self.run_pod(template, "pm")
        self.settled(1)
        for attempt in (
            "mv /run/proxymeter/pod /run/proxymeter/gone",
            "mkdir /run/proxymeter/other",
            "rm /run/proxymeter/pod/policy",
            "echo > /run/proxymeter/pod/policy",
            "echo > /run/proxymeter/pod/mine",
            "rm /run/proxymeter/pod/collector.sock",
            "ls /run/proxymeter/pod/journals",
            "echo > /opt/proxymeter/libproxymeter.so",
            "rm /opt/proxymeter/libproxymeter.so",
            "echo > /etc/here",
            "cat /var/lib/proxymeter/ledger.db",
        ):
            status, said = pod.run("crawler", ["sh", "-c", attempt])
            self.assertNotEqual(status, 0, attempt)
            self.assertRegex(said, "denied|Read-only|busy|No such file", attempt)

    def test_a_changed_config_map_is_followed(self):
        pod = self.run_pod(of_chart(), "pm")
        self.settled(1)
        pod.config_maps["pm"].update({"vendors.yaml": vendors("beta")})
        wait_until(
            lambda: self.metrics().total("proxymeter_policy_generation") == 2,
            "the second policy",
        )
        status, said = pod.run("crawler", crawl())
        self.assertEqual(status, 0, said)
        self.settled(1, "beta")

    def test_totals_outlive_the_collector(self):
        pod = self.run_pod(of_chart(), "pm")
        before = self.settled(1)
        collector = pod.containers["proxymeter-collector"]
        collector.kill()
        collector.restart(pod)
        wait_until(lambda: pod.probe(collector, "readinessProbe"), "the next one")
        after = self.settled(1)
        for name in ("sent_bytes", "received_bytes", "requests"):
            name = f"proxymeter_vendor_{name}_total"
            self.assertEqual(after.total(name), before.total(name), name)
        # The library may come once more, while crawlers have it mapped.
        install = pod.spec["initContainers"][0]
        self.assertEqual(pod._start(install).wait(), 0)

    def test_it_waits_for_a_last_scrape(self):
        pod = self.run_pod(of_chart(), "pm")
        self.assertEqual(pod.containers["crawler"].wait(), 0)
        collector = pod.containers["proxymeter-collector"]
        collector.signal(signal.SIGTERM)
        wait_until(lambda: "event=stopping" in collector.log(), "the collector to end")
        self.assertIsNone(collector.status())
        metrics = self.metrics()
        self.assertEqual(metrics.total("proxymeter_requests_total"), 1)
        self.assertEqual(collector.wait(), 0, collector.log())

    def test_operators_commands(self):
        pod = self.run_pod(of_chart(), "pm")
        self.settled(1)
        for command in (["top", "--once"], ["reload"], ["doctor", "--pod"]):
            status, said = pod.run(
                "proxymeter-collector", ["/usr/local/bin/proxymeter", *command]
            )
            self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
