"""What holds for every object that is handed to a cluster."""

import json
import os
import subprocess

import tools

_HERE = os.path.dirname(os.path.abspath(__file__))


def problems_by_schema(objects):
    """What the schemas of Kubernetes and the Prometheus operator say."""
    done = subprocess.run(
        ["node", os.path.join(_HERE, "validate.cjs")],
        input=json.dumps({"objects": objects}, default=str),
        cwd=tools.place(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout.splitlines()


def template_of(thing):
    """The pod template of an object; None of one that makes no pods."""
    spec = thing.get("spec") or {}
    if thing["kind"] == "Pod":
        return thing
    if thing["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template")


def containers_of(template):
    spec = template["spec"]
    return spec.get("initContainers", []) + spec["containers"]


def pod_security(template):
    """What the Pod Security Standard "restricted" has against it, and what goes
    beyond it here: a read-only root, resources, no token."""
    spec = template["spec"]
    of_pod = spec.get("securityContext", {})
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} is set"
    for volume in spec.get("volumes", []):
        if not set(volume) - {"name"} <= {"emptyDir", "configMap", "projected"}:
            yield f"volume {volume['name']}: of a kind that is not allowed"
    if spec.get("automountServiceAccountToken") is not False:
        yield "a token is mounted"
    for container in containers_of(template):
        context = {**of_pod, **container.get("securityContext", {})}
        name = container["name"]
        if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
            yield f"{name}: may be root"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: may gain privilege"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name}: has capabilities"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name}: no seccomp profile"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{name}: may write to its root"
        if context.get("privileged") or any(
            "hostPort" in port for port in container.get("ports", [])
        ):
            yield f"{name}: reaches the host"
        for kind in ("requests", "limits"):
            if set(container.get("resources", {}).get(kind, {})) < {"cpu", "memory"}:
                yield f"{name}: no {kind}"


def mounts_without_volume(template):
    volumes = {v["name"] for v in template["spec"].get("volumes", [])}
    for container in containers_of(template):
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"{container['name']}: {mount['name']}"


def selects(selector, labels):
    return selector.items() <= labels.items()


def drifted_selectors(objects):
    """Selectors that no pod of `objects` has the labels for, references to
    objects of another name, and volumes of config maps that are not there."""
    templates = [t for o in objects if (t := template_of(o))]
    names = {(o["kind"], o["metadata"]["name"]) for o in objects}
    for thing in objects:
        name = f"{thing['kind']} {thing['metadata']['name']}"
        spec = thing.get("spec") or {}
        selector = spec.get("podSelector") or spec.get("selector")
        wanted = (selector or {}).get("matchLabels")
        if wanted is not None:
            own = template_of(thing)
            chosen = [own] if own else templates
            if not any(selects(wanted, t["metadata"]["labels"]) for t in chosen):
                yield f"{name}: selects nothing"
        target = spec.get("scaleTargetRef")
        if target and (target["kind"], target["name"]) not in names:
            yield f"{name}: scales nothing"
        if template := template_of(thing):
            account = template["spec"].get("serviceAccountName")
            if account and ("ServiceAccount", account) not in names:
                yield f"{name}: no service account {account}"
            for volume in template["spec"].get("volumes", []):
                map_name = volume.get("configMap", {}).get("name")
                if map_name and ("ConfigMap", map_name) not in names:
                    yield f"{name}: no config map {map_name}"
        role = thing.get("roleRef")
        if role and (role["kind"], role["name"]) not in names:
            yield f"{name}: no role"
