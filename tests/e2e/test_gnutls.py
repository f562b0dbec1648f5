"""Programs that Debian builds with GnuTLS: their requests are read as well."""

import os
import subprocess
import unittest

from lab import crawlers
from metered_case import MeteredCase

SITE = "shop.example.test"
PATHS = ["/", "/catalogue.html", "/stream/feed.html", "/missing"]


def git(*arguments, directory):
    """git, of nobody's configuration."""
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(
        ["git", "-c", "user.name=lab", "-c", "user.email=lab@example.test"]
        + list(arguments),
        cwd=directory,
        env={**os.environ, **nobody},
        check=True,
        capture_output=True,
    )


class GnuTls(MeteredCase):
    vendor_names = ("alpha",)

    def crawl_exactly(self, command, status=0):
        """Runs `command` metered; what was witnessed of it."""
        vendor = self.lab.vendors["alpha"]
        before = self.baseline(vendor)
        done = crawlers.run(
            command,
            {
                **self.lab.environment(),
                "HOME": self.lab.workspace.path,
                "GIT_CONFIG_SYSTEM": os.devnull,
                "GIT_SSL_CAINFO": self.lab.origin.ca,
                "GIT_TERMINAL_PROMPT": "0",
            },
            prefix=self.lab.metered(self.directory),
            check=False,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        expected = self.assert_exact(vendor, before)
        metrics = self.collector.metrics()
        self.assertEqual(
            metrics.total("proxymeter_shim_events_total", event="tls_unpaired"), 0
        )
        self.assertEqual(metrics.total("proxymeter_desynchronised_total"), 0)
        # Nothing of it came from a guess.
        self.assertEqual(
            metrics.total("proxymeter_requests_total"),
            metrics.total(
                "proxymeter_requests_total",
                protocol="https/1.1",
                visibility="plaintext",
            ),
        )
        return expected

    def test_wget(self):
        vendor, origin = self.lab.vendors["alpha"], self.lab.origin
        expected = self.crawl_exactly(
            ["wget", "--no-config", "--no-hsts", "--quiet", "--tries=1"]
            + ["--output-document=/dev/null", f"--ca-certificate={origin.ca}"]
            + ["-e", "use_proxy=on", "-e", f"https_proxy={vendor.url}"]
            + [origin.url("https", SITE, path) for path in PATHS],
            status=8,  # one of them is missing
        )
        self.assertEqual(expected.requests, {SITE: len(PATHS)})
        self.assertEqual(expected.responses, {(SITE, "2xx"): 3, (SITE, "4xx"): 1})
        self.assertGreater(expected.tunnels, 0)

    def test_git(self):
        vendor = self.lab.vendors["alpha"]
        source = self.lab.workspace.directory("source")
        pages = os.path.join(self.lab.workspace.path, "pages")
        git("init", "--quiet", ".", directory=source)
        with open(os.path.join(source, "page"), "w", encoding="utf-8") as file:
            file.write("content\n")
        git("add", "page", directory=source)
        git("commit", "--quiet", "--message=page", directory=source)
        git("clone", "--quiet", "--bare", source, "site.git", directory=pages)
        git("update-server-info", directory=os.path.join(pages, "site.git"))
        copy = os.path.join(self.lab.workspace.path, "copy")
        expected = self.crawl_exactly(
            ["git", "-c", f"http.proxy={vendor.url}"]
            + ["clone", "--quiet"]
            + [self.lab.origin.url("https", SITE, "/site.git"), copy]
        )
        with open(os.path.join(copy, "page"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "content\n")
        # The list of references, HEAD, and a commit, its tree and its page.
        self.assertGreaterEqual(expected.requests[SITE], 5)
        self.assertEqual(list(expected.requests), [SITE])


if __name__ == "__main__":
    unittest.main()
