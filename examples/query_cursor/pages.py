"""The Python client: reads a query page by page, and the same rows as a live stream.

    pip install "vgi-rpc[http]"
    python pages.py http://127.0.0.1:8080 "SELECT * FROM trips" 10000
"""

import sys
from typing import Protocol

from vgi_rpc.http import http_connect
from vgi_rpc.rpc import Stream, StreamState


class Query(Protocol):
    def open(self, sql: str) -> list[str]: ...
    def page(self, rows: int = 1000) -> Stream[StreamState]: ...
    def close(self) -> None: ...
    def rows(self, sql: str) -> Stream[StreamState]: ...


def main(url: str, sql: str, page_rows: int) -> None:
    with http_connect(Query, url) as client:
        with client.with_session_token() as session:
            print("columns:", ", ".join(session.open(sql=sql)))
            pages = rows = 0
            while page := [batch.batch for batch in session.page(rows=page_rows)]:
                pages += 1
                rows += sum(batch.num_rows for batch in page)
            session.close()
        print(f"{rows} rows in {pages} pages")

        batches = [batch.batch.num_rows for batch in client.rows(sql=sql)]
        print(f"{sum(batches)} rows in a stream of {len(batches)} batches")


if __name__ == "__main__":
    arguments = sys.argv[1:] + ["http://127.0.0.1:8080", "SELECT * FROM trips", "10000"][len(sys.argv) - 1 :]
    main(arguments[0], arguments[1], int(arguments[2]))
