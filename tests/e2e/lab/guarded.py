"""Squid and Dante with accounts: both want a user name and a password."""

import re
import subprocess

from .vendors import Dante, Squid


def _hashes(passwords):
    """As crypt(3) has them."""
    done = subprocess.run(
        ["openssl", "passwd", "-1", "-stdin"],
        input="".join(password + "\n" for password in passwords),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


class _Guarded:
    """Mixed into a Vendor: `accounts` have a user and a password each."""

    def __init__(self, workspace, hosts_file, name, address, host, accounts):
        hashes = _hashes([a.password for a in accounts])
        self._users = [
            (a.user, word) for a, word in zip(accounts, hashes, strict=True)
        ]
        super().__init__(workspace, hosts_file, name, address, host)

    def _file(self, name, line, more=()):
        lines = [line(i, user, word) for i, (user, word) in enumerate(self._users)]
        return self._workspace.write(
            f"{self.name}.{name}", "\n".join([*more, *lines, ""])
        )


class GuardedSquid(_Guarded, Squid):
    """Basic authentication (RFC 7617), by Squid's own helper."""

    def _access(self):
        users = self._file("users", lambda _, user, word: f"{user}:{word}")
        return f"""\
auth_param basic program /usr/lib/squid/basic_ncsa_auth {users}
auth_param basic children 1 startup=1
auth_param basic realm lab
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all"""


class GuardedDante(_Guarded, Dante):
    """User name and password in SOCKS 5 (RFC 1929).

    Dante asks the system for accounts; nss_wrapper answers for it.
    """

    method = "username"

    def _accounts(self):
        first = 20000
        # As whom it runs itself.
        own = [
            f"{user}:x:{uid}:{uid}::/:/bin/false"
            for user, uid in (("root", 0), ("nobody", 65534))
        ]
        passwd = self._file(
            "passwd",
            lambda i, user, _: f"{user}:x:{first + i}:{first}::/:/bin/false",
            own,
        )
        shadow = self._file("shadow", lambda _, user, word: f"{user}:{word}:1::::::")
        group = self._workspace.write(
            f"{self.name}.group", f"nogroup:x:65534:\nlab:x:{first}:\n"
        )
        return [
            "env",
            "LD_PRELOAD=libnss_wrapper.so",
            f"NSS_WRAPPER_PASSWD={passwd}",
            f"NSS_WRAPPER_SHADOW={shadow}",
            f"NSS_WRAPPER_GROUP={group}",
        ]

    def made(self):
        """(client's address and port, user) of each connection it made."""
        return [
            ((address, int(port)), user)
            for user, address, port in re.findall(
                r"tcp/connect \[: username%(\S+)@([\d.]+)\.(\d+) ",
                self._read_log(),
            )
        ]
