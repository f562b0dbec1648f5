"""`proxymeter collector` as a service of the lab."""

import json
import os
import stat

from .metrics import Metrics
from .service import Service, wait_until
from .workspace import free_port

ADDRESS = "127.0.0.1"


def configuration(vendors):
    """The vendor configuration. JSON is YAML, so nothing else is needed."""
    return json.dumps(
        {
            "version": 1,
            "vendors": [
                {"name": v.name, "match": [v.rule], **getattr(v, "terms", {})}
                for v in vendors
            ],
        },
        indent=2,
    )


class Collector:
    """One running collector over `directory`.

    Unless it audits, what the library does not report is not there: for tests
    of the library that run programs without it too.
    """

    def __init__(
        self,
        program,
        directory,
        config_file,
        log_path,
        more=(),
        audit=False,
        hosts_file=None,
        ordinary_user=False,
    ):
        self.directory = directory
        self.metrics_port = free_port(ADDRESS)
        self.grpc_port = free_port(ADDRESS, exclude=(self.metrics_port,))
        self.socket = os.path.join(directory, "collector.sock")
        self.service = Service(
            "proxymeter collector",
            [program, "collector", "--dir", directory, "--config", config_file]
            + ["--metrics-listen", f"{ADDRESS}:{self.metrics_port}"]
            + ["--grpc-listen", self.grpc_endpoint, *more]
            + ([] if audit else ["--no-audit"]),
            log_path,
            hosts_file=hosts_file,
            ordinary_user=ordinary_user,
        )
        try:
            self.service.wait_listening(
                (ADDRESS, self.metrics_port), (ADDRESS, self.grpc_port)
            )
            self.service.wait_for(self._has_socket, "listening on its socket")
        except BaseException:
            self.service.kill()
            raise

    @property
    def grpc_endpoint(self):
        return f"{ADDRESS}:{self.grpc_port}"

    @property
    def metrics_url(self):
        return f"http://{ADDRESS}:{self.metrics_port}/metrics"

    def _has_socket(self):
        try:
            return stat.S_ISSOCK(os.stat(self.socket).st_mode)
        except FileNotFoundError:
            return False

    def metrics(self):
        return Metrics.scrape(self.metrics_url)

    def settle(self, seconds=60):
        """Waits until every session has ended and is accounted for."""

        def idle():
            metrics = self.metrics()
            return metrics if metrics.total("proxymeter_sessions") == 0 else None

        return wait_until(idle, seconds, "collector: sessions to end")

    def stop(self):
        return self.service.stop()

    def kill(self):
        return self.service.kill()
