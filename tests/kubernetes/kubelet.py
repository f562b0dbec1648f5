"""As much of a kubelet as it takes to run a pod's containers on this machine.

What matters to a pod that is metered is what a node's kubelet does: a file
system, PID namespace and user for each container, one network for all, volumes
with the modes and owners that they have on a node, subPath, init containers in
their order, native sidecars and their startup probe, and ends in the order of
Kubernetes.

Not here: cgroups, seccomp and the cluster.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE = 60


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {DEADLINE} s")
        time.sleep(0.02)


def _bytes(quantity):
    units = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
    return int(quantity[:-2]) * units[quantity[-2:]]


class ConfigMap:
    """As the kubelet writes it: links to a directory that is swapped."""

    def __init__(self, place, data):
        self.place = place
        self._version = 0
        os.makedirs(place)
        os.chmod(place, 0o777)
        for name in data:
            os.symlink(f"..data/{name}", os.path.join(place, name))
        self.update(data)

    def update(self, data):
        self._version += 1
        version = os.path.join(self.place, f"..{self._version}")
        os.mkdir(version)
        for name, text in data.items():
            with open(os.path.join(version, name), "w", encoding="utf-8") as file:
                file.write(text)
        fresh = os.path.join(self.place, "..data_tmp")
        os.symlink(os.path.basename(version), fresh)
        os.rename(fresh, os.path.join(self.place, "..data"))


class Container:
    def __init__(self, pod, spec):
        self.spec = spec
        self.name = spec["name"]
        self.log_path = os.path.join(pod.place, f"{self.name}.log")
        self._start(pod)

    def _start(self, pod):
        root = tempfile.mkdtemp(dir=pod.place, prefix="root-")
        told = os.path.join(pod.place, f"{self.name}.json")
        with open(told, "w", encoding="utf-8") as file:
            json.dump(pod.describe(self.spec, root), file)
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                # Even if we are killed, nothing stays behind.
                ["setpriv", "--pdeathsig=KILL", "--", "unshare", "--mount"]
                + ["--pid", "--ipc", "--fork", "--kill-child", "--"]
                + [sys.executable, os.path.join(HERE, "container.py"), told],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(
            lambda: self.status() is not None or self._children(),
            f"{self.name}: its first process",
        )

    def restart(self, pod):
        self._start(pod)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def status(self):
        """The exit status; None while it runs."""
        return self._process.poll()

    def wait(self):
        return self._process.wait(DEADLINE)

    def signal(self, number):
        """To the container's own first process."""
        for pid in self._children():
            os.kill(pid, number)

    def _children(self):
        own = self._process.pid
        with open(f"/proc/{own}/task/{own}/children", encoding="utf-8") as file:
            return [int(pid) for pid in file.read().split()]

    def kill(self):
        # By its first process: unshare's own way is lost where users change.
        if self.status() is None:
            self.signal(signal.SIGKILL)
        self._process.wait(DEADLINE)


class Pod:
    """Context manager: the pod of `template`, {metadata, spec}, with `images`,
    {name: directory at /usr/local}, and `config_maps`, {name: {key: text}}."""

    def __init__(self, template, images, config_maps, name="crawler-0"):
        self.spec = template["spec"]
        self.metadata = {"name": name, "namespace": "crawling"}
        self.images = images
        self._config_maps = config_maps
        self.config_maps = {}
        self.without_ipv6 = False  # the node's kernel has none
        self.containers = {}
        self._volumes = {}
        self._mounted = []

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="pod-")
        self.place = self._directory.name
        os.chmod(self.place, 0o755)
        try:
            self._make_volumes()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for container in self.containers.values():
            container.kill()
        for place in reversed(self._mounted):
            subprocess.run(["umount", place], check=True)
        self._directory.cleanup()

    def _make_volumes(self):
        for volume in self.spec["volumes"]:
            place = os.path.join(self.place, "volume-" + volume["name"])
            self._volumes[volume["name"]] = place
            if "configMap" in volume:
                name = volume["configMap"]["name"]
                self.config_maps[name] = ConfigMap(place, self._config_maps[name])
                continue
            os.mkdir(place)
            if volume["emptyDir"].get("medium") == "Memory":
                size = _bytes(volume["emptyDir"]["sizeLimit"])
                subprocess.run(
                    ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place],
                    check=True,
                )
                self._mounted.append(place)
            os.chmod(place, 0o777)
            group = self.spec.get("securityContext", {}).get("fsGroup")
            if group is not None:
                os.chown(place, -1, group)
                os.chmod(place, 0o2777)

    def _value(self, variable):
        if "valueFrom" not in variable:
            return variable.get("value", "")
        where, key = variable["valueFrom"]["fieldRef"]["fieldPath"].split(".")
        assert where == "metadata"
        return self.metadata[key]

    def _mount(self, mount):
        source = self._volumes[mount["name"]]
        if "subPath" in mount:
            source = os.path.join(source, mount["subPath"])
            if not os.path.exists(source):
                os.mkdir(source)
                os.chmod(source, 0o777)
        return (source, mount["mountPath"], mount.get("readOnly", False))

    def describe(self, container, root):
        context = {
            **self.spec.get("securityContext", {}),
            **container.get("securityContext", {}),
        }
        if context.get("runAsNonRoot"):
            assert context["runAsUser"] != 0, container["name"]
        group = self.spec.get("securityContext", {}).get("fsGroup")
        return {
            "root": root,
            "image": self.images[container["image"]],
            "mounts": [self._mount(m) for m in container.get("volumeMounts", [])],
            "context": context,
            "without_ipv6": self.without_ipv6,
            "groups": [] if group is None else [group],
            "command": container.get("command", []) + container.get("args", []),
            "environment": {
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOSTNAME": self.metadata["name"],
                **{v["name"]: self._value(v) for v in container.get("env", [])},
            },
        }

    def probe(self, container, kind):
        """Whether the probe, of HTTP, holds now."""
        get = container.spec[kind]["httpGet"]
        port = next(
            p["containerPort"]
            for p in container.spec["ports"]
            if p["name"] == get["port"]
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{port}{get['path']}", timeout=5) as got:
                return 200 <= got.status < 400
        except (urllib.error.URLError, ConnectionError):
            return False

    def _start(self, spec):
        container = Container(self, spec)
        self.containers[container.name] = container
        return container

    def start(self):
        """Init containers one by one, then all the others."""
        for spec in self.spec.get("initContainers", []):
            container = self._start(spec)
            if spec.get("restartPolicy") != "Always":
                if container.wait() != 0:
                    raise RuntimeError(f"{spec['name']}: {container.log()}")
                continue

            def started(container=container):
                if container.status() is not None:
                    raise RuntimeError(f"{container.name}: {container.log()}")
                return self.probe(container, "startupProbe")

            wait_until(started, f"{spec['name']} to start")
        for spec in self.spec["containers"]:
            self._start(spec)

    def run(self, name, command):
        """`command` in another container like `name`, as by `kubectl exec`; its
        status and what it said."""
        like = next(
            c
            for c in self.spec["containers"] + self.spec.get("initContainers", [])
            if c["name"] == name
        )
        spec = {**like, "name": f"{name}-exec", "command": command, "args": []}
        container = Container(self, spec)
        try:
            status = container.wait()
        finally:
            container.kill()
        said = container.log()
        os.unlink(container.log_path)
        return status, said

    def terminate(self, name):
        """SIGTERM, and the exit status."""
        self.containers[name].signal(signal.SIGTERM)
        return self.containers[name].wait()
