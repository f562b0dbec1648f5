"""Host names of the lab, by a file of its own in the place of /etc/hosts.

Each command gets a mount namespace for it, so the machine's file is untouched
and glibc itself answers, in threads, static programs and sandboxes too. (A
library preloaded to answer, nss_wrapper, corrupts the heap of a program whose
threads resolve at once.)
"""

import os

VARIABLE = "LAB_HOSTS"
_MOUNT = f'mount --bind "${VARIABLE}" /etc/hosts && exec "$@"'


def resolving(command):
    """`command`, in the same process, with the hosts of $LAB_HOSTS."""
    if os.geteuid() == 0:
        return ["unshare", "--mount", "--", "sh", "-c", _MOUNT, "sh", *command]
    # To mount takes root, if only in a user namespace; the command is again who
    # it would be.
    return [
        *("unshare", "--user", "--map-root-user", "--mount", "--"),
        *("sh", "-c", _MOUNT, "sh", "unshare", "--user"),
        f"--map-user={os.geteuid()}",
        f"--map-group={os.getegid()}",
        *("--", *command),
    ]


def hosts(entries):
    """Text of a hosts file: (address, name) of each of `entries`, and ours."""
    lines = [("127.0.0.1", "localhost"), *entries]
    return "".join(f"{address} {name}\n" for address, name in lines)
