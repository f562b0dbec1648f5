"""QUIC to a vendor, by a real client and a real server."""

import json
import os
import subprocess
import unittest

from lab import account, crawlers, names, sites
from lab.lab import program
from lab.quic import ADDRESS, QuicServer
from peer_case import PeerCase

SITE, NEWS, API = sites.SITES
PATHS = ["/catalogue.html", "/picture.bin"]


class Quic(PeerCase):
    @classmethod
    def make_peers(cls):
        cls.peer = QuicServer(cls.lab, "quic")
        # The client takes the server name from where it goes.
        cls.hosts_file = cls.lab.workspace.write(
            "quic.hosts", names.hosts((ADDRESS, site) for site in sites.SITES)
        )
        return [cls.peer]

    def visit(self, site, *more):
        """(sent, received), as the kernel answered the client's calls."""
        place = self.lab.workspace.directory(f"visit of {site}")
        trace = os.path.join(place, "trace")
        pages = os.path.join(place, "pages")
        os.mkdir(pages)
        done = subprocess.run(
            ["strace", "-f", "-e", "trace=network", "-s", "0", "-o", trace]
            + self.lab.metered(self.directory)
            + crawlers.resolving(
                ["gtlsclient", "--quiet", "--exit-on-all-streams-close"]
                + [f"--download={pages}", *more, site, str(self.peer.port)]
                + [f"https://{site}{path}" for path in PATHS]
            ),
            env=crawlers.environment(self.hosts_file),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        sizes = {
            "/" + name: os.path.getsize(os.path.join(pages, name))
            for name in os.listdir(pages)
        }
        self.assertEqual(sizes, {path: sites.PAGES[path] for path in PATHS})
        with open(trace, encoding="utf-8") as file:
            sent, received = self.peer.carried(file.read())
        self.assertGreater(received, sum(sizes.values()))
        # A first packet has no less (RFC 9000, 14.1).
        self.assertGreater(sent, 1200)
        return sent, received

    def sessions(self):
        return {
            (labels["tls_version"], labels["alpn"], labels["visibility"]): int(value)
            for labels, value in self.collector.metrics().samples(
                "proxymeter_tls_sessions_total", proxy_vendor="quic"
            )
        }

    def assert_metered(self, site, version, alpn, *more):
        """All that is carried is one session's of QUIC, under the name of `site`."""
        before = self.sessions()
        carried = self.visit(site, *more)
        place = "_unknown" if version == "quic/other" else site
        self.eventually_equal(
            lambda: account.destinations(self.collector.metrics(), self.peer).get(place),
            carried,
        )
        self.collector.settle()
        shown = subprocess.run(
            [program(), "top", "--once", "--json", "--dir", self.directory],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        rows = [
            (row["protocol"], int(row["sent_bytes"]), int(row["received_bytes"]))
            for row in json.loads(shown.stdout)["traffic"]
            if row["destination"] == place
        ]
        self.assertEqual(rows, [("quic", *carried)])
        key = (version, alpn, "inferred")
        self.assertEqual(self.sessions(), {**before, key: before.get(key, 0) + 1})
        # What is in it nobody can see, and nothing connects.
        self.assertEqual(self.value("requests_total", proxy_vendor="quic"), 0)
        self.assertEqual(self.value("connections_total", proxy_vendor="quic"), 0)
        self.assert_nothing_amiss()

    def test_the_site_is_the_server_name(self):
        for site in (SITE, NEWS):
            self.assert_metered(site, "quic/1", "h3")

    def test_of_a_version_that_cannot_be_read_bytes_are_exact(self):
        # A draft of version 2, which has other keys.
        self.assert_metered(API, "quic/other", "hidden", "--version=v2draft")


if __name__ == "__main__":
    unittest.main()
