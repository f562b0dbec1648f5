"""A network namespace of one's own: a pod in miniature."""

import fcntl
import os
import socket
import struct
import sys

_INSIDE = "LAB_OWN_NETWORK"
_state = {"inside": False, "stays": False}
_SIOCSIFFLAGS = 0x8914  # netdevice(7)
_UP = 0x1


def stay():
    """For who has to reach beyond: enter() does nothing from here on."""
    _state["stays"] = True


def is_inside():
    return _state["inside"]


def enter():
    """Runs the program again in a new network with nothing but a loopback.

    To be called before anything else is done; returns inside of it. Without
    root by way of a user namespace, as the same user.
    """
    if _state["inside"] or _state["stays"]:
        return
    inside = os.environ.pop(_INSIDE, None)
    if inside == "up":
        _state["inside"] = True
        return
    again = [sys.executable, *sys.orig_argv[1:]]
    if inside == "down":
        with socket.socket() as any_socket:
            flags = struct.pack("16sh14x", b"lo", _UP)
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, flags)
        user = os.environ.pop("LAB_USER", "")
        if user:
            ids = [f"--map-{kind}={id}" for kind, id in zip(("user", "group"), user.split(":"))]
            again = ["unshare", "--user", *ids, "--", *again]
        os.environ[_INSIDE] = "up"
        os.execvp(again[0], again)
    os.environ[_INSIDE] = "down"
    unshare = ["unshare", "--net"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
        os.environ["LAB_USER"] = f"{os.geteuid()}:{os.getegid()}"
    os.execvp("unshare", [*unshare, "--", *again])
