"""The kernel as witness: what every TCP connection carried, by tcp_info.

A NETLINK_SOCK_DIAG socket (sock_diag(7)) is told of every TCP socket of this
network namespace that is destroyed, with its final tcp_info. No privilege is
needed. Both ends of the lab's connections are on this machine, so both
report, and the bytes of one can be checked against the other.
"""

import collections
import dataclasses
import errno
import ipaddress
import os
import select
import socket
import struct
import sys
import threading
import time

SO_RCVBUFFORCE = 33  # socket(7)
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
INET_DIAG_INFO = 2
SKNLGRP_INET_TCP_DESTROY = 1
SKNLGRP_INET6_TCP_DESTROY = 3
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
TCP_TIME_WAIT, TCP_LISTEN = 6, 10

_NLMSGHDR = struct.Struct("=IHHII")
# inet_diag_msg up to inet_diag_sockid: family, state, timer, retransmits; then
# ports and addresses in network byte order.
_DIAG_MSG = struct.Struct("=4B2s2s16s16s")
_DIAG_MSG_BYTES = 72
_RTATTR = struct.Struct("=HH")
# Offsets in struct tcp_info (linux/tcp.h), 64-bit counters each.
_BYTES_ACKED, _BYTES_RECEIVED, _BYTES_SENT, _BYTES_RETRANS = 120, 128, 200, 208


@dataclasses.dataclass(frozen=True)
class Connection:
    """One end of a TCP connection and what the kernel counted for it."""

    local: tuple
    remote: tuple
    bytes_acked: int
    bytes_received: int
    bytes_sent: int
    bytes_retrans: int

    @property
    def data_sent(self):
        """Payload that left, each byte once."""
        return self.bytes_sent - self.bytes_retrans


def _messages(packet):
    while len(packet) >= _NLMSGHDR.size:
        length, kind, _, _, _ = _NLMSGHDR.unpack_from(packet)
        yield kind, packet[_NLMSGHDR.size : length]
        packet = packet[(length + 3) & ~3 :]


def _attributes(data):
    while len(data) >= _RTATTR.size:
        length, kind = _RTATTR.unpack_from(data)
        if length < _RTATTR.size:
            return
        yield kind, data[_RTATTR.size : length]
        data = data[(length + 3) & ~3 :]


def _endpoint(family, address, port):
    if family == socket.AF_INET:
        text = str(ipaddress.IPv4Address(address[:4]))
    else:
        parsed = ipaddress.IPv6Address(address)
        text = str(parsed.ipv4_mapped or parsed)
    return text, int.from_bytes(port, "big")


def _decode(payload):
    """The Connection of an inet_diag_msg; None for one without tcp_info."""
    family, _, _, _, sport, dport, src, dst = _DIAG_MSG.unpack_from(payload)
    info = dict(_attributes(payload[_DIAG_MSG_BYTES:])).get(INET_DIAG_INFO)
    if info is None:
        return None

    def counter(offset):
        return int.from_bytes(info[offset : offset + 8], sys.byteorder)

    return Connection(
        _endpoint(family, src, sport),
        _endpoint(family, dst, dport),
        counter(_BYTES_ACKED),
        counter(_BYTES_RECEIVED),
        counter(_BYTES_SENT),
        counter(_BYTES_RETRANS),
    )


def open_connections():
    """TCP connections that exist now, TIME_WAIT excluded."""
    return _dump(0xFFF & ~(1 << TCP_TIME_WAIT) & ~(1 << TCP_LISTEN))


def is_listening(address, port):
    """Whether a server is ready there: unlike a connection, leaves no trace."""
    return any(c.local == (address, port) for c in _dump(1 << TCP_LISTEN))


def _dump(states):
    """TCP sockets of both families in `states`, a set of bits."""
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        request = struct.pack(
            "=BBBBI", family, socket.IPPROTO_TCP, 1 << (INET_DIAG_INFO - 1), 0, states
        ) + bytes(48)
        header = _NLMSGHDR.pack(
            _NLMSGHDR.size + len(request),
            SOCK_DIAG_BY_FAMILY,
            NLM_F_REQUEST | NLM_F_DUMP,
            1,
            0,
        )
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG
        ) as netlink:
            netlink.send(header + request)
            found += _read_dump(netlink)
    return found


def _read_dump(netlink):
    found = []
    while True:
        for kind, payload in _messages(netlink.recv(1 << 18)):
            if kind == NLMSG_DONE:
                return found
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("=i", payload)[0]
                raise OSError(code, f"sock_diag: {os.strerror(code)}")
            connection = _decode(payload)
            if connection:
                found.append(connection)


def _make_marker():
    """A connection that has ended; its name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as marker:
            name = marker.getsockname()
            server.accept()[0].close()
    return name


@dataclasses.dataclass
class Carried:
    """What clients sent to and received from one endpoint."""

    connections: int = 0
    sent: int = 0
    received: int = 0

    def __sub__(self, other):
        return Carried(
            self.connections - other.connections,
            self.sent - other.sent,
            self.received - other.received,
        )


class Witness:
    """Collects destroyed connections until closed."""

    def __init__(self):
        self._lock = threading.Lock()
        self._packets = []  # not looked at yet
        self._ended = []
        self._error = None
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG
        )
        # Others on this machine may end thousands of connections at once. Only
        # root goes beyond the system's limit.
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        groups = 0
        for group in (SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY):
            groups |= 1 << (group - 1)
        self._socket.bind((0, groups))
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def close(self):
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._socket.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _collect(self):
        while True:
            ready, _, _ = select.select([self._socket, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            try:
                packet = self._socket.recv(1 << 18)
            except OSError as error:
                # ENOBUFS: the kernel dropped events, so no sum is exact.
                with self._lock:
                    self._error = error
                return
            with self._lock:
                self._packets.append(packet)

    def ended(self):
        with self._lock:
            if self._error:
                lost = self._error.errno == errno.ENOBUFS
                raise RuntimeError(
                    "the kernel's witness lost events" if lost else str(self._error)
                )
            packets, self._packets = self._packets, []
            for packet in packets:
                ended = [_decode(p) for k, p in _messages(packet) if k > NLMSG_DONE]
                self._ended += [c for c in ended if c]
            return list(self._ended)

    def settle(self, endpoints, seconds=60):
        """Waits until no connection to `endpoints` is open or unreported."""
        endpoints = set(endpoints)
        deadline = time.monotonic() + seconds
        while True:
            busy = [
                c
                for c in open_connections()
                if c.remote in endpoints or c.local in endpoints
            ]
            if not busy:
                self._await_markers(deadline)
                busy = self._without_peer(endpoints)
                if not busy:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"connections not ended: {busy}")
            time.sleep(0.05)

    def _await_markers(self, deadline):
        """Events come by way of kernel queues, one of each CPU.

        Waits for a late one of ours by each: one queue may lag behind another.
        """
        cpus = os.sched_getaffinity(0)
        names = set()
        try:
            for cpu in cpus:
                os.sched_setaffinity(0, {cpu})
                names.add(_make_marker())
        finally:
            os.sched_setaffinity(0, cpus)
        while not names.issubset(c.local for c in self.ended()):
            if time.monotonic() > deadline:
                raise TimeoutError("the kernel reports no ended connection")
            time.sleep(0.01)

    def _without_peer(self, endpoints):
        ended = self.ended()
        pairs = {(c.local, c.remote) for c in ended}
        return [
            c
            for c in ended
            if (c.remote in endpoints or c.local in endpoints)
            and (c.bytes_sent or c.bytes_received)
            and (c.remote, c.local) not in pairs
        ]

    def carried(self, endpoint, counts=None):
        """Sums over all ended connections to `endpoint` (address, port).

        With `counts`, of those alone for which it is true: given the client's
        address and port, and how many connections from there ended before.

        A client's bytes_received counts one more when the peer's FIN arrived;
        what the peer sent does not, but may include bytes that the client,
        gone by then, never took. The lesser of the two is what was received.
        """
        ended = self.ended()
        peers = {}
        for connection in ended:
            if connection.local == endpoint:
                key = (connection.remote, connection.local)
                peers.setdefault(key, []).append(connection)
        total = Carried()
        before = collections.Counter()
        for one in ended:
            if one.remote != endpoint:
                continue
            before[one.local] += 1
            mine = counts is None or counts(one.local, before[one.local] - 1)
            # A port that is used again makes several connections of one name:
            # they end in the order in which they began.
            matching = peers.get((one.local, one.remote), [])
            if not matching:
                if one.bytes_sent or one.bytes_received:
                    raise RuntimeError(f"peer not seen: {one}")
                continue
            peer = matching.pop(0)
            if not mine:
                continue
            total.connections += 1
            total.sent += one.data_sent
            total.received += min(one.bytes_received, peer.data_sent)
        return total
