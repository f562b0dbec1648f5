"""One container, as its runtime makes it: run by unshare(1) in namespaces of its
own, with the description on standard input (kubelet.py)."""

import ctypes
import errno
import json
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys

_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_PR_SET_SECCOMP = 22
_CAP_LAST = 63
# What programs look for in an image's /etc.
_ETC = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime")
_libc = ctypes.CDLL(None, use_errno=True)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def make_root(root, image, mounts):
    """The image and the volumes below `root`, which is then read-only or not."""
    mount("-t", "tmpfs", "-o", "mode=0755", "root", root)
    for name in ("usr", "proc", "dev", "etc", "tmp", "run", "var", "opt"):
        os.mkdir(os.path.join(root, name))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{name}", os.path.join(root, name))
    for name in _ETC:
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", os.path.join(root, "etc", name))
    mount("--bind", "/usr", os.path.join(root, "usr"))
    mount("--bind", image, os.path.join(root, "usr/local"))
    mount("--rbind", "/dev", os.path.join(root, "dev"))
    mount("-t", "proc", "proc", os.path.join(root, "proc"))
    for source, target, _ in mounts:
        os.makedirs(root + target, exist_ok=True)
        mount("--bind", source, root + target)


def drop(context, groups):
    """All that the security context takes away."""
    if context.get("capabilities", {}).get("drop") == ["ALL"]:
        for capability in range(_CAP_LAST + 1):
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups(groups)
    group, user = context.get("runAsGroup", 0), context.get("runAsUser", 0)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    # Lost where the user changes.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if context.get("allowPrivilegeEscalation") is False:
        assert _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def refuse_ipv6():
    """As a kernel does that was started with ipv6.disable=1 (seccomp(2))."""
    number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    load, if_equal, answer = 0x20, 0x15, 0x06
    steps = [
        (load, 0, 0, 0),
        (if_equal, 0, 3, number),
        (load, 0, 0, 16),
        (if_equal, 0, 1, socket.AF_INET6),
        (answer, 0, 0, 0x00050000 | errno.EAFNOSUPPORT),
        (answer, 0, 0, 0x7FFF0000),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    assert _libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0) == 0


def main():
    # The first process of a PID namespace: the rest of it ends with this one.
    with open(sys.argv[1], encoding="utf-8") as file:
        told = json.load(file)
    root, context = told["root"], told["context"]
    make_root(root, told["image"], told["mounts"])
    if context.get("readOnlyRootFilesystem"):
        mount("-o", "remount,bind,ro", os.path.join(root, "usr/local"))
        mount("-o", "remount,bind,ro", os.path.join(root, "usr"))
        mount("-o", "remount,ro", root)
    for _, target, read_only in told["mounts"]:
        if read_only:
            mount("-o", "remount,bind,ro", root + target)
    os.chroot(root)
    os.chdir("/")
    drop(context, told["groups"])
    os.umask(0o022)
    if told["without_ipv6"] and context.get("allowPrivilegeEscalation") is False:
        refuse_ipv6()
    command = told["command"]
    os.execvpe(command[0], command, told["environment"])


main()
