"""What a process sent and never reported is told by the kernel.

SIGKILL between the kernel's taking bytes and the shim's report of it cannot be
aimed. So the last request goes out by a raw system call, which no hook sees,
and is the last thing that its process does.
"""

import platform
import sys
import unittest

from lab import account, crawlers
from metered_case import MeteredCase

SITE = "shop.example.test"
SYS_WRITE = {"x86_64": 1, "aarch64": 64}[platform.machine()]

# Arguments: host and port of the proxy, a URL, what to do with the connection
# before the end.
CRAWLER = f"""
import ctypes, fcntl, os, signal, socket, sys

host, port, url, before = sys.argv[1:]
request = ("GET %s HTTP/1.1\\r\\nHost: {SITE}\\r\\n\\r\\n" % url).encode()
connection = socket.create_connection((host, int(port)))
connection.sendall(request)
answer = b""
while b"\\r\\n\\r\\n" not in answer:
    answer += connection.recv(65536)
head, _, body = answer.partition(b"\\r\\n\\r\\n")
(length,) = [
    int(line.split(b":")[1])
    for line in head.split(b"\\r\\n")
    if line.lower().startswith(b"content-length:")
]
while len(body) < length:
    body += connection.recv(65536)
if before == "inheritable":
    connection.set_inheritable(True)
sent = ctypes.CDLL(None).syscall(
    {SYS_WRITE}, connection.fileno(), request, len(request)
)
assert sent == len(request)
print(len(request), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Settlement(MeteredCase):
    vendor_names = ["alpha"]

    def setUp(self):
        self.vendor = self.lab.vendors["alpha"]

    def total(self, name, **labels):
        return self.collector.metrics().total(
            f"proxymeter_{name}_total", proxy_vendor=self.vendor.name, **labels
        )

    def crawl(self, before="nothing"):
        """The length of each of the two requests."""
        (url,) = self.lab.urls("http", SITE, ["/"])
        done = crawlers.run(
            [sys.executable, "-c", CRAWLER, self.vendor.host]
            + [str(self.vendor.port), url, before],
            self.lab.environment(),
            prefix=self.lab.metered(self.directory),
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (-9, ""))
        self.lab.settle()
        self.collector.settle()
        return int(done.stdout)

    def figures(self):
        return {
            "sent": self.total("sent_bytes"),
            "plaintext": self.total("requests", visibility="plaintext"),
            "inferred": self.total("requests", visibility="inferred"),
            "reconciled": self.total("reconciled_bytes", direction="sent"),
            "unsettled": self.total("unsettled_connections"),
        }

    def since(self, before):
        return {name: value - before[name] for name, value in self.figures().items()}

    def witnessed(self):
        return sum(account.witnessed(self.lab, self.vendor).requests.values())

    def test_the_last_request_is_told_by_the_kernel(self):
        before, witnessed = self.figures(), self.witnessed()
        length = self.crawl()
        self.eventually_equal(
            lambda: self.since(before),
            {
                "sent": 2 * length,
                "plaintext": 1,
                "inferred": 1,
                "reconciled": length,
                "unsettled": 0,
            },
        )
        self.assertEqual(self.witnessed() - witnessed, 2)

    def test_where_another_program_may_have_sent_it_it_is_unsettled(self):
        before = self.figures()
        length = self.crawl("inheritable")
        self.eventually_equal(
            lambda: self.since(before),
            {
                "sent": length,
                "plaintext": 1,
                "inferred": 0,
                "reconciled": 0,
                "unsettled": 1,
            },
        )


if __name__ == "__main__":
    unittest.main()
