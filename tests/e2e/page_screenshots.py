"""Makes the pictures of the live page in docs/images, of real traffic.

    /usr/bin/python3 page_screenshots.py [--seconds N] [FOLDER]

Needs the release build with its tests, which brings what drives Chromium.
"""

import argparse
import os
import subprocess
import threading

from lab import own_network

own_network.enter()

from lab import crawlers, sites, told_apart  # noqa: E402
from lab.lab import Lab  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.environ.get("PAGE_MODULES") or os.path.join(
    crawlers.ROOT, "build", "release", "tests", "page"
)


def crawl_until(stop, lab, directory, number, vendor):
    """Crawls by one vendor, the sites in turn, until told to stop."""
    turn = number
    clients = crawlers.PROGRAMS if vendor.scheme == "http" else crawlers.SOCKS_PROGRAMS
    while not stop.is_set():
        client = list(clients)[turn % len(clients)]
        scheme = ("https", "http")[turn % 2]
        lab.crawl(client, vendor, scheme, sites.SITES[turn % 3], directory)
        turn += 1
        # Vendors are used unevenly, as they are.
        stop.wait(0.5 + 1.5 * number + (turn * 7 % 5) / 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=300, help="of traffic")
    parser.add_argument(
        "folder", nargs="?", default=os.path.join(crawlers.ROOT, "docs", "images")
    )
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    os.environ.update(POD_NAME="crawler-7d9c5b6f4-x2x8p", POD_NAMESPACE="crawling")
    go = crawlers.build_go()
    with Lab(choice=told_apart.vendors()) as lab:
        directory = lab.new_directory()
        collector = lab.start_collector(directory, audit=True)
        stop = threading.Event()
        threads = [
            threading.Thread(
                target=crawl_until, args=(stop, lab, directory, number, vendor)
            )
            for number, vendor in enumerate(lab.vendors.values())
        ]
        for thread in threads:
            thread.start()
        try:
            stop.wait(arguments.seconds / 2)
            # What no library can be preloaded into: coverage is less than all.
            beta = lab.vendors["beta"]
            lab.crawl(go, beta, "http", sites.SITES[0])
            # Nobody listens there.
            refused = f"http://{beta.address}:{beta.port + 1}"
            crawlers.run(
                ["curl", "-s", "-x", refused, lab.urls("http", sites.SITES[0])[0]],
                lab.environment(),
                prefix=lab.metered(directory),
                check=False,
            )
            stop.wait(arguments.seconds / 2)
            subprocess.run(
                ["node", os.path.join(HERE, "page", "screenshots.mjs")]
                + [collector.metrics_url.removesuffix("metrics"), arguments.folder],
                env={**os.environ, "PAGE_MODULES": MODULES},
                check=True,
            )
        finally:
            stop.set()
            for thread in threads:
                thread.join()


if __name__ == "__main__":
    main()
