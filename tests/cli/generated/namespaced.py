"""A start, made by `tower-vgi describe`. Bytes may be records: the wire does not say."""

import datetime
import decimal
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol

import pyarrow as pa
from vgi_rpc import Stream, StreamState
from vgi_rpc.utils import ArrowSerializableDataclass, ArrowType


@dataclass(frozen=True)
class ExchangeWithHeaderHeader(ArrowSerializableDataclass):
    total_expected: int
    description: str


@dataclass(frozen=True)
class ExchangeWithRichHeaderHeader(ArrowSerializableDataclass):
    str_field: str
    bytes_field: bytes
    int_field: int
    float_field: float
    bool_field: bool
    list_of_int: list[int]
    list_of_str: list[str]
    dict_field: dict[str, int]
    enum_field: Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]
    nested_point: Annotated[dict[str, Any], ArrowType(pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))]
    optional_str: str | None
    optional_int: int | None
    optional_nested: Annotated[dict[str, Any], ArrowType(pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))] | None
    list_of_nested: Annotated[list[dict[str, Any]], ArrowType(pa.list_(pa.field("item", pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))))]
    nested_list: list[list[int]]
    annotated_int32: Annotated[int, ArrowType(pa.int32())]
    annotated_float32: Annotated[float, ArrowType(pa.float32())]
    dict_str_str: dict[str, str]


@dataclass(frozen=True)
class ProduceDynamicSchemaHeader(ArrowSerializableDataclass):
    str_field: str
    bytes_field: bytes
    int_field: int
    float_field: float
    bool_field: bool
    list_of_int: list[int]
    list_of_str: list[str]
    dict_field: dict[str, int]
    enum_field: Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]
    nested_point: Annotated[dict[str, Any], ArrowType(pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))]
    optional_str: str | None
    optional_int: int | None
    optional_nested: Annotated[dict[str, Any], ArrowType(pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))] | None
    list_of_nested: Annotated[list[dict[str, Any]], ArrowType(pa.list_(pa.field("item", pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))))]
    nested_list: list[list[int]]
    annotated_int32: Annotated[int, ArrowType(pa.int32())]
    annotated_float32: Annotated[float, ArrowType(pa.float32())]
    dict_str_str: dict[str, str]


@dataclass(frozen=True)
class ProduceWithHeaderHeader(ArrowSerializableDataclass):
    total_expected: int
    description: str


@dataclass(frozen=True)
class ProduceWithHeaderAndLogsHeader(ArrowSerializableDataclass):
    total_expected: int
    description: str


@dataclass(frozen=True)
class ProduceWithRichHeaderHeader(ArrowSerializableDataclass):
    str_field: str
    bytes_field: bytes
    int_field: int
    float_field: float
    bool_field: bool
    list_of_int: list[int]
    list_of_str: list[str]
    dict_field: dict[str, int]
    enum_field: Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]
    nested_point: Annotated[dict[str, Any], ArrowType(pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))]
    optional_str: str | None
    optional_int: int | None
    optional_nested: Annotated[dict[str, Any], ArrowType(pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))] | None
    list_of_nested: Annotated[list[dict[str, Any]], ArrowType(pa.list_(pa.field("item", pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))))]
    nested_list: list[list[int]]
    annotated_int32: Annotated[int, ArrowType(pa.int32())]
    annotated_float32: Annotated[float, ArrowType(pa.float32())]
    dict_str_str: dict[str, str]


class ConformanceService(Protocol):
    """Every type and every kind of method, for testing implementations against each other."""

    protocol_version: ClassVar[str] = "2.0.0"

    def add_floats(self, a: float, b: float) -> float:
        """Adds two numbers."""
        ...

    def cancel_probe_counters(self) -> list[int]:
        """How often the two made a batch, answered one and were cancelled."""
        ...

    def cancellable_exchange(self) -> Stream[StreamState]:
        """Gives each input back until it is cancelled.

        An exchange: call its `exchange`."""
        ...

    def cancellable_producer(self) -> Stream[StreamState]:
        """Counts until it is cancelled.

        A producer: iterate over it."""
        ...

    def close_counter(self) -> int:
        """Closes the session and gives what the counter was."""
        ...

    def concatenate(self, prefix: str, suffix: str, separator: str = "-") -> str:
        """Joins two texts."""
        ...

    def echo_all_types(self, data: bytes) -> bytes:
        """Gives the record back."""
        ...

    def echo_annotated_optional_int(self, value: Annotated[int, ArrowType(pa.int32())] | None) -> Annotated[int, ArrowType(pa.int32())] | None:
        """Gives the number of 32 bits back, or its absence."""
        ...

    def echo_bool(self, value: bool) -> bool:
        """Gives the truth value back."""
        ...

    def echo_bounding_box(self, box: bytes) -> bytes:
        """Gives the box back."""
        ...

    def echo_bytes(self, data: bytes) -> bytes:
        """Gives the bytes back."""
        ...

    def echo_container_wide_types(self, data: bytes) -> bytes:
        """Gives the record back."""
        ...

    def echo_date(self, value: Annotated[datetime.date, ArrowType(pa.date32())]) -> Annotated[datetime.date, ArrowType(pa.date32())]:
        """Gives the date back."""
        ...

    def echo_decimal(self, value: Annotated[decimal.Decimal, ArrowType(pa.decimal128(20, 4))]) -> Annotated[decimal.Decimal, ArrowType(pa.decimal128(20, 4))]:
        """Gives the decimal back."""
        ...

    def echo_deep_nested(self, data: bytes) -> bytes:
        """Gives the record back."""
        ...

    def echo_dict(self, mapping: dict[str, int]) -> dict[str, int]:
        """Gives the map back, in the same order."""
        ...

    def echo_dict_encoded_string(self, value: Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]) -> Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]:
        """Gives the text back, dictionary-encoded."""
        ...

    def echo_duration(self, value: Annotated[datetime.timedelta, ArrowType(pa.duration("us"))]) -> Annotated[datetime.timedelta, ArrowType(pa.duration("us"))]:
        """Gives the duration back."""
        ...

    def echo_embedded_arrow(self, data: bytes) -> bytes:
        """Gives the batch and the schema back."""
        ...

    def echo_enum(self, status: Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]) -> Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]:
        """Gives the status back."""
        ...

    def echo_fixed_binary(self, value: Annotated[bytes, ArrowType(pa.binary(8))]) -> Annotated[bytes, ArrowType(pa.binary(8))]:
        """Gives the eight bytes back."""
        ...

    def echo_float(self, value: float) -> float:
        """Gives the number back."""
        ...

    def echo_float32(self, value: Annotated[float, ArrowType(pa.float32())]) -> Annotated[float, ArrowType(pa.float32())]:
        """Gives the number of 32 bits back."""
        ...

    def echo_int(self, value: int) -> int:
        """Gives the number back."""
        ...

    def echo_int16(self, value: Annotated[int, ArrowType(pa.int16())]) -> Annotated[int, ArrowType(pa.int16())]:
        """Gives the number of 16 bits back."""
        ...

    def echo_int32(self, value: Annotated[int, ArrowType(pa.int32())]) -> Annotated[int, ArrowType(pa.int32())]:
        """Gives the number of 32 bits back."""
        ...

    def echo_int8(self, value: Annotated[int, ArrowType(pa.int8())]) -> Annotated[int, ArrowType(pa.int8())]:
        """Gives the number of 8 bits back."""
        ...

    def echo_large_binary(self, value: Annotated[bytes, ArrowType(pa.large_binary())]) -> Annotated[bytes, ArrowType(pa.large_binary())]:
        """Gives the bytes back, with 64-bit offsets."""
        ...

    def echo_large_string(self, value: Annotated[str, ArrowType(pa.large_string())]) -> Annotated[str, ArrowType(pa.large_string())]:
        """Gives the text back, with 64-bit offsets."""
        ...

    def echo_list(self, values: list[str]) -> list[str]:
        """Gives the texts back."""
        ...

    def echo_nested_list(self, matrix: list[list[int]]) -> list[list[int]]:
        """Gives the matrix back."""
        ...

    def echo_optional_int(self, value: int | None) -> int | None:
        """Gives the number back, or its absence."""
        ...

    def echo_optional_point(self, point: bytes | None) -> bytes | None:
        """Gives the point back, or its absence."""
        ...

    def echo_optional_string(self, value: str | None) -> str | None:
        """Gives the text back, or its absence."""
        ...

    def echo_outer_optional_non_null(self, value: Annotated[int, ArrowType(pa.int32())]) -> Annotated[int, ArrowType(pa.int32())]:
        """Gives the number of 32 bits back, which cannot be absent."""
        ...

    def echo_point(self, point: bytes) -> bytes:
        """Gives the point back."""
        ...

    def echo_status_list(self, statuses: Annotated[list[str], ArrowType(pa.list_(pa.field("item", pa.dictionary(pa.int16(), pa.string()))))]) -> Annotated[list[str], ArrowType(pa.list_(pa.field("item", pa.dictionary(pa.int16(), pa.string()))))]:
        """Gives the statuses back."""
        ...

    def echo_string(self, value: str) -> str:
        """Gives the text back."""
        ...

    def echo_time(self, value: Annotated[datetime.time, ArrowType(pa.time64("us"))]) -> Annotated[datetime.time, ArrowType(pa.time64("us"))]:
        """Gives the time of day back."""
        ...

    def echo_timestamp(self, value: Annotated[datetime.datetime, ArrowType(pa.timestamp("us"))]) -> Annotated[datetime.datetime, ArrowType(pa.timestamp("us"))]:
        """Gives the time without a zone back."""
        ...

    def echo_timestamp_utc(self, value: Annotated[datetime.datetime, ArrowType(pa.timestamp("us", tz="UTC"))]) -> Annotated[datetime.datetime, ArrowType(pa.timestamp("us", tz="UTC"))]:
        """Gives the moment back."""
        ...

    def echo_uint16(self, value: Annotated[int, ArrowType(pa.uint16())]) -> Annotated[int, ArrowType(pa.uint16())]:
        """Gives the number of 16 bits back."""
        ...

    def echo_uint32(self, value: Annotated[int, ArrowType(pa.uint32())]) -> Annotated[int, ArrowType(pa.uint32())]:
        """Gives the number of 32 bits back."""
        ...

    def echo_uint64(self, value: Annotated[int, ArrowType(pa.uint64())]) -> Annotated[int, ArrowType(pa.uint64())]:
        """Gives the number of 64 bits back, also one that no signed number of 64 bits can be."""
        ...

    def echo_uint8(self, value: Annotated[int, ArrowType(pa.uint8())]) -> Annotated[int, ArrowType(pa.uint8())]:
        """Gives the number of 8 bits back."""
        ...

    def echo_wide_types(self, data: bytes) -> bytes:
        """Gives the record back."""
        ...

    def echo_with_all_log_levels(self, value: str) -> str:
        """Gives the text back after a message of each level."""
        ...

    def echo_with_info_log(self, value: str) -> str:
        """Gives the text back after one message."""
        ...

    def echo_with_log_extras(self, value: str) -> str:
        """Gives the text back after a message with extras."""
        ...

    def echo_with_multi_logs(self, value: str) -> str:
        """Gives the text back after messages of three levels."""
        ...

    def exchange_accumulate(self) -> Stream[StreamState]:
        """Adds up all values, and counts the turns.

        An exchange: call its `exchange`."""
        ...

    def exchange_cast_compatible(self) -> Stream[StreamState]:
        """Gives each input back, also where its numbers had to be converted.

        An exchange: call its `exchange`."""
        ...

    def exchange_error_on_init(self) -> Stream[StreamState]:
        """Fails before the first turn.

        An exchange: call its `exchange`."""
        ...

    def exchange_error_on_nth(self, fail_on: int) -> Stream[StreamState]:
        """Fails at a certain turn, counted from 1.

        An exchange: call its `exchange`."""
        ...

    def exchange_input_metadata(self) -> Stream[StreamState]:
        """Reports the metadata of each input.

        An exchange: call its `exchange`."""
        ...

    def exchange_oversized(self, rows_per_batch: int) -> Stream[StreamState]:
        """Answers each input with so many rows, for exceeding limits on responses.

        An exchange: call its `exchange`."""
        ...

    def exchange_scale(self, factor: float) -> Stream[StreamState]:
        """Multiplies each value.

        An exchange: call its `exchange`."""
        ...

    def exchange_session_counter(self) -> Stream[StreamState]:
        """Adds each input to the counter of the session.

        An exchange: call its `exchange`."""
        ...

    def exchange_with_header(self, factor: float) -> Stream[StreamState, ExchangeWithHeaderHeader]:
        """Multiplies each value, with a header.

        An exchange: call its `exchange`."""
        ...

    def exchange_with_logs(self) -> Stream[StreamState]:
        """Gives each input back after two messages.

        An exchange: call its `exchange`."""
        ...

    def exchange_with_rich_header(self, seed: int, factor: float) -> Stream[StreamState, ExchangeWithRichHeaderHeader]:
        """Multiplies each value, with a header of many types.

        An exchange: call its `exchange`."""
        ...

    def exchange_zero_columns(self) -> Stream[StreamState]:
        """Trades batches without columns.

        An exchange: call its `exchange`."""
        ...

    def increment_counter(self, by: int) -> int:
        """Adds to the counter of the session."""
        ...

    def inspect_point(self, point: bytes) -> str:
        """Writes a point as text."""
        ...

    def open_counter(self, initial: int) -> int:
        """Opens a session with a counter."""
        ...

    def oversized_unary(self, target_bytes: int) -> bytes:
        """Gives so many bytes, for exceeding limits on responses."""
        ...

    def pack_nested_containers(self, statuses: Annotated[list[str], ArrowType(pa.list_(pa.field("item", pa.dictionary(pa.int16(), pa.string()))))], points: Annotated[list[dict[str, Any]], ArrowType(pa.list_(pa.field("item", pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)]))))], status_by_name: Annotated[dict[str, str], ArrowType(pa.map_(pa.string(), pa.field("value", pa.dictionary(pa.int16(), pa.string()))))]) -> bytes:
        """Makes a record out of lists and maps of enums and records."""
        ...

    def produce_annotated_batches(self, count: int, rows_per_batch: int) -> Stream[StreamState]:
        """Gives batches of which each has metadata of its own.

        A producer: iterate over it."""
        ...

    def produce_dynamic_schema(self, seed: int, count: int, include_strings: bool, include_floats: bool) -> Stream[StreamState, ProduceDynamicSchemaHeader]:
        """Counts to a number in the columns asked for, with a header of many types.

        A producer: iterate over it."""
        ...

    def produce_empty(self) -> Stream[StreamState]:
        """Gives no batch.

        A producer: iterate over it."""
        ...

    def produce_error_mid_stream(self, emit_before_error: int) -> Stream[StreamState]:
        """Fails after so many batches.

        A producer: iterate over it."""
        ...

    def produce_error_on_init(self) -> Stream[StreamState]:
        """Fails before the first batch.

        A producer: iterate over it."""
        ...

    def produce_large_batches(self, rows_per_batch: int, batch_count: int) -> Stream[StreamState]:
        """Gives batches of many rows.

        A producer: iterate over it."""
        ...

    def produce_n(self, count: int) -> Stream[StreamState]:
        """Counts to a number.

        A producer: iterate over it."""
        ...

    def produce_oversized_batch(self, rows_per_batch: int) -> Stream[StreamState]:
        """Gives one batch of so many rows, for exceeding limits on responses.

        A producer: iterate over it."""
        ...

    def produce_single(self) -> Stream[StreamState]:
        """Gives one batch.

        A producer: iterate over it."""
        ...

    def produce_tick_metadata(self, count: int) -> Stream[StreamState]:
        """Reports the metadata of each tick.

        A producer: iterate over it."""
        ...

    def produce_with_header(self, count: int) -> Stream[StreamState, ProduceWithHeaderHeader]:
        """Counts to a number, with a header.

        A producer: iterate over it."""
        ...

    def produce_with_header_and_logs(self, count: int) -> Stream[StreamState, ProduceWithHeaderAndLogsHeader]:
        """Counts to a number, with a header and a message.

        A producer: iterate over it."""
        ...

    def produce_with_logs(self, count: int) -> Stream[StreamState]:
        """Counts to a number, with a message before each batch.

        A producer: iterate over it."""
        ...

    def produce_with_rich_header(self, seed: int, count: int) -> Stream[StreamState, ProduceWithRichHeaderHeader]:
        """Counts to a number, with a header of many types.

        A producer: iterate over it."""
        ...

    def published_string(self, value: str, include_sha256: bool) -> str:
        """Gives the text back from external storage, where it is put once."""
        ...

    def raise_runtime_error(self, message: str) -> str:
        """Fails with a `RuntimeError`."""
        ...

    def raise_type_error(self, message: str) -> str:
        """Fails with a `TypeError`."""
        ...

    def raise_value_error(self, message: str) -> str:
        """Fails with a `ValueError`."""
        ...

    def reset_cancel_probe(self) -> None:
        """Sets those counts to zero."""
        ...

    def stream_session_counter(self, count: int) -> Stream[StreamState]:
        """Counts in the session.

        A producer: iterate over it."""
        ...

    def void_noop(self) -> None:
        """Does nothing."""
        ...

    def void_with_param(self, value: int) -> None:
        """Takes a number and gives nothing."""
        ...

    def with_defaults(self, required: int, optional_str: str = "default", optional_int: int = 42) -> str:
        """Writes all its parameters as text."""
        ...


class Secondary(Protocol):
    """Hosted beside the primary protocol, on purpose without a version."""

    protocol_name: ClassVar[str] = "conformance.Secondary.v1"

    def echo_string(self, value: str) -> str:
        """Gives the text back with a prefix. The primary has a method of this name, without the prefix."""
        ...

    def fail(self, code: str, kind: str, retry_delay_seconds: float) -> None:
        """Fails with a code and, unless it is empty, a kind."""
        ...

    def fail_oversized(self) -> None:
        """Fails with more details than may travel."""
        ...
