"""Vendors that differ in how a connection to them is recognised.

By the proxy's host name, its address, its port, and by the user name alone:
the last one is behind the same host, address and port as the first.
"""

import dataclasses
import itertools
import random

from .guarded import GuardedSquid
from .vendors import Dante, Tinyproxy


@dataclasses.dataclass(frozen=True)
class Login:
    user: str
    password: str


_FIRST = Login("alpha-17", "a-secret")
_SECOND = Login("delta-customer-4711-zone-residential-session-1", "another")


class _OneOfTwo:
    """A vendor by what Squid's log says of one user."""

    def _mine(self):
        squid, user = self.squid, self.login.user
        return [t for t in squid.transactions() if t.user == user]

    @property
    def url(self):
        word = f"{self.login.user}:{self.login.password}"
        return f"{self.scheme}://{word}@{self.host}:{self.port}"

    def carried(self, witness):
        """A client's port may be used again, for the other one."""
        owners = {}
        for transaction in self.squid.transactions():
            owners.setdefault(transaction.client, []).append(transaction.user)
        turns = {c: [u for u, _ in itertools.groupby(o)] for c, o in owners.items()}

        def counts(client, before):
            users = turns.get(client, ["-"])
            return users[min(before, len(users) - 1)] == self.login.user

        return witness.carried(self.endpoint, counts)

    def tunnels(self):
        return sum(t.method == "CONNECT" for t in self._mine())

    def own_figures(self):
        mine = self._mine()
        return [
            ("bytes sent", sum(t.from_client for t in mine), "squid's log"),
            ("bytes received", sum(t.to_client for t in mine), "squid's log"),
        ]


class ByHost(_OneOfTwo, GuardedSquid):
    """Squid, which goes out from another address for the other user."""

    login = _FIRST
    terms = {"price": {"currency": "USD", "per_gb": 8.4}}

    def __init__(self, *arguments, second_address):
        self._second_address = second_address
        super().__init__(*arguments, (_FIRST, _SECOND))

    @property
    def squid(self):
        return self

    def _access(self):
        return f"""{super()._access()}
acl second proxy_auth {_SECOND.user}
tcp_outgoing_address {self._second_address} second"""


class ByAddress(Tinyproxy):
    terms = {"price": {"currency": "USD", "per_gb": 0.6}}

    @property
    def rule(self):
        return {"cidr": f"{self.address}/32"}


class ByPort(Dante):
    terms = {"price": {"currency": "EUR", "per_request": 0.0002}}

    @property
    def rule(self):
        return {"port": self.port}


class ByUser(_OneOfTwo):
    """Another vendor behind the same Squid."""

    login = _SECOND
    # What it is paid for; account and session stay in the crawler.
    asks_for = {"zone": "residential"}
    terms = {
        "user_names": "delta-customer-{customer}-zone-{zone}[-session-{session}]",
        "labels": ["zone"],
        "price": {"currency": "USD", "per_gb": 12},
    }

    def __init__(self, squid, name, address):
        self.squid = squid
        self.name = name
        self.address = address
        for what in ("scheme", "program", "closes_unannounced"):
            setattr(self, what, getattr(squid, what))
        self.host, self.port, self.endpoint = squid.host, squid.port, squid.endpoint
        self.service = squid.service

    @property
    def rule(self):
        return {"host": self.host, "user": "delta-*"}

    def stop(self):
        """Squid is stopped by the first."""


def vendors():
    """As Lab takes them, on addresses that no other lab has at the same time.

    Who connects to a vendor's address, in whatever lab, would be metered here,
    by the kernel's word.
    """
    network = f"127.0.{random.randrange(64, 256)}"
    second_address = f"{network}.4"
    made = []

    def first(*arguments):
        made.append(ByHost(*arguments, second_address=second_address))
        return made[0]

    def second(_workspace, _hosts_file, name, address, _host):
        return ByUser(made[0], name, address)

    return (
        (first, "alpha", f"{network}.1", "gw.alpha-proxy.test"),
        (ByAddress, "beta", f"{network}.2", "eu.beta-proxy.test"),
        (ByPort, "gamma", f"{network}.3", "gate.gamma-proxy.test"),
        (second, "delta", second_address, None),
    )
