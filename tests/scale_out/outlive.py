"""Reads a stream to its end, though the worker that sent a part of it is killed meanwhile.

    python outlive.py URL LENGTH one=PROCESS two=PROCESS
"""

import os
import signal
import sys
from typing import Protocol

from vgi_rpc.http import http_connect
from vgi_rpc.rpc import Stream, StreamState


class Workers(Protocol):
    def count(self, to: int, pause_ms: int = 0) -> Stream[StreamState]: ...


def main(url: str, length: int, *workers: str) -> None:
    processes = dict(worker.split("=") for worker in workers)
    seen, killed = [], None
    with http_connect(Workers, url) as client:
        for batch in client.count(to=length, pause_ms=1):
            for row in batch.batch.to_pylist():
                seen.append(row["n"])
                if row["n"] == 20:
                    killed = row["worker"]
                    os.kill(int(processes[killed]), signal.SIGKILL)
                elif row["n"] == length:
                    assert row["worker"] != killed, f"{killed} answers though it was killed"
    assert seen == list(range(1, length + 1)), seen
    print("outlived", killed)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
