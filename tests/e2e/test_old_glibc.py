"""The shim in a program of Debian 11: another glibc, another OpenSSL."""

import os
import subprocess
import unittest
import uuid

from lab import own_network

# The first run fetches Debian.
own_network.stay()

import debian11  # noqa: E402
from lab.crawlers import ROOT  # noqa: E402
from lab.lab import library  # noqa: E402
from metered_case import MeteredCase  # noqa: E402

SITE = "api.example.test"
TREE = os.environ.get("PROXYMETER_DEBIAN11") or os.path.join(
    ROOT, "build", "debian11"
)


class OldGlibc(MeteredCase):
    vendor_names = ("alpha", "gamma")

    @classmethod
    def setUpClass(cls):
        cls.tree = debian11.tree(TREE)
        super().setUpClass()

    @classmethod
    def make_directory(cls):
        """In the tree, by a name of its own for each run."""
        cls.name = f"proxymeter-{uuid.uuid4().hex[:8]}"
        place = os.path.join(cls.tree, cls.name)
        cls.run_as_root("mkdir", place)
        cls.addClassCleanup(cls.run_as_root, "rm", "-rf", place)
        cls.run_as_root("chown", f"{os.getuid()}:{os.getgid()}", place)
        for source in (library(), cls.lab.origin.ca, cls.lab.upload_file):
            cls.run_as_root("cp", source, place)
        cls.run_as_root("cp", cls.lab.hosts_file, f"{cls.tree}/etc/hosts")
        directory = os.path.join(place, "pm")
        os.mkdir(directory)
        return directory

    @classmethod
    def run_as_root(cls, *command):
        subprocess.run(debian11.as_root(command), check=True)

    def curl(self, *arguments, metered=True):
        variables = {"LC_ALL": "C"}
        if metered:
            variables |= {
                "LD_PRELOAD": f"/{self.name}/libproxymeter.so",
                "PROXYMETER_DIR": f"/{self.name}/pm",
            }
        return subprocess.run(
            debian11.as_root(
                ["chroot", f"--userspec={os.getuid()}:{os.getgid()}", self.tree]
                + ["env", "-i", *(f"{k}={v}" for k, v in variables.items())]
                + ["curl", "--silent", "--show-error", *arguments]
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def test_glibc_is_old(self):
        shown = subprocess.run(
            debian11.as_root(["chroot", self.tree, "ldd", "--version"]),
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertIn("2.31", shown.stdout.splitlines()[0])

    def crawl(self, name, scheme):
        vendor = self.lab.vendors[name]
        before = self.baseline(vendor)
        ca = os.path.basename(self.lab.origin.ca)
        upload = os.path.basename(self.lab.upload_file)
        common = ["--proxy", vendor.url, "--cacert", f"/{self.name}/{ca}"]
        pages = []
        for url in self.lab.urls(scheme, SITE):
            pages += ["--output", "/dev/null", url]
        target = self.lab.origin.url(scheme, SITE, "/upload")
        for arguments in (
            [*common, "--location", *pages],
            [*common, "--data-binary", f"@/{self.name}/{upload}"]
            + ["--output", "/dev/null", target],
        ):
            done = self.curl(*arguments)
            # Loader complaints about the preloaded library would be here.
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        expected = self.assert_exact(vendor, before)
        self.assertEqual(expected.requests, {SITE: 11})

    def test_http_proxy_http(self):
        self.crawl("alpha", "http")

    def test_http_proxy_https(self):
        self.crawl("alpha", "https")

    def test_socks_proxy_http(self):
        self.crawl("gamma", "http")

    def test_socks_proxy_https(self):
        self.crawl("gamma", "https")


if __name__ == "__main__":
    unittest.main()
