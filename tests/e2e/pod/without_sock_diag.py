#!/usr/bin/python3
"""A collector that the kernel's policy keeps from NETLINK_SOCK_DIAG (seccomp(2)).

Runs PROXYMETER_PROGRAM with the arguments that it gets itself.
"""

import ctypes
import os
import platform
import struct
import sys

SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
AF_NETLINK, NETLINK_SOCK_DIAG = 16, 4
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
REFUSE, ALLOW = 0x00050001, 0x7FFF0000
steps = [
    (LOAD, 0, 0, 0),
    (IF_EQUAL, 0, 5, SOCKET),
    (LOAD, 0, 0, 16),
    (IF_EQUAL, 0, 3, AF_NETLINK),
    (LOAD, 0, 0, 32),
    (IF_EQUAL, 0, 1, NETLINK_SOCK_DIAG),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.prctl(PR_SET_SECCOMP, 2, program, 0, 0) == 0
os.execv(os.environ["PROXYMETER_PROGRAM"], ["proxymeter", *sys.argv[1:]])
