"""What `proxymeter doctor` says of real programs and processes."""

import json
import os
import shutil
import subprocess
import unittest

from lab.collector import Collector
from lab.lab import library, program
from lab.service import as_ordinary_user, wait_until
from lab.workspace import Workspace

CONFIGURATION = "{version: 1, vendors: [{name: peer, match: [{cidr: 127.0.0.0/8}]}]}"
HELLO = "int main(void) { return 0; }\n"


class DoctorCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.workspace = Workspace()
        self.addCleanup(self.workspace.remove)
        self.directory = os.path.join(self.workspace.path, "pm")
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "PROXYMETER_LIBRARY": library(),
            "PROXYMETER_DIR": self.directory,
        }

    def path(self, name):
        return os.path.join(self.workspace.path, name)

    def start_collector(self):
        os.mkdir(self.directory)
        config = self.workspace.write("vendors.yaml", CONFIGURATION)
        collector = Collector(
            program(), self.directory, config, self.path("collector.out")
        )
        self.addCleanup(collector.kill)
        return collector

    def build(self, name, *options, compiler="gcc"):
        source = self.workspace.write(f"{name}.c", HELLO)
        target = self.path(name)
        subprocess.run([compiler, source, "-o", target, *options], check=True)
        return target

    def doctor(self, *arguments, command=(), **environment):
        """Exit status and findings by examination, each (verdict, text)."""
        done = subprocess.run(
            [*command, program(), "doctor", "--json", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**self.environment, **environment},
        )
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        findings = {
            f["examination"]: (f["verdict"], f"{f['found']} -> {f['advice']}")
            for f in report["findings"]
        }
        self.assertEqual(done.returncode, int(report["verdict"] == "cannot"))
        return report["verdict"], findings

    def assert_found(self, findings, examination, verdict, text):
        self.assertIn(examination, findings)
        self.assertEqual(findings[examination][0], verdict, findings[examination])
        self.assertIn(text, findings[examination][1])


class Commands(DoctorCase):
    def test_curl_shows_plaintext(self):
        verdict, findings = self.doctor("--", "curl", "https://localhost/")
        self.assertEqual(verdict, "ok")
        self.assert_found(findings, "libc", "ok", "glibc with symbols up to 2.")
        self.assert_found(findings, "tls", "ok", "libcurl.so.4")

    def test_python_shows_plaintext_before_it_loads_its_ssl(self):
        verdict, findings = self.doctor("--", "/usr/bin/python3", "x.py")
        self.assertEqual(verdict, "ok")
        self.assert_found(findings, "tls", "ok", "_ssl.cpython")

    def test_a_script_is_what_env_finds(self):
        script = self.workspace.write("crawl", "#!/usr/bin/env python3\n")
        os.chmod(script, 0o755)
        _, findings = self.doctor("--", script)
        self.assert_found(
            findings, "program", "ok", f"{script}, interpreted by /usr/bin/python3"
        )

    def test_a_static_program_cannot(self):
        verdict, findings = self.doctor("--", self.build("fixed", "-static"))
        self.assertEqual(verdict, "cannot")
        self.assert_found(findings, "linking", "cannot", "statically linked")

    def test_a_go_program_cannot(self):
        plain = self.build("plain")
        go = self.path("go")
        subprocess.run(
            ["objcopy", "--add-section", f".go.buildinfo={plain}.c", plain, go],
            check=True,
        )
        _, findings = self.doctor("--", go)
        self.assert_found(findings, "linking", "cannot", "Go program")

    def test_musl_is_named(self):
        verdict, findings = self.doctor(
            "--", self.build("small", compiler="musl-gcc")
        )
        self.assertEqual(verdict, "unknown")
        self.assert_found(findings, "libc", "limited", "musl")

    def test_address_sanitizer_is_named(self):
        _, findings = self.doctor("--", self.build("asan", "-fsanitize=address"))
        self.assert_found(
            findings, "sanitizer", "ok", "ASAN_OPTIONS=verify_asan_link_order=0"
        )

    def test_a_set_user_id_program_cannot(self):
        # Not in memory, where the bit may be ignored (nosuid).
        copy = f"/var/tmp/proxymeter-doctor-{os.getpid()}"
        shutil.copy("/bin/true", copy)
        self.addCleanup(os.remove, copy)
        os.chmod(copy, 0o4755)
        # The owner's own bit changes nothing for the owner.
        _, findings = self.doctor("--", copy)
        self.assert_found(findings, "privilege", "ok", "raises no privilege")
        if os.geteuid() == 0:  # somebody else can be asked
            _, findings = self.doctor("--", copy, command=as_ordinary_user([]))
            self.assert_found(findings, "privilege", "cannot", "set-user-ID")

    def test_a_resolver_in_front_is_a_limit(self):
        _, findings = self.doctor("--", "curl", LD_PRELOAD="libnss_wrapper.so")
        self.assert_found(findings, "preload", "limited", "libnss_wrapper.so")

    def test_what_is_no_program_cannot(self):
        for name in ("no-such-command", self.workspace.path, "/etc/passwd"):
            verdict, findings = self.doctor("--", name)
            self.assertEqual(verdict, "cannot")
            self.assert_found(findings, "program", "cannot", name)


class Surroundings(DoctorCase):
    def test_everything_in_place_is_ok(self):
        collector = self.start_collector()
        verdict, findings = self.doctor()
        self.assertEqual(verdict, "ok")
        self.assertEqual({v for v, _ in findings.values()}, {"ok"}, findings)
        self.assertEqual(
            set(findings),
            {"library", "preload", "directory", "policy", "collector"},
        )
        # Looking is not speaking: the collector has nothing to refuse.
        self.assertEqual(collector.metrics().total("proxymeter_rejected_total"), 0)
        collector.stop()
        _, findings = self.doctor()
        self.assert_found(findings, "collector", "limited", "start one")
        self.assert_found(findings, "policy", "ok", "valid")

    def test_a_missing_library_cannot(self):
        verdict, findings = self.doctor(PROXYMETER_LIBRARY="/nowhere.so")
        self.assertEqual(verdict, "cannot")
        self.assert_found(findings, "library", "cannot", "/nowhere.so")


class Processes(DoctorCase):
    def start(self, *command):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env=self.environment
        )

        def stop():
            process.kill()
            process.wait()
            process.stdout.close()

        self.addCleanup(stop)
        return process

    def start_python(self, *before):
        """A Python that has loaded its ssl module and waits."""
        code = "import ssl, time; print('up', flush=True); time.sleep(600)"
        process = self.start(*before, "/usr/bin/python3", "-c", code)
        self.assertEqual(process.stdout.readline(), b"up\n")
        return process

    def test_a_metered_process_is_ok(self):
        self.start_collector()
        process = self.start_python(program(), "run", "--")
        verdict, findings = self.doctor(str(process.pid))
        self.assertEqual(verdict, "ok", findings)
        self.assertEqual({v for v, _ in findings.values()}, {"ok"}, findings)
        self.assert_found(findings, "loaded", "ok", library())
        self.assert_found(findings, "tls", "ok", "_ssl.cpython")
        self.assert_found(findings, "directory", "ok", self.directory)

    def test_an_unmetered_process_cannot(self):
        process = self.start_python()
        verdict, findings = self.doctor(str(process.pid))
        self.assertEqual(verdict, "cannot")
        self.assert_found(findings, "loaded", "cannot", "proxymeter run")
        self.assert_found(findings, "children", "limited", "does not name")
        self.assert_found(findings, "tls", "ok", "_ssl.cpython")

    def test_a_replaced_library_is_noticed(self):
        copy = shutil.copy(library(), self.path("libproxymeter.so"))
        self.environment["PROXYMETER_LIBRARY"] = copy
        process = self.start_python(program(), "run", "--")
        os.remove(copy)
        _, findings = self.doctor(str(process.pid), PROXYMETER_LIBRARY=library())
        self.assert_found(findings, "loaded", "limited", "replaced or removed")
        self.assert_found(findings, "children", "limited", "not a file any more")

    def test_a_process_that_is_gone_cannot(self):
        process = self.start("true")
        process.wait()
        verdict, findings = self.doctor(str(process.pid))
        self.assertEqual(verdict, "cannot")
        self.assert_found(findings, "process", "cannot", "there is no process")

    def test_what_may_not_be_read_names_the_privilege(self):
        pid = 1  # is root's, should this user not be
        if os.geteuid() == 0:
            pid = self.start_python(program(), "run", "--").pid
        _, findings = self.doctor(str(pid), command=as_ordinary_user([]))
        self.assert_found(findings, "process", "unknown", "CAP_SYS_PTRACE")
        self.assert_found(findings, "loaded", "unknown", "cannot be read")

    def test_a_scrubbed_environment_is_told(self):
        process = self.start_python(program(), "run", "--", "env", "-i")
        verdict, findings = self.doctor(str(process.pid))
        self.assertEqual(verdict, "cannot")
        self.assert_found(findings, "loaded", "cannot", "is not in this process")
        self.assert_found(findings, "children", "limited", "keep LD_PRELOAD")

    @unittest.skipIf(os.geteuid() != 0, "only root makes mount namespaces")
    def test_another_mount_namespace_is_looked_into(self):
        copy = self.path("libproxymeter.so")
        shutil.copy(library(), copy)
        self.environment["PROXYMETER_LIBRARY"] = copy
        hide = (
            f"mount -t tmpfs none {self.workspace.path} && "
            "echo up && exec sleep 600"
        )
        process = self.start(
            program(), "run", "--", "unshare", "--mount", "sh", "-c", hide
        )
        self.assertEqual(process.stdout.readline(), b"up\n")
        wait_until(
            lambda: os.readlink(f"/proc/{process.pid}/exe").endswith("sleep"),
            30,
            "sleep to run",
        )
        _, findings = self.doctor(str(process.pid))
        self.assert_found(
            findings, "children", "limited", "in the mount namespace it lives in"
        )
        self.assert_found(findings, "directory", "limited", "does not exist yet")

    def test_its_own_filter_of_system_calls_is_named(self):
        # seccomp(2) by ctypes: one filter that allows everything.
        code = (
            "import ctypes, time\n"
            "libc = ctypes.CDLL(None)\n"
            "class F(ctypes.Structure):\n"
            "    _fields_ = [('n', ctypes.c_ushort), ('p', ctypes.c_void_p)]\n"
            "allow = bytes([6, 0, 0, 0, 0, 0, 0xff, 0x7f])\n"
            "buffer = ctypes.create_string_buffer(allow, 8)\n"
            "filter = F(1, ctypes.addressof(buffer))\n"
            "assert libc.prctl(38, 1, 0, 0, 0) == 0\n"
            "assert libc.prctl(22, 2, ctypes.byref(filter)) == 0\n"
            "print('up', flush=True)\n"
            "time.sleep(600)\n"
        )
        process = self.start(program(), "run", "/usr/bin/python3", "-c", code)
        self.assertEqual(process.stdout.readline(), b"up\n")
        _, findings = self.doctor(str(process.pid))
        self.assert_found(findings, "sandbox", "limited", "seccomp")
        self.assert_found(findings, "sandbox", "limited", "no_new_privs is set")


if __name__ == "__main__":
    unittest.main()
