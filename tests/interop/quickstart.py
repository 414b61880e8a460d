"""Every kind of method of the quickstart, as clients of every release call it."""

from typing import Annotated, Protocol

import pyarrow as pa
from vgi_rpc import AnnotatedBatch, ArrowType, Message, RpcError, Stream, StreamState
from vgi_rpc.http import http_capabilities, http_connect


class Calculator(Protocol):
    def add(self, a: float, b: float = 1.0) -> float: ...
    def divide(self, dividend: int, divisor: int) -> int: ...
    def countdown(self, n: int) -> Stream[StreamState]: ...
    def scale(self, factor: float) -> Stream[StreamState]: ...
    def primes(self, limit: Annotated[int, ArrowType(pa.uint32())]) -> Annotated[int, ArrowType(pa.uint32())]: ...


def same(what: str, got: object, expected: object) -> None:
    assert got == expected, f"{what}: {got!r} instead of {expected!r}"
    print(f"{what}: {got!r}")


def call_everything(url: str) -> None:
    logs: list[Message] = []
    with http_connect(Calculator, url, on_log=logs.append) as calculator:
        same("add", calculator.add(a=1.5, b=2.25), 3.75)
        same("add with the default", calculator.add(a=1.5), 2.5)
        same("divide", calculator.divide(dividend=7, divisor=2), 3)
        try:
            calculator.divide(dividend=1, divisor=0)
        except RpcError as error:
            same("divide by zero", error.error_type, "ValueError")
        else:
            raise AssertionError("a division by zero went well")
        same("primes", calculator.primes(limit=100), 25)
        same("after an error", calculator.add(a=1.0, b=2.0), 3.0)

        same("countdown", [batch.batch.to_pylist() for batch in calculator.countdown(n=3)], [[{"n": n}] for n in (3, 2, 1)])
        same("its log", [(log.level.value, log.message) for log in logs], [("INFO", "counting down from 3")])
        same("countdown of nothing", list(calculator.countdown(n=0)), [])

        with calculator.scale(factor=10.0) as scale:
            for values in ([1.0, 2.0], [], [0.5]):
                answer = scale.exchange(rows(values))
                same(f"scale {values}", answer.batch.to_pydict()["value"], [10.0 * value for value in values])
        stopped = calculator.countdown(n=1000)
        same("the first of many", next(iter(stopped)).batch.to_pylist(), [{"n": 1000}])
        stopped.cancel()

    assert http_capabilities(url) is not None


def rows(values: list[float]) -> AnnotatedBatch:
    return AnnotatedBatch(batch=pa.record_batch({"value": pa.array(values, pa.float64())}))
