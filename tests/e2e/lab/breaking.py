"""A server of HTTP/2 that leaves requests undone, and knows which."""

import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events

from .origin import ADDRESS

# What becomes of a request by its path; all others are answered whole.
NOTHING, HALF, REFUSED, RESET = "/nothing", "/half", "/refused", "/reset"
_CONFIGURATION = h2.config.H2Configuration(
    client_side=False, header_encoding="utf-8"
)
_HEAD = [(":status", "200"), ("content-type", "text/plain")]
_BODY = b"A line of a page.\n" * 100


class Breaking:
    """The first connection ends when so many requests came on it.

    It says goodbye by `goodbye`, a last stream and an error, and closes. On
    others every request is answered.
    """

    def __init__(self, name, requests, certificate=None, goodbye=None):
        self.name = name
        self._requests = requests
        self._goodbye = goodbye
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.set_alpn_protocols(["h2"])
            self._context.load_cert_chain(*certificate)
        self._listener = socket.create_server((ADDRESS, 0))
        self.endpoint = self._listener.getsockname()
        self.port = self.endpoint[1]
        self.rule = {"cidr": f"{ADDRESS}/32", "port": self.port}
        self.connections = 0
        # By what the first connection left undone, how often it did.
        self.left = {}
        self.service = self
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(60)
                if self._context:
                    connection = self._context.wrap_socket(
                        connection, server_side=True
                    )
                with connection:
                    self._talk(connection, first=self.connections == 1)

    def _talk(self, connection, first):
        talk = h2.connection.H2Connection(_CONFIGURATION)
        talk.initiate_connection()
        asked = 0
        while True:
            connection.sendall(talk.data_to_send())
            data = connection.recv(65536)
            if not data:
                return
            for event in talk.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    asked += 1
                    path = dict(event.headers)[":path"].split("?")[0]
                    self._answer(talk, event.stream_id, path if first else "/")
            if first and asked == self._requests:
                break
        self._end(connection, talk)

    def _answer(self, talk, stream, path):
        if path not in (NOTHING, HALF, REFUSED, RESET):
            talk.send_headers(stream, _HEAD)
            talk.send_data(stream, _BODY, end_stream=True)
            return
        self.left[path] = self.left.get(path, 0) + 1
        if path in (HALF, RESET):
            talk.send_headers(stream, _HEAD)
            talk.send_data(stream, _BODY)
        if path == RESET:
            talk.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
        if path == REFUSED:
            talk.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    def _end(self, connection, talk):
        if self._goodbye:
            last, error = self._goodbye
            talk.close_connection(error_code=error, last_stream_id=last)
        connection.sendall(talk.data_to_send())
