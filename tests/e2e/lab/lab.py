"""The whole laboratory."""

import os

from . import crawlers, names, nghttpx, own_network, sites, vendors
from .collector import Collector, configuration
from .origin import ADDRESS as ORIGIN_ADDRESS
from .origin import Origin
from .witness import Witness
from .workspace import Workspace


def program():
    """The proxymeter program under test."""
    return os.environ.get("PROXYMETER_PROGRAM") or os.path.join(
        crawlers.ROOT, "build", "release", "bin", "proxymeter"
    )


def library():
    """The preload library under test."""
    return os.environ.get("PROXYMETER_LIBRARY") or os.path.join(
        crawlers.ROOT, "build", "release", "lib", "libproxymeter.so"
    )


class Lab:
    """Context manager: origin, vendors and witness; collectors on request."""

    def __init__(self, names=None, choice=vendors.ALL):
        """Runs the vendors of `choice` called `names`; all of them for None."""
        self._names = names
        self._choice = choice
        self._collectors = []
        self._number = 0
        self.vendors = {}
        self.origin = None
        self.witness = None

    def __enter__(self):
        self.workspace = Workspace()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def _start(self):
        wanted = [v for v in self._choice if self._names is None or v[1] in self._names]
        hosts = [(ORIGIN_ADDRESS, site) for site in sites.SITES]
        hosts += [(address, host) for _, _, address, host in wanted if host]
        hosts += [(nghttpx.ADDRESS, nghttpx.HOST)]
        self.hosts_file = self.workspace.write(
            "hosts", names.hosts(hosts)
        )
        self.origin = Origin(self.workspace)
        for kind, name, address, host in wanted:
            self.vendors[name] = kind(
                self.workspace, self.hosts_file, name, address, host
            )
        self.origin.wait()
        for vendor in self.vendors.values():
            vendor.service.wait_listening(vendor.endpoint)
        self.upload_file = self.workspace.write("upload", "An uploaded line.\n" * 9000)
        self.config_file = self.workspace.write(
            "vendors.yaml", configuration(self.vendors.values())
        )
        self.witness = Witness()

    def _stop(self):
        for collector in self._collectors:
            collector.kill()
        if self.witness:
            self.witness.close()
        for vendor in self.vendors.values():
            vendor.stop()
        if self.origin:
            self.origin.service.stop()
        self.workspace.remove()

    def new_directory(self, for_servers=False):
        """An empty directory for a collector."""
        self._number += 1
        return self.workspace.directory(f"pm{self._number}", for_servers)

    def start_collector(
        self, directory, config_file=None, more=(), audit=None, ordinary_user=False
    ):
        """Audits in a network of our own: elsewhere others' sockets count too."""
        self._number += 1
        log = os.path.join(self.workspace.path, f"collector{self._number}.out")
        collector = Collector(
            program(),
            directory,
            config_file or self.config_file,
            log,
            more,
            own_network.is_inside() if audit is None else audit,
            self.hosts_file,
            ordinary_user,
        )
        self._collectors.append(collector)
        return collector

    def settle(self):
        """Waits until no vendor has a connection left."""
        self.witness.settle(v.endpoint for v in self.vendors.values())

    def urls(self, scheme, site, paths=None):
        return [
            self.origin.url(scheme, site, path)
            for path in paths or sites.crawl_paths()
        ]

    def environment(self, **more):
        return {**crawlers.environment(self.hosts_file), **more}

    def metered(self, directory):
        """What goes before a command to meter it."""
        return [program(), "run", "--dir", directory, "--"]

    def crawl(self, client, vendor, scheme, site, directory=None):
        """The usual crawl; metered when a `directory` is given."""
        upload = (self.upload_file, self.origin.url(scheme, site, sites.UPLOAD))
        return crawlers.run(
            crawlers.command(
                client,
                vendor,
                self.origin,
                self.urls(scheme, site),
                upload,
            ),
            self.environment(),
            prefix=self.metered(directory) if directory else (),
        )

