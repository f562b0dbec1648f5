"""A collector on a file system without room, or with a ledger out of reach.

It starts, meters, says what it cannot do, shows nothing that a crash could take
back, and catches up by itself.
"""

import os
import signal
import sqlite3

from stage import PATIENCE_SECONDS, Stage
from lab.service import wait_until

OTHER_CONFIGURATION = """
version: 1
vendors:
  - {name: relay, match: [{cidr: 127.0.0.0/8}]}
  - {name: another, match: [{cidr: 192.0.2.0/24}]}
"""


def expect(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found}, not {expected}")


def degraded(stage, part="ledger"):
    return stage.collector.metrics().total("proxymeter_degraded", part=part)


def recover(stage, part="ledger"):
    wait_until(
        lambda: degraded(stage, part) == 0, PATIENCE_SECONDS, f"{part} to recover"
    )


def ledger(stage):
    return os.path.join(stage.directory, "ledger.db")


def policy(stage):
    with open(os.path.join(stage.directory, "policy"), "rb") as file:
        return file.read(), os.fstat(file.fileno()).st_ino


def events(stage, event):
    return stage.collector.service.log().count(f" event={event} ")


def crawl(stage, seed):
    before = stage.relayed()["sent"]
    stage.crawl(seed, 1)
    stage.reap(everybody=True)
    if stage.relayed()["sent"] == before:
        raise AssertionError("nothing was crawled")


def born_without_room(stage):
    """No ledger and no room for one; no crawler can have a journal."""
    stage.collector.kill()
    for name in ("ledger.db", "ledger.db-wal"):
        if os.path.exists(os.path.join(stage.directory, name)):
            os.remove(os.path.join(stage.directory, name))
    before = policy(stage)
    failures = events(stage, "ledger_failed")
    with stage.full():
        stage.restart()
        crawl(stage, 1)
        # Written nowhere yet, so a crash could take all of it back.
        expect(stage.metered()["sent"], 0, "shown of what nobody would remember")
        metrics = stage.collector.metrics()
        expect(degraded(stage), 1, "degraded")
        expect(degraded(stage, "policy"), 0, "degraded policy")
        expect(policy(stage), before, "the policy that was there")
        if metrics.total("proxymeter_ledger_failures_total") < 2:
            raise AssertionError("the ledger is not tried again")
    recover(stage)
    stage.assert_exact()
    expect(events(stage, "ledger_failed") - failures, 1, "complaints")
    return stage.metered()


def journals_without_room(stage):
    """A ledger that cannot grow, and crawlers that have journals."""
    stage.collector.kill()
    shown = dict(stage.scraper.shown)
    crawl(stage, 2)
    with stage.full():
        stage.restart()
        relayed = stage.relayed()["sent"]
        # All of it is in a journal, or in the ledger: it may be shown.
        wait_until(
            lambda: stage.metered()["sent"] == relayed,
            PATIENCE_SECONDS,
            "what journals tell",
        )
        stage.collector.kill()
        stage.restart()
        wait_until(
            lambda: stage.metered()["sent"] == relayed,
            PATIENCE_SECONDS,
            "what journals tell, again",
        )
        if not os.listdir(os.path.join(stage.directory, "journals")):
            raise AssertionError("journals went before the ledger had them")
    recover(stage)
    if not shown:
        raise AssertionError("nothing was ever scraped")
    return stage.assert_exact()


def ledger_out_of_reach(stage):
    """A ledger that is there and cannot be read: nothing less is shown."""
    stage.collector.kill()
    other = sqlite3.connect(ledger(stage), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    stage.restart()
    expect(degraded(stage), 1, "degraded")
    crawl(stage, 3)
    with stage.full():
        crawl(stage, 4)  # without journals
    metrics = stage.collector.metrics()
    expect(metrics.samples("proxymeter_sent_bytes_total"), [], "shown")
    expect(metrics.samples("proxymeter_start_time_seconds"), [], "shown")
    other.execute("ROLLBACK")
    other.close()
    recover(stage)
    return stage.assert_exact()


def policy_without_room(stage):
    before = policy(stage)
    with stage.full():
        with open(stage.config, "w", encoding="utf-8") as file:
            file.write(OTHER_CONFIGURATION)
        os.kill(stage.collector.service.pid, signal.SIGHUP)
        wait_until(
            lambda: degraded(stage, "policy") == 1,
            PATIENCE_SECONDS,
            "the policy to be refused",
        )
        expect(policy(stage), before, "the policy in force")
    recover(stage, "policy")
    if b"another" not in policy(stage)[0]:
        raise AssertionError("the new policy was never written")
    expect(events(stage, "policy_failed"), 1, "complaints")
    return events(stage, "policy_recovered")


def main():
    with Stage(size="16m") as stage:
        for part in (
            born_without_room,
            journals_without_room,
            policy_without_room,
        ):
            print(f"{part.__name__}: {part(stage)}", flush=True)
        # What is not shown for a while is not there for a while: the other
        # scraper would take that for going backwards.
        stage.scraper.end()
        print(f"ledger_out_of_reach: {ledger_out_of_reach(stage)}", flush=True)


if __name__ == "__main__":
    main()
