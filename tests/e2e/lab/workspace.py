"""Where a lab keeps its files, and what it may use of the machine."""

import os
import random
import shutil
import socket
import tempfile

# Below the kernel's ephemeral range (from 32768), so that no outgoing
# connection can take a port between our choosing it and a server binding it.
_PORTS = range(10000, 32000)


def free_port(address, exclude=()):
    """A TCP port on `address` that nothing is bound to."""
    for _ in range(1000):
        port = random.choice(_PORTS)
        if port in exclude:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port on {address}")


class Workspace:
    """A temporary directory; servers that refuse root can write into it."""

    def __init__(self):
        # Short: Unix socket paths end at 107 bytes. Memory-backed where there
        # is such a place, because that is where proxymeter's directory belongs.
        parent = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
        self.path = tempfile.mkdtemp(prefix="proxymeter-lab-", dir=parent)
        os.chmod(self.path, 0o755)

    def directory(self, name, for_servers=False):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        if for_servers and os.geteuid() == 0:
            shutil.chown(path, "nobody", "nogroup")
        return path

    def write(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
