"""Kills the collector at every point of a commit, then compares the accounts.

The collector is a build of its own, which kills itself the Nth time that it
comes to a point of collector/ledger/commit_points.h.
"""

import os
import unittest.mock

from stage import PATIENCE_SECONDS, Stage
from lab.service import wait_until

POINTS = ("before_taking", "before_writing", "after_writing", "before_removal")
TIMES = (1, 3)


def die_at(stage, point, times):
    program = os.environ["PROXYMETER_CHAOS_COLLECTOR"]
    fault = {"PROXYMETER_DIE_AT": f"{point}:{times}"}
    stage.collector.kill()
    seed = times
    stage.crawl(seed, 1)
    with unittest.mock.patch.dict(os.environ, fault):
        try:
            stage.collector = stage.new_collector(program)
        except RuntimeError as error:
            # Not long enough alive to be listening.
            if "status -9" not in str(error):
                raise

    def is_dead():
        nonlocal seed
        stage.reap()
        if stage.collector.service.process.poll() is not None:
            return True
        if not stage.crawlers:
            seed += 1
            stage.crawl(seed, 1)
        return False

    wait_until(is_dead, PATIENCE_SECONDS, f"the collector to die at {fault}")
    if stage.collector.service.process.returncode != -9:
        raise AssertionError(f"{fault}: {stage.collector.service.log()}")
    stage.restart()


def main():
    with Stage() as stage:
        for point in POINTS:
            for times in TIMES:
                die_at(stage, point, times)
            metered = stage.assert_exact()
            print(f"killed {len(TIMES)} times {point}: {metered}", flush=True)


if __name__ == "__main__":
    main()
