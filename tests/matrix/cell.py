"""One cell of the matrix: a client through a vendor to an http or https site.

The client runs twice, first without the shim. Its output and status must be
the same, and what was metered must be what kernel, vendor and origin saw.
"""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from catalogue import INFERRED, PLAINTEXT, Crawl  # noqa: E402
from lab import account, crawlers, sites  # noqa: E402
from lab.lab import program  # noqa: E402
from lab.origin import ADDRESS as ORIGIN_ADDRESS  # noqa: E402
from lab.service import as_ordinary_user  # noqa: E402

SITE = "shop.example.test"
PAGES = ("/", "/catalogue.html", "/stream/feed.html", sites.MISSING, sites.REDIRECT)
RUN_SECONDS = 120
# A figure may be on its way when its client ends; waited for only when a cell
# is about to fail.
ARRIVAL_SECONDS = 20


@dataclasses.dataclass(frozen=True)
class Place:
    """Which cell."""

    client: object
    vendor: object
    scheme: str

    def __str__(self):
        return f"{self.client.name} / {self.vendor.program} / {self.scheme}"


@dataclasses.dataclass
class Result:
    place: Place
    visibility: str = ""
    faults: list = dataclasses.field(default_factory=list)
    account: object = None
    seconds: float = 0

    @property
    def exact(self):
        return not self.faults


def _crawls(lab, place, state):
    """The runs of the client: one; each page apart where none may be reused."""
    client, vendor = place.client, place.vendor
    fresh = vendor.closes_unannounced and place.scheme == "http"
    host = vendor.address if client.by_address else vendor.host

    def crawl(number, urls, upload):
        directory = os.path.join(state, str(number))
        os.mkdir(directory)
        os.chmod(directory, 0o777)
        return Crawl(
            proxy=f"{vendor.scheme}://{host}:{vendor.port}",
            ca=lab.origin.ca,
            urls=tuple(urls),
            upload=upload,
            state=directory,
            lab=lab,
        )

    pages = client.pages(fresh) if client.pages else PAGES
    upload = ()
    if not client.pages:
        upload = (lab.upload_file, lab.origin.url(place.scheme, SITE, sites.UPLOAD))
    if not fresh:
        return [crawl(0, lab.urls(place.scheme, SITE, pages), upload)]
    # One for whole bodies and one for chunks, and no redirect.
    pages = [p for p in pages if p not in (sites.MISSING, sites.REDIRECT, "/")]
    found = [
        crawl(number, lab.urls(place.scheme, SITE, [page]), ())
        for number, page in enumerate(pages)
    ]
    return [*found, crawl(len(pages), (), upload)] if upload else found


def _run(lab, place, prefix, state):
    """[(status, stdout, stderr)] of all its commands."""
    outcomes = []
    for crawl in _crawls(lab, place, state):
        variables = {
            **lab.environment(),
            "HOME": crawl.state,
            "TMPDIR": crawl.state,
            "LC_ALL": "C.UTF-8",
            **place.client.environment(crawl),
        }
        for line in place.client.commands(crawl):
            if not place.client.by_address:
                line = crawlers.resolving(line)
            if place.client.ordinary_user:
                line = as_ordinary_user(line)
            done = subprocess.run(
                [*prefix, *line],
                env=variables,
                cwd=crawl.state,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=RUN_SECONDS,
                check=False,
            )
            # The directory of each run is its own, and named in messages.
            out, err = (
                text.decode(errors="backslashreplace").replace(crawl.state, "STATE")
                for text in (done.stdout, done.stderr)
            )
            if place.client.noise:
                err = _without(err, place.client.noise)
            outcomes.append((done.returncode, out, err))
    return outcomes


def _without(text, noise):
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not re.search(noise, line))


def _rows(directory):
    """Traffic rows of `proxymeter top`."""
    shown = subprocess.run(
        [program(), "top", "--once", "--json", "--dir", directory],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(shown.stdout)["traffic"]


class Examination:
    """Runs one cell and finds its faults."""

    def __init__(self, lab, place, state, config_file):
        self._lab = lab
        self._place = place
        self._state = state
        self._config_file = config_file
        self._result = Result(place)

    def result(self):
        begin = time.monotonic()
        os.makedirs(self._state)
        os.chmod(self._state, 0o755)
        try:
            self._examine()
        except (RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
            self._result.faults.append(str(error))
        finally:
            shutil.rmtree(self._state, ignore_errors=True)
        self._result.seconds = time.monotonic() - begin
        return self._result

    def _directory(self, name):
        path = os.path.join(self._state, name)
        os.mkdir(path)
        os.chmod(path, 0o755)
        return path

    def _settle(self):
        self._lab.witness.settle([self._place.vendor.endpoint])
        self._await_log()
        return account.witnessed(self._lab, self._place.vendor)

    def _await_log(self):
        """The origin answers first and writes its log then, one by one.

        When a request of our own is answered, those before it are written.
        """
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        where = (ORIGIN_ADDRESS, self._lab.origin.http_port)
        opener.open("http://%s:%d/" % where, timeout=60).close()

    def _examine(self):
        lab, place = self._lab, self._place
        before = self._settle()
        plain = _run(lab, place, (), self._directory("plain"))
        meter = self._directory("meter")
        collector = lab.start_collector(meter, self._config_file)
        # Last before the metered run: what a proxy logs late is in it.
        between = self._settle()
        metered = _run(
            lab, place, lab.metered(meter), self._directory("metered")
        )
        witnessed = self._settle() - between
        self._equal("output and status", metered, plain)
        self._equal(
            "requests with and without", witnessed.requests, (between - before).requests
        )
        if not witnessed.requests or any(
            status not in place.client.statuses for status, _, _ in plain
        ):
            self._fault(f"not fetched: {plain}")
        self._compare(collector, witnessed, _rows)
        collector.stop()

    def _compare(self, collector, witnessed, rows):
        place, vendor = self._place, self._place.vendor
        seen = place.scheme == "http" or place.client.tls == PLAINTEXT
        if not seen:
            witnessed = dataclasses.replace(witnessed, requests={}, responses={})
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while time.monotonic() < deadline:
            if account.metered(collector.metrics(), vendor) == witnessed:
                break
            time.sleep(0.05)
        # Once more after the last session, so that an excess shows as well.
        collector.settle()
        metrics = collector.metrics()
        self._equal("account", account.metered(metrics, vendor), witnessed)
        self._equal(
            "destinations",
            account.destinations(metrics, vendor),
            {SITE: (witnessed.sent, witnessed.received)},
        )
        for what in ("rejected_total", "held_bytes"):
            self._equal(what, metrics.total(f"proxymeter_{what}"), 0)
        self._events(metrics, seen)
        self._visibility(rows(collector.directory), seen)
        self._result.account = witnessed

    def _events(self, metrics, seen):
        events = {
            labels["event"]: int(value)
            for labels, value in metrics.samples("proxymeter_shim_events_total")
            if value
        }
        if not events.pop("frames_sent", 0):
            self._fault("no frame came")
        if not seen:
            # The shim says itself that it could not read a library's calls.
            events.pop("tls_unpaired", None)
        self._equal("events", events, {})

    def _visibility(self, rows, seen):
        read = [
            r for r in rows if int(r["requests"]) and r["visibility"] == PLAINTEXT
        ]
        protocols = {(r["protocol"], r["visibility"]) for r in read or rows}
        if seen:
            self._equal(
                "protocols", protocols, {(f"{self._place.scheme}/1.1", PLAINTEXT)}
            )
        elif ("tls", INFERRED) not in protocols:
            self._fault(f"no TLS was recognised: {protocols}")
        self._result.visibility = PLAINTEXT if read else INFERRED

    def _equal(self, what, found, expected):
        if found != expected:
            self._fault(f"{what}: {found!r}, expected {expected!r}")

    def _fault(self, text):
        self._result.faults.append(text)
