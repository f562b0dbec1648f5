"""Crawls for as long as it is told to: steady_crawler.py PROXY_HOST PROXY_PORT URL.

One connection to the proxy is kept open from the first word to the last. On
standard input it takes "kept N" (N requests on that one), "fresh N" (N requests,
each on a connection of its own) and "both" (one of each until the next line
comes); it answers each with the number of requests that it made.
"""

import http.client
import select
import sys

host, port, url = sys.argv[1:]
kept = http.client.HTTPConnection(host, int(port), timeout=60)


def request(connection):
    connection.request("GET", url)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200 and body, answer.status


def fresh():
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    request(connection)
    connection.close()


def both():
    made = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        request(kept)
        fresh()
        made += 2
    return made


# Unbuffered, so that select() sees the next line.
while word := sys.stdin.readline().split():
    if word[0] == "both":
        print(both(), flush=True)
        continue
    for _ in range(int(word[1])):
        request(kept) if word[0] == "kept" else fresh()
    print(word[1], flush=True)
kept.close()
