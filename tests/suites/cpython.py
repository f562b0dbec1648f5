#!/usr/bin/python3
"""CPython's own tests (libpython3.11-testsuite), with and without the library."""

import sys

import comparison

# Short, and most of them talk to themselves over loopback, TLS included.
BOUNDED = """test_httplib test_urllib test_urllib2_localnet test_ftplib
test_smtplib test_socketserver test_os test_posix""".split()
ALL = """test_socket test_ssl test_asyncio test_selectors test_subprocess
test_httplib test_urllib test_urllib2_localnet test_ftplib test_smtplib
test_socketserver test_multiprocessing_fork test_multiprocessing_spawn
test_signal test_os test_posix test_io test_threading""".split()

if __name__ == "__main__":
    sys.exit(comparison.main(__doc__, BOUNDED, ALL, package="test."))
