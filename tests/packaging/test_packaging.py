"""What is installed, the units of systemd and the Dockerfile, as far as they can be
tried without either: by systemd's own tools, and by what the program needs."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path.append(os.path.join(ROOT, "tests/e2e"))

from lab import own_network  # noqa: E402

own_network.enter()

from lab.metrics import Metrics  # noqa: E402
from lab.service import wait_until  # noqa: E402

BUILD = os.environ.get("PROXYMETER_BUILD") or os.path.join(ROOT, "build", "release")
UNIT = os.path.join(ROOT, "packaging/systemd/proxymeter-collector.service")
METRICS = "http://127.0.0.1:9099/metrics"
# What the exposure of the unit may be, of 10; no other setting is left to make.
EXPOSURE = 1.5


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def run(*command, **more):
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=120, **more
    ).stdout


def setUpModule():
    global prefix, installed
    prefix = unittest.enterModuleContext(tempfile.TemporaryDirectory())
    os.chmod(prefix, 0o755)
    run("cmake", "--install", BUILD, "--prefix", prefix)
    installed = {
        os.path.relpath(os.path.join(folder, name), prefix)
        for folder, _, names in os.walk(prefix)
        for name in names
    }


def calls_allowed(filters):
    """System calls that SystemCallFilter= leaves, one of its lines after another."""

    def members(name):
        if not name.startswith("@"):
            return {name}
        lines = run("systemd-analyze", "syscall-filter", name).splitlines()[2:]
        names = [line.strip() for line in lines if not line.strip().startswith("#")]
        return set().union(*(members(n) for n in names if n))

    allowed = set()
    for line in filters:
        taken = line.removeprefix("~")
        calls = set().union(*(members(name) for name in taken.split()))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


class Installed(unittest.TestCase):
    def test_what_is_installed(self):
        self.assertEqual(
            installed,
            {
                "bin/proxymeter",
                "lib/libproxymeter.so",
                "lib/systemd/system/proxymeter-collector.service",
                "lib/sysusers.d/proxymeter.conf",
                "lib/tmpfiles.d/proxymeter.conf",
                "share/doc/proxymeter/crawler.conf",
                "share/doc/proxymeter/vm.md",
            },
        )

    def test_the_program_finds_its_library(self):
        with tempfile.TemporaryDirectory() as place:
            said = run(
                os.path.join(prefix, "bin/proxymeter"),
                *["run", "--dir", place, "--", "/bin/sh", "-c", "echo $LD_PRELOAD"],
            )
        self.assertEqual(said.strip(), os.path.join(prefix, "lib/libproxymeter.so"))

    def test_it_is_built_without_tests_too(self):
        with tempfile.TemporaryDirectory() as place:
            run(
                *["cmake", "--preset", "release", "-B", place, "-DBUILD_TESTING=OFF"],
                cwd=ROOT,
            )
            targets = run("ninja", "-C", place, "-t", "targets", "all")
        for target in ("proxymeter", "proxymeter_shim"):
            self.assertIn(f"\n{target}: phony", targets)
        self.assertNotIn("_test:", targets)


class Systemd(unittest.TestCase):
    def settings(self, key, path=UNIT):
        with open(path, encoding="utf-8") as file:
            return re.findall(f"^{key}=(.*)$", file.read(), re.MULTILINE)

    def moved(self, place):
        """The unit, with the paths of this installation."""
        path = os.path.join(place, os.path.basename(UNIT))
        with open(path, "w", encoding="utf-8") as file:
            file.write(read(UNIT).replace("/usr/local", prefix))
        return path

    def test_systemd_accepts_the_unit(self):
        with tempfile.TemporaryDirectory() as place:
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", self.moved(place)],
                capture_output=True,
                text=True,
                check=True,
            )
        self.assertEqual(done.stdout + done.stderr, "")

    def test_systemd_accepts_the_drop_in(self):
        with tempfile.TemporaryDirectory() as place:
            drop_ins = os.path.join(place, "crawler.service.d")
            os.mkdir(drop_ins)
            with open(os.path.join(drop_ins, "proxymeter.conf"), "w") as file:
                file.write(read("packaging/systemd/crawler.conf"))
            crawler = os.path.join(place, "crawler.service")
            with open(crawler, "w") as file:
                file.write("[Service]\nExecStart=/bin/true\n")
            self.moved(place)
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", crawler],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "SYSTEMD_UNIT_PATH": f"{place}:"},
            )
        self.assertEqual(done.stdout + done.stderr, "")

    def test_its_exposure(self):
        said = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
        exposure = float(re.search(r"exposure level for .*: ([0-9.]+)", said)[1])
        self.assertLessEqual(exposure, EXPOSURE)
        self.assertIn(f"exposure {exposure}", read("docs/vm.md"))

    def test_user_and_directories(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "etc"))
            users = os.path.join(prefix, "lib/sysusers.d/proxymeter.conf")
            run("systemd-sysusers", f"--root={root}", users)
            passwd = run("cat", os.path.join(root, "etc/passwd"))
            self.assertIn("proxymeter:x:", passwd)
            if os.geteuid() != 0:
                return  # the rest changes owners
            folders = os.path.join(prefix, "lib/tmpfiles.d/proxymeter.conf")
            run("systemd-tmpfiles", f"--root={root}", "--create", folders)
            user = int(re.search(r"proxymeter:x:(\d+)", passwd)[1])
            for name, mode in (("run/proxymeter", 0o755), ("run/proxymeter/journals", 0o1733)):
                status = os.stat(os.path.join(root, name))
                self.assertEqual(status.st_mode & 0o7777, mode, name)
                self.assertEqual(status.st_uid, user, name)

    def test_it_works_with_what_the_unit_leaves_it(self):
        """Its command line, user, mask and calls; a crawler of another user."""
        (line,) = self.settings("ExecStart")
        allowed = calls_allowed(self.settings("SystemCallFilter"))
        self.assertGreater(len(allowed), 200)
        place = self.enterContext(tempfile.TemporaryDirectory(dir="/dev/shm"))
        for name in ("run", "state", "etc"):
            os.mkdir(os.path.join(place, name))
        with open(os.path.join(place, "etc/vendors.yaml"), "w") as file:
            file.write("{version: 1, vendors: [{name: here, match: [{port: 9099}]}]}")
        users = {"collector": [], "crawler": []}
        if os.geteuid() == 0:
            for who, number in (("collector", "65532"), ("crawler", "10001")):
                users[who] = [f"--reuid={number}", f"--regid={number}", "--clear-groups"]
            for name in ("", "run", "state"):
                os.chown(os.path.join(place, name), 65532, 65532)
        os.chmod(place, 0o755)
        for old, new in (
            ("/usr/local/", f"{prefix}/"),
            ("/run/proxymeter", f"{place}/run"),
            ("/var/lib/proxymeter", f"{place}/state"),
            ("/etc/proxymeter", f"{place}/etc"),
            ("--linger 20", "--linger 0"),
        ):
            self.assertIn(old, line)
            line = line.replace(old, new)
        trace = os.path.join(place, "trace")
        (mask,) = self.settings("UMask")
        collector = subprocess.Popen(
            ["setpriv", *users["collector"], "--no-new-privs", "--bounding-set=-all"]
            + ["--inh-caps=-all", "--pdeathsig=KILL", "--"]
            + ["strace", "-f", "-qq", "-o", trace, *line.split()],
            umask=int(mask, 8),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

        def end():
            # Both: what is traced would outlive who traces it.
            try:
                os.killpg(collector.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            collector.wait()

        self.addCleanup(end)

        def metrics():
            try:
                return Metrics.scrape(METRICS)
            except OSError:
                return None

        wait_until(metrics, 60, "the collector")
        environment = [
            setting.replace("/usr/local", prefix).replace("/run/proxymeter", f"{place}/run")
            for setting in self.settings(
                "Environment", os.path.join(ROOT, "packaging/systemd/crawler.conf")
            )
        ]
        run(
            *["setpriv", *users["crawler"], "--no-new-privs", "--", "env", *environment],
            *["curl", "-sSf", "-o", "/dev/null", METRICS],
        )

        def counted():
            found = metrics()
            return found.total("proxymeter_requests_total", proxy_vendor="here") == 1

        wait_until(counted, 60, "the crawler's request")
        (reload,) = self.settings("ExecReload")
        run(
            *["setpriv", *users["collector"], "--"],
            *reload.replace("/usr/local", prefix)
            .replace("/run/proxymeter", f"{place}/run")
            .split(),
        )
        children = f"/proc/{collector.pid}/task/{collector.pid}/children"
        with open(children, encoding="utf-8") as file:
            os.kill(int(file.read().split()[0]), signal.SIGTERM)
        self.assertEqual(collector.wait(60), 0)
        with open(trace, encoding="utf-8", errors="replace") as file:
            used = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", file.read(), re.MULTILINE))
        self.assertGreater(len(used), 40)
        self.assertEqual(used - allowed, set())


class Dockerfile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = read("Dockerfile").replace("\\\n", " ")
        cls.steps = [
            line for line in text.splitlines() if line and not line.startswith("#")
        ]

    def of(self, instruction):
        return [s.split(None, 1)[1] for s in self.steps if s.startswith(instruction)]

    def test_it_copies_what_is_installed(self):
        copied = [c.split()[1:] for c in self.of("COPY") if c.startswith("--from=build")]
        self.assertEqual(
            {source.removeprefix("/out/") for source, _ in copied},
            {name for name in installed if name.startswith(("bin/", "lib/libproxy"))},
        )
        for source, target in copied:
            self.assertEqual(
                target, source.replace("/out/", "/usr/local/"), "where the chart looks"
            )

    def test_it_installs_what_the_program_needs(self):
        (install,) = [s for s in self.of("RUN") if "apt-get install" in s]
        named = re.search(r"--no-install-recommends (.*?)&&", install)[1].split()
        owners = set()
        for file in ("bin/proxymeter", "lib/libproxymeter.so"):
            path = os.path.join(prefix, file)
            needed = set(
                re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "--dynamic", path))
            )
            for name, where in re.findall(r"(\S+) => (/\S+)", run("ldd", path)):
                if name in needed:
                    owners.add(self.owner(where))
        self.assertEqual(set(named), owners - {"libc6"})

    def owner(self, path):
        real = os.path.realpath(path)
        # dpkg knows a file by the name that its package gave it.
        for name in (real, real.removeprefix("/usr")):
            done = subprocess.run(
                ["dpkg", "--search", name], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return done.stdout.split(":")[0]
        raise AssertionError(f"no package owns {path}")

    def test_it_builds_with_the_packages_of_the_build(self):
        self.assertIn("scripts/install-packages --build", self.of("RUN"))
        script = os.path.join(ROOT, "scripts/install-packages")
        build = run(script, "--build", "--list").split()
        everything = run(script, "--list").split()
        self.assertEqual(build, everything[: len(build)])
        for wanted in ("g++", "cmake", "ninja-build", "libgrpc++-dev"):
            self.assertIn(wanted, build)
        self.assertLess(len(build), len(everything) / 2)

    def test_it_is_nobodys_root(self):
        self.assertEqual(self.of("USER"), ["65532:65532"])

    def test_the_context_has_what_is_copied_and_no_build(self):
        ignored = read(".dockerignore").split()
        self.assertIn("build", ignored)
        for name in ("CMakeLists.txt", "cli", "collector", "shim", "packaging", "docs"):
            self.assertNotIn(name, ignored)


if __name__ == "__main__":
    unittest.main(verbosity=2)
