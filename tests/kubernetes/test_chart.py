"""The chart, the kustomize base and the example, by the real helm and kubectl."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import objects
import tools
import yaml

K8S = os.path.join(tools.ROOT, "k8s")
OVERLAY = os.path.join(K8S, "kustomize", "overlays", "production")

EVERYTHING = [
    "podMonitor.enabled=true",
    'podMonitor.namespaces=["a","b"]',
    'podMonitor.labels={"release":"prometheus"}',
    "prometheusRule.enabled=true",
    "dashboards.enabled=true",
    'dashboards.annotations={"grafana_folder":"crawlers"}',
    "namespace.create=true",
    'rbac.operators=[{"kind":"Group","name":"oncall","apiGroup":"rbac.authorization.k8s.io"}]',
    'commonLabels={"team":"crawl"}',
    'imagePullSecrets=[{"name":"registry"}]',
    f'image.digest="sha256:{"ab" * 32}"',
    'crawler.preload="/usr/lib/libjemalloc.so.2"',
    'crawler.vendor="acme"',
    "crawler.scrapeAnnotations=true",
    "collector.audit=false",
    "collector.foldIdle=3600",
    "collector.maxDestinations=1000000",
    "example.enabled=true",
    'example.proxies=["gw.acme.test:8080"]',
    "example.networkPolicy.proxyPorts=[8080,3128]",
]
NOTHING = [
    "vendors.create=false",
    'vendors.configMap="elsewhere"',
    "dashboards.enabled=false",
    "example.enabled=false",
]
EXAMPLE_ALONE = [
    "example.enabled=true",
    "example.autoscaling.enabled=false",
    "example.disruptionBudget.enabled=false",
    "example.networkPolicy.enabled=false",
    "collector.nativeSidecar=false",
]
SETS = {
    "defaults": [],
    "everything": EVERYTHING,
    "nothing": NOTHING,
    "the example alone": EXAMPLE_ALONE,
}


def sets(values):
    return [word for value in values for word in ("--set-json", value)]


def render(values=(), *more, chart=tools.CHART):
    text = tools.helm(
        "template", "pm", chart, "--namespace", "crawling", *sets(values), *more
    ).stdout
    return [d for d in yaml.safe_load_all(text) if d]


def by_kind(rendered, kind):
    return [o for o in rendered if o["kind"] == kind]


class Chart(unittest.TestCase):
    maxDiff = None

    def check(self, rendered):
        self.assertEqual(objects.problems_by_schema(rendered), [])
        self.assertEqual(list(objects.drifted_selectors(rendered)), [])
        for thing in rendered:
            if template := objects.template_of(thing):
                self.assertEqual(list(objects.pod_security(template)), [])
                self.assertEqual(list(objects.mounts_without_volume(template)), [])

    def test_lint(self):
        for name, values in SETS.items():
            with self.subTest(name):
                tools.helm("lint", "--strict", tools.CHART, *sets(values))

    def test_every_object_is_valid_and_restricted(self):
        kinds = {}
        for name, values in SETS.items():
            with self.subTest(name):
                rendered = render(values)
                kinds[name] = sorted({o["kind"] for o in rendered})
                self.check(rendered)
        self.assertEqual(kinds["defaults"], ["ConfigMap"])
        self.assertEqual(kinds["nothing"], [])
        self.assertEqual(
            kinds["the example alone"], ["ConfigMap", "Deployment", "ServiceAccount"]
        )
        self.assertEqual(
            kinds["everything"],
            ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Namespace"]
            + ["NetworkPolicy", "PodDisruptionBudget", "PodMonitor"]
            + ["PrometheusRule", "Role", "RoleBinding", "ServiceAccount"],
        )

    def test_older_clusters(self):
        for version in ("1.25.0", "1.29.0", "1.33.0"):
            self.check(render(EVERYTHING, "--kube-version", version))
        done = tools.helm(
            "template", "pm", tools.CHART, "--kube-version", "1.24.0", check=False
        )
        self.assertIn("incompatible with Kubernetes v1.24.0", done.stderr)

    def test_a_wrong_value_is_named(self):
        for value, field in (
            ("collector.metricPort=9099", "at '/collector'"),
            ("colector={}", "'colector' not allowed"),
            ('collector.linger="soon"', "/collector/linger"),
            ("collector.metricsPort=80", "/collector/metricsPort"),
            ("collector.runAsUser=0", "/collector/runAsUser"),
            ('collector.resources={"limit":{}}', "/collector/resources"),
            ('image.digest="abc"', "/image/digest"),
            ('image.pullPolicy="Sometimes"', "/image/pullPolicy"),
            ('crawler.vendor="direct"', "/crawler/vendor"),
            ('crawler.runSize="much"', "/crawler/runSize"),
            ('vendors.files={"vendors.yaml":""}', "'vendors.yaml'"),
            ('rbac.operators=[{"name":"x"}]', "/rbac/operators/0"),
            ('example.proxies=["http://x:1/"]', "/example/proxies/0"),
            ("example.urls=[]", "/example/urls"),
            ("example.autoscaling.targetCPU=0", "/example/autoscaling/targetCPU"),
        ):
            with self.subTest(value):
                done = tools.helm(
                    "template", "pm", tools.CHART, *sets([value]), check=False
                )
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(field, done.stderr)

    def test_vendors_arrive_as_they_were_written(self):
        with open(os.path.join(tools.ROOT, "examples/vendors.yaml")) as file:
            text = file.read()
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            for whole in (text, f"  \n{text}\n\n", "# only\n"):
                file.seek(0)
                file.truncate()
                file.write(whole)
                file.flush()
                (made,) = render((), "--set-file", f"vendors.config={file.name}")
                self.assertEqual(made["data"], {"vendors.yaml": whole})

    def test_every_configuration_here_is_right(self):
        (made,) = render()
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(made["data"]["vendors.yaml"])
            file.flush()
            for path in (file.name, os.path.join(OVERLAY, "vendors.yaml")):
                subprocess.run(
                    [tools.program(), "policy", "check", path],
                    check=True,
                    capture_output=True,
                )

    def test_rules_and_dashboards_arrive_as_they_are(self):
        """Braces in them are Prometheus's and Grafana's, not Helm's."""
        rules = {
            "groups": [
                {
                    "name": "g",
                    "rules": [
                        {
                            "alert": "A",
                            "expr": 'up{job="x"} == 0',
                            "annotations": {"s": "{{ $labels.pod }} | {{ $value }}"},
                        }
                    ],
                }
            ]
        }
        dashboard = '{"title": "{{ x }}", "panels": [{"t": "a\\nb"}]}\n'
        with tempfile.TemporaryDirectory() as place:
            chart = shutil.copytree(tools.CHART, os.path.join(place, "chart"))
            files = os.path.join(chart, "files")
            with open(os.path.join(files, "rules", "more_rules.yml"), "w") as file:
                yaml.safe_dump(rules, file)
            os.makedirs(os.path.join(files, "dashboards"), exist_ok=True)
            with open(os.path.join(files, "dashboards", "one.json"), "w") as file:
                file.write(dashboard)
            rendered = render(EVERYTHING, chart=chart)
        self.check(rendered)
        specs = {o["metadata"]["name"]: o for o in by_kind(rendered, "PrometheusRule")}
        self.assertEqual(specs["pm-more-rules"]["spec"], rules)
        maps = {o["metadata"]["name"]: o for o in by_kind(rendered, "ConfigMap")}
        one = maps["pm-dashboard-one"]
        self.assertEqual(one["data"], {"proxymeter-one.json": dashboard})
        self.assertEqual(one["metadata"]["labels"]["grafana_dashboard"], "1")

    def test_the_chart_as_a_dependency(self):
        """A chart of one's own takes the pod's parts from this one."""
        with tempfile.TemporaryDirectory() as place:
            chart = os.path.join(place, "mine")
            shutil.copytree(tools.CHART, os.path.join(chart, "charts", "proxymeter"))
            docs = os.path.join(tools.ROOT, "docs", "kubernetes.md")
            with open(docs, encoding="utf-8") as file:
                template = re.search(
                    r"```yaml\n# templates/crawler.yaml\n(.*?)```", file.read(), re.S
                )[1]
            os.makedirs(os.path.join(chart, "templates"))
            for name, text in (
                ("Chart.yaml", "apiVersion: v2\nname: mine\nversion: 1.0.0\n"),
                ("templates/crawler.yaml", template),
                ("values.yaml", "proxymeter:\n  crawler: {vendor: acme}\n"),
            ):
                with open(os.path.join(chart, name), "w") as file:
                    file.write(text)
            rendered = render(chart=chart)
        self.check_crawler(rendered, "pm", ["--vendor", "acme"])

    def check_crawler(self, rendered, config_map, options):
        """That the deployment is what `inject` would make of it."""
        (deployment,) = by_kind(rendered, "Deployment")
        bare = json.loads(json.dumps(deployment))
        spec = bare["spec"]["template"]["spec"]
        for key in ("initContainers", "containers", "volumes"):
            spec[key] = [
                c for c in spec.get(key, []) if not c["name"].startswith("proxymeter-")
            ]
        del bare["spec"]["template"]["metadata"]["labels"]["proxymeter/metered"]
        for container in spec["containers"]:
            container["env"] = [
                v
                for v in container.get("env", [])
                if v["name"] != "LD_PRELOAD" and not v["name"].startswith("PROXYMETER")
            ]
            container["volumeMounts"] = [
                m
                for m in container["volumeMounts"]
                if not m["name"].startswith("proxymeter-")
            ]
        done = subprocess.run(
            [tools.program(), "inject", "-f", "-", "--config-map", config_map]
            + options,
            input=yaml.safe_dump(bare, sort_keys=False),
            capture_output=True,
            text=True,
            check=True,
        )

        self.assertEqual(yaml.safe_load(done.stdout), deployment)

    def test_chart_and_inject_make_the_same_pods(self):
        self.check_crawler(render(["example.enabled=true"]), "pm", [])
        plain = render(["example.enabled=true", "collector.nativeSidecar=false"])
        self.check_crawler(plain, "pm", ["--plain-sidecar"])


class Kustomize(unittest.TestCase):
    check = Chart.check

    def test_base_and_example_are_the_charts(self):
        subprocess.run(
            [os.path.join(K8S, "generate"), "--check"],
            check=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def test_base_and_overlay(self):
        for path in (os.path.join(K8S, "kustomize", "base"), OVERLAY):
            with self.subTest(path):
                text = tools.kubectl("kustomize", path).stdout
                self.check(list(yaml.safe_load_all(text)))

    def test_the_overlay_changes_what_it_says(self):
        text = tools.kubectl("kustomize", OVERLAY).stdout
        made = list(yaml.safe_load_all(text))
        self.assertEqual(
            {o["metadata"].get("namespace") for o in made if o["kind"] != "Namespace"},
            {"crawling"},
        )
        with open(os.path.join(OVERLAY, "vendors.yaml")) as file:
            vendors = file.read()
        maps = {o["metadata"]["name"]: o for o in by_kind(made, "ConfigMap")}
        self.assertEqual(maps["crawlers"]["data"], {"vendors.yaml": vendors})
        (deployment,) = by_kind(made, "Deployment")
        spec = deployment["spec"]["template"]["spec"]
        self.assertEqual(
            {c["image"] for c in spec["initContainers"]},
            {"registry.example/proxymeter:0.1.0"},
        )

    def test_the_example(self):
        with open(os.path.join(K8S, "example.yaml")) as file:
            made = list(yaml.safe_load_all(file))
        self.check(made)
        self.assertEqual(len(by_kind(made, "Deployment")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
