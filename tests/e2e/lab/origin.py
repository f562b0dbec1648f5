"""nginx as the origin of all sites, in HTTP and HTTPS, and in HTTP/2."""

import collections
import json
import os

from . import nghttpx, sites
from .certificates import Authority
from .service import Service
from .workspace import free_port

ADDRESS = "127.0.20.1"

_CONFIGURATION = """\
daemon off;
master_process off;
worker_processes 1;
pid {state}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  log_format ledger escape=json '{{"peer":"$remote_addr","host":"$host",'
    '"scheme":"$scheme","method":"$request_method","request":$request_length,'
    '"sent":$bytes_sent,"status":$status,"protocol":"$server_protocol",'
    '"connection":$connection,"query":"$args",'
    '"agent":"$http_user_agent"}}';
  access_log {state}/access.log ledger;
  client_body_temp_path {state}/body;
  proxy_temp_path {state}/proxy;
  fastcgi_temp_path {state}/fastcgi;
  uwsgi_temp_path {state}/uwsgi;
  scgi_temp_path {state}/scgi;
  default_type text/html;
  server_tokens off;
  client_max_body_size 0;
  # Longer than any test, so that the client closes first: a request that
  # meets a closing connection would be sent twice.
  keepalive_timeout 600s;
  keepalive_requests 100000;
  server {{
    listen {address}:{http};
    listen {address}:{https} ssl;
    listen {address}:{http2} ssl http2;
    server_name {names};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    absolute_redirect on;
    port_in_redirect on;
    root {pages};
    location = {redirect} {{ return 301 $scheme://$host:$server_port/; }}
    location = {broken} {{ return 503; }}
    # By way of a second server, so that the answer follows the whole body.
    location = {upload} {{ proxy_pass http://unix:{state}/upload.sock; }}
    # A server-side include may change a page's length: it goes in chunks.
    location /stream/ {{ ssi on; }}
    location = /slow.bin {{ limit_rate 400k; try_files /picture.bin =404; }}
  }}
  server {{
    listen unix:{state}/upload.sock;
    access_log off;
    location / {{ default_type text/plain; return 200 "stored\\n"; }}
  }}
}}
"""


def _fill(size):
    line = b"<p>A line of a page, as good as any other.</p>\n"
    return (line * (size // len(line) + 1))[:size]


class Origin:
    """Serves sites.PAGES under every name of sites.SITES."""

    def __init__(self, workspace):
        state = workspace.directory("origin", for_servers=True)
        pages = workspace.directory("pages")
        for path, size in sites.PAGES.items():
            name = pages + (path + "index.html" if path.endswith("/") else path)
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "wb") as file:
                file.write(_fill(size))
        names = (*sites.SITES, nghttpx.HOST)
        authority = Authority(workspace.directory("certificates"), names)
        self.ca = authority.ca
        self.http_port = free_port(ADDRESS)
        self.https_port = free_port(ADDRESS, exclude=(self.http_port,))
        self.http2_port = free_port(
            ADDRESS, exclude=(self.http_port, self.https_port)
        )
        self._log = os.path.join(state, "access.log")
        configuration = workspace.write(
            "nginx.conf",
            _CONFIGURATION.format(
                state=state,
                pages=pages,
                address=ADDRESS,
                http=self.http_port,
                https=self.https_port,
                http2=self.http2_port,
                names=" ".join(sites.SITES),
                certificate=authority.certificate,
                key=authority.key,
                redirect=sites.REDIRECT,
                broken=sites.BROKEN,
                upload=sites.UPLOAD,
            ),
        )
        self.service = Service(
            "nginx",
            ["nginx", "-e", "stderr", "-p", state, "-c", configuration],
            os.path.join(workspace.path, "nginx.out"),
            ordinary_user=True,
        )

    def wait(self):
        self.service.wait_listening(
            (ADDRESS, self.http_port),
            (ADDRESS, self.https_port),
            (ADDRESS, self.http2_port),
        )

    def url(self, scheme, site, path):
        port = self.https_port if scheme == "https" else self.http_port
        return f"{scheme}://{site}:{port}{path}"

    def http2_url(self, site, path):
        """Where HTTP/2 is offered too, inside TLS."""
        return f"https://{site}:{self.http2_port}{path}"

    def entries(self):
        """Requests of the access log, one dictionary each."""
        with open(self._log, encoding="utf-8") as log:
            lines = log.read().splitlines()
        return [json.loads(line) for line in lines]

    def requests(self):
        """Counter of (peer address, host)."""
        return collections.Counter((e["peer"], e["host"]) for e in self.entries())

    def responses(self):
        """Counter of (peer address, host, class such as "2xx")."""
        return collections.Counter(
            (e["peer"], e["host"], f"{e['status'] // 100}xx") for e in self.entries()
        )
