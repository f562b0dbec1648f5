"""Where a word may be found that ought to be nowhere."""

import base64
import os


def in_base64(word):
    """What of `word` stands in any text in base64 that holds it."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + word.encode()).decode()
        whole = (before + len(word)) // 3 * 4
        yield text[4 if before else 0 : whole].encode()


def memory(pid):
    """{mapping: its content} of what the process can write to."""
    found = {}
    with (
        open(f"/proc/{pid}/maps", encoding="utf-8") as maps,
        open(f"/proc/{pid}/mem", "rb", buffering=0) as content,
    ):
        for line in maps:
            area, mode = line.split()[:2]
            if not mode.startswith("rw"):
                continue
            start, end = (int(bound, 16) for bound in area.split("-"))
            found[line.strip()] = os.pread(content.fileno(), end - start, start)
    return found
