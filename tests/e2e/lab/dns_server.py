"""dnsmasq: a DNS server of names that nobody else knows."""

import os
import random
import socket

from .service import Service

PORT = 53


def _free_address():
    """A loopback address at whose port 53 nothing answers."""
    for _ in range(1000):
        address = f"127.53.{random.randrange(256)}.{random.randrange(1, 255)}"
        with socket.socket() as stream:
            with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
                try:
                    stream.bind((address, PORT))
                    datagrams.bind((address, PORT))
                except OSError:
                    continue
                return address
    raise RuntimeError(f"port {PORT} is not to be had: {address}")


class DnsServer:
    """Answers with `hosts`, {name: [address...]}, and `aliases`, {name: name}.

    By UDP and TCP, at port 53 of an address of its own: for root.
    """

    def __init__(self, workspace, hosts, aliases):
        self.address = _free_address()
        self.service = Service(
            "dnsmasq",
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null"]
            + ["--user=nobody", "--group=nogroup", "--pid-file="]
            + ["--no-resolv", "--no-hosts", "--bind-interfaces"]
            + [f"--listen-address={self.address}", f"--port={PORT}"]
            + ["--log-facility=-", "--log-queries"]
            + [
                f"--host-record={name},{address}"
                for name, addresses in hosts.items()
                for address in addresses
            ]
            + [f"--cname={name},{target}" for name, target in aliases.items()],
            os.path.join(workspace.path, "dnsmasq.out"),
        )

    @property
    def endpoint(self):
        return (self.address, PORT)

    def wait(self):
        self.service.wait_listening(self.endpoint)

    def questions(self, name):
        """How often it was asked for the addresses of `name`."""
        return sum(
            self.service.log().count(f"query[{kind}] {name} ") for kind in ("A", "AAAA")
        )
