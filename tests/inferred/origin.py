"""nginx with one server for each version of TLS and of HTTP."""

import json
import os

from lab.certificates import Authority
from lab.service import Service
from lab.workspace import free_port

ADDRESS = "127.0.20.1"  # of the lab's sites
SITE = "shop.example.test"
VERSIONS = ("1.2", "1.3")
PROTOCOLS = ("http1", "http2")
# Bytes of the pages /0, /1 ...
SIZES = (0, 1, 100, 1400, 9000, 16384, 60000, 1000000)
UPLOAD = "/upload"

_SERVER = """\
  server {{
    listen {address}:{port} ssl{http2};
    ssl_protocols TLSv{version};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    root {pages};
    location = {upload} {{ proxy_pass http://unix:{state}/upload.sock; }}
  }}
"""
_CONFIGURATION = """\
daemon off;
master_process off;
pid {state}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  log_format ledger escape=json '{{"method":"$request_method","uri":"$uri",'
    '"protocol":"$server_protocol","tls":"$ssl_protocol","port":$server_port}}';
  access_log {state}/access.log ledger;
  client_body_temp_path {state}/body;
  proxy_temp_path {state}/proxy;
  fastcgi_temp_path {state}/fastcgi;
  uwsgi_temp_path {state}/uwsgi;
  scgi_temp_path {state}/scgi;
  default_type text/html;
  client_max_body_size 0;
  keepalive_timeout 600s;
  keepalive_requests 100000;
{servers}
  server {{
    listen unix:{state}/upload.sock;
    access_log off;
    location / {{ default_type text/plain; return 200 "stored\\n"; }}
  }}
}}
"""


class Origin:
    """Serves pages of SIZES, and takes uploads."""

    def __init__(self, workspace):
        state = workspace.directory("tls-origin", for_servers=True)
        self.pages = workspace.directory("tls-pages")
        for number, size in enumerate(SIZES):
            with open(os.path.join(self.pages, str(number)), "wb") as file:
                file.write(b"x" * size)
        authority = Authority(workspace.directory("tls-certificates"), [SITE])
        self.ca = authority.ca
        self._log = os.path.join(state, "access.log")
        self._ports = {}
        servers = []
        for version in VERSIONS:
            for protocol in PROTOCOLS:
                port = free_port(ADDRESS, exclude=tuple(self._ports.values()))
                self._ports[version, protocol] = port
                servers.append(
                    _SERVER.format(
                        address=ADDRESS,
                        port=port,
                        http2=" http2" if protocol == "http2" else "",
                        version=version,
                        certificate=authority.certificate,
                        key=authority.key,
                        pages=self.pages,
                        upload=UPLOAD,
                        state=state,
                    )
                )
        configuration = workspace.write(
            "tls-nginx.conf",
            _CONFIGURATION.format(state=state, servers="".join(servers)),
        )
        self.service = Service(
            "nginx",
            ["nginx", "-e", "stderr", "-p", state, "-c", configuration],
            os.path.join(workspace.path, "tls-nginx.out"),
            ordinary_user=True,
        )
        self.service.wait_listening(*((ADDRESS, p) for p in self._ports.values()))

    def port(self, version, protocol):
        return self._ports[version, protocol]

    def requests(self, port):
        """Entries of the access log of one of the servers."""
        with open(self._log, encoding="utf-8") as log:
            entries = [json.loads(line) for line in log.read().splitlines()]
        return [entry for entry in entries if entry["port"] == port]
