"""Sends datagrams by a SOCKS5 proxy: udp_crawler.py PROXY PORT TARGET PORT SIZE..."""

import ipaddress
import socket
import struct
import sys

proxy, proxy_port, target, port, *sizes = sys.argv[1:]
control = socket.create_connection((proxy, int(proxy_port)), timeout=60)
control.sendall(b"\5\1\0")
assert control.recv(2) == b"\5\0"
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind((control.getsockname()[0], 0))
datagrams.settimeout(60)
control.sendall(
    b"\5\3\0\1" + socket.inet_aton(datagrams.getsockname()[0])
    + struct.pack("!H", datagrams.getsockname()[1])
)
reply = control.recv(10)
assert reply[:4] == b"\5\0\0\1", reply
relay = (socket.inet_ntoa(reply[4:8]), struct.unpack("!H", reply[8:])[0])
head = b"\0\0\0\1" + ipaddress.ip_address(target).packed + struct.pack("!H", int(port))
for number, size in enumerate(map(int, sizes)):
    if number == len(sizes) // 2:
        # The other way to send them.
        datagrams.connect(relay)
    if number < len(sizes) // 2:
        datagrams.sendto(head + b"x" * size, relay)
        answer, source = datagrams.recvfrom(65536)
        assert source == relay
    else:
        datagrams.send(head + b"x" * size)
        answer = datagrams.recv(65536)
    print(len(answer) - len(head))
