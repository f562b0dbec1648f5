"""What libproxymeter.so asks of, and shows to, the programs that load it."""

import os
import re
import subprocess
import unittest

from lab.crawlers import ROOT
from lab.lab import library

HOOKS = os.path.join(ROOT, "shim", "hooks", "hooks.def")
ALLOWED_LIBRARIES = {"libc.so.6", "libdl.so.2", "libpthread.so.0"}
NEWEST_GLIBC = (2, 17)


def readelf(*options):
    return subprocess.run(
        ["readelf", "--wide", *options, library()],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def dynamic_symbols():
    """(name without version, section index) of each dynamic symbol."""
    symbols = []
    for line in readelf("--dyn-syms").splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[0].rstrip(":").isdigit():
            symbols.append((fields[7].split("@")[0], fields[6]))
    return symbols


class Library(unittest.TestCase):
    def test_needs_only_glibcs_own_libraries(self):
        needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", readelf("--dynamic")))
        self.assertIn("libc.so.6", needed)
        self.assertLessEqual(needed, ALLOWED_LIBRARIES)

    def test_runs_with_an_old_glibc(self):
        found = re.findall(r"Name: (GLIBC_[\w.]+)", readelf("--version-info"))
        self.assertTrue(found)
        for version in set(found):
            numbers = re.fullmatch(r"GLIBC_(\d+(?:\.\d+)+)", version)
            self.assertIsNotNone(numbers, version)
            parsed = tuple(int(n) for n in numbers[1].split("."))
            self.assertLessEqual(parsed, NEWEST_GLIBC, version)

    def test_exports_exactly_the_hooks(self):
        with open(HOOKS, encoding="utf-8") as file:
            code = re.sub(r"//.*|(?m:^#.*)", "", file.read())
        hooks = re.findall(r"\b\w*HOOK\(\s*[^,]+,\s*(\w+)\s*[,)]", code)
        self.assertIn("connect", hooks)
        self.assertEqual(len(hooks), len(set(hooks)))
        exported = [name for name, section in dynamic_symbols() if section != "UND"]
        self.assertEqual(sorted(exported), sorted(hooks))

    def test_allocates_no_thread_local_storage_lazily(self):
        names = {name for name, _ in dynamic_symbols()}
        self.assertNotIn("__tls_get_addr", names)
        self.assertNotRegex(readelf("--relocs"), r"DTPMOD|TLSDESC")

    def test_stays_loaded_and_relocates_no_text(self):
        dynamic = readelf("--dynamic")
        self.assertIn("NODELETE", dynamic)
        self.assertNotIn("TEXTREL", dynamic)


if __name__ == "__main__":
    unittest.main()
