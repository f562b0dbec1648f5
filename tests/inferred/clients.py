"""Clients whose TLS cannot be read, and how each is run."""

import dataclasses
import functools
import os
import shutil
import subprocess
from collections.abc import Callable

from lab.service import as_ordinary_user

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = os.path.join(HERE, "clients")
HTTP1, HTTP2 = "http1", "http2"


@dataclasses.dataclass(frozen=True)
class Task:
    """What one run is to do."""

    protocol: str
    version: str  # of TLS
    proxy: tuple  # address and port
    ca: str
    site: str
    port: int
    at_once: int
    plan: str  # a file: method, path, bytes of body on each line
    page: str  # the path of a page that has all paths of the plan in it
    state: str  # a directory of this run's own
    built: str  # where clients are compiled to

    @property
    def base(self):
        return f"https://{self.site}:{self.port}"

    def arguments(self, kind):
        return [
            *(kind, self.proxy[0], str(self.proxy[1]), self.ca, self.base),
            *(str(self.at_once), self.plan),
        ]


@dataclasses.dataclass(frozen=True)
class Client:
    name: str
    command: Callable  # of a Task
    protocols: tuple = (HTTP1,)
    parallel: bool = False  # can have several requests under way
    versions: tuple = ("1.2", "1.3")
    ordinary_user: bool = False
    posts: bool = True
    available: Callable = lambda built: True
    prepare: Callable = lambda built: None


def _fetch(task):
    return [
        *(os.path.join(task.built, "fetch"), task.proxy[0], str(task.proxy[1]), task.site, str(task.port)),
        *(task.version, task.plan),
    ]


def _build_fetch(built):
    source = os.path.join(CLIENTS, "fetch.c")
    line = ["cc", "-O1", "-D_GNU_SOURCE", "-o", os.path.join(built, "fetch"), source]
    libraries = ["-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic"]
    subprocess.run([*line, *libraries, "-ldl", "-lpthread"], check=True)


def _java(kind):
    def command(task):
        line = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        line += [f"-Djdk.tls.client.protocols=TLSv{task.version}"]
        chosen = task.protocol if kind == "client" else kind
        return [*line, "-cp", task.built, "Fetch", *task.arguments(chosen)]

    return command


def _build_java(built):
    source = os.path.join(CLIENTS, "Fetch.java")
    subprocess.run(["javac", "-d", built, source], check=True)


def _node(task):
    limits = [f"--tls-min-v{task.version}", f"--tls-max-v{task.version}"]
    script = os.path.join(CLIENTS, "fetch.js")
    return [_node_program(), *limits, script, *task.arguments(task.protocol)]


def _node_program():
    return os.environ.get("MATRIX_NODE", "/usr/bin/node")


@functools.cache
def _node_carries_openssl(_):
    """As upstream's does; Debian's is linked to the system's."""
    listed = subprocess.run(
        ["ldd", _node_program()], capture_output=True, text=True, check=False
    )
    return listed.returncode == 0 and "libssl.so" not in listed.stdout


def _go(task):
    line = [os.path.join(task.built, "fetch-go"), *task.arguments(task.protocol)]
    return [*line, task.version]


def _build_go(built):
    source = os.path.join(CLIENTS, "fetch.go")
    subprocess.run(
        ["gccgo-12", "-O1", "-o", os.path.join(built, "fetch-go"), source], check=True
    )


def _chromium(task):
    # Google's services are asked for by no proxy, and so by nobody.
    line = ["chromium", "--headless", "--dump-dom", "--disable-gpu"]
    line += [f"--user-data-dir={os.path.join(task.state, 'profile')}"]
    line += [f"--proxy-server=http://{task.proxy[0]}:{task.proxy[1]}"]
    line += ["--proxy-bypass-list=*.google.com;*.googleapis.com;*.gstatic.com"]
    line += [f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {task.proxy[0]}"]
    line += ["--ignore-certificate-errors", "--no-first-run"]
    line += ["--no-default-browser-check", "--disable-sync", "--disable-extensions"]
    line += ["--disable-background-networking", "--disable-component-update"]
    line += ["--disable-default-apps", "--disable-breakpad", "--no-pings"]
    line += ["--disable-domain-reliability", "--disable-quic"]
    return [*line, task.base + task.page]


ALL = (
    Client("OpenSSL, linked in", _fetch, prepare=_build_fetch),
    Client(
        "Java HttpURLConnection",
        _java("connection"),
        available=lambda built: shutil.which("javac"),
        prepare=_build_java,
    ),
    Client(
        "Java HttpClient",
        _java("client"),
        protocols=(HTTP1, HTTP2),
        parallel=True,
        available=lambda built: shutil.which("javac"),
        prepare=_build_java,
    ),
    Client(
        "Node, upstream's build",
        _node,
        protocols=(HTTP1, HTTP2),
        parallel=True,
        available=_node_carries_openssl,
    ),
    Client(
        "Go net/http, by gccgo",
        _go,
        protocols=(HTTP1, HTTP2),
        parallel=True,
        available=lambda built: shutil.which("gccgo-12"),
        prepare=_build_go,
    ),
    Client(
        "Chromium",
        _chromium,
        protocols=(HTTP1, HTTP2),
        # It takes the lower version where that is all there is.
        ordinary_user=True,
        posts=False,
        available=lambda built: shutil.which("chromium"),
    ),
)


def command_line(client, task):
    line = client.command(task)
    return as_ordinary_user(line) if client.ordinary_user else line
