"""Vendors behind one proxy address, which the user name alone tells apart.

Every grammar of the catalogue, through real proxies that ask for user name and
password.
"""

import base64
import collections
import dataclasses
import json
import os
import subprocess
import time
import unittest

from lab import crawlers, search, sites, user_names
from lab.guarded import GuardedDante, GuardedSquid
from lab.lab import Lab, program
from metered_case import ARRIVAL_SECONDS

ADDRESS = "127.0.24.1"
SITE = sites.SITES[0]
# Each account comes from an address of its own: ports may be used again, and a
# connection is to be told by its name for the whole of the test.
CLIENTS = "127.0.25."
# PySocks writes the length of longer ones in two bytes.
PYSOCKS_LONGEST = 127
# One product more, which takes a value of the user name to itself.
PRODUCT = {"use": "brightdata", "zone": "dc", "name": "brightdata-dc"}


@dataclasses.dataclass
class Figures:
    """What is counted of one product, or of one vendor."""

    sent: int = 0
    received: int = 0
    requests: int = 0
    responses: collections.Counter = dataclasses.field(
        default_factory=collections.Counter
    )

    def __add__(self, other):
        return Figures(
            self.sent + other.sent,
            self.received + other.received,
            self.requests + other.requests,
            self.responses + other.responses,
        )


def configuration():
    """Each vendor of the catalogue at the one address.

    By how its user names begin: two vendors' grammars may be alike, but not the
    accounts that one has with them.
    """
    vendors = []
    for name, vendor in user_names.catalogue().items():
        rules = []
        for grammar in user_names.grammars(vendor, "user_names") or ["{user}"]:
            text, value_follows = user_names.head(grammar)
            user = text + (name if value_follows else "") + "*"
            rules.append({"cidr": f"{ADDRESS}/32", "user": user})
        vendors.append({"use": name, "match": rules})
    product = {**PRODUCT, "match": [{"cidr": f"{ADDRESS}/32"}]}
    return json.dumps({"version": 1, "vendors": [*vendors, product]}, indent=1)


def secrets(accounts):
    words = [word for account in accounts for word in account.secrets]
    encoded = [piece for word in words for piece in search.in_base64(word)]
    return [word.encode() for word in words], encoded


def vendor_of(account):
    if account.vendor == PRODUCT["use"] and account.labels["zone"] == PRODUCT["zone"]:
        return PRODUCT["name"]
    return account.vendor


class UserNames(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.accounts = user_names.accounts()
        cls.lab = cls.enterClassContext(Lab(names=()))
        cls.squid, cls.dante = cls.proxies = [
            kind(
                cls.lab.workspace,
                cls.lab.hosts_file,
                name,
                ADDRESS,
                ADDRESS,
                cls.accounts,
            )
            for kind, name in ((GuardedSquid, "squid"), (GuardedDante, "dante"))
        ]
        for proxy in cls.proxies:
            cls.addClassCleanup(proxy.stop)
            proxy.service.wait_listening(proxy.endpoint)
        cls.directory = cls.lab.new_directory()
        config = cls.lab.workspace.write("users.yaml", configuration())
        cls.collector = cls.lab.start_collector(cls.directory, config)

    def url(self, scheme, serial):
        """The origin's log tells whose a request was."""
        return self.lab.origin.url(scheme, SITE, f"/catalogue.html?{serial}")

    def start(self, script, *arguments):
        """A crawler that takes orders."""
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), script)
        process = subprocess.Popen(
            crawlers.resolving(
                [*self.lab.metered(self.directory), crawlers.PYTHON, path, *arguments]
            ),
            env=self.lab.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        process.stdin.close()
        process.stdout.close()
        process.wait(60)

    def order(self, process, order):
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        return process.stdout.readline().split()

    def crawl_by_curl(self, serial, account):
        """In clear and in tunnels; those that are refused at first apart."""
        common = ["--silent", "--show-error", "--cacert", self.lab.origin.ca]
        common += ["--interface", CLIENTS + str(serial + 1)]
        common += ["--output", "/dev/null", "--write-out", "%{response_code} "]
        common += ["--proxy-user", f"{account.user}:{account.password}"]

        def crawl(*ways):
            line = ["curl"]
            for proxy, scheme, options in ways:
                line += [*common, *options, "--proxy", proxy.url]
                line += [self.url(scheme, serial), "--next"]
            done = crawlers.run(
                line[:-1],
                self.lab.environment(),
                prefix=self.lab.metered(self.directory),
            )
            self.assertEqual(done.stdout.split(), ["200"] * len(ways))

        crawl(
            (self.squid, "http", []),
            (self.squid, "https", []),
            (self.dante, "http", []),
            (self.dante, "https", []),
        )
        crawl((self.squid, "http", ["--proxy-anyauth"]))
        crawl((self.squid, "https", ["--proxy-anyauth"]))

    def crawl_by_requests(self, process, serial, account):
        urls = [self.url(scheme, serial) for scheme in ("http", "https")]
        for proxy in self.proxies:
            longest = max(len(account.user), len(account.password))
            if proxy is self.dante and longest > PYSOCKS_LONGEST:
                continue
            word = f"{account.user}:{account.password}"
            url = f"{proxy.scheme}://{word}@{proxy.host}:{proxy.port}"
            order = [url, CLIENTS + str(serial + 1), urls]
            self.assertEqual(self.order(process, order), ["200", "200"])

    def connections(self):
        """{proxy: {client's address and port: user}}, by the proxies' logs.

        Those on which no user name was ever accepted are nobody's.
        """
        found = {proxy: {} for proxy in self.proxies}
        named = [
            (self.squid, t.client, t.user) for t in self.squid.transactions()
        ] + [(self.dante, *made) for made in self.dante.made()]
        for proxy, client, user in named:
            if user != "-":
                self.assertEqual(found[proxy].setdefault(client, user), user)
        return found

    def witnessed(self):
        """Of each product, and of each vendor with connections and tunnels.

        Bytes and connections by the kernel, tunnels and refusals by the proxies'
        logs, what came of other requests by the origin's.
        """
        owners = self.connections()
        statuses = collections.defaultdict(list)
        for entry in self.lab.origin.entries():
            statuses[entry["query"]].append(entry["status"])
        transactions = collections.defaultdict(list)
        for transaction in self.squid.transactions():
            user = owners[self.squid].get(transaction.client)
            transactions[user].append(transaction)
        products, vendors = {}, {}
        for serial, account in enumerate(self.accounts):
            figures, connections = Figures(), 0
            for proxy in self.proxies:
                clients = {
                    client
                    for client, user in owners[proxy].items()
                    if user == account.user
                }
                carried = self.lab.witness.carried(
                    proxy.endpoint, lambda client, _, mine=clients: client in mine
                )
                figures += Figures(carried.sent, carried.received)
                connections += carried.connections
                if proxy is self.squid:
                    self.assertEqual(
                        (carried.sent, carried.received),
                        (
                            sum(t.from_client for t in transactions[account.user]),
                            sum(t.to_client for t in transactions[account.user]),
                        ),
                        "kernel and Squid agree",
                    )
            # What the proxy refuses does not come to the origin.
            codes = statuses[str(serial)] + [
                t.status
                for t in transactions[account.user]
                if t.status == 407 and t.method != "CONNECT"
            ]
            figures.requests = len(codes)
            figures.responses.update(f"{code // 100}xx" for code in codes)
            tunnels = collections.Counter(
                str(t.status)
                for t in transactions[account.user]
                if t.method == "CONNECT"
            )
            tunnels["socks5_0"] = list(owners[self.dante].values()).count(
                account.user
            )
            vendor = vendor_of(account)
            product = (vendor, *sorted(account.labels.items()))
            if account.labels:
                products[product] = products.get(product, Figures()) + figures
            old = vendors.get(vendor, (Figures(), 0, collections.Counter()))
            vendors[vendor] = (
                old[0] + figures,
                old[1] + connections,
                old[2] + tunnels,
            )
        return products, vendors

    def metered(self):
        """The same by proxymeter."""
        metrics = self.collector.metrics()

        def collect(prefix):
            found = {}
            for name in ("sent_bytes", "received_bytes", "requests", "responses"):
                for labels, value in metrics.samples(f"{prefix}_{name}_total"):
                    code = labels.pop("response_code_class", None)
                    vendor = labels.pop("proxy_vendor")
                    figures = found.setdefault(
                        (vendor, *sorted(labels.items())), Figures()
                    )
                    if code and value:
                        figures.responses[code] += int(value)
                    elif not code:
                        setattr(figures, name.split("_", maxsplit=1)[0], int(value))
            return found

        tunnels = collections.defaultdict(collections.Counter)
        for labels, value in metrics.samples("proxymeter_tunnels_total"):
            tunnels[labels["proxy_vendor"]][labels["response_code"]] += int(value)
        return collect("proxymeter_product"), {
            vendor: (
                figures,
                metrics.total(
                    "proxymeter_connections_total", proxy_vendor=vendor, result="ok"
                ),
                tunnels[vendor],
            )
            for (vendor,), figures in collect("proxymeter_vendor").items()
        }

    def assert_held_back(self, where, content, words):
        for word in words:
            self.assertFalse(word in content, f"{word} is in {where}")

    def assert_no_secret_outside(self):
        """Nowhere that anybody but the crawler could read."""
        plain, encoded = secrets(self.accounts)
        words = plain + encoded
        top = subprocess.run(
            [program(), "top", "--dir", self.directory, "--json", "--once"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        self.assertIn(b'"brightdata-dc"', top.stdout)
        self.assert_held_back("top", top.stdout, words)
        self.assert_held_back(
            "metrics", self.collector.metrics().text.encode(), words
        )
        self.assert_held_back(
            "the log", self.collector.service.log().encode(), words
        )
        journals = 0
        for folder, _, names in os.walk(self.directory):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.isfile(path):
                    continue
                journals += os.path.basename(folder) == "journals"
                with open(path, "rb") as file:
                    self.assert_held_back(path, file.read(), words)
        self.assertGreater(journals, 0, "a journal of a living crawler")

    def test_everything_is_told_apart_by_user_name(self):
        process = self.start("users_crawler.py", self.lab.origin.ca)
        for serial, account in enumerate(self.accounts):
            self.crawl_by_curl(serial, account)
            self.crawl_by_requests(process, serial, account)
        self.lab.witness.settle(proxy.endpoint for proxy in self.proxies)
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while self.metered() != self.witnessed() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.metered(), self.witnessed())
        self.assert_no_secret_outside()
        self.end(process)
        self.collector.settle()
        products, vendors = self.witnessed()
        found_products, found_vendors = self.metered()
        self.assertEqual(found_products, products)
        self.assertEqual(found_vendors, vendors)
        self.assertEqual(vendors.keys(), {vendor_of(a) for a in self.accounts})
        self.assertEqual(
            sum(connections for _, connections, _ in vendors.values()),
            sum(
                self.lab.witness.carried(proxy.endpoint).connections
                for proxy in self.proxies
            ),
        )
        # Each was refused once in clear and once before a tunnel.
        refused = [t.method for t in self.squid.transactions() if t.status == 407]
        times = len(self.accounts)
        self.assertEqual(
            collections.Counter(refused), {"GET": times, "CONNECT": times}
        )
        metrics = self.collector.metrics()
        for event in ("credentials_unread", "labels_dropped", "rows_overflowed"):
            self.assertEqual(
                metrics.total("proxymeter_shim_events_total", event=event), 0, event
            )

    def exchanges(self, account):
        """What a client says to Dante and to Squid, as files."""
        write = self.lab.workspace.directory(f"said{self.serial}")
        self.serial += 1
        word = f"{account.user}:{account.password}"
        authorization = base64.b64encode(word.encode()).decode()
        _, port = self.lab.origin.url("http", SITE, "").rsplit(":", 1)
        target = f"{SITE}:{port}"
        get = f"Host: {target}\r\nConnection: close\r\n"
        user, password = account.user.encode(), account.password.encode()
        said = (
            (
                self.dante,
                [
                    b"\5\1\2",
                    bytes([1, len(user)]) + user + bytes([len(password)]) + password,
                    b"\5\1\0\3"
                    + bytes([len(SITE)])
                    + SITE.encode()
                    + int(port).to_bytes(2, "big"),
                    f"GET /missing HTTP/1.1\r\n{get}\r\n".encode(),
                ],
            ),
            # Last, so that nothing is read after it where it was read.
            (
                self.squid,
                [
                    f"GET http://{target}/missing HTTP/1.1\r\n{get}"
                    f"Proxy-Authorization: Basic {authorization}\r\n\r\n".encode()
                ],
            ),
        )
        for proxy, messages in said:
            paths = []
            for message in messages:
                paths.append(os.path.join(write, f"{proxy.name}{len(paths)}"))
                with open(paths[-1], "wb") as file:
                    file.write(message)
            yield [proxy.endpoint, paths]

    def test_nothing_stays_in_memory(self):
        """So it would be in no core dump, if the program kept nothing itself."""
        self.serial = 0
        process = self.start("wiping_crawler.py")
        chosen = [a for a in self.accounts if len(a.secrets) > 1][::3]
        for account in chosen:
            for exchange in self.exchanges(account):
                (answer,) = self.order(process, exchange)
                self.assertGreater(int(answer), 100)
        plain, encoded = secrets(chosen)
        # It is all there as long as the program has it.
        before = b"".join(search.memory(process.pid).values())
        for word in plain:
            self.assertIn(word, before)
        self.assertTrue(any(word in before for word in encoded))
        self.assertEqual(self.order(process, "wipe"), ["wiped"])
        for place, content in search.memory(process.pid).items():
            self.assert_held_back(place, content, plain + encoded)


if __name__ == "__main__":
    unittest.main()
