"""A certificate authority of the lab's own, by the openssl command."""

import os
import subprocess


def _openssl(*arguments):
    subprocess.run(
        ["openssl", *arguments], check=True, capture_output=True, text=True
    )


class Authority:
    """Makes `ca.pem`, and one certificate for all `names`, in `directory`."""

    def __init__(self, directory, names):
        self.ca = os.path.join(directory, "ca.pem")
        self.certificate = os.path.join(directory, "site.pem")
        self.key = os.path.join(directory, "site.key")
        ca_key = os.path.join(directory, "ca.key")
        request = os.path.join(directory, "site.csr")
        extensions = os.path.join(directory, "site.ext")
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        _openssl(
            *["req", "-x509", *new_key, "-keyout", ca_key, "-out", self.ca],
            *["-days", "30", "-subj", "/CN=proxymeter lab authority"],
            *["-addext", "keyUsage=critical,keyCertSign"],
        )
        _openssl(
            *["req", *new_key, "-keyout", self.key, "-out", request],
            *["-subj", "/CN=proxymeter lab"],
        )
        with open(extensions, "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + ",".join(f"DNS:{n}" for n in names))
        _openssl(
            *["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key],
            *["-set_serial", "1", "-days", "30", "-extfile", extensions],
            *["-out", self.certificate],
        )
        # The server that reads it runs as another user than root.
        os.chmod(self.key, 0o644)
