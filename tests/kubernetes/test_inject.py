"""`proxymeter inject`, its manifests read by kubectl itself."""

import json
import os
import subprocess
import unittest

import objects
import tools

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = "/opt/proxymeter/libproxymeter.so"


def manifest(name):
    with open(os.path.join(HERE, "manifests", name), encoding="utf-8") as file:
        return file.read()


def inject(text, *options, status=0):
    done = subprocess.run(
        [tools.program(), "inject", "-f", "-", *options],
        input=text.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode()


def read(text):
    """The objects that kubectl reads in `text`."""
    done = tools.kubectl(
        "annotate", "--local", "-f", "-", "by=kubectl", "-o", "json", input=text
    )
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(done.stdout.rstrip()):
        thing, end = decoder.raw_decode(done.stdout, at)
        found.append(thing)
        at = end + len(done.stdout[end:]) - len(done.stdout[end:].lstrip())
    return found


def is_own(item):
    return item["name"].startswith("proxymeter-")


def take_out(template, metered):
    """Leaves of a pod what was there before; asserts that all was added."""
    labels = template["metadata"]["labels"]
    assert labels.pop("proxymeter/metered") == "true"
    if not labels:
        del template["metadata"]["labels"]
    if not template["metadata"]:
        del template["metadata"]
    spec = template["spec"]
    for key, own in (
        ("volumes", 4),
        ("initContainers", 2),
    ):
        assert sum(map(is_own, spec[key])) == own, key
        spec[key] = [item for item in spec[key] if not is_own(item)]
        if not spec[key]:
            del spec[key]
    for container in spec["containers"]:
        if container["name"] not in metered:
            continue
        variables = {v["name"]: v for v in container["env"]}
        assert variables.pop("PROXYMETER_DIR")["value"] == "/run/proxymeter/pod"
        preload = variables["LD_PRELOAD"]
        *others, own = preload["value"].split(":")
        assert own == LIBRARY
        if others:
            preload["value"] = ":".join(others)
        else:
            del variables["LD_PRELOAD"]
        container["env"] = list(variables.values())
        mounts = [m for m in container["volumeMounts"] if not is_own(m)]
        assert len(container["volumeMounts"]) - len(mounts) == 2
        container["volumeMounts"] = mounts
        for key in ("env", "volumeMounts"):
            if not container[key]:
                del container[key]


class Inject(unittest.TestCase):
    maxDiff = None

    def check(self, name, metered, pods):
        text = manifest(name)
        injected = inject(text)
        self.assertEqual(inject(injected), injected)
        before, after = read(text), read(injected)
        self.assertEqual(objects.problems_by_schema(after), [])
        templates = [t for o in after if (t := objects.template_of(o))]
        self.assertEqual(len(templates), pods)
        for template in templates:
            self.assertEqual(list(objects.mounts_without_volume(template)), [])
            own = [p for p in objects.pod_security(template) if "proxymeter-" in p]
            self.assertEqual(own, [])
            take_out(template, metered)
        # An empty list and none at all are one to Kubernetes.
        for thing in before:
            if template := objects.template_of(thing):
                for container in template["spec"]["containers"]:
                    if not container.get("env", True):
                        del container["env"]
        self.assertEqual(after, before)
        # Every line is there still, in its order.
        lines = iter(injected.splitlines())
        for line in text.splitlines():
            if "LD_PRELOAD" in line or "libjemalloc" in line or "null" in line:
                continue
            if line.lstrip().startswith(('"crawler:1", "env"', '{"labels"')):
                continue  # of flow style: added to in the middle
            self.assertIn(line, lines)

    def test_values_survive_with_their_types(self):
        self.check("values.yaml", {"crawler", "second"}, 1)

    def test_every_kind(self):
        self.check("kinds.yaml", {"crawler"}, 6)

    def test_what_kubectl_prints_can_be_injected(self):
        for text in (manifest("values.yaml"), manifest("kinds.yaml")):
            for form in ("json", "yaml"):
                printed = tools.kubectl(
                    "annotate", "--local", "-f", "-", "by=kubectl", "-o", form, input=text
                ).stdout
                if form == "json":
                    # Several documents of JSON are no YAML.
                    printed = "---\n".join(
                        json.dumps(thing, indent=2) + "\n" for thing in read(text)
                    )
                injected = inject(printed)
                self.assertEqual(inject(injected), injected)
                self.assertEqual(objects.problems_by_schema(read(injected)), [])
                # Once more by kubectl, which sorts and quotes by its own mind.
                again = tools.kubectl(
                    "annotate", "--local", "-f", "-", "x=y", "-o", "yaml", input=injected
                ).stdout
                self.assertEqual(inject(again), again)

    def test_with_helm_and_kustomize(self):
        for made in (
            tools.helm("template", "pm", tools.CHART, "--set", "example.enabled=true").stdout,
            tools.kubectl(
                "kustomize", os.path.join(tools.ROOT, "k8s", "kustomize", "base")
            ).stdout,
        ):
            # All of it is there already.
            name = "pm" if "name: pm\n" in made else "crawlers"
            self.assertEqual(inject(made, "--config-map", name), made)

    def test_nothing_is_printed_where_something_is_wrong(self):
        text = manifest("values.yaml")
        self.assertEqual(inject(text, "--container", "nobody", status=1), "")
        self.assertEqual(inject(text + "---\nkind: [\n", status=1), "")
        windows = text.replace(
            "      containers:\n", "      os: {name: windows}\n      containers:\n"
        )
        self.assertEqual(inject(windows, status=1), "")

    def test_hostile_bytes_end_in_an_error(self):
        text = manifest("values.yaml").encode()
        for cut in range(0, len(text), 61):
            for junk in (b"", b"\x00", b"\xff\xfe", b"\t- [", b"&a *a {"):
                done = subprocess.run(
                    [tools.program(), "inject", "-f", "-"],
                    input=text[:cut] + junk + text[cut + 1 :],
                    capture_output=True,
                    timeout=60,
                    check=False,
                )
                self.assertIn(done.returncode, (0, 1), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
