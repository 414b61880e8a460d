"""Writes the golden files beside it. Needs pyarrow (made with 26.0)."""

import decimal
from pathlib import Path

import pyarrow as pa

HERE = Path(__file__).parent


def write(name, schema, batches, options=None, end=True):
    sink = pa.BufferOutputStream()
    writer = pa.ipc.new_stream(sink, schema, options=options)
    for batch, metadata in batches:
        writer.write_batch(batch, custom_metadata=metadata)
    if end:
        writer.close()
    (HERE / name).write_bytes(sink.getvalue().to_pybytes())


def every_type():
    run_ends = pa.array([2, 3], pa.int32())
    union = pa.UnionArray.from_dense(
        pa.array([0, 1, 0], pa.int8()),
        pa.array([0, 0, 1], pa.int32()),
        [pa.array([1, 2], pa.int64()), pa.array(["x"])],
    )
    columns = {
        "null": pa.nulls(3),
        "bool": pa.array([True, None, False]),
        "int8": pa.array([1, None, -3], pa.int8()),
        "uint64": pa.array([1, None, 2**64 - 1], pa.uint64()),
        "float16": pa.array([1.5, None, -2.0], pa.float16()),
        "float64": pa.array([1.5, None, -2.5], pa.float64()),
        "decimal128": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")], pa.decimal128(10, 2)),
        "decimal256": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")], pa.decimal256(50, 2)),
        "utf8": pa.array(["a", None, "äöü 漢 🦀"]),
        "large_utf8": pa.array(["a", None, "bc"], pa.large_string()),
        "utf8_view": pa.array(["short", None, "longer than twelve bytes"], pa.string_view()),
        "binary": pa.array([b"\x00", None, b"\xff\xfe"]),
        "fixed": pa.array([b"abc", None, b"def"], pa.binary(3)),
        "date32": pa.array([0, None, 19000], pa.date32()),
        "time64": pa.array([0, None, 86_399_999_999], pa.time64("us")),
        "timestamp": pa.array([0, None, 1_700_000_000_000_000], pa.timestamp("us", "Europe/Vienna")),
        "duration": pa.array([0, None, -5], pa.duration("ms")),
        "interval": pa.array([(1, 2, 3), None, (-1, -2, -3)], pa.month_day_nano_interval()),
        "list": pa.array([[1, None], None, []], pa.list_(pa.int64())),
        "list_view": pa.array([[1, None], None, []], pa.list_view(pa.int64())),
        "fixed_list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int16(), 2)),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
        "map": pa.array([[("k", 1)], None, [("x", None), ("y", 2)]], pa.map_(pa.string(), pa.int64())),
        "union": union,
        "dictionary": pa.array(["a", None, "b"]).dictionary_encode(),
        "list_of_dictionary": pa.array([["a", "b"], None, ["a"]], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        "runs": pa.RunEndEncodedArray.from_arrays(run_ends, pa.array(["a", None])),
    }
    batch = pa.record_batch(list(columns.values()), list(columns.keys()))
    metadata = pa.KeyValueMetadata({b"text": "grün".encode(), b"bytes \xff": b"\x00\xfe"})
    schema = batch.schema.with_metadata({"of": "the schema"})
    batch = batch.replace_schema_metadata({"of": "the schema"})
    write("every_type.arrow", schema, [(batch, metadata), (batch.slice(1, 2), None), (batch.slice(0, 0), None)])
    (HERE / "schema.arrow").write_bytes(schema.serialize().to_pybytes())


def compressed():
    batch = pa.record_batch({"n": pa.array(range(1000), pa.int64()), "s": pa.array(["abc"] * 1000), "e": pa.nulls(1000)})
    for codec in ("lz4", "zstd"):
        write(f"{codec}.arrow", batch.schema, [(batch, None)], pa.ipc.IpcWriteOptions(compression=codec))


def dictionaries():
    keys = pa.array([0, 1], pa.int8())
    values = [["a", "b"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"], ["x", "y"]]
    batches = [
        pa.record_batch({"d": pa.DictionaryArray.from_arrays(pa.array([0, len(v) - 1], keys.type), pa.array(v))})
        for v in values
    ]
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    write("dictionary_deltas.arrow", batches[0].schema, [(batch, None) for batch in batches], options)


def framing():
    batch = pa.record_batch({"n": pa.array([1, 2, 3], pa.int64())})
    legacy = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4, use_legacy_format=True)
    write("legacy.arrow", batch.schema, [(batch, None)], legacy)
    required = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    nulls = pa.RecordBatch.from_arrays([pa.array([None], pa.int64())], schema=required)
    write("unexpected_null.arrow", required, [(nulls, None)])


every_type()
compressed()
dictionaries()
framing()
