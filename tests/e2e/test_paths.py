"""Bytes on paths that are no plain send and recv: all are counted."""

import unittest

from lab import account, crawlers
from metered_case import MeteredCase

SITE = "shop.example.test"

# What every program below begins with.
_OPENING = """
import ctypes, os, socket, sys
host, port, url, upload, target = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
s = socket.create_connection((host, int(port)))
get = f"GET {url} HTTP/1.1\\r\\nHost: shop.example.test\\r\\nConnection: close\\r\\n\\r\\n".encode()
def drain():
    while s.recv(65536):
        pass
"""

PROGRAMS = {
    # The kernel sends the body of an upload.
    "sendfile": """
size = os.path.getsize(upload)
s.sendall(f"POST {target} HTTP/1.1\\r\\nHost: shop.example.test\\r\\n"
          f"Connection: close\\r\\nContent-Length: {size}\\r\\n\\r\\n".encode())
with open(upload, "rb") as body:
    at = 0
    while at < size:
        at += os.sendfile(s.fileno(), body.fileno(), at, size - at)
drain()
s.close()
""",
    # stdio on a socket writes from inside libc; fclose closes there.
    "stdio": """
libc.fdopen.restype = ctypes.c_void_p
libc.fclose.argtypes = [ctypes.c_void_p]
libc.fwrite.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
fd = s.detach()
stream = libc.fdopen(fd, b"w")
libc.fwrite(get, 1, len(get), stream)
libc.fflush(stream)
s = socket.socket(fileno=fd)
drain()
s.detach()
libc.fclose(stream)
# The number is a file's now, which is nobody's traffic.
other = os.open("/dev/null", os.O_WRONLY)
os.write(other, b"x" * 100000)
""",
    # Node closes its sockets by a raw system call: the number is a file's then.
    "raw_close": """
s.sendall(get)
drain()
fd = s.detach()
assert libc.syscall(3, fd) == 0
assert os.open(upload, os.O_RDONLY) == fd
assert os.read(fd, 100000)
""",
    # A raw system call passes every hook.
    "raw": """
assert libc.syscall(1, s.fileno(), get, len(get)) == len(get)
drain()
s.close()
""",
    # The client ends its side first: the FIN that answers is no byte.
    "shutdown": """
s.sendall(get.replace(b"Connection: close", b"Connection: keep-alive"))
data = s.recv(65536)
s.shutdown(socket.SHUT_WR)
drain()
s.close()
""",
    # Arrived, and paid for, though never read.
    "unread": """
s.sendall(get)
import fcntl, select, struct, termios, time
poll = select.poll()
poll.register(s, select.POLLRDHUP)
poll.poll(20000)
s.close()
""",
    "messages": """
s.sendmsg([get[:10], get[10:]])
buffers = [bytearray(100), bytearray(70000)]
while s.recvmsg_into(buffers)[0]:
    pass
s.close()
""",
    # Children share the socket, and close what they do not need.
    "fork": """
import subprocess
s.sendall(get[:20])
if os.fork() == 0:
    s.sendall(get[20:])
    os._exit(0)
os.wait()
subprocess.run(["true"], close_fds=True, check=True)
drain()
s.close()
""",
}


class Paths(MeteredCase):
    """One test per path; made below."""

    vendor_names = ("alpha",)

    def moves_exactly(self, program):
        vendor = self.lab.vendors["alpha"]
        before = self.baseline(vendor)
        origin = self.lab.origin
        done = crawlers.run(
            [
                crawlers.PYTHON,
                "-c",
                _OPENING + program,
                vendor.host,
                str(vendor.port),
                origin.url("http", SITE, "/catalogue.html"),
                self.lab.upload_file,
                origin.url("http", SITE, "/upload"),
            ],
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
        )
        self.assertEqual(done.stderr, "")
        self.lab.settle()
        expected = account.witnessed(self.lab, vendor) - before[0]
        self.assertEqual(expected.connections, 1)
        self.assertGreater(expected.sent, 50)
        self.assertGreater(expected.received, 200)

        def found():
            metered = account.metered(self.collector.metrics(), vendor) - before[1]
            return metered.connections, metered.sent, metered.received

        self.eventually_equal(
            found, (expected.connections, expected.sent, expected.received)
        )
        self.collector.settle()
        self.assertEqual(
            found(), (expected.connections, expected.sent, expected.received)
        )


def _add(name, program):
    def test(self):
        self.moves_exactly(program)

    setattr(Paths, f"test_{name}", test)


for _name, _program in PROGRAMS.items():
    _add(_name, _program)


if __name__ == "__main__":
    unittest.main()
