"""Calls the quickstart with a client of the flat generation.

    python quickstart_flat.py http://127.0.0.1:8080
"""

import sys

from quickstart import call_everything, same
from vgi_rpc.http import http_introspect


def main(url: str) -> None:
    call_everything(url)
    description = http_introspect(url)
    same("name", description.protocol_name, "Calculator")
    same("describe version", description.describe_version, "4")
    same("methods", sorted(description.methods), ["add", "countdown", "divide", "primes", "scale"])
    same("length of the hash", len(description.protocol_hash), 64)
    print("quickstart: all good")


if __name__ == "__main__":
    main(sys.argv[1])
