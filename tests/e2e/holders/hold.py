"""Opens a connection by each proxy and holds it until standard input ends.

Usage: hold.py TARGET PROXY...; PROXY is HOST:PORT, asked to CONNECT to TARGET,
or socks:HOST:PORT, greeted alone. Says "PID SENT RECEIVED" when all are open.
"""

import os
import socket
import sys


def answer(connection, end):
    received = b""
    while not received.endswith(end):
        byte = connection.recv(1)
        if not byte:
            sys.exit(f"closed after {received}")
        received += byte
    return len(received)


def main():
    target, *proxies = sys.argv[1:]
    connections, sent, received = [], 0, 0
    for proxy in proxies:
        *kind, host, port = proxy.split(":")
        connection = socket.create_connection((host, int(port)))
        connections.append(connection)
        if kind:
            request, end = bytes([5, 1, 0]), bytes([5, 0])  # RFC 1928, 3
        else:
            request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()
            end = b"\r\n\r\n"
        connection.sendall(request)
        sent += len(request)
        received += answer(connection, end)
    print(os.getpid(), sent, received, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
