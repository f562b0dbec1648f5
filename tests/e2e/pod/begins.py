"""Uses a connection, and leaves the rest of it to another program.

begins.py HOST PORT URL PROGRAM ARGUMENT...: the program has the connection as
its descriptor 9. Prints how many bytes were sent and received before.
"""

import os
import socket
import sys

host, port, url, *then = sys.argv[1:]
request = f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
connection = socket.create_connection((host, int(port)))
connection.sendall(request)
head = b""
while not head.endswith(b"\r\n\r\n"):
    head += connection.recv(1)
(length,) = [
    int(line.split(b":")[1])
    for line in head.split(b"\r\n")
    if line.lower().startswith(b"content-length:")
]
left = length
while left:
    left -= len(connection.recv(left))
print(len(request), len(head) + length, flush=True)
os.dup2(connection.fileno(), 9)
os.execvp(then[0], then)
