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

    `upload` is a file and the URL that takes it.
    """
    urls = list(urls)
    line = [*PROGRAMS[client], "--proxy", vendor.url, "--ca", origin.ca]
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
