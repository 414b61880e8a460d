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
    protocol_version: ClassVar[str] = "1.0.0"

    def add_floats(self, a: float, b: float) -> float: ...

    def cancel_probe_counters(self) -> list[int]: ...

    def cancellable_exchange(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def cancellable_producer(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def close_counter(self) -> int: ...

    def concatenate(self, prefix: str, suffix: str, separator: str) -> str: ...

    def echo_all_types(self, data: bytes) -> bytes | None: ...

    def echo_bool(self, value: bool) -> bool: ...

    def echo_bounding_box(self, box: bytes) -> bytes | None: ...

    def echo_bytes(self, data: bytes) -> bytes: ...

    def echo_container_wide_types(self, data: bytes) -> bytes | None: ...

    def echo_date(self, value: Annotated[datetime.date, ArrowType(pa.date32())]) -> Annotated[datetime.date, ArrowType(pa.date32())]: ...

    def echo_decimal(self, value: Annotated[decimal.Decimal, ArrowType(pa.decimal128(20, 4))]) -> Annotated[decimal.Decimal, ArrowType(pa.decimal128(20, 4))]: ...

    def echo_deep_nested(self, data: bytes) -> bytes | None: ...

    def echo_dict(self, mapping: dict[str, int]) -> dict[str, int]: ...

    def echo_dict_encoded_string(self, value: Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]) -> Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]: ...

    def echo_duration(self, value: Annotated[datetime.timedelta, ArrowType(pa.duration("us"))]) -> Annotated[datetime.timedelta, ArrowType(pa.duration("us"))]: ...

    def echo_embedded_arrow(self, data: bytes) -> bytes | None: ...

    def echo_enum(self, status: Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]) -> Annotated[str, ArrowType(pa.dictionary(pa.int16(), pa.string()))]: ...

    def echo_fixed_binary(self, value: Annotated[bytes, ArrowType(pa.binary(8))]) -> Annotated[bytes, ArrowType(pa.binary(8))]: ...

    def echo_float(self, value: float) -> float: ...

    def echo_float32(self, value: Annotated[float, ArrowType(pa.float32())]) -> Annotated[float, ArrowType(pa.float32())]: ...

    def echo_int(self, value: int) -> int: ...

    def echo_int16(self, value: Annotated[int, ArrowType(pa.int16())]) -> Annotated[int, ArrowType(pa.int16())]: ...

    def echo_int32(self, value: Annotated[int, ArrowType(pa.int32())]) -> Annotated[int, ArrowType(pa.int32())]: ...

    def echo_int8(self, value: Annotated[int, ArrowType(pa.int8())]) -> Annotated[int, ArrowType(pa.int8())]: ...

    def echo_large_binary(self, value: Annotated[bytes, ArrowType(pa.large_binary())]) -> Annotated[bytes, ArrowType(pa.large_binary())]: ...

    def echo_large_string(self, value: Annotated[str, ArrowType(pa.large_string())]) -> Annotated[str, ArrowType(pa.large_string())]: ...

    def echo_list(self, values: list[str]) -> list[str]: ...

    def echo_nested_list(self, matrix: list[list[int]]) -> list[list[int]]: ...

    def echo_optional_int(self, value: int | None) -> int | None: ...

    def echo_optional_string(self, value: str | None) -> str | None: ...

    def echo_point(self, point: bytes) -> bytes | None: ...

    def echo_string(self, value: str) -> str: ...

    def echo_time(self, value: Annotated[datetime.time, ArrowType(pa.time64("us"))]) -> Annotated[datetime.time, ArrowType(pa.time64("us"))]: ...

    def echo_timestamp(self, value: Annotated[datetime.datetime, ArrowType(pa.timestamp("us"))]) -> Annotated[datetime.datetime, ArrowType(pa.timestamp("us"))]: ...

    def echo_timestamp_utc(self, value: Annotated[datetime.datetime, ArrowType(pa.timestamp("us", tz="UTC"))]) -> Annotated[datetime.datetime, ArrowType(pa.timestamp("us", tz="UTC"))]: ...

    def echo_uint16(self, value: Annotated[int, ArrowType(pa.uint16())]) -> Annotated[int, ArrowType(pa.uint16())]: ...

    def echo_uint32(self, value: Annotated[int, ArrowType(pa.uint32())]) -> Annotated[int, ArrowType(pa.uint32())]: ...

    def echo_uint64(self, value: Annotated[int, ArrowType(pa.uint64())]) -> Annotated[int, ArrowType(pa.uint64())]: ...

    def echo_uint8(self, value: Annotated[int, ArrowType(pa.uint8())]) -> Annotated[int, ArrowType(pa.uint8())]: ...

    def echo_wide_types(self, data: bytes) -> bytes | None: ...

    def echo_with_all_log_levels(self, value: str) -> str: ...

    def echo_with_info_log(self, value: str) -> str: ...

    def echo_with_log_extras(self, value: str) -> str: ...

    def echo_with_multi_logs(self, value: str) -> str: ...

    def exchange_accumulate(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_cast_compatible(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_error_on_init(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_error_on_nth(self, fail_on: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_oversized(self, rows_per_batch: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_scale(self, factor: float) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_session_counter(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_with_header(self, factor: float) -> Stream[StreamState, ExchangeWithHeaderHeader]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_with_logs(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_with_rich_header(self, seed: int, factor: float) -> Stream[StreamState, ExchangeWithRichHeaderHeader]:
        """A producer or an exchange: the server does not say."""
        ...

    def exchange_zero_columns(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def increment_counter(self, by: int) -> int: ...

    def inspect_point(self, point: bytes) -> str: ...

    def open_counter(self, initial: int) -> int: ...

    def oversized_unary(self, target_bytes: int) -> bytes: ...

    def produce_dynamic_schema(self, seed: int, count: int, include_strings: bool, include_floats: bool) -> Stream[StreamState, ProduceDynamicSchemaHeader]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_empty(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_error_mid_stream(self, emit_before_error: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_error_on_init(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_large_batches(self, rows_per_batch: int, batch_count: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_n(self, count: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_oversized_batch(self, rows_per_batch: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_single(self) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_with_header(self, count: int) -> Stream[StreamState, ProduceWithHeaderHeader]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_with_header_and_logs(self, count: int) -> Stream[StreamState, ProduceWithHeaderAndLogsHeader]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_with_logs(self, count: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def produce_with_rich_header(self, seed: int, count: int) -> Stream[StreamState, ProduceWithRichHeaderHeader]:
        """A producer or an exchange: the server does not say."""
        ...

    def raise_runtime_error(self, message: str) -> str: ...

    def raise_type_error(self, message: str) -> str: ...

    def raise_value_error(self, message: str) -> str: ...

    def reset_cancel_probe(self) -> None: ...

    def stream_session_counter(self, count: int) -> Stream[StreamState]:
        """A producer or an exchange: the server does not say."""
        ...

    def void_noop(self) -> None: ...

    def void_with_param(self, value: int) -> None: ...

    def with_defaults(self, required: int, optional_str: str, optional_int: int) -> str: ...
