"""Visits URLs by a proxy that wants the PROXY protocol first:

    prefixed_crawler.py 1|2 ADDRESS PORT URL...
"""

import http.client
import ipaddress
import socket
import struct
import sys

version, address, port, *urls = sys.argv[1:]
here = socket.create_connection((address, int(port)), timeout=60)
source, destination = here.getsockname(), here.getpeername()
if version == "1":
    words = ("PROXY TCP4", source[0], destination[0], source[1], destination[1])
    prefix = " ".join(map(str, words)).encode() + b"\r\n"
else:
    both = [ipaddress.ip_address(end[0]).packed for end in (source, destination)]
    body = b"".join(both) + struct.pack("!HH", source[1], destination[1])
    # With a TLV of no meaning behind the addresses (PP2_TYPE_NOOP).
    body += struct.pack("!BH", 4, 5) + bytes(5)
    prefix = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(body)) + body
here.sendall(prefix)
talk = http.client.HTTPConnection(address, int(port))
talk.sock = here
for url in urls:
    talk.request("GET", url)
    answer = talk.getresponse()
    answer.read()
    print(answer.status)
talk.close()
