"""Moves bytes that no hook sees, and ends without closing its connection.

past_the_hooks.py HOST PORT URL. Prints how many bytes it got.
"""

import ctypes
import os
import socket
import sys

SYS_READ = {"x86_64": 0, "aarch64": 63}[os.uname().machine]

host, port, url = sys.argv[1:]
connection = socket.create_connection((host, int(port)))
connection.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
buffer = ctypes.create_string_buffer(1 << 16)
got = 0
while b"\r\n\r\n" not in buffer.raw[:got]:
    more = ctypes.CDLL(None).syscall(
        SYS_READ, connection.fileno(), ctypes.byref(buffer, got), len(buffer) - got
    )
    assert more > 0
    got += more
print(got, flush=True)
os._exit(0)
