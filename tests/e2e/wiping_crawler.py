"""A crawler that keeps no copy of what it sends, for those who look for one.

Reads lines of JSON from its input. A list is an exchange: where to connect, and
files, each of them sent before an answer is read. "wipe" overwrites what was
sent. Each is answered by a line.
"""

import json
import os
import socket
import sys

sent = []


def load(path):
    """As bytes that nothing else in this process has ever held."""
    descriptor = os.open(path, os.O_RDONLY)
    size = os.fstat(descriptor).st_size
    content = bytearray(size)
    os.readv(descriptor, [content])
    os.close(descriptor)
    sent.append(content)
    return content


def exchange(address, paths):
    answer = bytearray(65536)
    received = 0
    with socket.create_connection(address, 60) as connection:
        for path in paths:
            connection.sendall(load(path))
            received = connection.recv_into(answer)
        last = received
        while last:
            last = connection.recv_into(answer)
            received += last
    return received


def main():
    for line in sys.stdin:
        order = json.loads(line)
        if order == "wipe":
            for content in sent:
                content[:] = bytes(len(content))
            print("wiped", flush=True)
        else:
            print(exchange(*map(tuple, order)), flush=True)


if __name__ == "__main__":
    main()
