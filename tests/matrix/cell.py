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

    # What is said of a place that is not seen.
    unseen = INFERRED
    # Bytes of the leave that the vendor takes of each connection.
    goodbye = 0

    def __str__(self):
        return f"{self.client.name} / {self.vendor.program} / {self.scheme}"

    @property
    def key(self):
        return (self.client.name, self.vendor.program, self.scheme)

    @property
    def lane(self):
        """Cells with the same one cannot run side by side."""
        return self.vendor.name

    @property
    def endpoints(self):
        """Where nothing is open any more when all is over."""
        return [self.vendor.endpoint]

    @property
    def seen(self):
        return self.scheme == "http" or self.client.tls == PLAINTEXT

    @property
    def protocol(self):
        return f"{self.scheme}/1.1"

    def witnessed(self, lab):
        return account.witnessed(lab, self.vendor)

    def reset(self):
        """Another run begins."""

    def examine(self, metrics, rows, equal):
        """Whatever else holds of this place."""

    def destinations(self, witnessed):
        """{host: (sent, received)}"""
        return {SITE: (witnessed.sent, witnessed.received)}

    def crawls(self, lab, state):
        """The runs of the client: one; each page apart where none may be reused."""
        client, vendor = self.client, self.vendor
        fresh = vendor.closes_unannounced and self.scheme == "http"
        host = vendor.address if client.by_address else vendor.host
        proxy = f"{vendor.scheme}://{host}:{vendor.port}"
        pages = client.pages(fresh) if client.pages else PAGES
        upload = ()
        if not client.pages:
            upload = (lab.upload_file, lab.origin.url(self.scheme, SITE, sites.UPLOAD))
        if not fresh:
            urls = lab.urls(self.scheme, SITE, pages)
            return [crawl(lab, state, 0, proxy, urls, upload)]
        # One for whole bodies and one for chunks, and no redirect.
        pages = [p for p in pages if p not in (sites.MISSING, sites.REDIRECT, "/")]
        found = [
            crawl(lab, state, number, proxy, lab.urls(self.scheme, SITE, [page]))
            for number, page in enumerate(pages)
        ]
        if upload:
            found.append(crawl(lab, state, len(pages), proxy, (), upload))
        return found


def crawl(lab, state, number, proxy, urls, upload=(), way="", resolve=""):
    """One run, with a directory of its own below `state`."""
    directory = os.path.join(state, str(number))
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    return Crawl(
        proxy=proxy,
        ca=lab.origin.ca,
        urls=tuple(urls),
        upload=upload,
        state=directory,
        lab=lab,
        way=way,
        resolve=resolve,
    )


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


def _run(lab, place, prefix, state):
    """[(status, stdout, stderr)] of all its commands."""
    outcomes = []
    for each in place.crawls(lab, state):
        variables = {
            **lab.environment(),
            "HOME": each.state,
            "TMPDIR": each.state,
            "LC_ALL": "C.UTF-8",
            **place.client.environment(each),
        }
        for line in place.client.commands(each):
            if place.client.ordinary_user:
                line = as_ordinary_user(line)
            line = crawlers.resolving(line)
            done = subprocess.run(
                [*prefix, *line],
                env=variables,
                cwd=each.state,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=RUN_SECONDS,
                check=False,
            )
            # The directory of each run is its own, and named in messages.
            out, err = (
                text.decode(errors="backslashreplace").replace(each.state, "STATE")
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
        self._lab.witness.settle(self._place.endpoints)
        self._await_log()
        return self._place.witnessed(self._lab)

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
        place.reset()
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
        seen = place.seen
        if not seen:
            witnessed = dataclasses.replace(witnessed, requests={}, responses={})
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while time.monotonic() < deadline:
            metered = account.metered(collector.metrics(), vendor)
            if metered == self._taken(witnessed, metered):
                break
            time.sleep(0.05)
        # Once more after the last session, so that an excess shows as well.
        collector.settle()
        metrics = collector.metrics()
        metered = account.metered(metrics, vendor)
        witnessed = self._taken(witnessed, metered)
        self._equal("account", metered, witnessed)
        self._equal(
            "destinations",
            account.destinations(metrics, vendor),
            place.destinations(witnessed),
        )
        for what in ("rejected_total", "held_bytes"):
            self._equal(what, metrics.total(f"proxymeter_{what}"), 0)
        self._events(metrics, seen)
        shown = rows(collector.directory)
        self._visibility(shown, seen)
        place.examine(metrics, shown, self._equal)
        self._result.account = witnessed

    def _taken(self, witnessed, metered):
        """`witnessed` without leaves that found nobody.

        A TLS server answers close_notify with its own. Where that finds the
        socket closed, the kernel counts it still.
        """
        goodbye = self._place.goodbye
        late = witnessed.received - metered.received
        whole = goodbye and late % goodbye == 0
        if not whole or not 0 < late <= witnessed.connections * goodbye:
            return witnessed
        return dataclasses.replace(witnessed, received=metered.received)

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
            self._equal("protocols", protocols, {(self._place.protocol, PLAINTEXT)})
        elif ("tls", INFERRED) not in protocols:
            self._fault(f"no TLS was recognised: {protocols}")
        self._result.visibility = PLAINTEXT if read else self._place.unseen

    def _equal(self, what, found, expected):
        if found != expected:
            self._fault(f"{what}: {found!r}, expected {expected!r}")

    def _fault(self, text):
        self._result.faults.append(text)
