"""The web sites of the lab: names, pages, and URLs of a usual crawl."""

SITES = ("shop.example.test", "news.example.test", "api.example.test")

# Path: bytes of body. /stream/ is sent in chunks of no announced length.
PAGES = {
    "/": 2_000,
    "/catalogue.html": 40_000,
    "/picture.bin": 1_500_000,
    "/stream/feed.html": 120_000,
}
REDIRECT = "/old"  # 301 to /
MISSING = "/missing"  # 404
BROKEN = "/broken"  # 503
UPLOAD = "/upload"  # takes any POST


def crawl_paths():
    """Every kind of answer, the small ones twice so that connections live."""
    return ["/", *PAGES, REDIRECT, MISSING, BROKEN, "/"]
