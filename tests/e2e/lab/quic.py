"""A server of QUIC (ngtcp2's), for ngtcp2's client."""

import os
import re

from .service import Service
from .workspace import free_port

ADDRESS = "127.0.23.1"


def _is_bound(port):
    """Whether somebody has UDP's `port` at ADDRESS."""
    number = int.from_bytes(bytes(map(int, ADDRESS.split("."))), "little")
    with open("/proc/net/udp", encoding="ascii") as table:
        return f" {number:08X}:{port:04X} " in table.read()


class QuicServer:
    """HTTP/3 with the origin's pages, whatever the site."""

    def __init__(self, lab, name):
        self.name = name
        self.port = free_port(ADDRESS)
        folder = os.path.dirname(lab.origin.ca)
        self.service = Service(
            name,
            ["/usr/sbin/gtlsserver", "--quiet"]
            + ["--htdocs", os.path.join(lab.workspace.path, "pages")]
            + ["--mime-types-file=/dev/null", ADDRESS, str(self.port)]
            + [f"{folder}/site.key", f"{folder}/site.pem"],
            os.path.join(lab.workspace.path, f"{name}.out"),
            ordinary_user=True,
        )
        self.service.wait_for(lambda: _is_bound(self.port), "bound")

    @property
    def endpoint(self):
        return (ADDRESS, self.port)

    @property
    def rule(self):
        return {"cidr": f"{ADDRESS}/32", "port": self.port}

    def carried(self, trace):
        """Bytes (sent, received) of a client, by what strace wrote of it."""
        peer = re.escape(f"sin_port=htons({self.port})")
        calls = re.findall(rf" (\w+)\(.*{peer}.* = (\d+)$", trace, re.MULTILINE)
        return tuple(
            sum(int(result) for call, result in calls if call == name)
            for name in ("sendmsg", "recvmsg")
        )
