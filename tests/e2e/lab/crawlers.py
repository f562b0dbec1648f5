"""The example crawlers, run as a user would, metered or not."""

import os
import subprocess

from . import names
from .names import resolving

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
_EXAMPLES = os.path.join(ROOT, "examples", "crawlers")

# Debian's interpreter by its path: packages of another would be missing.
PYTHON = "/usr/bin/python3"
PROGRAMS = {
    "curl": ["/bin/sh", os.path.join(_EXAMPLES, "crawl.sh")],
    "requests": [PYTHON, os.path.join(_EXAMPLES, "crawl_requests.py")],
    "aiohttp": [PYTHON, os.path.join(_EXAMPLES, "crawl_aiohttp.py")],
}
# aiohttp has no SOCKS of its own.
SOCKS_PROGRAMS = ("curl", "requests")


def build_go():
    """The example crawler in Go, which nothing preloaded sees; its command."""
    place = os.path.join(ROOT, "build", "go")
    os.makedirs(place, exist_ok=True)
    program = os.path.join(place, "crawl")
    subprocess.run(
        ["go", "build", "-o", program, os.path.join(_EXAMPLES, "crawl.go")],
        env={
            **os.environ,
            "GOCACHE": os.path.join(place, "cache"),
            "GOPATH": os.path.join(place, "path"),
            # One file and the standard library: nothing to fetch.
            "GO111MODULE": "off",
            "GOFLAGS": "",
        },
        check=True,
    )
    return [program]


def environment(hosts_file):
    """What crawlers get: the lab's names, and no proxy from outside."""
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.lower().endswith("_proxy") and key != "LD_PRELOAD"
    }
    return {
        **clean,
        names.VARIABLE: hosts_file,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def command(client, vendor, origin, urls, upload=None):
    """Command line of an example crawler that visits `urls` by `vendor`.

    `client` is one of PROGRAMS, or the command of another that takes the same
    arguments; `upload` is a file and the URL that takes it.
    """
    urls = list(urls)
    program = PROGRAMS[client] if isinstance(client, str) else client
    line = [*program, "--proxy", vendor.url, "--ca", origin.ca]
    if vendor.closes_unannounced and urls[0].startswith("http:"):
        line.append("--fresh")
    if upload:
        line += ["--upload", upload[0], "--to", upload[1]]
    return line + urls


def run(line, variables, prefix=(), check=True):
    """Runs `line` behind `prefix`; the CompletedProcess, output as text."""
    done = subprocess.run(
        resolving([*prefix, *line]),
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if check and done.returncode != 0:
        raise RuntimeError(
            f"{' '.join(line)}: status {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done
