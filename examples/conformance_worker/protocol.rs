//! The conformance protocol: every type and every kind of method that callers can meet.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use indexmap::IndexMap;
use tower_vgi::rpc::{CallContext, Exchange, Producer};
use tower_vgi::value::{DictionaryString, LargeBinary, LargeString};
use tower_vgi::{ByReference, Result};

use crate::rows::{Accumulated, Count, Increment, InputSeen, Measure, Nothing, Number, TickSeen};
use crate::types::{
    AllTypes, Amount, BoundingBox, ConformanceHeader, ContainerWideTypes, DeepNested, EmbeddedArrow, NestedContainers,
    Point, RichHeader, Status, WideTypes,
};

/// Every type and every kind of method, for testing implementations against each other.
#[tower_vgi::service(name = "ConformanceService", version = "2.0.0")]
pub(crate) trait ConformanceService {
    #[producer(Count)]
    type CountUp;
    #[producer(Count)]
    type CountAloud;
    #[producer(Count)]
    type CountAndFail;
    #[producer(Count)]
    type Endless;
    #[producer(Count)]
    type Blocks;
    #[producer(Number)]
    type Annotated;
    #[producer(TickSeen)]
    type TickEcho;
    #[producer]
    type Dynamic;
    #[producer(Number)]
    type SessionCount;

    #[exchange(Measure => Measure)]
    type Scale;
    #[exchange(Measure => Accumulated)]
    type Accumulate;
    #[exchange(Measure => Measure)]
    type EchoAloud;
    #[exchange(Measure => InputSeen)]
    type MetadataEcho;
    #[exchange(Nothing => Nothing)]
    type NoColumns;
    #[exchange(Measure => Measure)]
    type EchoAndFail;
    #[exchange(Measure => Count)]
    type Oversized;
    #[exchange(Measure => Measure)]
    type ObservedEcho;
    #[exchange(Increment => Number)]
    type SessionAdd;

    /// Gives the text back.
    async fn echo_string(&self, value: String) -> Result<String>;
    /// Gives the bytes back.
    async fn echo_bytes(&self, data: Bytes) -> Result<Bytes>;
    /// Gives so many bytes, for exceeding limits on responses.
    async fn oversized_unary(&self, target_bytes: i64) -> Result<Vec<u8>>;
    /// Gives the text back from external storage, where it is put once.
    async fn published_string(&self, value: String, include_sha256: bool) -> Result<ByReference<String>>;
    /// Gives the number back.
    async fn echo_int(&self, value: i64) -> Result<i64>;
    /// Gives the number back.
    async fn echo_float(&self, value: f64) -> Result<f64>;
    /// Gives the truth value back.
    async fn echo_bool(&self, value: bool) -> Result<bool>;

    /// Does nothing.
    async fn void_noop(&self) -> Result<()>;
    /// Takes a number and gives nothing.
    async fn void_with_param(&self, value: i64) -> Result<()>;

    /// Gives the status back.
    async fn echo_enum(&self, status: Status) -> Result<Status>;
    /// Gives the texts back.
    async fn echo_list(&self, values: Vec<String>) -> Result<Vec<String>>;
    /// Gives the map back, in the same order.
    async fn echo_dict(&self, mapping: IndexMap<String, i64>) -> Result<IndexMap<String, i64>>;
    /// Gives the matrix back.
    async fn echo_nested_list(&self, matrix: Vec<Vec<i64>>) -> Result<Vec<Vec<i64>>>;

    /// Gives the text back, or its absence.
    async fn echo_optional_string(&self, value: Option<String>) -> Result<Option<String>>;
    /// Gives the number back, or its absence.
    async fn echo_optional_int(&self, value: Option<i64>) -> Result<Option<i64>>;
    /// Gives the point back, or its absence.
    async fn echo_optional_point(&self, point: Option<Point>) -> Result<Option<Point>>;
    /// Gives the number of 32 bits back, or its absence.
    async fn echo_annotated_optional_int(&self, value: Option<i32>) -> Result<Option<i32>>;
    /// Gives the number of 32 bits back, which cannot be absent.
    async fn echo_outer_optional_non_null(&self, value: i32) -> Result<i32>;

    /// Gives the point back.
    async fn echo_point(&self, point: Point) -> Result<Point>;
    /// Gives the record back.
    async fn echo_all_types(&self, data: AllTypes) -> Result<AllTypes>;
    /// Gives the box back.
    async fn echo_bounding_box(&self, r#box: BoundingBox) -> Result<BoundingBox>;
    /// Writes a point as text.
    async fn inspect_point(&self, point: Point) -> Result<String>;

    /// Gives the number of 32 bits back.
    async fn echo_int32(&self, value: i32) -> Result<i32>;
    /// Gives the number of 32 bits back.
    async fn echo_float32(&self, value: f32) -> Result<f32>;
    /// Gives the number of 8 bits back.
    async fn echo_int8(&self, value: i8) -> Result<i8>;
    /// Gives the number of 16 bits back.
    async fn echo_int16(&self, value: i16) -> Result<i16>;
    /// Gives the number of 8 bits back.
    async fn echo_uint8(&self, value: u8) -> Result<u8>;
    /// Gives the number of 16 bits back.
    async fn echo_uint16(&self, value: u16) -> Result<u16>;
    /// Gives the number of 32 bits back.
    async fn echo_uint32(&self, value: u32) -> Result<u32>;
    /// Gives the number of 64 bits back, also one that no signed number of 64 bits can be.
    async fn echo_uint64(&self, value: u64) -> Result<u64>;
    /// Gives the date back.
    async fn echo_date(&self, value: NaiveDate) -> Result<NaiveDate>;
    /// Gives the time without a zone back.
    async fn echo_timestamp(&self, value: NaiveDateTime) -> Result<NaiveDateTime>;
    /// Gives the moment back.
    async fn echo_timestamp_utc(&self, value: DateTime<Utc>) -> Result<DateTime<Utc>>;
    /// Gives the time of day back.
    async fn echo_time(&self, value: NaiveTime) -> Result<NaiveTime>;
    /// Gives the duration back.
    async fn echo_duration(&self, value: TimeDelta) -> Result<TimeDelta>;
    /// Gives the decimal back.
    async fn echo_decimal(&self, value: Amount) -> Result<Amount>;
    /// Gives the text back, with 64-bit offsets.
    async fn echo_large_string(&self, value: LargeString) -> Result<LargeString>;
    /// Gives the bytes back, with 64-bit offsets.
    async fn echo_large_binary(&self, value: LargeBinary) -> Result<LargeBinary>;
    /// Gives the eight bytes back.
    async fn echo_fixed_binary(&self, value: [u8; 8]) -> Result<[u8; 8]>;
    /// Gives the record back.
    async fn echo_wide_types(&self, data: WideTypes) -> Result<WideTypes>;
    /// Gives the record back.
    async fn echo_container_wide_types(&self, data: ContainerWideTypes) -> Result<ContainerWideTypes>;
    /// Gives the batch and the schema back.
    async fn echo_embedded_arrow(&self, data: EmbeddedArrow) -> Result<EmbeddedArrow>;
    /// Gives the record back.
    async fn echo_deep_nested(&self, data: DeepNested) -> Result<DeepNested>;
    /// Makes a record out of lists and maps of enums and records.
    async fn pack_nested_containers(
        &self,
        statuses: Vec<Status>,
        points: Vec<Point>,
        status_by_name: IndexMap<String, Status>,
    ) -> Result<NestedContainers>;
    /// Gives the statuses back.
    async fn echo_status_list(&self, statuses: Vec<Status>) -> Result<Vec<Status>>;
    /// Gives the text back, dictionary-encoded.
    async fn echo_dict_encoded_string(&self, value: DictionaryString) -> Result<DictionaryString>;

    /// Adds two numbers.
    async fn add_floats(&self, a: f64, b: f64) -> Result<f64>;
    /// Joins two texts.
    async fn concatenate(&self, prefix: String, suffix: String, #[default("-")] separator: String) -> Result<String>;
    /// Writes all its parameters as text.
    async fn with_defaults(
        &self,
        required: i64,
        #[default("default")] optional_str: String,
        #[default(42)] optional_int: i64,
    ) -> Result<String>;

    /// Fails with a `ValueError`.
    async fn raise_value_error(&self, message: String) -> Result<String>;
    /// Fails with a `RuntimeError`.
    async fn raise_runtime_error(&self, message: String) -> Result<String>;
    /// Fails with a `TypeError`.
    async fn raise_type_error(&self, message: String) -> Result<String>;

    /// Gives the text back after one message.
    async fn echo_with_info_log(&self, ctx: &CallContext, value: String) -> Result<String>;
    /// Gives the text back after messages of three levels.
    async fn echo_with_multi_logs(&self, ctx: &CallContext, value: String) -> Result<String>;
    /// Gives the text back after a message with extras.
    async fn echo_with_log_extras(&self, ctx: &CallContext, value: String) -> Result<String>;
    /// Gives the text back after a message of each level.
    async fn echo_with_all_log_levels(&self, ctx: &CallContext, value: String) -> Result<String>;

    /// Counts to a number.
    async fn produce_n(&self, count: i64) -> Result<Producer<Self::CountUp>>;
    /// Reports the metadata of each tick.
    async fn produce_tick_metadata(&self, count: i64) -> Result<Producer<Self::TickEcho>>;
    /// Gives no batch.
    async fn produce_empty(&self) -> Result<Producer<Self::Blocks>>;
    /// Gives one batch.
    async fn produce_single(&self) -> Result<Producer<Self::CountUp>>;
    /// Gives batches of many rows.
    async fn produce_large_batches(&self, rows_per_batch: i64, batch_count: i64) -> Result<Producer<Self::Blocks>>;
    /// Gives batches of which each has metadata of its own.
    async fn produce_annotated_batches(&self, count: i64, rows_per_batch: i64) -> Result<Producer<Self::Annotated>>;
    /// Counts to a number, with a message before each batch.
    async fn produce_with_logs(&self, count: i64) -> Result<Producer<Self::CountAloud>>;
    /// Fails after so many batches.
    async fn produce_error_mid_stream(&self, emit_before_error: i64) -> Result<Producer<Self::CountAndFail>>;
    /// Fails before the first batch.
    async fn produce_error_on_init(&self) -> Result<Producer<Self::CountUp>>;
    /// Gives one batch of so many rows, for exceeding limits on responses.
    async fn produce_oversized_batch(&self, rows_per_batch: i64) -> Result<Producer<Self::Blocks>>;
    /// Counts to a number, with a header.
    async fn produce_with_header(&self, count: i64) -> Result<Producer<Self::CountUp, ConformanceHeader>>;
    /// Counts to a number, with a header and a message.
    async fn produce_with_header_and_logs(
        &self,
        ctx: &CallContext,
        count: i64,
    ) -> Result<Producer<Self::CountUp, ConformanceHeader>>;

    /// Multiplies each value.
    async fn exchange_scale(&self, factor: f64) -> Result<Exchange<Self::Scale>>;
    /// Adds up all values, and counts the turns.
    async fn exchange_accumulate(&self) -> Result<Exchange<Self::Accumulate>>;
    /// Gives each input back after two messages.
    async fn exchange_with_logs(&self) -> Result<Exchange<Self::EchoAloud>>;
    /// Fails at a certain turn, counted from 1.
    async fn exchange_error_on_nth(&self, fail_on: i64) -> Result<Exchange<Self::EchoAndFail>>;
    /// Trades batches without columns.
    async fn exchange_zero_columns(&self) -> Result<Exchange<Self::NoColumns>>;
    /// Reports the metadata of each input.
    async fn exchange_input_metadata(&self) -> Result<Exchange<Self::MetadataEcho>>;
    /// Fails before the first turn.
    async fn exchange_error_on_init(&self) -> Result<Exchange<Self::Scale>>;
    /// Answers each input with so many rows, for exceeding limits on responses.
    async fn exchange_oversized(&self, rows_per_batch: i64) -> Result<Exchange<Self::Oversized>>;
    /// Multiplies each value, with a header.
    async fn exchange_with_header(&self, factor: f64) -> Result<Exchange<Self::Scale, ConformanceHeader>>;

    /// Counts until it is cancelled.
    async fn cancellable_producer(&self) -> Result<Producer<Self::Endless>>;
    /// Gives each input back until it is cancelled.
    async fn cancellable_exchange(&self) -> Result<Exchange<Self::ObservedEcho>>;
    /// How often the two made a batch, answered one and were cancelled.
    async fn cancel_probe_counters(&self, ctx: &CallContext) -> Result<Vec<i64>>;
    /// Sets those counts to zero.
    async fn reset_cancel_probe(&self, ctx: &CallContext) -> Result<()>;

    /// Counts to a number, with a header of many types.
    async fn produce_with_rich_header(&self, seed: i64, count: i64) -> Result<Producer<Self::CountUp, RichHeader>>;
    /// Counts to a number in the columns asked for, with a header of many types.
    async fn produce_dynamic_schema(
        &self,
        seed: i64,
        count: i64,
        include_strings: bool,
        include_floats: bool,
    ) -> Result<Producer<Self::Dynamic, RichHeader>>;
    /// Gives each input back, also where its numbers had to be converted.
    async fn exchange_cast_compatible(&self) -> Result<Exchange<Self::Scale>>;
    /// Multiplies each value, with a header of many types.
    async fn exchange_with_rich_header(&self, seed: i64, factor: f64) -> Result<Exchange<Self::Scale, RichHeader>>;

    /// Opens a session with a counter.
    async fn open_counter(&self, ctx: &CallContext, initial: i64) -> Result<i64>;
    /// Adds to the counter of the session.
    async fn increment_counter(&self, ctx: &CallContext, by: i64) -> Result<i64>;
    /// Closes the session and gives what the counter was.
    async fn close_counter(&self, ctx: &CallContext) -> Result<i64>;
    /// Counts in the session.
    async fn stream_session_counter(&self, count: i64) -> Result<Producer<Self::SessionCount>>;
    /// Adds each input to the counter of the session.
    async fn exchange_session_counter(&self) -> Result<Exchange<Self::SessionAdd>>;
}

/// What the flat generation's description of the protocol does not have.
pub(crate) const NOT_FLAT: [&str; 9] = [
    "echo_annotated_optional_int",
    "echo_optional_point",
    "echo_outer_optional_non_null",
    "echo_status_list",
    "exchange_input_metadata",
    "pack_nested_containers",
    "produce_annotated_batches",
    "produce_tick_metadata",
    "published_string",
];

/// The version of that description.
pub(crate) const FLAT_VERSION: &str = "1.0.0";
