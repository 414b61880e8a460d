// A start, made by `tower-vgi describe`. Bytes may be records, and texts of a dictionary members of an enum: the wire
// does not say.

use tower_vgi::rpc::{Exchange, Producer};
use tower_vgi::{Result, VgiArrow};

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

#[tower_vgi::service(version = "2.0.0")]
#[allow(non_snake_case)]
pub trait ConformanceService {
    #[exchange]
    type CancellableExchange;
    #[producer]
    type CancellableProducer;
    #[exchange]
    type ExchangeAccumulate;
    #[exchange]
    type ExchangeCastCompatible;
    #[exchange]
    type ExchangeErrorOnInit;
    #[exchange]
    type ExchangeErrorOnNth;
    #[exchange]
    type ExchangeInputMetadata;
    #[exchange]
    type ExchangeOversized;
    #[exchange]
    type ExchangeScale;
    #[exchange]
    type ExchangeSessionCounter;
    #[exchange]
    type ExchangeWithHeader;
    #[exchange]
    type ExchangeWithLogs;
    #[exchange]
    type ExchangeWithRichHeader;
    #[exchange]
    type ExchangeZeroColumns;
    #[producer]
    type ProduceAnnotatedBatches;
    #[producer]
    type ProduceDynamicSchema;
    #[producer]
    type ProduceEmpty;
    #[producer]
    type ProduceErrorMidStream;
    #[producer]
    type ProduceErrorOnInit;
    #[producer]
    type ProduceLargeBatches;
    #[producer]
    type ProduceN;
    #[producer]
    type ProduceOversizedBatch;
    #[producer]
    type ProduceSingle;
    #[producer]
    type ProduceTickMetadata;
    #[producer]
    type ProduceWithHeader;
    #[producer]
    type ProduceWithHeaderAndLogs;
    #[producer]
    type ProduceWithLogs;
    #[producer]
    type ProduceWithRichHeader;
    #[producer]
    type StreamSessionCounter;

    async fn add_floats(&self, a: f64, b: f64) -> Result<f64>;

    async fn cancel_probe_counters(&self) -> Result<Vec<i64>>;

    async fn cancellable_exchange(&self) -> Result<Exchange<Self::CancellableExchange>>;

    async fn cancellable_producer(&self) -> Result<Producer<Self::CancellableProducer>>;

    async fn close_counter(&self) -> Result<i64>;

    async fn concatenate(&self, prefix: String, suffix: String, separator: String) -> Result<String>;

    async fn echo_all_types(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_annotated_optional_int(&self, value: Option<i32>) -> Result<Option<i32>>;

    async fn echo_bool(&self, value: bool) -> Result<bool>;

    async fn echo_bounding_box(&self, r#box: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_bytes(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_container_wide_types(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_date(&self, value: chrono::NaiveDate) -> Result<chrono::NaiveDate>;

    async fn echo_decimal(&self, value: tower_vgi::value::Decimal<20, 4>) -> Result<tower_vgi::value::Decimal<20, 4>>;

    async fn echo_deep_nested(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_dict(&self, mapping: std::collections::BTreeMap<String, i64>) -> Result<std::collections::BTreeMap<String, i64>>;

    async fn echo_dict_encoded_string(&self, value: tower_vgi::value::DictionaryString) -> Result<tower_vgi::value::DictionaryString>;

    async fn echo_duration(&self, value: chrono::TimeDelta) -> Result<chrono::TimeDelta>;

    async fn echo_embedded_arrow(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_enum(&self, status: tower_vgi::value::DictionaryString) -> Result<tower_vgi::value::DictionaryString>;

    async fn echo_fixed_binary(&self, value: [u8; 8]) -> Result<[u8; 8]>;

    async fn echo_float(&self, value: f64) -> Result<f64>;

    async fn echo_float32(&self, value: f32) -> Result<f32>;

    async fn echo_int(&self, value: i64) -> Result<i64>;

    async fn echo_int16(&self, value: i16) -> Result<i16>;

    async fn echo_int32(&self, value: i32) -> Result<i32>;

    async fn echo_int8(&self, value: i8) -> Result<i8>;

    async fn echo_large_binary(&self, value: tower_vgi::value::LargeBinary) -> Result<tower_vgi::value::LargeBinary>;

    async fn echo_large_string(&self, value: tower_vgi::value::LargeString) -> Result<tower_vgi::value::LargeString>;

    async fn echo_list(&self, values: Vec<String>) -> Result<Vec<String>>;

    async fn echo_nested_list(&self, matrix: Vec<Vec<i64>>) -> Result<Vec<Vec<i64>>>;

    async fn echo_optional_int(&self, value: Option<i64>) -> Result<Option<i64>>;

    async fn echo_optional_point(&self, point: Option<Vec<u8>>) -> Result<Option<Vec<u8>>>;

    async fn echo_optional_string(&self, value: Option<String>) -> Result<Option<String>>;

    async fn echo_outer_optional_non_null(&self, value: i32) -> Result<i32>;

    async fn echo_point(&self, point: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_status_list(&self, statuses: Vec<tower_vgi::value::DictionaryString>) -> Result<Vec<tower_vgi::value::DictionaryString>>;

    async fn echo_string(&self, value: String) -> Result<String>;

    async fn echo_time(&self, value: chrono::NaiveTime) -> Result<chrono::NaiveTime>;

    async fn echo_timestamp(&self, value: chrono::NaiveDateTime) -> Result<chrono::NaiveDateTime>;

    async fn echo_timestamp_utc(&self, value: chrono::DateTime<chrono::Utc>) -> Result<chrono::DateTime<chrono::Utc>>;

    async fn echo_uint16(&self, value: u16) -> Result<u16>;

    async fn echo_uint32(&self, value: u32) -> Result<u32>;

    async fn echo_uint64(&self, value: u64) -> Result<u64>;

    async fn echo_uint8(&self, value: u8) -> Result<u8>;

    async fn echo_wide_types(&self, data: Vec<u8>) -> Result<Vec<u8>>;

    async fn echo_with_all_log_levels(&self, value: String) -> Result<String>;

    async fn echo_with_info_log(&self, value: String) -> Result<String>;

    async fn echo_with_log_extras(&self, value: String) -> Result<String>;

    async fn echo_with_multi_logs(&self, value: String) -> Result<String>;

    async fn exchange_accumulate(&self) -> Result<Exchange<Self::ExchangeAccumulate>>;

    async fn exchange_cast_compatible(&self) -> Result<Exchange<Self::ExchangeCastCompatible>>;

    async fn exchange_error_on_init(&self) -> Result<Exchange<Self::ExchangeErrorOnInit>>;

    async fn exchange_error_on_nth(&self, fail_on: i64) -> Result<Exchange<Self::ExchangeErrorOnNth>>;

    async fn exchange_input_metadata(&self) -> Result<Exchange<Self::ExchangeInputMetadata>>;

    async fn exchange_oversized(&self, rows_per_batch: i64) -> Result<Exchange<Self::ExchangeOversized>>;

    async fn exchange_scale(&self, factor: f64) -> Result<Exchange<Self::ExchangeScale>>;

    async fn exchange_session_counter(&self) -> Result<Exchange<Self::ExchangeSessionCounter>>;

    async fn exchange_with_header(&self, factor: f64) -> Result<Exchange<Self::ExchangeWithHeader, ExchangeWithHeaderHeader>>;

    async fn exchange_with_logs(&self) -> Result<Exchange<Self::ExchangeWithLogs>>;

    async fn exchange_with_rich_header(&self, seed: i64, factor: f64) -> Result<Exchange<Self::ExchangeWithRichHeader, ExchangeWithRichHeaderHeader>>;

    async fn exchange_zero_columns(&self) -> Result<Exchange<Self::ExchangeZeroColumns>>;

    async fn increment_counter(&self, by: i64) -> Result<i64>;

    async fn inspect_point(&self, point: Vec<u8>) -> Result<String>;

    async fn open_counter(&self, initial: i64) -> Result<i64>;

    async fn oversized_unary(&self, target_bytes: i64) -> Result<Vec<u8>>;

    async fn pack_nested_containers(&self, statuses: Vec<tower_vgi::value::DictionaryString>, points: Vec<ExchangeWithRichHeaderHeaderNestedPoint>, status_by_name: std::collections::BTreeMap<String, tower_vgi::value::DictionaryString>) -> Result<Vec<u8>>;

    async fn produce_annotated_batches(&self, count: i64, rows_per_batch: i64) -> Result<Producer<Self::ProduceAnnotatedBatches>>;

    async fn produce_dynamic_schema(&self, seed: i64, count: i64, include_strings: bool, include_floats: bool) -> Result<Producer<Self::ProduceDynamicSchema, ExchangeWithRichHeaderHeader>>;

    async fn produce_empty(&self) -> Result<Producer<Self::ProduceEmpty>>;

    async fn produce_error_mid_stream(&self, emit_before_error: i64) -> Result<Producer<Self::ProduceErrorMidStream>>;

    async fn produce_error_on_init(&self) -> Result<Producer<Self::ProduceErrorOnInit>>;

    async fn produce_large_batches(&self, rows_per_batch: i64, batch_count: i64) -> Result<Producer<Self::ProduceLargeBatches>>;

    async fn produce_n(&self, count: i64) -> Result<Producer<Self::ProduceN>>;

    async fn produce_oversized_batch(&self, rows_per_batch: i64) -> Result<Producer<Self::ProduceOversizedBatch>>;

    async fn produce_single(&self) -> Result<Producer<Self::ProduceSingle>>;

    async fn produce_tick_metadata(&self, count: i64) -> Result<Producer<Self::ProduceTickMetadata>>;

    async fn produce_with_header(&self, count: i64) -> Result<Producer<Self::ProduceWithHeader, ExchangeWithHeaderHeader>>;

    async fn produce_with_header_and_logs(&self, count: i64) -> Result<Producer<Self::ProduceWithHeaderAndLogs, ExchangeWithHeaderHeader>>;

    async fn produce_with_logs(&self, count: i64) -> Result<Producer<Self::ProduceWithLogs>>;

    async fn produce_with_rich_header(&self, seed: i64, count: i64) -> Result<Producer<Self::ProduceWithRichHeader, ExchangeWithRichHeaderHeader>>;

    async fn published_string(&self, value: String, include_sha256: bool) -> Result<String>;

    async fn raise_runtime_error(&self, message: String) -> Result<String>;

    async fn raise_type_error(&self, message: String) -> Result<String>;

    async fn raise_value_error(&self, message: String) -> Result<String>;

    async fn reset_cancel_probe(&self) -> Result<()>;

    async fn stream_session_counter(&self, count: i64) -> Result<Producer<Self::StreamSessionCounter>>;

    async fn void_noop(&self) -> Result<()>;

    async fn void_with_param(&self, value: i64) -> Result<()>;

    async fn with_defaults(&self, required: i64, optional_str: String, optional_int: i64) -> Result<String>;
}

#[tower_vgi::service(name = "conformance.Secondary.v1")]
#[allow(non_snake_case)]
pub trait Secondary {
    async fn echo_string(&self, value: String) -> Result<String>;

    async fn fail(&self, code: String, kind: String, retry_delay_seconds: f64) -> Result<()>;

    async fn fail_oversized(&self) -> Result<()>;
}
