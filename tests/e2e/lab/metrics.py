"""Reads the Prometheus text format."""

import re
import urllib.request

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def _labels(text):
    labels, position = {}, 0
    while position < len(text):
        match = _LABEL.match(text, position)
        if not match:
            raise ValueError(f"labels not understood: {text}")
        labels[match[1]] = re.sub(r"\\(.)", lambda m: _ESCAPES[m[1]], match[2])
        position = match.end()
    return labels


class Metrics:
    """Samples of one scrape."""

    def __init__(self, text):
        self.text = text
        self._samples = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = _SAMPLE.match(line)
            if not match:
                raise ValueError(f"sample not understood: {line}")
            self._samples.append((match[1], _labels(match[2] or ""), float(match[3])))

    @classmethod
    def scrape(cls, url):
        # No proxy of the environment: the collector is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=30) as response:
            return cls(response.read().decode())

    def everything(self):
        """(name, labels, value) of each sample."""
        return list(self._samples)

    def samples(self, name, **wanted):
        """(labels, value) of each sample of `name` with the labels `wanted`."""
        return [
            (labels, value)
            for sample, labels, value in self._samples
            if sample == name
            and all(labels.get(k) == v for k, v in wanted.items())
        ]

    def total(self, name, **wanted):
        """Their sum; 0 without samples. Counters are integers here."""
        return int(sum(value for _, value in self.samples(name, **wanted)))
