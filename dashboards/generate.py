#!/usr/bin/python3
"""Writes the dashboards, a JSON file for each module in boards/.

With --check it writes nothing; exit status 1 says that a file is not what its
module gives, or has none.
"""

import argparse
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import board  # noqa: E402
from boards import bandwidth, cost, destinations, meter, overview, performance  # noqa: E402

BOARDS = {
    f"{module.__name__.rpartition('.')[2]}.json": module.BOARD
    for module in (overview, bandwidth, destinations, performance, cost, meter)
}


def texts():
    """{name of file: what it is to hold}."""
    return {
        name: json.dumps(board.as_json(of), indent=2, sort_keys=True) + "\n"
        for name, of in BOARDS.items()
    }


def stale():
    """Names of files that are not what they are to be."""
    wanted, found = texts(), {}
    for path in glob.glob(os.path.join(HERE, "*.json")):
        with open(path, encoding="utf-8") as file:
            found[os.path.basename(path)] = file.read()
    return sorted(n for n in wanted | found if wanted.get(n) != found.get(n))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if parser.parse_args().check:
        for name in stale():
            print(f"{name} is out of date: run dashboards/generate.py", file=sys.stderr)
        return 1 if stale() else 0
    for name, text in texts().items():
        with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
