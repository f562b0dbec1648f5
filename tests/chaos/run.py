"""Crawls while everything around it breaks, and compares the accounts.

A seeded conductor kills the collector with SIGKILL at random instants and
starts it again, stops and continues it, fills the file system, takes away
permissions, and starts crawlers of several processes, threads, forks and
execs. No scrape may ever show less than one before it. In the end bytes,
requests, responses and connections equal the relay's.

With `--kill-crawlers`, processes of crawlers are killed as well. What a system
call sent that never returned, and the request in it, is the kernel's to tell:
missing is what it told nobody, where the collector was dead at that moment too.
What such calls received stays unknown.

The limits of what is promised are kept: a process that could not make a journal
(no room, no permission) has its frames only, so the collector lives until it
has ended; and one that cannot read the policy knows no vendor, so nobody starts
while the directory is closed.
"""

import argparse
import os
import random
import time

from stage import Stage

MOST_CRAWLERS = 5


class Conductor:
    def __init__(self, stage, seed, kill_crawlers):
        self.stage = stage
        self.seeded = random.Random(seed)
        self.kills = 0
        self.acts = {
            self.kill_collector: 8,
            self.stop_collector: 4,
            self.start_crawler: 8,
            self.close_directory: 1,
            self.run_without_files: 1,
        }
        if kill_crawlers:
            self.acts[self.kill_crawler] = 10

    def play(self, kills):
        # Each has its turn, however few kills there are.
        for act in self.acts:
            self.start_crawler()
            act()
        while self.kills < kills:
            (act,) = self.seeded.choices(list(self.acts), self.acts.values())
            act()
            self.pause(0.06)
            self.stage.reap()
            if not self.stage.crawlers:
                self.start_crawler()

    def pause(self, most):
        time.sleep(self.seeded.uniform(0, most))

    def start_crawler(self, most=MOST_CRAWLERS):
        if len(self.stage.crawlers) < most:
            seed = self.seeded.randrange(1 << 31)
            self.stage.crawl(seed, self.seeded.randrange(3))

    def kill_collector(self):
        self.stage.collector.kill()
        self.kills += 1
        if self.seeded.random() < 0.3:
            self.stage.kill_young(self.seeded.uniform(0, 0.06))
            self.kills += 1
        self.stage.restart()

    def kill_crawler(self):
        if self.stage.kill_a_crawler(self.seeded):
            self.kills += 1

    def stop_collector(self):
        with self.stage.stopped():
            self.start_crawler()
            self.pause(0.3)
        # Killed while there is much to take up, as often as not.
        if self.seeded.random() < 0.5:
            self.kill_collector()

    def close_directory(self):
        directory = self.stage.directory
        with self.stage.gate_closed(), self.stage.mode(directory, 0o700):
            self.pause(0.2)
            self.kill_collector()
            self.pause(0.2)

    def run_without_files(self):
        before = self.journal_failures()
        journals = os.path.join(self.stage.directory, "journals")
        ways = (self.stage.full(), self.stage.mode(journals, 0o1700))
        with self.seeded.choice(ways):
            for _ in range(2):
                self.start_crawler(MOST_CRAWLERS + 2)
                self.pause(0.3)
                with self.stage.stopped():
                    self.pause(0.1)
        self.stage.settle()
        if self.journal_failures() == before:
            raise AssertionError("every process had its journal")

    def journal_failures(self):
        return self.stage.collector.metrics().total(
            "proxymeter_shim_events_total", event="journal_failures"
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--kill-crawlers", action="store_true")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    started = time.monotonic()
    with Stage() as stage:
        conductor = Conductor(stage, arguments.seed, arguments.kill_crawlers)
        conductor.play(arguments.kills)
        if arguments.kill_crawlers:
            missing = stage.assert_within_calls()
            outcome = (
                f"{stage.killed_crawlers} of crawlers, in {stage.slots.under_way()} "
                f"calls, where the kernel told {missing['told']} bytes and "
                f"{missing['unsettled']} connections stayed unsettled; missing "
                f"are {missing['sent']} bytes sent and {missing['requests']} "
                f"requests of "
            )
        else:
            stage.assert_exact()
            outcome = "nothing missing of "
        total = stage.relayed()
        print(
            f"{conductor.kills} kills, {outcome}{total['sent']} bytes sent, "
            f"{total['received']} received, {total['requests']} requests, "
            f"{total['connections']} connections; {stage.scraper.scrapes} "
            f"monotonic scrapes; {time.monotonic() - started:.0f} s"
        )


if __name__ == "__main__":
    main()
