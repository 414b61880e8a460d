"""Write what a release of the Python package puts on the wire, for the tests in tests/value.

    python generate.py > reference-$(python -c 'from importlib.metadata import version as v; print(v("vgi-rpc"))').json

Every schema is the hex of its serialized schema message, every payload the hex of an IPC stream.
The values behind the payloads are repeated in tests/value/samples.rs.
"""

import datetime as dt
import importlib.metadata
import json
from decimal import Decimal

import pyarrow as pa
from vgi_rpc.conformance import ConformanceService, _types
from vgi_rpc.rpc import rpc_methods

POINT = _types.Point(1.5, -2.5)
BATCH = pa.record_batch({"n": pa.array([1, None, 3], pa.int32()), "s": pa.array(["a", "b", None])})


def samples() -> dict[str, list]:
    status = _types.Status
    every = {
        "Point": [POINT],
        "BoundingBox": [_types.BoundingBox(_types.Point(0.0, 10.0), _types.Point(10.0, 0.0), "box")],
        "ConformanceHeader": [_types.ConformanceHeader(7, "seven")],
        "RichHeader": [_types.build_rich_header(seed) for seed in range(6)],
        "AllTypes": [
            _types.AllTypes(
                "héllo", b"\x00\xff", -(2**63), 1e300, True, [1, 2, 3], ["a", ""], {"a": 1, "b": -2}, status.ACTIVE,
                POINT, "some", 42, POINT, [POINT, _types.Point(0.0, 0.0)], 2**31 - 1, 0.5, [[1], [], [2, 3]], {"k": "v"},
            ),
            _types.AllTypes(
                "", b"", 0, 0.0, False, [], [], {}, status.PENDING,
                POINT, None, None, None, [], 0, 0.0, [], {},
            ),
        ],
        "WideTypes": [
            _types.WideTypes(
                -128, -(2**15), -(2**31), 255, 2**16 - 1, 2**32 - 1, 2**64 - 1, 0.25,
                dt.date(2026, 4, 25), dt.datetime(2026, 4, 25, 12, 30, 45, 123456),
                dt.datetime(2026, 4, 25, 12, 30, 45, 123456, tzinfo=dt.UTC), dt.time(23, 59, 59, 999999),
                dt.timedelta(days=-1, microseconds=5), Decimal("-12345.6789"), "large", b"\x01\x02", b"12345678",
            )
        ],
        "ContainerWideTypes": [
            _types.ContainerWideTypes(
                [Decimal("1.5000"), Decimal("-2.2500")], [dt.date(1970, 1, 1), dt.date(1969, 12, 31)],
                [dt.datetime(2000, 1, 1, 0, 0, 0, 1)], None, Decimal("99.0000"), None,
                {"a": Decimal("0.0001")}, frozenset([3, 1, 2]), [1, None, 3],
            )
        ],
        "DeepNested": [
            _types.DeepNested(
                [[Decimal("1.0000")], []], [dt.date(2026, 1, 1)], "red", ["red", "green", "red"]
            ),
            _types.DeepNested([], None, "", []),
        ],
        "EmbeddedArrow": [_types.EmbeddedArrow(BATCH, BATCH.schema)],
    }
    if hasattr(_types, "NestedContainers"):
        every["NestedContainers"] = [
            _types.NestedContainers(
                [status.CLOSED, status.PENDING], [POINT], {"x": status.ACTIVE}, frozenset([status.CLOSED]),
                status.ACTIVE, POINT, BATCH,
            ),
            _types.NestedContainers([], [], {}, frozenset(), None, None, None),
        ]
    return every


def schema_hex(schema: pa.Schema | None) -> str | None:
    return None if schema is None else schema.serialize().to_pybytes().hex()


def main() -> None:
    records = {
        name: {
            "schema": schema_hex(getattr(_types, name).ARROW_SCHEMA),
            "payloads": [value.serialize_to_bytes().hex() for value in values],
        }
        for name, values in samples().items()
    }
    methods = {
        name: {
            "params": schema_hex(method.params_schema),
            "result": schema_hex(method.result_schema) if method.has_return else None,
        }
        for name, method in sorted(rpc_methods(ConformanceService).items())
        if method.method_type.value == "unary"
    }
    print(json.dumps({"release": importlib.metadata.version("vgi-rpc"), "records": records, "methods": methods}, indent=1))


main()
