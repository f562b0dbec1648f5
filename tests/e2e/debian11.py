"""A Debian 11 tree to change root into, for its glibc of 2020."""

import glob
import os
import re
import shutil
import subprocess

SUITE = "bullseye"
PACKAGES = "curl,ca-certificates"
STANDARD_MIRROR_PATH = "debian"


def mirror():
    """Where apt gets Debian from on this machine."""
    found = []
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
        with open(path, encoding="utf-8") as file:
            found += re.findall(r"(?m)^URIs:\s*(\S+)", file.read())
    for path in ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*.list")]:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found += re.findall(
                    r"(?m)^deb\s+(?:\[.*?\]\s+)?(\S+)", file.read()
                )
    for uri in found:
        if uri.rstrip("/").rsplit("/", 1)[-1] == STANDARD_MIRROR_PATH:
            return uri
    raise RuntimeError(f"no Debian mirror among apt's sources: {found}")


def as_root(command):
    """`command` with the privilege that chroot(2) asks for."""
    if os.geteuid() == 0:
        return list(command)
    if shutil.which("sudo") is None:
        raise RuntimeError("this test changes root, so it needs root or sudo")
    return ["sudo", "--non-interactive", *command]


def tree(directory):
    """The tree at `directory`, made (about a minute) when it is not there."""
    if os.path.isdir(directory):
        return directory
    unfinished = directory + ".unfinished"
    subprocess.run(as_root(["rm", "-rf", "--one-file-system", unfinished]), check=True)
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    # What it mounts there goes with it, even when it is killed.
    made = subprocess.run(
        as_root(
            ["unshare", "--mount"]
            + ["debootstrap", "--variant=minbase", f"--include={PACKAGES}"]
            + [SUITE, unfinished, mirror()]
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise RuntimeError(f"debootstrap failed:\n{made.stdout[-4000:]}")
    subprocess.run(as_root(["mv", unfinished, directory]), check=True)
    return directory
