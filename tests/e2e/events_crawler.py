"""Listens to events, then polls: events_crawler.py PROXY_HOST PORT BASE_URL"""

import http.client
import sys

host, port, base = sys.argv[1:]


def ask(path):
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", base + path)
    return connection.getresponse()


events = ask("/events")
print(events.readline().decode().strip())
print(ask("/heard").read().decode())
print(events.read().decode().count("data:"))
print(ask("/poll").read().decode())
