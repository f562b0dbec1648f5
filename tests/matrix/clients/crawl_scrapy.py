#!/usr/bin/python3
"""Crawls with Scrapy, which is given the URLs all at once.

Arguments as of crawl.py. Prints the same lines, sorted: answers come as they
please.
"""

import argparse

import scrapy
from scrapy.crawler import CrawlerProcess

SETTINGS = {
    "LOG_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "COOKIES_ENABLED": False,
    "RETRY_ENABLED": False,
    "HTTPERROR_ALLOW_ALL": True,
    "REQUEST_FINGERPRINTER_IMPLEMENTATION": "2.7",
}


class Spider(scrapy.Spider):
    name = "matrix"

    def start_requests(self):
        options = {
            "meta": {"proxy": self.arguments.proxy},
            "callback": self.note,
            "errback": self.fail,
            "dont_filter": True,
        }
        for url in self.arguments.urls:
            yield scrapy.Request(url, **options)
        if self.arguments.upload:
            file, url = self.arguments.upload
            with open(file, "rb") as source:
                body = source.read()
            yield scrapy.Request(url, method="POST", body=body, **options)

    def note(self, response):
        self.lines.append(
            f"{response.request.method} {response.status} "
            f"{len(response.body)} {response.url}"
        )

    def fail(self, failure):
        self.lines.append(f"failed: {failure.value!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--ca", help="not looked at: Scrapy trusts anybody")
    parser.add_argument("--upload", nargs=2, metavar=("FILE", "URL"))
    parser.add_argument("urls", nargs="*", metavar="URL")
    arguments = parser.parse_args()
    lines = []
    process = CrawlerProcess(SETTINGS, install_root_handler=False)
    process.crawl(Spider, arguments=arguments, lines=lines)
    process.start()
    print("\n".join(sorted(lines)))


if __name__ == "__main__":
    main()
