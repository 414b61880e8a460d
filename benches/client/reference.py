"""The reference for the bench of the client: `serve`, `calls URL CALLERS SECONDS` or `produce URL SECONDS BATCHES ROWS`."""

import functools
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
from vgi_rpc import CallContext, OutputCollector, ProducerState, RpcServer, Stream, StreamState
from vgi_rpc.http import http_connect, make_wsgi_app

SCHEMA = pa.schema([pa.field("i", pa.int64(), nullable=False), pa.field("x", pa.float64(), nullable=False)])


@functools.cache
def batch_of(rows):
    columns = [pa.array(range(rows), pa.int64()), pa.array((0.5 * i for i in range(rows)), pa.float64())]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


@dataclass
class Producing(ProducerState):
    left: int
    rows: int

    def produce(self, out: OutputCollector, ctx: CallContext) -> None:
        if self.left == 0:
            return out.finish()
        self.left -= 1
        out.emit(batch_of(self.rows))


class Bench(Protocol):
    def add(self, a: float, b: float) -> float: ...
    def produce(self, batches: int, rows: int) -> Stream[StreamState]: ...


class Implementation:
    def add(self, a: float, b: float) -> float:
        return a + b

    def produce(self, batches: int, rows: int) -> Stream[Producing]:
        return Stream(output_schema=SCHEMA, state=Producing(left=batches, rows=rows))


def serve():
    import waitress

    listener = socket.create_server(("127.0.0.1", 0))
    print(f"PORT:{listener.getsockname()[1]}", flush=True)
    waitress.serve(make_wsgi_app(RpcServer(Bench, Implementation())), sockets=[listener], threads=16, _quiet=True)


def calls(url, callers, seconds):
    counts = [0] * callers

    def call(index, ready):
        with http_connect(Bench, url) as client:
            client.add(a=1.5, b=2.25)
            ready.wait()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                assert client.add(a=1.5, b=2.25) == 3.75
                counts[index] += 1

    ready = threading.Barrier(callers + 1)
    threads = [threading.Thread(target=call, args=(index, ready)) for index in range(callers)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = time.monotonic()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - start)


def produce(url, seconds, batches, rows):
    moved = 0
    with http_connect(Bench, url) as client:
        start = time.monotonic()
        while time.monotonic() < start + seconds:
            read = sum(batch.batch.num_rows for batch in client.produce(batches=batches, rows=rows))
            assert read == batches * rows
            moved += read * 16
        return moved / 1e6 / (time.monotonic() - start)


match sys.argv[1]:
    case "serve":
        serve()
    case "calls":
        print(calls(sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    case "produce":
        print(produce(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
