"""Goes on with the connection that it was started with as descriptor 9.

goes_on.py URL
"""

import socket
import sys

connection = socket.socket(fileno=9)
connection.sendall(
    f"GET {sys.argv[1]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
)
while connection.recv(65536):
    pass
