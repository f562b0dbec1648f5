"""A laboratory on loopback: an origin, proxy vendors, a collector, witnesses.

Everything runs as an ordinary user on free ports, keeps its state in one
temporary directory and is gone when the `with` block ends.
"""
