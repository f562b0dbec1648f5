"""nghttpx: ways into a proxy that the vendors of the lab do not have."""

import os

from .service import Service
from .workspace import free_port

ADDRESS = "127.0.22.1"
HOST = "gate.proxy.test"  # its certificate is good for it


class Nghttpx:
    """In front of `backend`, a server or an HTTP proxy; both by HTTP/1.

    `frontend` is what nghttpx calls so: TLS with HTTP/2 and HTTP/1.1 unless it
    says no-tls. With `proxy` the backend is a proxy, and so is this. Connections
    to the backend are kept without work for `idle` at most.
    """

    program = "nghttpx"

    def __init__(self, lab, name, backend, frontend="", proxy=False, idle="2s"):
        self.name = name
        self.port = free_port(ADDRESS)
        # Bytes of its close_notify, a record of TLS 1.3 (RFC 8446, 5.2).
        self.goodbye = 0 if "no-tls" in frontend else 24
        folder = os.path.dirname(lab.origin.ca)
        address, port = backend
        command = ["nghttpx", "--conf=/dev/null", "--single-process", "--no-ocsp"]
        command += ["--workers=1", "--errorlog-file=/dev/stderr"]
        command += [f"--frontend={ADDRESS},{self.port}{frontend}"]
        command += [f"--backend={address},{port};;proto=http/1.1"]
        command += [f"--backend-keep-alive-timeout={idle}"]
        if "no-tls" not in frontend:
            command += [f"{folder}/site.key", f"{folder}/site.pem"]
        if proxy:
            command += ["--http2-proxy", "--backend-connections-per-host=100"]
        self.service = Service(
            name,
            command,
            os.path.join(lab.workspace.path, f"{name}.out"),
            ordinary_user=True,
        )
        self.service.wait_listening(self.endpoint)

    @property
    def endpoint(self):
        return (ADDRESS, self.port)

    @property
    def rule(self):
        return {"cidr": f"{ADDRESS}/32", "port": self.port}
