"""Reloads under load: python3 reloads.py [--reloads 10000] [--seed 1].

Real crawlers go through real proxies while the configuration changes again and
again: the same proxies under other names, with a thousand rules more, and
mistakes in between. In the end the figures of all names together must be those
that kernel, proxies and origin counted, and nothing has grown.
"""

import argparse
import dataclasses
import itertools
import json
import os
import random
import subprocess
import threading
import time
import types

import grpc

from lab import account, crawlers
from lab.lab import Lab
from lab.service import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SITE = "news.example.test"
VENDORS = ("alpha", "gamma")
OK, UNCHANGED, FAILED = 1, 2, 3
# Behind a name: so that sums over names are sums over proxies.
SECOND = "-again"
# Crawlers look at the policy once a second, and reloads may be quick.
MOST_MORE = 5000


def configuration(vendors, suffix="", more_rules=0):
    """JSON is YAML."""
    named = [{"name": v.name + suffix, "match": [v.rule]} for v in vendors]
    others = [{"host": f"gw{i}.other.test"} for i in range(more_rules)]
    if others:
        named.append({"name": "other", "match": others})
    return json.dumps({"version": 1, "vendors": named})


def _fields(message):
    """{number: value} of a protobuf message; integers and bytes."""
    fields, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            fields[key >> 3] = varint()
        else:
            size = 8 if key & 7 == 1 else varint()
            fields[key >> 3] = message[at : at + size]
            at += size
    return fields


@dataclasses.dataclass
class Answer:
    """ReloadResponse of collector.proto."""

    result: int
    error: str
    generation: int


class Reloader:
    """Calls Reload of a collector."""

    def __init__(self, collector):
        self._channel = grpc.insecure_channel(
            collector.grpc_endpoint, options=[("grpc.enable_http_proxy", 0)]
        )
        self._call = self._channel.unary_unary("/proxymeter.v1.Collector/Reload")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def reload(self):
        fields = _fields(self._call(b"", timeout=60))
        return Answer(
            fields.get(1, 0),
            fields.get(2, b"").decode(),
            _fields(fields[3]).get(2, 0),
        )


def replace(path, text):
    """In one step, as editors do."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


class Steady:
    """A steady_crawler.py, metered."""

    def __init__(self, lab, vendor, directory):
        self._process = subprocess.Popen(
            lab.metered(directory)
            + crawlers.resolving(
                [crawlers.PYTHON, os.path.join(HERE, "steady_crawler.py")]
                + [vendor.host, str(vendor.port), lab.origin.url("http", SITE, "/")]
            ),
            env=lab.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self):
        return self._process.pid

    def tell(self, words):
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()

    def answer(self):
        line = self._process.stdout.readline()
        assert line, "the crawler has ended"
        return int(line)

    def ask(self, words):
        self.tell(words)
        return self.answer()

    def mapped_policies(self):
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as maps:
            # A file that was replaced is mapped as "policy (deleted)".
            return sum("/policy" in line for line in maps)

    def end(self):
        self._process.stdin.close()
        status = self._process.wait(60)
        self._process.stdout.close()
        return status


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def metered(metrics, vendor):
    """The account of a vendor's proxy, under whichever name."""
    first, second = (
        account.metered(metrics, types.SimpleNamespace(name=vendor.name + suffix))
        for suffix in ("", SECOND)
    )
    nothing = account.Account(0, 0, 0, 0, {}, {})
    return first - (nothing - second)


def shares(collector, vendors):
    """Of each vendor: requests under its first and its second name."""
    metrics = collector.metrics()
    return {
        v.name: tuple(
            metrics.total("proxymeter_requests_total", proxy_vendor=v.name + suffix)
            for suffix in ("", SECOND)
        )
        for v in vendors
    }


@dataclasses.dataclass
class Figures:
    """What a run has seen."""

    reloads: int
    seconds: float
    in_force: int
    expected_in_force: int
    failed: int
    expected_failed: int
    requests: dict  # of each vendor: (metered, witnessed) Account
    share: dict  # of each vendor: requests under its first and its second name
    crawls: int
    policies_mapped: int  # by the steady crawler, at most
    collector_growth: int  # bytes
    crawler_growth: int
    files_growth: int  # descriptors of the collector


def _crawl(lab, directory, until, count, failures):
    turns = itertools.cycle(
        (client, lab.vendors[name], scheme)
        for scheme in ("http", "https")
        for client in ("curl", "requests")
        for name in VENDORS
    )
    while not until.is_set():
        try:
            lab.crawl(*next(turns), SITE, directory)
            count.append(1)
        except (RuntimeError, OSError) as error:
            failures.append(error)
            return


def run(reloads, seed=1):
    """The Figures of so many reloads, and some more until crawlers saw all names."""
    chance = random.Random(seed)
    with Lab(VENDORS) as lab:
        vendors = [lab.vendors[name] for name in VENDORS]
        good = [
            configuration(vendors),
            configuration(vendors, SECOND),
            configuration(vendors, SECOND, 1000),
        ]
        bad = [good[0][:-9], good[0].replace('"match"', '"mach"'), "version: 2\n"]
        replace(lab.config_file, good[0])
        directory = lab.new_directory()
        collector = lab.start_collector(directory)
        lab.settle()
        before = {v.name: account.witnessed(lab, v) for v in vendors}
        stop, crawls, failures = threading.Event(), [], []
        threads = [
            threading.Thread(
                target=_crawl, args=(lab, directory, stop, crawls, failures)
            )
            for _ in range(2)
        ]
        steady = Steady(lab, vendors[0], directory)
        made = steady.ask("kept 1")
        for thread in threads:
            thread.start()
        steady.tell("both")
        mapped = expected_in_force = expected_failed = answered_failed = 0
        current = good[0]
        collector_pid = collector.service.pid
        start = resident = None
        with Reloader(collector) as reloader:
            begin = time.monotonic()
            for number in itertools.count():
                if number >= reloads and (
                    number >= 2 * reloads + MOST_MORE
                    or number % 25 == 0
                    and all(map(min, shares(collector, vendors).values()))
                ):
                    break
                text = chance.choice(bad if number % 4 == 3 else good)
                replace(lab.config_file, text)
                answer = reloader.reload()
                if text in bad:
                    expected_failed += 1
                    answered_failed += answer.result == FAILED and bool(answer.error)
                else:
                    assert answer.result in (OK, UNCHANGED), answer
                    expected_in_force += text != current
                    current = text
                assert answer.generation == 1 + expected_in_force, answer
                mapped = max(mapped, steady.mapped_policies())
                # All that is made once has been made by then.
                if number == reloads // 5:
                    start = (
                        resident_bytes(collector_pid),
                        resident_bytes(steady.pid),
                        open_files(collector_pid),
                    )
            seconds = time.monotonic() - begin
            resident = (resident_bytes(collector_pid), resident_bytes(steady.pid))
        stop.set()
        made += steady.ask("kept 1")
        made += steady.answer()
        assert steady.end() == 0
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        lab.settle()
        collector.settle()
        requests = {}

        def compare():
            metrics = collector.metrics()
            for v in vendors:
                requests[v.name] = (
                    metered(metrics, v),
                    account.witnessed(lab, v) - before[v.name],
                )
            return all(found == seen for found, seen in requests.values())

        try:
            wait_until(compare, 30, "the figures to agree")
        except TimeoutError:
            pass  # They are told as they are.
        metrics = collector.metrics()
        return Figures(
            reloads=number,
            seconds=seconds,
            in_force=metrics.total("proxymeter_policy_reloads_total", result="ok"),
            expected_in_force=expected_in_force,
            failed=answered_failed,
            expected_failed=expected_failed,
            requests=requests,
            share=shares(collector, vendors),
            crawls=len(crawls),
            policies_mapped=mapped,
            collector_growth=resident[0] - start[0],
            crawler_growth=resident[1] - start[1],
            files_growth=open_files(collector_pid) - start[2],
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reloads", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures = run(arguments.reloads, arguments.seed)
    for name, value in dataclasses.asdict(figures).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
