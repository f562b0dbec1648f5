"""A crowd streams while the collector is stopped and its backlog is full.

Nobody may wait for it: all have to end while it is stopped. Then it continues,
and the accounts are compared.
"""

import argparse
import errno
import socket

from stage import PATIENCE_SECONDS, Stage
from lab.service import wait_until

REQUESTS = 3


def try_to_connect(path):
    """False when the backlog is full."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.setblocking(False)
        try:
            client.connect(path)
        except BlockingIOError as error:
            if error.errno != errno.EAGAIN:
                raise
            return False
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2000)
    processes = parser.parse_args().processes
    # 68 KB for the journal of each.
    with Stage(size="512m") as stage:
        with stage.stopped():
            while try_to_connect(stage.collector.socket):
                pass
            with stage.crowd_waiting():
                stage.crowd(processes, REQUESTS)
                wait_until(
                    lambda: stage.slots.waiting == processes or stage.reap(),
                    PATIENCE_SECONDS,
                    "the crowd to gather",
                )
                # The relay may take a connection later than its crawler has it.
                wait_until(
                    lambda: stage.relayed()["open"] == processes,
                    PATIENCE_SECONDS,
                    "the relay to have all of them",
                )
            stage.reap(everybody=True)
            if try_to_connect(stage.collector.socket):
                raise AssertionError("the backlog was not full")
        metered = stage.assert_exact()
        failures = stage.collector.metrics().total(
            "proxymeter_shim_events_total", event="uplink_failures"
        )
        if failures < processes:
            raise AssertionError(f"only {failures} flushes found no room")
        print(f"{processes} processes, {failures} flushes in vain: {metered}")


if __name__ == "__main__":
    main()
