"""The clients of the matrix: what they run, by which proxies, what is seen.

This table is where a change of visibility is entered: `tls` is what the shim
sees of a client's requests inside TLS. In clear text it sees all of them.
"""

import dataclasses
import functools
import os
import subprocess
from collections.abc import Callable

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
PYTHON = "/usr/bin/python3"

PLAINTEXT, INFERRED, OPAQUE = "plaintext", "inferred", "opaque"
HTTP, SOCKS = "http", "socks5h"

# Columns of ways.py.
H2_CONNECT, H2_SOCKS = ("h2 / CONNECT",), ("h2 / SOCKS5",)
GRPC = ("gRPC / CONNECT", "gRPC, TLS / CONNECT")
WSS_CONNECT = ("wss / CONNECT",)
WS_CONNECT = ("ws / CONNECT", *WSS_CONNECT)
WS_SOCKS = ("ws / SOCKS5", "wss / SOCKS5")
GATE_HTTP, GATE_HTTPS = ("http / HTTPS proxy",), ("https / HTTPS proxy",)
GATE_H2 = ("h2 / HTTPS proxy",)
GATE = GATE_HTTP + GATE_HTTPS
SOCKS4 = ("http / SOCKS4", "https / SOCKS4")
SOCKS4A = ("http / SOCKS4a", "https / SOCKS4a")
SOCKS5 = ("http / SOCKS5, address", "https / SOCKS5, address")
SOCKS_ALL = SOCKS4 + SOCKS4A + SOCKS5
LIBCURL = H2_CONNECT + H2_SOCKS + GATE + GATE_H2 + SOCKS_ALL


@dataclasses.dataclass(frozen=True)
class Crawl:
    """What one run of a client is to do."""

    proxy: str  # scheme://host:port
    ca: str
    urls: tuple
    upload: tuple  # (file, URL), or ()
    state: str  # a directory of this run's own
    lab: object
    way: str = ""  # the kind of ways.py, "" for the usual ones
    resolve: str = ""  # HOST:PORT:ADDRESS of a site that no proxy resolves

    @property
    def file(self):
        return self.upload[0] if self.upload else ""

    @property
    def target(self):
        return self.upload[1] if self.upload else ""


@dataclasses.dataclass(frozen=True)
class Client:
    name: str  # for people
    commands: Callable  # of a Crawl: the command lines
    tls: str
    proxies: tuple = (HTTP, SOCKS)
    environment: Callable = lambda crawl: {}
    # What it visits when not the usual pages: paths, of a Crawl without
    # keep-alive or with.
    pages: Callable | None = None
    # What resolves is another process than what connects: the proxy is given by
    # address.
    by_address: bool = False
    ordinary_user: bool = False
    # Exit statuses that are right.
    statuses: tuple = (0,)
    # Lines on standard error that differ from run to run.
    noise: str | None = None
    available: Callable = lambda: True
    # Takes seconds: fewer proxies in the short run.
    heavy: bool = False
    # Its ClientHello has an encrypted one in it, or what looks like it: the
    # server name beside that is nobody's word, and the tunnel's target stands.
    encrypts_hello: bool = False
    # Which columns of ways.py it knows.
    ways: tuple = ()


def _options(*line):
    """Clients that take --proxy, --ca and --upload."""

    def commands(crawl):
        upload = ["--upload", *crawl.upload] if crawl.upload else []
        return [
            [*line, "--proxy", crawl.proxy, "--ca", crawl.ca, *upload, *crawl.urls]
        ]

    return commands


def _positions(*line, ca=True):
    """Clients that take proxy, authority, file, its URL, and URLs."""

    def commands(crawl):
        authority = [crawl.ca] if ca else []
        upload = [crawl.file, crawl.target]
        return [[*line, crawl.proxy, *authority, *upload, *crawl.urls]]

    return commands


def _script(name):
    return os.path.join(CLIENTS, name)


def _python(library):
    return _options(PYTHON, _script("crawl.py"), library)


def _by_kind(usual, **others):
    """Commands by the kind of way."""

    def commands(crawl):
        return others.get(crawl.way, usual)(crawl)

    return commands


def _talk(library):
    """A client of WebSockets in Python."""

    def commands(crawl):
        script = _script("crawl_websocket.py")
        return [[PYTHON, script, library, crawl.proxy, crawl.ca, *crawl.urls]]

    return commands


def _call(kind):
    """A client of gRPC in Python."""

    def commands(crawl):
        return [[PYTHON, _script("crawl_grpc.py"), kind, *crawl.urls, crawl.ca]]

    return commands


def _grpc_environment(crawl):
    # Its own resolver would not find the lab's names.
    return {"http_proxy": crawl.proxy, "GRPC_DNS_RESOLVER": "native"}


def _curl(crawl):
    form = "%{method} %{http_code} %{size_download} %{url}\n"
    common = ["--silent", "--show-error", "--location", "--write-out", form]
    common += ["--proxy", crawl.proxy, "--cacert", crawl.ca]
    common += ["--proxy-cacert", crawl.ca]
    line = ["curl", *common]
    for url in crawl.urls:
        line += ["--output", "/dev/null", url]
    if crawl.upload:
        line += ["--next"] if crawl.urls else []
        line += [*common, "--data-binary", f"@{crawl.file}"]
        line += ["--output", "/dev/null", crawl.target]
    return [line]


def _wget(crawl):
    line = ["wget", "--quiet", "--tries=1", "--output-document=-", "--no-hsts"]
    line += [f"--ca-certificate={crawl.ca}", "--execute=use_proxy=on"]
    line += [f"--execute={s}_proxy={crawl.proxy}" for s in ("http", "https")]
    found = []
    if crawl.urls:
        found.append([*line, *crawl.urls])
    if crawl.upload:
        found.append([*line, f"--post-file={crawl.file}", crawl.target])
    return found


def _git(crawl):
    if not crawl.urls:
        return []
    copy = os.path.join(crawl.state, "copy")
    by_proxy = ["-c", f"http.proxy={crawl.proxy}"]
    by_proxy += ["-c", f"http.proxySSLCAInfo={crawl.ca}"]
    return [
        ["git", *by_proxy, "clone", "--quiet", crawl.urls[0], copy],
        ["git", "-C", copy, "log", "--format=%H %s"],
        ["git", "-C", copy, "fsck", "--full", "--no-progress"],
    ]


# Google's services are asked for by no proxy, and so by nobody: no name but
# the proxy's address resolves.
_NOT_BY_PROXY = "*.google.com;*.googleapis.com;*.gstatic.com;*.gvt1.com"


# Lines of its log carry process ids and times; the other is of Debian's script.
_CHROMIUM_LOG = r"^\[\d+:\d+:|^/usr/bin/chromium: \d+: \["


def _chromium(crawl):
    address = crawl.proxy.split("//")[1].split(":")[0]
    line = ["chromium", "--headless", "--dump-dom", "--disable-gpu"]
    line += [f"--user-data-dir={os.path.join(crawl.state, 'profile')}"]
    line += [f"--proxy-server={crawl.proxy.replace('socks5h:', 'socks5:')}"]
    line += [f"--proxy-bypass-list={_NOT_BY_PROXY}"]
    rules = f"MAP * ~NOTFOUND, EXCLUDE {address}"
    if crawl.resolve:
        site, _, where = crawl.resolve.split(":")
        rules = f"MAP {site} {where}, {rules}"
    line += [f"--host-resolver-rules={rules}"]
    # The lab's authority is in no store that it reads.
    line += ["--ignore-certificate-errors"]
    line += ["--no-first-run", "--no-default-browser-check", "--disable-sync"]
    line += ["--disable-background-networking", "--disable-component-update"]
    line += ["--disable-extensions", "--disable-default-apps", "--disable-breakpad"]
    line += ["--disable-domain-reliability", "--no-pings", "--disable-quic"]
    return [[*line, url] for url in crawl.urls]


# A page's load waits for the documents in it: this one is ended when the talk
# is over.
_TALK = """<!DOCTYPE html><title>Talk</title><p id=p></p><iframe id=f></iframe>
<script>
const end = f.contentDocument.open(), url = %r;
const sizes = new URL(url).pathname.split('/').slice(1).map(Number);
const talk = new WebSocket(url);
talk.binaryType = 'arraybuffer';
const say = () => talk.send(new Uint8Array(sizes[0]));
talk.onopen = say;
talk.onmessage = (event) => {
  p.textContent += event.data.byteLength + ' ';
  sizes.shift();
  if (sizes.length) say(); else talk.close(1000);
};
talk.onclose = (event) => { p.textContent += event.code; end.close(); };
</script>
"""


def _chromium_talk(crawl):
    page = os.path.join(crawl.state, "talk.html")
    with open(page, "w", encoding="utf-8") as file:
        file.write(_TALK % crawl.urls[0])
    return _chromium(dataclasses.replace(crawl, urls=(f"file://{page}",)))


def _java(kind):
    def commands(crawl):
        line = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        line += ["-cp", java_classes(crawl.lab), "Crawl", kind]
        return _positions(*line)(crawl)

    return commands


def java_classes(lab):
    """Where the Java client is compiled to."""
    return os.path.join(lab.workspace.path, "java")


def _node(kind):
    return _positions(node_program(), _script("crawl.js"), kind, ca=False)


def _node_environment(crawl):
    # Node of another origin than Debian does not look there by itself.
    return {"NODE_PATH": "/usr/share/nodejs", "NODE_EXTRA_CA_CERTS": crawl.ca}


def node_program():
    return os.environ.get("MATRIX_NODE", "/usr/bin/node")


@functools.cache
def _node_shares_openssl():
    """Whether Node is linked to the system's OpenSSL, as Debian's is."""
    listed = subprocess.run(
        ["ldd", node_program()], capture_output=True, text=True, check=False
    )
    return "libssl.so" in listed.stdout


def _node_carries_openssl():
    return not _node_shares_openssl()


def _node_clients(origin, tls, available):
    agent = _by_kind(_node("agent"), h2=_node("http2"))
    for what, commands, ways in (
        ("http, https", agent, H2_CONNECT + GATE),
        ("fetch (undici)", _node("fetch"), GATE),
    ):
        yield Client(
            f"Node {what}, {origin}",
            commands,
            tls,
            ways=ways,
            proxies=(HTTP,),
            environment=_node_environment,
            available=available,
        )


ALL = (
    Client("curl (OpenSSL)", _curl, PLAINTEXT, ways=LIBCURL),
    Client(
        "libcurl (GnuTLS)", _python("libcurl-gnutls"), PLAINTEXT, ways=LIBCURL
    ),
    Client(
        "wget (GnuTLS)",
        _wget,
        PLAINTEXT,
        proxies=(HTTP,),
        # A page was missing.
        statuses=(0, 8),
    ),
    Client(
        "git (GnuTLS)",
        _git,
        PLAINTEXT,
        environment=lambda crawl: {"GIT_SSL_CAINFO": crawl.ca},
        pages=lambda fresh: ("/project.git",),
        ways=LIBCURL,
    ),
    Client(
        "Python urllib", _python("urllib"), PLAINTEXT, ways=GATE_HTTP + SOCKS_ALL
    ),
    Client("Python requests", _python("requests"), PLAINTEXT, ways=GATE + SOCKS_ALL),
    Client(
        "Python httpx",
        _by_kind(_python("httpx"), h2=_python("httpx-http2")),
        PLAINTEXT,
        # It knows no TLS inside of TLS.
        ways=H2_CONNECT + H2_SOCKS + GATE_HTTP,
    ),
    Client(
        "Python aiohttp",
        _by_kind(_python("aiohttp"), websocket=_talk("aiohttp")),
        PLAINTEXT,
        # It asks a proxy for ws:// as it does for http://, which Squid refuses.
        ways=WSS_CONNECT + WS_SOCKS + GATE + SOCKS_ALL,
    ),
    Client("Python pycurl (GnuTLS)", _python("pycurl"), PLAINTEXT, ways=LIBCURL),
    Client(
        "Scrapy",
        _options(PYTHON, _script("crawl_scrapy.py")),
        PLAINTEXT,
        proxies=(HTTP,),
    ),
    *_node_clients("Debian's build", PLAINTEXT, _node_shares_openssl),
    *_node_clients("upstream's build", INFERRED, _node_carries_openssl),
    Client(
        "Java HttpClient",
        _by_kind(_java("client"), h2=_java("http2"), websocket=_java("socket")),
        INFERRED,
        proxies=(HTTP,),
        heavy=True,
        ways=H2_CONNECT + WS_CONNECT,
    ),
    Client(
        "Java HttpURLConnection",
        _java("connection"),
        INFERRED,
        heavy=True,
        ways=SOCKS4 + SOCKS5,
    ),
    Client(
        "Chromium, sandboxed",
        _by_kind(_chromium, websocket=_chromium_talk),
        INFERRED,
        pages=lambda fresh: ("/plain.html",) if fresh else ("/browser.html",),
        by_address=True,
        ordinary_user=True,
        noise=_CHROMIUM_LOG,
        encrypts_hello=True,
        heavy=True,
        ways=H2_CONNECT + H2_SOCKS + WS_CONNECT + WS_SOCKS + GATE + GATE_H2 + SOCKS4,
    ),
    Client(
        "Perl LWP",
        _positions("perl", _script("crawl.pl")),
        PLAINTEXT,
        ways=SOCKS4,
    ),
    Client(
        "PHP curl",
        _positions("php", _script("crawl.php")),
        PLAINTEXT,
        environment=lambda crawl: {"CRAWL_RESOLVE": crawl.resolve},
        ways=LIBCURL,
    ),
    Client(
        "Ruby net/http",
        _positions("ruby", _script("crawl.rb")),
        PLAINTEXT,
        proxies=(HTTP,),
    ),
)

# They speak nothing of the first table's.
OTHERS = (
    Client(
        "Python websockets",
        _talk("websockets"),
        PLAINTEXT,
        ways=WS_CONNECT + WS_SOCKS,
    ),
    *(
        Client(name, _call(kind), PLAINTEXT, environment=_grpc_environment, ways=GRPC)
        for name, kind in (
            ("Python grpcio", "sync"),
            ("Python grpcio, asyncio", "asyncio"),
        )
    ),
)
