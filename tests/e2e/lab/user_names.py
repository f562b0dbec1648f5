"""User names and passwords as vendors' customers write them.

Composed from the grammars of the catalogue (examples/vendors/), by a reading of
their own, not by the product's.
"""

import dataclasses
import glob
import hashlib
import itertools
import os
import re

import yaml

from .crawlers import ROOT

_TOKEN = re.compile(r"\{(\w+)\}|\[((?:\\.|[^]\\])*)\]|\\(.)|([^{\[\\])")
# What labels may be worth.
_CHOICES = {"country": ("us", "de"), "zone": ("residential", "dc")}
_OTHER_CHOICES = ("one", "two")


@dataclasses.dataclass
class Account:
    """One way to write user name and password, and what it says.

    `labels` is what a metric shows of it, `secrets` what nothing may show.
    """

    vendor: str
    user: str
    password: str
    labels: dict
    secrets: list

    @property
    def product(self):
        return (self.vendor, tuple(sorted(self.labels.items())))


def catalogue():
    """The vendors of the catalogue, as their files have them, by name."""
    vendors = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "examples/vendors/*.yaml"))):
        with open(path, encoding="utf-8") as file:
            vendor = yaml.safe_load(file)
        vendors[vendor["name"]] = vendor
    return vendors


def grammars(vendor, key):
    value = vendor.get(key, [])
    return [value] if isinstance(value, str) else value


def head(grammar):
    """The literal text that `grammar` begins with."""
    found = re.match(r"[^{\[*\\]*", grammar)[0]
    return found, grammar[len(found) :].startswith("{")


class _Writer:
    """Fills one grammar after another for one account."""

    def __init__(self, vendor, serial):
        self.vendor = vendor
        self.serial = serial
        self.labels = {}
        self.secrets = []

    def secret(self, name, before=""):
        """A word that stands nowhere else: "z" is no hexadecimal digit."""
        seed = f"{self.vendor['name']} {self.serial} {name}".encode()
        word = "z" + hashlib.sha256(seed).hexdigest()[:7]
        self.secrets.append(word)
        return before + word

    def value(self, name, choice, first):
        if name in self.vendor.get("labels", []):
            pair = _CHOICES.get(name, _OTHER_CHOICES)
            self.labels[name] = pair[choice]
            return pair[choice]
        return self.secret(name, self.vendor["name"] if first else "")

    def write(self, grammar, choice, optional, tagged):
        """`optional` picks of the list of optional parts.

        Of a value that comes in two of them, one stands at the beginning and
        the other behind others.
        """
        mandatory, parts = "", {}
        for name, inside, escaped, literal in _TOKEN.findall(grammar):
            if inside:
                key = "".join(re.findall(r"\{(\w+)\}", inside)) or inside
                parts.setdefault(key, []).append(inside)
            elif name:
                first = tagged and "{" not in mandatory and not self.secrets
                mandatory += self.value(name, choice, first)
            elif literal != "*":
                mandatory += escaped or literal
        text = mandatory
        for forms in optional(list(parts.values())):
            form = forms[-1] if text else forms[0]
            text += re.sub(
                r"\{(\w+)\}", lambda m: self.value(m[1], choice, False), form
            )
        return text


# Which optional parts there are, and in which order; and which of two values.
_WAYS = (
    (lambda parts: [], 0),
    (lambda parts: parts, 0),
    (lambda parts: parts[::-1], 1),
    (lambda parts: parts[::2], 1),
)
# RFC 1929, 2.
_LONGEST = 255


def _account(vendor, serial, user_grammar, password_grammar, way):
    """None for one without a password: a proxy would not take it."""
    optional, choice = way
    # What is too long goes without its last parts: in the other order it has
    # them.
    for most in range(64, -1, -1):
        writer = _Writer(vendor, serial)

        def some(parts, most=most):
            return optional(parts)[:most]

        if user_grammar is None:
            user = writer.secret("user", vendor["name"])
        else:
            user = writer.write(user_grammar, choice, some, True)
        if password_grammar is None:
            password = writer.secret("password")
        else:
            password = writer.write(password_grammar, choice, some, False)
        if len(user) <= _LONGEST and len(password) <= _LONGEST:
            break
    if not password:
        return None
    return Account(vendor["name"], user, password, writer.labels, writer.secrets)


def accounts():
    """Every grammar of every vendor, written in several ways."""
    written = []
    for vendor in catalogue().values():
        users = grammars(vendor, "user_names") or [None]
        passwords = grammars(vendor, "passwords") or [None]
        for user, password in itertools.product(users, passwords):
            ways = _WAYS if "[" in f"{user}{password}" else _WAYS[1:3]
            for way in ways:
                account = _account(vendor, len(written), user, password, way)
                if account:
                    written.append(account)
    return written
