"""More ways: protocols through a proxy, and into one, beside the usual ones.

Each is a column of the second table, and a place as cell.py wants it.
"""

import dataclasses

import catalogue
import table
from cell import PAGES, SITE, crawl  # says where the lab is, too
from lab import account, sites
from lab.nghttpx import HOST as GATE_HOST
from lab.nghttpx import Nghttpx
from lab.origin import ADDRESS as ORIGIN_ADDRESS

import servers
import socks4a

# What one client's messages weigh: every form of a frame's length, RFC 6455.
SIZES = (0, 5, 125, 126, 65535, 65536, 300_000)

CLOSE = 2  # a status, in a frame

H2, GRPC, WEBSOCKET, GATE = "h2", "grpc", "websocket", "https proxy"
# Sent and received: with an address and no user.
_SOCKS4_HANDSHAKE = (9, 8)


@dataclasses.dataclass(frozen=True)
class Way:
    """One column."""

    heading: str
    kind: str  # for clients that must be told
    scheme: str  # of the site
    proxy: str  # scheme of the proxy
    vendor: str  # the lab's; "gate" is nghttpx, in front of alpha; "epsilon" ours
    protocol: str  # as metered

    @property
    def carrier(self):
        """Who visits the site."""
        return "alpha" if self.vendor == "gate" else self.vendor


ALL = (
    Way("h2 / CONNECT", H2, "h2", "http", "alpha", "https/2"),
    Way("h2 / SOCKS5", H2, "h2", "socks5h", "gamma", "https/2"),
    Way("gRPC / CONNECT", GRPC, "grpc", "http", "alpha", "http/2"),
    Way("gRPC, TLS / CONNECT", GRPC, "grpcs", "http", "alpha", "https/2"),
    Way("ws / CONNECT", WEBSOCKET, "ws", "http", "alpha", "http/1.1"),
    Way("wss / CONNECT", WEBSOCKET, "wss", "http", "alpha", "https/1.1"),
    Way("ws / SOCKS5", WEBSOCKET, "ws", "socks5h", "gamma", "http/1.1"),
    Way("wss / SOCKS5", WEBSOCKET, "wss", "socks5h", "gamma", "https/1.1"),
    Way("http / HTTPS proxy", GATE, "http", "https", "gate", "https/1.1"),
    Way("https / HTTPS proxy", GATE, "https", "https", "gate", "https/1.1"),
    Way("h2 / HTTPS proxy", GATE, "h2", "https", "gate", "https/2"),
    Way("http / SOCKS4", "socks4", "http", "socks4", "gamma", "http/1.1"),
    Way("https / SOCKS4", "socks4", "https", "socks4", "gamma", "https/1.1"),
    Way("http / SOCKS4a", "socks4a", "http", "socks4a", "epsilon", "http/1.1"),
    Way("https / SOCKS4a", "socks4a", "https", "socks4a", "epsilon", "https/1.1"),
    Way("http / SOCKS5, address", "socks5", "http", "socks5", "gamma", "http/1.1"),
    Way("https / SOCKS5, address", "socks5", "https", "socks5", "gamma", "https/1.1"),
)

CARRIERS = ("alpha", "gamma")

# The short run: each way, and each library of TLS and SOCKS, once.
SHORT = {
    ("curl (OpenSSL)", "h2 / SOCKS5"),
    ("Python httpx", "h2 / CONNECT"),
    ("Python grpcio", "gRPC / CONNECT"),
    ("Python grpcio, asyncio", "gRPC, TLS / CONNECT"),
    ("Python websockets", "wss / CONNECT"),
    ("Python aiohttp", "ws / SOCKS5"),
    ("Python requests", "http / HTTPS proxy"),
    ("libcurl (GnuTLS)", "https / HTTPS proxy"),
    ("curl (OpenSSL)", "h2 / HTTPS proxy"),
    ("Python urllib", "https / SOCKS4"),
    ("curl (OpenSSL)", "http / SOCKS4a"),
    ("Python aiohttp", "https / SOCKS5, address"),
}


def _absent(way, client):
    return "" if way.heading in client.ways else table.ABSENT


class Around:
    """What the ways need beside the lab."""

    def __init__(self, lab):
        self.lab = lab
        self.gate = Nghttpx(
            lab, "gate", lab.vendors["alpha"].endpoint, proxy=True, idle="100ms"
        )
        self.gate.host, self.gate.address = GATE_HOST, self.gate.endpoint[0]
        self.vendors = {**lab.vendors, "gate": self.gate, "epsilon": socks4a.Socks4a()}
        with open(lab.hosts_file, "a", encoding="utf-8") as hosts:
            hosts.write(f"{socks4a.ADDRESS} {socks4a.HOST}\n")
        self.servers = {}
        for scheme, kind in (("ws", servers.WebSockets), ("grpc", servers.Calls)):
            self.servers[scheme] = kind(lab, secure=False)
            self.servers[scheme + "s"] = kind(lab, secure=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.stop()
        self.vendors["epsilon"].stop()
        self.gate.service.stop()


@dataclasses.dataclass(frozen=True, eq=False)
class Place:
    """A client by a way; the other kind is in cell.py."""

    client: object
    way: Way
    around: Around

    def __str__(self):
        return f"{self.client.name} / {self.way.heading}"

    @property
    def key(self):
        return (self.client.name, self.way.heading)

    @property
    def vendor(self):
        return self.around.vendors[self.way.vendor]

    @property
    def carrier(self):
        return self.around.vendors[self.way.carrier]

    @property
    def goodbye(self):
        return getattr(self.vendor, "goodbye", 0)

    @property
    def lane(self):
        return self.way.carrier

    @property
    def endpoints(self):
        return [self.vendor.endpoint, self.carrier.endpoint]

    @property
    def _in_tls(self):
        return not self.protocol.startswith("http/")

    @property
    def seen(self):
        return not self._in_tls or self.client.tls == catalogue.PLAINTEXT

    @property
    def protocol(self):
        return self.way.protocol

    @property
    def opaque(self):
        """The way into the proxy cannot be read, nor what is asked of it."""
        return self.way.kind == GATE and not self.seen

    @property
    def unseen(self):
        return catalogue.OPAQUE if self.opaque else catalogue.INFERRED

    def destinations(self, witnessed):
        """{host: (sent, received)}"""
        whole = (witnessed.sent, witnessed.received)
        if self.opaque:
            # Only the name in the proxy's own TLS, of which an address is none.
            return {"_unknown" if self.client.by_address else GATE_HOST: whole}
        if not (self.client.encrypts_hello and self.way.proxy == "socks4"):
            return {SITE: whole}
        if self._in_tls:
            return {ORIGIN_ADDRESS: whole}
        # One connection that it opens in advance carries nothing.
        spare = witnessed.connections - 1
        kept = tuple(size * spare for size in _SOCKS4_HANDSHAKE)
        rest = tuple(w - k for w, k in zip(whole, kept, strict=True))
        return {SITE: rest, **({ORIGIN_ADDRESS: kept} if spare else {})}

    def witnessed(self, lab):
        carried = lab.witness.carried(self.vendor.endpoint)
        requests, responses = {}, {}
        for (peer, host), count in lab.origin.requests().items():
            if peer == self.carrier.address:
                requests[host] = requests.get(host, 0) + count
        for (peer, host, code), count in lab.origin.responses().items():
            if peer == self.carrier.address:
                responses[host, code] = responses.get((host, code), 0) + count
        for server in self.around.servers.values():
            for (peer, host, code), count in server.log.count().items():
                if peer == self.carrier.address:
                    requests[host] = requests.get(host, 0) + count
                    responses[host, code] = responses.get((host, code), 0) + count
        return account.Account(
            connections=carried.connections,
            tunnels=0 if self.opaque else self.carrier.tunnels(),
            sent=carried.sent,
            received=carried.received,
            requests=requests,
            responses=responses,
        )

    def url(self, path):
        lab, scheme = self.around.lab, self.way.scheme
        if scheme == "h2":
            return lab.origin.http2_url(SITE, path)
        return lab.origin.url(scheme, SITE, path)

    def crawls(self, lab, state):
        client, vendor = self.client, self.vendor
        host = vendor.address if client.by_address else vendor.host
        proxy = f"{self.way.proxy}://{host}:{vendor.port}"
        upload = ()
        server = self.around.servers.get(self.way.scheme)
        if server:
            path = "/" + "/".join(map(str, SIZES)) if "ws" in self.way.scheme else ""
            urls = [f"{self.way.scheme}://{SITE}:{server.port}{path}"]
        else:
            pages = client.pages(False) if client.pages else PAGES
            urls = [self.url(path) for path in pages]
            if not client.pages:
                upload = (lab.upload_file, self.url(sites.UPLOAD))
        port = urls[0].split("://")[1].split("/")[0].split(":")[1]
        resolve = ""
        if self.way.proxy in ("socks4", "socks5"):
            resolve = f"{SITE}:{port}:{ORIGIN_ADDRESS}"
        kind = self.way.kind
        return [crawl(lab, state, 0, proxy, urls, upload, kind, resolve)]

    def reset(self):
        """Before the metered run."""
        if self.way.kind == GRPC:
            self.around.servers[self.way.scheme].statuses.clear()
        if self.way.kind == WEBSOCKET:
            self.around.servers[self.way.scheme].frames.clear()

    def examine(self, metrics, rows, equal):
        if not self.seen:
            return
        if self.way.kind == GRPC:
            found = {
                labels["grpc_status"]: int(value)
                for labels, value in metrics.samples("proxymeter_grpc_responses_total")
                if value
            }
            log = self.around.servers[self.way.scheme].statuses.count()
            ended = {status: count for (status,), count in log.items()}
            equal("gRPC's statuses", found, ended)
        if self.way.kind == WEBSOCKET:
            spoken = [row for row in rows if row["protocol"] == "websocket"]
            equal("rows of WebSockets", len(spoken), 1)
            ((sent_frames,),) = self.around.servers[self.way.scheme].frames.count()
            weight = (
                sent_frames,
                sum(servers.weight(size, False) for size in (*SIZES, CLOSE)),
            )
            # In clear to the byte; inside TLS there are records around them.
            sent, received = (
                sum(row[f"{w}_bytes"] for row in spoken) for w in ("sent", "received")
            )
            if self.way.scheme == "ws":
                equal("bytes of WebSockets", (sent, received), weight)
            else:
                more = (sent > weight[0], received > weight[1])
                equal("more bytes than those of the frames", more, (True, True))


def places(clients, around, full):
    """The cells to run, in the order of the table."""
    return [
        Place(client, way, around)
        for client in clients
        for way in ALL
        if way.heading in client.ways
        and (full or (client.name, way.heading) in SHORT)
    ]


def the_table(clients):
    known = {way.heading for way in ALL}
    assert all(known.issuperset(c.ways) for c in clients)
    return table.Table(
        "<!-- The table of more ways, generated by tests/matrix/run.py --ways -->",
        "<!-- The end of the table of more ways -->",
        tuple(clients),
        tuple(
            table.Column(way.heading, (way.heading,), lambda c, w=way: _absent(w, c))
            for way in ALL
        ),
    )
