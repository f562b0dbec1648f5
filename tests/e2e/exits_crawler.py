"""A crawler that fetches one URL through each of many proxies.

    exits_crawler.py URL PORT < ADDRESSES
"""

import http.client
import sys


def main():
    url, port = sys.argv[1], int(sys.argv[2])
    for address in sys.stdin.read().split():
        connection = http.client.HTTPConnection(address, port, timeout=60)
        connection.request("GET", url, headers={"Connection": "close"})
        response = connection.getresponse()
        response.read()
        connection.close()
        if response.status != 200:
            sys.exit(f"{address}: {response.status}")


if __name__ == "__main__":
    main()
