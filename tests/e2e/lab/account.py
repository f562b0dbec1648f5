"""What a vendor carried, as witnessed and as metered, in comparable form."""

import dataclasses


def _difference(later, earlier):
    keys = later.keys() | earlier.keys()
    both = {k: later.get(k, 0) - earlier.get(k, 0) for k in keys}
    return {k: v for k, v in both.items() if v != 0}


@dataclasses.dataclass
class Account:
    """Cumulative figures of one vendor.

    `requests` by host, `responses` by host and class, both without zeros.
    """

    connections: int
    tunnels: int
    sent: int
    received: int
    requests: dict
    responses: dict

    def __sub__(self, other):
        return Account(
            self.connections - other.connections,
            self.tunnels - other.tunnels,
            self.sent - other.sent,
            self.received - other.received,
            _difference(self.requests, other.requests),
            _difference(self.responses, other.responses),
        )


def witnessed(lab, vendor):
    """By the kernel (bytes, connections), the vendor (tunnels), the origin."""
    carried = vendor.carried(lab.witness)
    return Account(
        connections=carried.connections,
        tunnels=vendor.tunnels(),
        sent=carried.sent,
        received=carried.received,
        requests={
            host: count
            for (peer, host), count in lab.origin.requests().items()
            if peer == vendor.address
        },
        responses={
            (host, code): count
            for (peer, host, code), count in lab.origin.responses().items()
            if peer == vendor.address
        },
    )


def metered(metrics, vendor):
    """By proxymeter; requests that are inferred are in no account."""

    def by(name, *labels, **wanted):
        sums = {}
        for found, value in metrics.samples(
            name, proxy_vendor=vendor.name, **wanted
        ):
            key = tuple(found[label] for label in labels)
            sums[key] = sums.get(key, 0) + int(value)
        return {
            key if len(labels) > 1 else key[0]: value
            for key, value in sums.items()
            if value
        }

    return Account(
        connections=metrics.total(
            "proxymeter_connections_total", proxy_vendor=vendor.name, result="ok"
        ),
        tunnels=metrics.total("proxymeter_tunnels_total", proxy_vendor=vendor.name),
        sent=metrics.total("proxymeter_sent_bytes_total", proxy_vendor=vendor.name),
        received=metrics.total(
            "proxymeter_received_bytes_total", proxy_vendor=vendor.name
        ),
        requests=by(
            "proxymeter_requests_total", "destination_host", visibility="plaintext"
        ),
        responses=by(
            "proxymeter_responses_total", "destination_host", "response_code_class"
        ),
    )


def destinations(metrics, vendor):
    """{host: (sent, received)} by proxymeter, without zeros."""
    found = {}
    for index, name in enumerate(("sent", "received")):
        for labels, value in metrics.samples(
            f"proxymeter_{name}_bytes_total", proxy_vendor=vendor.name
        ):
            sums = found.setdefault(labels["destination_host"], [0, 0])
            sums[index] += int(value)
    return {host: tuple(sums) for host, sums in found.items() if any(sums)}
