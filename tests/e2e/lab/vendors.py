"""The proxy vendors: real proxy servers, each on an address of its own.

Each listens on, and goes out from, the same address: so the peer address in
the origin's log tells which vendor carried a request.
"""

import dataclasses
import glob
import os
import re

from .service import Service
from .workspace import free_port



class Vendor:
    """A running proxy server.

    `name` is the label in metrics, `host` the name that crawlers know it by,
    `rule` its match rule in the vendor configuration.
    """

    scheme = "http"
    program = ""
    # Whether it closes clear-text connections that its answers leave open. A
    # request on the way by then is lost, and only a crawler that tries again
    # would go on: the figures of all witnesses would then differ rightly.
    closes_unannounced = False
    # What else stands beside the rule: prices, labels.
    terms = {}

    def __init__(self, workspace, hosts_file, name, address, host):
        self.name = name
        self.address = address
        self.host = host
        self.port = free_port(address)
        self.state = workspace.directory(name, for_servers=True)
        self._workspace = workspace
        self._hosts_file = hosts_file
        self.service = self._start()

    @property
    def url(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def rule(self):
        return {"host": self.host}

    @property
    def endpoint(self):
        return (self.address, self.port)

    def carried(self, witness):
        """What its connections carried, by the kernel."""
        return witness.carried(self.endpoint)

    def tunnels(self):
        """How many tunnels were opened, by the server's own log."""
        raise NotImplementedError

    def stop(self):
        self.service.stop()

    def own_figures(self):
        """What else its log tells: (figure, its value, whence it comes).

        Only what can be compared; the figure ends in "sent" or "received".
        """
        return []

    def _start(self):
        raise NotImplementedError

    def _configure(self, text):
        return self._workspace.write(f"{self.name}.conf", text)

    def _serve(self, command, resolve=True):
        return Service(
            self.program,
            command,
            os.path.join(self._workspace.path, f"{self.name}.out"),
            hosts_file=self._hosts_file if resolve else None,
            ordinary_user=True,
        )


@dataclasses.dataclass(frozen=True)
class Transaction:
    """One line of Squid's log."""

    from_client: int
    to_client: int
    method: str
    host: str
    status: int
    client: tuple  # address and port
    user: str  # "-" for none

    @classmethod
    def parse(cls, line):
        from_client, to_client, method, target, status, *client, user = line.split()
        authority = re.sub(r"^\w+://", "", target).split("/")[0]
        return cls(
            int(from_client),
            int(to_client),
            method,
            authority.split(":")[0],
            int(status),
            (client[0], int(client[1])),
            user,
        )


class Squid(Vendor):
    """HTTP proxy; its rule names the host exactly."""

    program = "squid"

    def _access(self):
        """Who may use it, in its configuration's words."""
        return "http_access allow all"

    def _start(self):
        self._log = os.path.join(self.state, "access.log")
        # Nothing is cached and no request retried: what comes from the client
        # goes to the origin, once.
        configuration = self._configure(
            f"""\
http_port {self.address}:{self.port}
{self._access()}
tcp_outgoing_address {self.address}
hosts_file {self._hosts_file}
dns_nameservers 127.0.0.1
visible_hostname {self.host}
cache deny all
memory_cache_shared off
pinger_enable off
pid_filename none
coredump_dir {self.state}
cache_log {self.state}/cache.log
logformat bytes %>st %<st %rm %ru %>Hs %>a %>p %un
access_log stdio:{self._log} logformat=bytes
buffered_logs off
shutdown_lifetime 0 seconds
"""
        )
        # Its shared memory goes by this name, which must differ between labs.
        self._service_name = f"proxymeter{self.port}"
        return self._serve(
            ["squid", "-N", "-n", self._service_name, "-f", configuration],
            resolve=False,
        )

    def stop(self):
        super().stop()
        # Squid removes its shared memory only when it has time to.
        for path in glob.glob(f"/dev/shm/{self._service_name}-*"):
            os.unlink(path)

    def transactions(self):
        """What its log says of each request or tunnel.

        Its bytes are those on the connection with the client, heads and TLS
        records included. (It would miss the part of a body that comes after
        the answer; the lab's origin answers when it has the whole.)
        """
        with open(self._log, encoding="utf-8") as log:
            return [Transaction.parse(line) for line in log]

    def tunnels(self):
        return sum(t.method == "CONNECT" for t in self.transactions())

    def own_figures(self):
        transactions = self.transactions()
        sent = sum(t.from_client for t in transactions)
        received = sum(t.to_client for t in transactions)
        return [
            ("bytes sent", sent, "squid's log"),
            ("bytes received", received, "squid's log"),
        ]


class Tinyproxy(Vendor):
    """HTTP proxy; its rule matches by suffix."""

    program = "tinyproxy"
    closes_unannounced = True

    @property
    def rule(self):
        return {"host": "*." + self.host.split(".", 1)[1]}

    def _start(self):
        configuration = self._configure(
            f"""\
Port {self.port}
Listen {self.address}
Bind {self.address}
Timeout 600
MaxClients 100
LogLevel Info
"""
        )
        return self._serve(["tinyproxy", "-d", "-c", configuration])

    def tunnels(self):
        return len(re.findall(r"Request \(.*\): CONNECT ", self.service.log()))


class Dante(Vendor):
    """SOCKS5 proxy; its rule matches by address block and a port range."""

    program = "danted"
    scheme = "socks5h"
    method = "none"

    @property
    def rule(self):
        return {
            "cidr": f"{self.address}/32",
            "port": f"{self.port - 1}-{self.port + 1}",
        }

    def _start(self):
        self._log = os.path.join(self.state, "danted.log")
        configuration = self._configure(
            f"""\
logoutput: {self._log}
internal: {self.address} port = {self.port}
external: {self.address}
clientmethod: none
socksmethod: {self.method}
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks pass {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
  log: connect disconnect
}}
"""
        )
        pid_file = os.path.join(self.state, "danted.pid")
        return self._serve(
            [*self._accounts(), "danted", "-f", configuration, "-p", pid_file]
        )

    def _accounts(self):
        """What goes in front, so that it finds the accounts of its users."""
        return []

    # Method selection (RFC 1928, 3) and reply with an IPv4 address (6).
    _HANDSHAKE_TO_CLIENT = 2 + 10

    def own_figures(self):
        """Its log leaves out the hand-shake.

        That to the client has one length; that from it depends on the client.
        """
        payloads = re.findall(r"tcp/connect \]: (\d+) -> ", self._read_log())
        total = sum(int(p) + self._HANDSHAKE_TO_CLIENT for p in payloads)
        return [("bytes received", total, "danted's log + 12 per tunnel")]

    def tunnels(self):
        return self._read_log().count("tcp/connect [: ")

    def _read_log(self):
        with open(self._log, encoding="utf-8") as log:
            return log.read()


class Microsocks(Vendor):
    """SOCKS5 proxy; its rule lists several hosts."""

    program = "microsocks"
    scheme = "socks5h"

    @property
    def rule(self):
        return {"host": ["retired.delta-proxy.test", self.host]}

    def _start(self):
        return self._serve(
            ["microsocks", "-i", self.address, "-p", str(self.port)]
            + ["-b", self.address]
        )

    def tunnels(self):
        return self.service.log().count(": connected to ")


# Class, vendor name, address, host name for crawlers.
ALL = (
    (Squid, "alpha", "127.0.21.1", "gw.alpha-proxy.test"),
    (Tinyproxy, "beta", "127.0.21.2", "eu.beta-proxy.test"),
    (Dante, "gamma", "127.0.21.3", "gate.gamma-proxy.test"),
    (Microsocks, "delta", "127.0.21.4", "gw.delta-proxy.test"),
)
