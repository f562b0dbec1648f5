"""What a chaos test happens on: relay, collector, crawlers, scrapes.

The directory is a small tmpfs of its own, so this takes root and a mount
namespace (`unshare --mount`). Crawlers are run as an ordinary user, whom
permissions mean something to.
"""

import contextlib
import fcntl
import http.client
import mmap
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))

from lab.collector import Collector  # noqa: E402
from lab.service import Service, as_ordinary_user, wait_until  # noqa: E402
from lab.workspace import Workspace  # noqa: E402

CONFIGURATION = """
version: 1
vendors:
  - {name: relay, match: [{cidr: 127.0.0.0/8}]}
"""
PATIENCE_SECONDS = 120
# As in testimony.h.
SLOTS_HEAD_BYTES = 64
SLOT = struct.Struct("8Q")
MAX_SLOTS = 1 << 16
RELAYED = struct.Struct("6Q")
FIGURES = {
    "sent": ("proxymeter_sent_bytes_total", {}),
    "received": ("proxymeter_received_bytes_total", {}),
    "requests": ("proxymeter_requests_total", {}),
    "responses": ("proxymeter_responses_total", {}),
    "connections": ("proxymeter_connections_total", {"result": "ok"}),
}
# Of one life of the collector, as Prometheus has it of every process.
OF_ONE_LIFE = {
    "process_cpu_seconds_total",
    "proxymeter_ledger_commits_total",
    "proxymeter_ledger_failures_total",
    "proxymeter_ledger_set_aside_total",
    "proxymeter_policy_failures_total",
    "proxymeter_policy_reloads_total",
}


@contextlib.contextmanager
def locked(path):
    with open(path, "rb") as file:

        def lock():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True

        wait_until(lock, PATIENCE_SECONDS, f"the lock on {path}")
        yield


class Testimony:
    """A file that C programs share with us."""

    def __init__(self, path, size):
        self.path = path
        with open(path, "wb") as file:
            file.truncate(size)
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), size)

    def words(self, layout, offset=0):
        return layout.unpack_from(self.memory, offset)


class Slots(Testimony):
    """What the crawlers know of themselves."""

    def __init__(self, path):
        super().__init__(path, SLOTS_HEAD_BYTES + MAX_SLOTS * SLOT.size)

    def all(self):
        (used,) = struct.unpack_from("Q", self.memory)
        return [
            self.words(SLOT, SLOTS_HEAD_BYTES + i * SLOT.size) for i in range(used)
        ]

    @property
    def waiting(self):
        return struct.unpack_from("Q", self.memory, 8)[0]

    def done(self):
        """By figure, the least and the most that the crawlers moved."""
        slots = self.all()
        sums = [sum(slot[i] for slot in slots) for i in range(7)]
        return {
            "sent": (sums[0], sums[0] + sums[4]),
            "received": (sums[1], sums[1] + sums[5]),
            "requests": (sums[2], sums[2] + sums[6]),
        }

    def under_way(self):
        """The number of calls that did not return."""
        return sum(slot[4] > 0 or slot[5] > 0 for slot in self.all())


class Scraper(threading.Thread):
    """Scrapes all the time, and sees to it that nothing goes backwards."""

    def __init__(self, stage):
        super().__init__(daemon=True)
        self.stage = stage
        self.shown = {}
        self.wrong = []
        self.scrapes = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            collector = self.stage.collector
            # Nobody answers while it is being replaced, or not to the end.
            with contextlib.suppress(
                OSError, http.client.HTTPException, AttributeError
            ):
                self.look(collector.metrics())
            self.over.wait(0.02)

    def look(self, metrics):
        found = {
            (name, *sorted(labels.items())): value
            for name, labels, value in metrics.everything()
            if name.endswith("_total") and name not in OF_ONE_LIFE
        }
        for key, value in self.shown.items():
            if found.get(key, -1) < value:
                self.wrong.append(f"{key}: {value}, then {found.get(key)}")
        self.shown.update(found)
        self.scrapes += 1

    def end(self):
        self.over.set()
        self.join()


class Crawler:
    """A program under `proxymeter run`, and all that came of it."""

    def __init__(self, stage, arguments):
        self.log = os.path.join(stage.workspace.path, "crawlers.out")
        # The lock on the gate is descriptor 3; who has our end of standard
        # output is one of us.
        line = 'exec 3<"$0" && flock --shared 3 && exec "$@"'
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", line, stage.gate_path]
                + [stage.program, "run", "--dir", stage.directory, "--"]
                + as_ordinary_user([stage.crawler_program, *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PROXYMETER_LIBRARY": stage.library},
            )

    def is_over(self):
        readable, _, _ = select.select([self.process.stdout], [], [], 0)
        return bool(readable)

    def end(self):
        """Exit status, once everybody has ended."""
        readable, _, _ = select.select(
            [self.process.stdout], [], [], PATIENCE_SECONDS
        )
        if not readable:
            raise TimeoutError("a crawler did not end")
        self.process.stdout.close()
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Stage:
    def __init__(self, program=None, size="64m"):
        self.program = program or os.environ["PROXYMETER_PROGRAM"]
        self.stack = contextlib.ExitStack()
        self.workspace = Workspace()
        self.stack.callback(self.workspace.remove)
        self.collector = None
        self.crawlers = []
        self.killed_crawlers = 0
        try:
            self.prepare(size)
        except BaseException:
            self.stack.close()
            raise

    def prepare(self, size):
        if os.geteuid() != 0:
            sys.exit("not tested: this takes root")
        self.directory = self.workspace.directory("pm")
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "small"]
            + [self.directory],
            check=True,
        )
        self.stack.callback(subprocess.run, ["umount", self.directory], check=True)
        self.config = self.workspace.write("vendors.yaml", CONFIGURATION)
        self.log = os.path.join(self.workspace.path, "collector.out")
        self.gate_path = self.workspace.write("gate", "")
        # Ordinary users may not be allowed to see the build.
        self.library = shutil.copy(
            os.environ["PROXYMETER_LIBRARY"], self.workspace.path
        )
        self.crawler_program = shutil.copy(
            os.environ["PROXYMETER_CHAOS_CRAWLER"], self.workspace.path
        )
        self.slots = Slots(self.path("slots"))
        self.account = Testimony(self.path("relayed"), RELAYED.size)
        self.start_relay()
        self.stack.callback(self.end_all)
        self.collector = self.new_collector()
        self.scraper = Scraper(self)
        self.scraper.start()
        self.stack.callback(self.scraper.end)

    def path(self, name):
        return os.path.join(self.workspace.path, name)

    def start_relay(self):
        relay = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "--"]
            + [os.environ["PROXYMETER_CHAOS_RELAY"], self.account.path]
            + [self.path("relay.log")],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.stack.callback(lambda: (relay.kill(), relay.wait()))
        self.port = relay.stdout.readline().strip()

    def end_all(self):
        for crawler in self.crawlers:
            crawler.kill()
        if self.collector is not None:
            self.collector.kill()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stack.close()

    # The collector.

    def new_collector(self, program=None):
        return Collector(
            program or self.program, self.directory, self.config, self.log
        )

    def restart(self):
        self.collector = self.new_collector()

    def kill_young(self, seconds):
        """Starts a collector that is killed before it has come far."""
        service = Service(
            "proxymeter collector",
            [self.program, "collector", "--dir", self.directory]
            + ["--config", self.config, "--metrics-listen", "127.0.0.1:0"]
            + ["--grpc-listen", "127.0.0.1:0"],
            self.log,
        )
        time.sleep(seconds)
        service.kill()

    @contextlib.contextmanager
    def stopped(self):
        pid = self.collector.service.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    # What it stands on.

    def gate_closed(self):
        """Nobody is between his start and his first connection."""
        return locked(self.gate_path)

    def crowd_waiting(self):
        """Crowds wait before they stream."""
        return locked(self.slots.path)

    @contextlib.contextmanager
    def mode(self, path, mode):
        before = os.stat(path).st_mode & 0o7777
        os.chmod(path, mode)
        try:
            yield
        finally:
            os.chmod(path, before)

    @contextlib.contextmanager
    def full(self):
        """The file system has no room at all."""
        path = os.path.join(self.directory, "filling")
        with open(path, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        try:
            yield
        finally:
            os.remove(path)

    # The crawlers.

    def crawl(self, seed, generations):
        self.crawlers.append(
            Crawler(
                self,
                [self.port, self.slots.path, self.gate_path]
                + [str(seed), str(generations)],
            )
        )

    def crowd(self, size, requests):
        self.crawlers.append(
            Crawler(
                self,
                [self.port, self.slots.path, "crowd", str(size), str(requests)],
            )
        )

    def reap(self, everybody=False):
        """Takes leave of crawlers that have ended; waits for `everybody`."""
        for crawler in list(self.crawlers):
            if everybody or crawler.is_over():
                status = crawler.end()
                self.crawlers.remove(crawler)
                if status != 0 and not self.killed_crawlers:
                    with open(crawler.log, encoding="utf-8") as log:
                        raise AssertionError(f"a crawler failed: {log.read()}")

    def kill_a_crawler(self, seeded):
        """One process of those that crawl, whichever; False without any."""
        ours = {crawler.process.pid for crawler in self.crawlers}
        living = []
        for slot in self.slots.all():
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                with open(f"/proc/{slot[7]}/stat", encoding="utf-8") as file:
                    state, *_ = file.read().rpartition(")")[2].split()
                if state not in "ZX" and os.getsid(slot[7]) in ours:
                    living.append(slot[7])
        if not living:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(seeded.choice(living), signal.SIGKILL)
            self.killed_crawlers += 1
        return True

    # Accounts.

    def settle(self):
        """Waits until everybody has ended and all of it is counted."""
        self.reap(everybody=True)
        wait_until(
            lambda: self.relayed()["open"] == 0, PATIENCE_SECONDS, "the relay"
        )
        # A journal goes when the end of its session is written down; a collector
        # that has not looked yet has no session to wait for.
        journals = os.path.join(self.directory, "journals")
        wait_until(
            lambda: not os.listdir(journals), PATIENCE_SECONDS, "journals to go"
        )
        self.collector.settle(PATIENCE_SECONDS)

    def relayed(self):
        """The relay's account, in the crawlers' words."""
        words = self.account.words(RELAYED)
        names = ("sent", "received", "requests", "responses", "connections")
        return dict(zip((*names, "open"), words))

    def metered(self):
        metrics = self.collector.metrics()
        return {
            what: metrics.total(name, **labels)
            for what, (name, labels) in FIGURES.items()
        }

    def assert_monotonic(self):
        self.scraper.look(self.collector.metrics())
        if self.scraper.wrong:
            raise AssertionError("\n".join(self.scraper.wrong[:20]))

    def assert_relay_is_sound(self):
        """Its account, connection by connection, is its account in total."""
        with open(self.path("relay.log"), encoding="utf-8") as log:
            lines = [[int(word) for word in line.split()] for line in log]
        each = [sum(column) for column in zip(*lines)] + [len(lines)]
        relayed = self.relayed()
        names = ("sent", "received", "requests", "connections")
        if each != [relayed[name] for name in names]:
            raise AssertionError(f"relay: {each}, in total {relayed}")

    def assert_exact(self):
        """Metered, relayed and what the crawlers know are the same."""
        self.settle()
        relayed, metered = self.relayed(), self.metered()
        self.assert_relay_is_sound()
        self.assert_monotonic()
        for what, bounds in self.slots.done().items():
            if bounds != (relayed[what], relayed[what]):
                raise AssertionError(f"crawlers {what} {bounds}, relay {relayed}")
        differing = {
            what: f"{metered[what]}, not {relayed[what]}"
            for what in FIGURES
            if metered[what] != relayed[what]
        }
        if differing:
            raise AssertionError(f"metered {differing}")
        return metered

    def assert_within_calls(self):
        """As exact as can be where crawlers were killed.

        What was sent, and the requests in it, equal the relay's: what the call
        moved that a kill interrupted, the kernel has told. Only where it told
        a collector that was dead itself, as much may be missing as one call
        moves for each connection counted as unsettled. Of what was received,
        nothing is missing that a call told its crawler.
        """
        self.settle()
        relayed, metered = self.relayed(), self.metered()
        self.assert_relay_is_sound()
        self.assert_monotonic()
        for what, (least, most) in self.slots.done().items():
            if not least <= metered[what] <= most:
                raise AssertionError(
                    f"{what}: metered {metered[what]}, moved {least} to {most}, "
                    f"relayed {relayed[what]}"
                )
        # What the relay sent may lie unread in the kernel; what it received was
        # sent.
        if metered["received"] > relayed["received"]:
            raise AssertionError(f"metered {metered}, relayed {relayed}")
        missing = {
            what: relayed[what] - metered[what] for what in ("sent", "requests")
        }
        unsettled = self.collector.metrics().total(
            "proxymeter_unsettled_connections_total"
        )
        if (
            min(missing.values()) < 0
            or missing["requests"] > unsettled
            or (missing["sent"] and not unsettled)
        ):
            raise AssertionError(
                f"missing {missing}, unsettled {unsettled}: metered {metered}, "
                f"relayed {relayed}"
            )
        told = self.collector.metrics().total(
            "proxymeter_reconciled_bytes_total", direction="sent"
        )
        return missing | {"unsettled": unsettled, "told": told}
