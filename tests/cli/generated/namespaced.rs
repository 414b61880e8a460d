// A start, made by `tower-vgi describe`. Bytes may be records, and texts of a dictionary members of an enum: the wire
// does not say.

use tower_vgi::rpc::{Exchange, Producer};
use tower_vgi::{Result, VgiArrow};

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct CancellableExchangeInput {
    pub value: Option<f64>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct CancellableProducerRow {
    pub index: Option<i64>,
    pub value: Option<i64>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ExchangeAccumulateOutput {
    pub running_sum: Option<f64>,
    pub exchange_count: Option<i64>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ExchangeInputMetadataOutput {
    pub seen: Option<String>,
    pub keys: Option<String>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ExchangeSessionCounterInput {
    pub by: Option<i64>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ExchangeSessionCounterOutput {
    pub value: Option<i64>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ExchangeWithHeaderHeader {
    pub total_expected: i64,
    pub description: String,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ExchangeWithRichHeaderHeaderNestedPoint {
    pub x: f64,
    pub y: f64,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ExchangeWithRichHeaderHeader {
    pub str_field: String,
    pub bytes_field: Vec<u8>,
    pub int_field: i64,
    pub float_field: f64,
    pub bool_field: bool,
    pub list_of_int: Vec<i64>,
    pub list_of_str: Vec<String>,
    pub dict_field: std::collections::BTreeMap<String, i64>,
    pub enum_field: tower_vgi::value::DictionaryString,
    pub nested_point: ExchangeWithRichHeaderHeaderNestedPoint,
    pub optional_str: Option<String>,
    pub optional_int: Option<i64>,
    pub optional_nested: Option<ExchangeWithRichHeaderHeaderNestedPoint>,
    pub list_of_nested: Vec<ExchangeWithRichHeaderHeaderNestedPoint>,
    pub nested_list: Vec<Vec<i64>>,
    pub annotated_int32: i32,
    pub annotated_float32: f32,
    pub dict_str_str: std::collections::BTreeMap<String, String>,
}

#[derive(VgiArrow, Clone, Debug, PartialEq)]
pub struct ProduceTickMetadataRow {
    pub index: Option<i64>,
    pub seen: Option<String>,
}

/// Every type and every kind of method, for testing implementations against each other.
#[tower_vgi::service(version = "2.0.0")]
#[allow(non_snake_case)]
pub trait ConformanceService {
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type CancellableExchange;
    #[producer(CancellableProducerRow)]
    type CancellableProducer;
    #[exchange(CancellableExchangeInput => ExchangeAccumulateOutput)]
    type ExchangeAccumulate;
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type ExchangeCastCompatible;
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type ExchangeErrorOnInit;
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type ExchangeErrorOnNth;
    #[exchange(CancellableExchangeInput => ExchangeInputMetadataOutput)]
    type ExchangeInputMetadata;
    #[exchange(CancellableExchangeInput => CancellableProducerRow)]
    type ExchangeOversized;
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type ExchangeScale;
    #[exchange(ExchangeSessionCounterInput => ExchangeSessionCounterOutput)]
    type ExchangeSessionCounter;
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type ExchangeWithHeader;
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type ExchangeWithLogs;
    #[exchange(CancellableExchangeInput => CancellableExchangeInput)]
    type ExchangeWithRichHeader;
    #[exchange]
    type ExchangeZeroColumns;
    #[producer(ExchangeSessionCounterOutput)]
    type ProduceAnnotatedBatches;
    #[producer]
    type ProduceDynamicSchema;
    #[producer(CancellableProducerRow)]
    type ProduceEmpty;
    #[producer(CancellableProducerRow)]
    type ProduceErrorMidStream;
    #[producer(CancellableProducerRow)]
    type ProduceErrorOnInit;
    #[producer(CancellableProducerRow)]
    type ProduceLargeBatches;
    #[producer(CancellableProducerRow)]
    type ProduceN;
    #[producer(CancellableProducerRow)]
    type ProduceOversizedBatch;
    #[producer(CancellableProducerRow)]
    type ProduceSingle;
    #[producer(ProduceTickMetadataRow)]
    type ProduceTickMetadata;
    #[producer(CancellableProducerRow)]
    type ProduceWithHeader;
    #[producer(CancellableProducerRow)]
    type ProduceWithHeaderAndLogs;
    #[producer(CancellableProducerRow)]
    type ProduceWithLogs;
    #[producer(CancellableProducerRow)]
    type ProduceWithRichHeader;
    #[producer(ExchangeSessionCounterOutput)]
    type StreamSessionCounter;

    /// Adds two numbers.
    async fn add_floats(&self, a: f64, b: f64) -> Result<f64>;

    /// How often the two made a batch, answered one and were cancelled.
    async fn cancel_probe_counters(&self) -> Result<Vec<i64>>;

    /// Gives each input back until it is cancelled.
    async fn cancellable_exchange(&self) -> Result<Exchange<Self::CancellableExchange>>;

    /// Counts until it is cancelled.
    async fn cancellable_producer(&self) -> Result<Producer<Self::CancellableProducer>>;

    /// Closes the session and gives what the counter was.
    async fn close_counter(&self) -> Result<i64>;

    /// Joins two texts.
    async fn concatenate(&self, prefix: String, suffix: String, #[default("-")] separator: String) -> Result<String>;

    /// Gives the record back.
    async fn echo_all_types(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the number of 32 bits back, or its absence.
    async fn echo_annotated_optional_int(&self, value: Option<i32>) -> Result<Option<i32>>;

    /// Gives the truth value back.
    async fn echo_bool(&self, value: bool) -> Result<bool>;

    /// Gives the box back.
    async fn echo_bounding_box(&self, r#box: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the bytes back.
    async fn echo_bytes(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the record back.
    async fn echo_container_wide_types(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the date back.
    async fn echo_date(&self, value: chrono::NaiveDate) -> Result<chrono::NaiveDate>;

    /// Gives the decimal back.
    async fn echo_decimal(&self, value: tower_vgi::value::Decimal<20, 4>) -> Result<tower_vgi::value::Decimal<20, 4>>;

    /// Gives the record back.
    async fn echo_deep_nested(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the map back, in the same order.
    async fn echo_dict(&self, mapping: std::collections::BTreeMap<String, i64>) -> Result<std::collections::BTreeMap<String, i64>>;

    /// Gives the text back, dictionary-encoded.
    async fn echo_dict_encoded_string(&self, value: tower_vgi::value::DictionaryString) -> Result<tower_vgi::value::DictionaryString>;

    /// Gives the duration back.
    async fn echo_duration(&self, value: chrono::TimeDelta) -> Result<chrono::TimeDelta>;

    /// Gives the batch and the schema back.
    async fn echo_embedded_arrow(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the status back.
    async fn echo_enum(&self, status: tower_vgi::value::DictionaryString) -> Result<tower_vgi::value::DictionaryString>;

    /// Gives the eight bytes back.
    async fn echo_fixed_binary(&self, value: [u8; 8]) -> Result<[u8; 8]>;

    /// Gives the number back.
    async fn echo_float(&self, value: f64) -> Result<f64>;

    /// Gives the number of 32 bits back.
    async fn echo_float32(&self, value: f32) -> Result<f32>;

    /// Gives the number back.
    async fn echo_int(&self, value: i64) -> Result<i64>;

    /// Gives the number of 16 bits back.
    async fn echo_int16(&self, value: i16) -> Result<i16>;

    /// Gives the number of 32 bits back.
    async fn echo_int32(&self, value: i32) -> Result<i32>;

    /// Gives the number of 8 bits back.
    async fn echo_int8(&self, value: i8) -> Result<i8>;

    /// Gives the bytes back, with 64-bit offsets.
    async fn echo_large_binary(&self, value: tower_vgi::value::LargeBinary) -> Result<tower_vgi::value::LargeBinary>;

    /// Gives the text back, with 64-bit offsets.
    async fn echo_large_string(&self, value: tower_vgi::value::LargeString) -> Result<tower_vgi::value::LargeString>;

    /// Gives the texts back.
    async fn echo_list(&self, values: Vec<String>) -> Result<Vec<String>>;

    /// Gives the matrix back.
    async fn echo_nested_list(&self, matrix: Vec<Vec<i64>>) -> Result<Vec<Vec<i64>>>;

    /// Gives the number back, or its absence.
    async fn echo_optional_int(&self, value: Option<i64>) -> Result<Option<i64>>;

    /// Gives the point back, or its absence.
    async fn echo_optional_point(&self, point: Option<Vec<u8>>) -> Result<Option<Vec<u8>>>;

    /// Gives the text back, or its absence.
    async fn echo_optional_string(&self, value: Option<String>) -> Result<Option<String>>;

    /// Gives the number of 32 bits back, which cannot be absent.
    async fn echo_outer_optional_non_null(&self, value: i32) -> Result<i32>;

    /// Gives the point back.
    async fn echo_point(&self, point: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the statuses back.
    async fn echo_status_list(&self, statuses: Vec<tower_vgi::value::DictionaryString>) -> Result<Vec<tower_vgi::value::DictionaryString>>;

    /// Gives the text back.
    async fn echo_string(&self, value: String) -> Result<String>;

    /// Gives the time of day back.
    async fn echo_time(&self, value: chrono::NaiveTime) -> Result<chrono::NaiveTime>;

    /// Gives the time without a zone back.
    async fn echo_timestamp(&self, value: chrono::NaiveDateTime) -> Result<chrono::NaiveDateTime>;

    /// Gives the moment back.
    async fn echo_timestamp_utc(&self, value: chrono::DateTime<chrono::Utc>) -> Result<chrono::DateTime<chrono::Utc>>;

    /// Gives the number of 16 bits back.
    async fn echo_uint16(&self, value: u16) -> Result<u16>;

    /// Gives the number of 32 bits back.
    async fn echo_uint32(&self, value: u32) -> Result<u32>;

    /// Gives the number of 64 bits back, also one that no signed number of 64 bits can be.
    async fn echo_uint64(&self, value: u64) -> Result<u64>;

    /// Gives the number of 8 bits back.
    async fn echo_uint8(&self, value: u8) -> Result<u8>;

    /// Gives the record back.
    async fn echo_wide_types(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    /// Gives the text back after a message of each level.
    async fn echo_with_all_log_levels(&self, value: String) -> Result<String>;

    /// Gives the text back after one message.
    async fn echo_with_info_log(&self, value: String) -> Result<String>;

    /// Gives the text back after a message with extras.
    async fn echo_with_log_extras(&self, value: String) -> Result<String>;

    /// Gives the text back after messages of three levels.
    async fn echo_with_multi_logs(&self, value: String) -> Result<String>;

    /// Adds up all values, and counts the turns.
    async fn exchange_accumulate(&self) -> Result<Exchange<Self::ExchangeAccumulate>>;

    /// Gives each input back, also where its numbers had to be converted.
    async fn exchange_cast_compatible(&self) -> Result<Exchange<Self::ExchangeCastCompatible>>;

    /// Fails before the first turn.
    async fn exchange_error_on_init(&self) -> Result<Exchange<Self::ExchangeErrorOnInit>>;

    /// Fails at a certain turn, counted from 1.
    async fn exchange_error_on_nth(&self, fail_on: i64) -> Result<Exchange<Self::ExchangeErrorOnNth>>;

    /// Reports the metadata of each input.
    async fn exchange_input_metadata(&self) -> Result<Exchange<Self::ExchangeInputMetadata>>;

    /// Answers each input with so many rows, for exceeding limits on responses.
    async fn exchange_oversized(&self, rows_per_batch: i64) -> Result<Exchange<Self::ExchangeOversized>>;

    /// Multiplies each value.
    async fn exchange_scale(&self, factor: f64) -> Result<Exchange<Self::ExchangeScale>>;

    /// Adds each input to the counter of the session.
    async fn exchange_session_counter(&self) -> Result<Exchange<Self::ExchangeSessionCounter>>;

    /// Multiplies each value, with a header.
    async fn exchange_with_header(&self, factor: f64) -> Result<Exchange<Self::ExchangeWithHeader, ExchangeWithHeaderHeader>>;

    /// Gives each input back after two messages.
    async fn exchange_with_logs(&self) -> Result<Exchange<Self::ExchangeWithLogs>>;

    /// Multiplies each value, with a header of many types.
    async fn exchange_with_rich_header(&self, seed: i64, factor: f64) -> Result<Exchange<Self::ExchangeWithRichHeader, ExchangeWithRichHeaderHeader>>;

    /// Trades batches without columns.
    async fn exchange_zero_columns(&self) -> Result<Exchange<Self::ExchangeZeroColumns>>;

    /// Adds to the counter of the session.
    async fn increment_counter(&self, by: i64) -> Result<i64>;

    /// Writes a point as text.
    async fn inspect_point(&self, point: Vec<u8>) -> Result<String>;

    /// Opens a session with a counter.
    async fn open_counter(&self, initial: i64) -> Result<i64>;

    /// Gives so many bytes, for exceeding limits on responses.
    async fn oversized_unary(&self, target_bytes: i64) -> Result<Vec<u8>>;

    /// Makes a record out of lists and maps of enums and records.
    async fn pack_nested_containers(&self, statuses: Vec<tower_vgi::value::DictionaryString>, points: Vec<ExchangeWithRichHeaderHeaderNestedPoint>, status_by_name: std::collections::BTreeMap<String, tower_vgi::value::DictionaryString>) -> Result<Vec<u8>>;

    /// Gives batches of which each has metadata of its own.
    async fn produce_annotated_batches(&self, count: i64, rows_per_batch: i64) -> Result<Producer<Self::ProduceAnnotatedBatches>>;

    /// Counts to a number in the columns asked for, with a header of many types.
    async fn produce_dynamic_schema(&self, seed: i64, count: i64, include_strings: bool, include_floats: bool) -> Result<Producer<Self::ProduceDynamicSchema, ExchangeWithRichHeaderHeader>>;

    /// Gives no batch.
    async fn produce_empty(&self) -> Result<Producer<Self::ProduceEmpty>>;

    /// Fails after so many batches.
    async fn produce_error_mid_stream(&self, emit_before_error: i64) -> Result<Producer<Self::ProduceErrorMidStream>>;

    /// Fails before the first batch.
    async fn produce_error_on_init(&self) -> Result<Producer<Self::ProduceErrorOnInit>>;

    /// Gives batches of many rows.
    async fn produce_large_batches(&self, rows_per_batch: i64, batch_count: i64) -> Result<Producer<Self::ProduceLargeBatches>>;

    /// Counts to a number.
    async fn produce_n(&self, count: i64) -> Result<Producer<Self::ProduceN>>;

    /// Gives one batch of so many rows, for exceeding limits on responses.
    async fn produce_oversized_batch(&self, rows_per_batch: i64) -> Result<Producer<Self::ProduceOversizedBatch>>;

    /// Gives one batch.
    async fn produce_single(&self) -> Result<Producer<Self::ProduceSingle>>;

    /// Reports the metadata of each tick.
    async fn produce_tick_metadata(&self, count: i64) -> Result<Producer<Self::ProduceTickMetadata>>;

    /// Counts to a number, with a header.
    async fn produce_with_header(&self, count: i64) -> Result<Producer<Self::ProduceWithHeader, ExchangeWithHeaderHeader>>;

    /// Counts to a number, with a header and a message.
    async fn produce_with_header_and_logs(&self, count: i64) -> Result<Producer<Self::ProduceWithHeaderAndLogs, ExchangeWithHeaderHeader>>;

    /// Counts to a number, with a message before each batch.
    async fn produce_with_logs(&self, count: i64) -> Result<Producer<Self::ProduceWithLogs>>;

    /// Counts to a number, with a header of many types.
    async fn produce_with_rich_header(&self, seed: i64, count: i64) -> Result<Producer<Self::ProduceWithRichHeader, ExchangeWithRichHeaderHeader>>;

    /// Gives the text back from external storage, where it is put once.
    async fn published_string(&self, value: String, include_sha256: bool) -> Result<String>;

    /// Fails with a `RuntimeError`.
    async fn raise_runtime_error(&self, message: String) -> Result<String>;

    /// Fails with a `TypeError`.
    async fn raise_type_error(&self, message: String) -> Result<String>;

    /// Fails with a `ValueError`.
    async fn raise_value_error(&self, message: String) -> Result<String>;

    /// Sets those counts to zero.
    async fn reset_cancel_probe(&self) -> Result<()>;

    /// Counts in the session.
    async fn stream_session_counter(&self, count: i64) -> Result<Producer<Self::StreamSessionCounter>>;

    /// Does nothing.
    async fn void_noop(&self) -> Result<()>;

    /// Takes a number and gives nothing.
    async fn void_with_param(&self, value: i64) -> Result<()>;

    /// Writes all its parameters as text.
    async fn with_defaults(&self, required: i64, #[default("default")] optional_str: String, #[default(42)] optional_int: i64) -> Result<String>;
}

/// Hosted beside the primary protocol, on purpose without a version.
#[tower_vgi::service(name = "conformance.Secondary.v1")]
#[allow(non_snake_case)]
pub trait Secondary {
    /// Gives the text back with a prefix. The primary has a method of this name, without the prefix.
    async fn echo_string(&self, value: String) -> Result<String>;

    /// Fails with a code and, unless it is empty, a kind.
    async fn fail(&self, code: String, kind: String, retry_delay_seconds: f64) -> Result<()>;

    /// Fails with more details than may travel.
    async fn fail_oversized(&self) -> Result<()>;
}
