"""Calls the quickstart with a client of the namespaced generation.

    python quickstart_namespaced.py http://127.0.0.1:8080
"""

import sys

from quickstart import Calculator, call_everything, same
from vgi_rpc import ExchangeState, ProducerState, RpcError, RpcServer, Stream
from vgi_rpc.http import http_connect, http_introspect


class Typed(Calculator):
    """The same, with the kinds of its streams."""

    protocol_name = "Calculator"

    def countdown(self, n: int) -> Stream[ProducerState]: ...
    def scale(self, factor: float) -> Stream[ExchangeState]: ...


class Implementation(Typed):
    """Never called."""


def main(url: str) -> None:
    call_everything(url)
    with http_connect(Calculator, url) as calculator:
        try:
            calculator.divide(dividend=1, divisor=0)
        except RpcError as error:
            same("code of the error", error.error_code, "UNKNOWN")
    description = http_introspect(url)
    same("name", description.protocol_name, "Calculator")
    same("methods", sorted(description.methods), ["add", "countdown", "divide", "primes", "scale"])
    # The reference's server gives the same service the same hash.
    same("hash", description.protocol_hash, RpcServer(Typed, Implementation()).protocol_hash)
    print("quickstart: all good")


if __name__ == "__main__":
    main(sys.argv[1])
