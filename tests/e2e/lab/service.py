"""A server process in the foreground: started, awaited, surely stopped."""

import os
import signal
import subprocess
import time

from . import names
from .witness import is_listening

START_SECONDS = 30
STOP_SECONDS = 10


def wait_until(condition, seconds, what):
    """Polls `condition` until it is true; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def _without_root():
    """Options of setpriv that drop root, which nginx and Squid refuse."""
    if os.geteuid() != 0:
        return []
    return ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def as_ordinary_user(command):
    return ["setpriv", *_without_root(), "--", *command]


class Service:
    """One server in its own process group, its output in `log_path`."""

    def __init__(
        self, name, command, log_path, hosts_file=None, ordinary_user=False
    ):
        self.name = name
        drop = _without_root() if ordinary_user else []
        self.log_path = log_path
        # Even if we are killed, no server stays behind.
        command = ["setpriv", *drop, "--pdeathsig=KILL", "--", *command]
        environment = dict(os.environ)
        if hosts_file:
            command = names.resolving(command)
            environment[names.VARIABLE] = hosts_file
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @property
    def process(self):
        return self._process

    @property
    def pid(self):
        return self._process.pid

    def wait_listening(self, *endpoints):
        for address, port in endpoints:
            self.wait_for(
                lambda a=address, p=port: is_listening(a, p),
                f"listening on {address}:{port}",
            )

    def wait_for(self, condition, what):
        def check():
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"{self.name} ended with status "
                    f"{self._process.returncode}:\n{self.log()[-4000:]}"
                )
            return condition()

        try:
            wait_until(check, START_SECONDS, f"{self.name} {what}")
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{self.log()[-4000:]}") from None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def signal_all(self, number):
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self):
        """SIGTERM, then SIGKILL to what is left; the exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        self.signal_all(signal.SIGKILL)
        return self._process.wait() if status is None else status

    def kill(self):
        self.signal_all(signal.SIGKILL)
        return self._process.wait()
