"""Visits a site by tunnels in one HTTP/2 connection to a proxy.

    http2_tunnels.py PROXY CA TUNNELS:AT_ONCE h2|http/1.1 URL...

PROXY is [clear:]ADDRESS:PORT. Every tunnel visits all URLs. One thread; TLS in
tunnels goes by memory.
"""

import collections
import socket
import ssl
import sys
import urllib.parse

import h2.config
import h2.connection
import h2.events
import h11


def connection():
    # It would want every request to have a path, CONNECT too.
    config = h2.config.H2Configuration(
        header_encoding="utf-8", validate_outbound_headers=False
    )
    made = h2.connection.H2Connection(config)
    made.initiate_connection()
    return made


class Gate:
    """The connection to the proxy; what came in is kept by stream."""

    def __init__(self, proxy, ca):
        clear = proxy.startswith("clear:")
        address, port = proxy.removeprefix("clear:").rsplit(":", 1)
        self.socket = socket.create_connection((address, int(port)))
        if not clear:
            context = ssl.create_default_context(cafile=ca)
            context.check_hostname = False
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(
                self.socket, server_hostname="gate.proxy.test"
            )
        self.http = connection()
        self.statuses = {}
        self.arrived = collections.defaultdict(bytes)
        self.ended = set()

    def connect(self, authority):
        stream = self.http.get_next_available_stream_id()
        self.http.send_headers(
            stream, [(":method", "CONNECT"), (":authority", authority)]
        )
        return stream

    def send(self, stream, data):
        while data:
            room = min(
                self.http.local_flow_control_window(stream),
                self.http.max_outbound_frame_size,
            )
            self.http.send_data(stream, data[:room])
            data = data[room:]

    def flush(self):
        data = self.http.data_to_send()
        if data:
            self.socket.sendall(data)

    def pump(self):
        self.flush()
        data = self.socket.recv(65536)
        if not data:
            raise SystemExit("the proxy has gone")
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.statuses[event.stream_id] = int(dict(event.headers)[":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.arrived[event.stream_id] += event.data
                self.http.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self.ended.add(event.stream_id)


class Tunnel:
    """One CONNECT and the TLS session in it. What waits is a generator."""

    def __init__(self, gate, context, url):
        self.gate = gate
        self.stream = gate.connect(url.netloc)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_hostname=url.hostname
        )

    def granted(self):
        while self.stream not in self.gate.statuses:
            yield
        return self.gate.statuses[self.stream] == 200

    def _by_tls(self, call):
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                pass
            finally:
                self.gate.send(self.stream, self.outgoing.read())
            while not self.gate.arrived[self.stream]:
                if self.stream in self.gate.ended:
                    raise SystemExit("a tunnel has ended")
                yield
            self.incoming.write(self.gate.arrived.pop(self.stream))

    def handshake(self):
        yield from self._by_tls(self.tls.do_handshake)

    def write(self, data):
        yield from self._by_tls(lambda: self.tls.write(data))

    def read(self):
        return (yield from self._by_tls(lambda: self.tls.read(65536)))

    def close(self):
        """As a client closes: the server ends the tunnel then."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.gate.send(self.stream, self.outgoing.read())
        self.gate.http.end_stream(self.stream)
        while self.stream not in self.gate.ended:
            yield


def by_http1(tunnel, url):
    talk = h11.Connection(h11.CLIENT)
    head = h11.Request(method="GET", target=url.path, headers=[("Host", url.netloc)])
    yield from tunnel.write(talk.send(head) + talk.send(h11.EndOfMessage()))
    status, size = 0, 0
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data((yield from tunnel.read()))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            size += len(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return f"{status} {size}"


def by_http2(tunnel, http, url):
    stream = http.get_next_available_stream_id()
    names = {"method": "GET", "scheme": "https", "authority": url.netloc}
    head = [(f":{key}", value) for key, value in {**names, "path": url.path}.items()]
    http.send_headers(stream, head, end_stream=True)
    status, size = 0, 0
    while True:
        yield from tunnel.write(http.data_to_send() or b"")
        for event in http.receive_data((yield from tunnel.read())):
            if isinstance(event, h2.events.ResponseReceived):
                status = dict(event.headers)[":status"]
            elif isinstance(event, h2.events.DataReceived):
                size += len(event.data)
                http.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )
            elif isinstance(event, h2.events.StreamEnded):
                return f"{status} {size}"


def visit(gate, context, alpn, urls):
    tunnel = Tunnel(gate, context, urls[0])
    if not (yield from tunnel.granted()):
        print("refused", gate.statuses[tunnel.stream])
        return
    yield from tunnel.handshake()
    assert tunnel.tls.selected_alpn_protocol() == alpn
    seen = []
    inner = connection() if alpn == "h2" else None
    for url in urls:
        if inner:
            seen.append((yield from by_http2(tunnel, inner, url)))
        else:
            seen.append((yield from by_http1(tunnel, url)))
    yield from tunnel.close()
    print(", ".join(seen))


def main():
    proxy, ca, count, alpn, *urls = sys.argv[1:]
    urls = [urllib.parse.urlsplit(url) for url in urls]
    total, at_once = map(int, count.split(":"))
    gate = Gate(proxy, ca)
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols([alpn])
    waiting = [visit(gate, context, alpn, urls) for _ in range(total)]
    running = []
    while waiting or running:
        while waiting and len(running) < at_once:
            running.append(waiting.pop(0))
        for each in list(running):
            try:
                next(each)
            except StopIteration:
                running.remove(each)
        if running:
            gate.pump()
    gate.http.close_connection()
    gate.flush()
    gate.socket.close()


main()
