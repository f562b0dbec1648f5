"""What the matrix adds to the lab's sites: pages for a browser, a repository."""

import os
import subprocess

# The icon of no bytes keeps a browser from asking for one.
_PAGE = """<!DOCTYPE html>
<html><head><title>Matrix</title><link rel="icon" href="data:,">{head}</head>
<body><p id="p">As sent.</p></body></html>
"""
_SCRIPT = "document.getElementById('p').textContent = 'As the script has it.';\n"
_WHEN = "2024-01-01T00:00:00Z"


def add_to(lab):
    """Writes them below the origin's root."""
    root = os.path.join(lab.workspace.path, "pages")

    def write(name, text):
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)

    write("plain.html", _PAGE.format(head=""))
    # It waits for the script's end, and the body is changed when it is there.
    head = '<script defer src="/browser.js"></script>'
    write("browser.html", _PAGE.format(head=head))
    write("browser.js", _SCRIPT)
    _add_repository(lab, root)


def _add_repository(lab, root):
    """A repository that a plain web server can serve (the dumb protocol)."""
    source = lab.workspace.directory("project")
    target = os.path.join(root, "project.git")
    person = {"NAME": "Lab", "EMAIL": "lab@example.test", "DATE": _WHEN}
    environment = {**os.environ, "HOME": source, "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_{key}": value for key, value in person.items()}

    def git(*arguments, directory=source):
        subprocess.run(
            ["git", "-C", directory, *arguments],
            env=environment,
            check=True,
            capture_output=True,
        )

    git("init", "--quiet", "--initial-branch=main")
    for number in range(3):
        with open(os.path.join(source, f"file{number}"), "w", encoding="utf-8") as file:
            file.write(f"Line of file {number}\n" * 3000)
        git("add", ".")
        git("commit", "--quiet", "--message", f"Change {number}")
    git("clone", "--quiet", "--bare", source, target)
    git("update-server-info", directory=target)
