//! What the methods of the conformance protocol do.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use indexmap::IndexMap;
use tower_vgi::rpc::{CallContext, Exchange, LogLevel, LogMessage, Producer};
use tower_vgi::value::{DictionaryString, LargeBinary, LargeString};
use tower_vgi::{ByReference, Result, RpcError};

use crate::exchanges::{Accumulate, EchoAloud, EchoAndFail, MetadataEcho, NoColumns, ObservedEcho, Oversized, Scale};
use crate::probe::{self, Counts};
use crate::producers::{Annotated, Blocks, CountAloud, CountAndFail, CountUp, Dynamic, Endless, TickEcho};
use crate::protocol::ConformanceService;
use crate::published::PublishedStrings;
use crate::sessions::{Counter, SessionAdd, SessionCount};
use crate::types::{
    AllTypes, Amount, BoundingBox, ConformanceHeader, ContainerWideTypes, DeepNested, EmbeddedArrow, NestedContainers,
    Point, RichHeader, Status, WideTypes,
};

/// The implementation.
#[derive(Clone, Default)]
pub(crate) struct Conformance {
    pub(crate) published: PublishedStrings,
}

/// Methods that give their one parameter back.
macro_rules! echo {
    ($($name:ident($value:ident: $type:ty);)*) => {
        $(async fn $name(&self, $value: $type) -> Result<$type> {
            Ok($value)
        })*
    };
}

impl ConformanceService for Conformance {
    type CountUp = CountUp;
    type CountAloud = CountAloud;
    type CountAndFail = CountAndFail;
    type Endless = Endless;
    type Blocks = Blocks;
    type Annotated = Annotated;
    type TickEcho = TickEcho;
    type Dynamic = Dynamic;
    type SessionCount = SessionCount;
    type Scale = Scale;
    type Accumulate = Accumulate;
    type EchoAloud = EchoAloud;
    type MetadataEcho = MetadataEcho;
    type NoColumns = NoColumns;
    type EchoAndFail = EchoAndFail;
    type Oversized = Oversized;
    type ObservedEcho = ObservedEcho;
    type SessionAdd = SessionAdd;

    echo! {
        echo_string(value: String);
        echo_bytes(data: Bytes);
        echo_int(value: i64);
        echo_float(value: f64);
        echo_bool(value: bool);
        echo_enum(status: Status);
        echo_list(values: Vec<String>);
        echo_dict(mapping: IndexMap<String, i64>);
        echo_nested_list(matrix: Vec<Vec<i64>>);
        echo_optional_string(value: Option<String>);
        echo_optional_int(value: Option<i64>);
        echo_optional_point(point: Option<Point>);
        echo_annotated_optional_int(value: Option<i32>);
        echo_outer_optional_non_null(value: i32);
        echo_point(point: Point);
        echo_all_types(data: AllTypes);
        echo_bounding_box(r#box: BoundingBox);
        echo_int32(value: i32);
        echo_float32(value: f32);
        echo_int8(value: i8);
        echo_int16(value: i16);
        echo_uint8(value: u8);
        echo_uint16(value: u16);
        echo_uint32(value: u32);
        echo_uint64(value: u64);
        echo_date(value: NaiveDate);
        echo_timestamp(value: NaiveDateTime);
        echo_timestamp_utc(value: DateTime<Utc>);
        echo_time(value: NaiveTime);
        echo_duration(value: TimeDelta);
        echo_decimal(value: Amount);
        echo_large_string(value: LargeString);
        echo_large_binary(value: LargeBinary);
        echo_fixed_binary(value: [u8; 8]);
        echo_wide_types(data: WideTypes);
        echo_container_wide_types(data: ContainerWideTypes);
        echo_embedded_arrow(data: EmbeddedArrow);
        echo_deep_nested(data: DeepNested);
        echo_status_list(statuses: Vec<Status>);
        echo_dict_encoded_string(value: DictionaryString);
    }

    async fn oversized_unary(&self, target_bytes: i64) -> Result<Vec<u8>> {
        let length =
            usize::try_from(target_bytes).map_err(|_| RpcError::value_error("target_bytes must be non-negative"))?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(length)
            .map_err(|error| RpcError::new("MemoryError", format!("cannot make {length} bytes: {error}")))?;
        bytes.resize(length, 0);
        Ok(bytes)
    }

    async fn published_string(&self, value: String, include_sha256: bool) -> Result<ByReference<String>> {
        Ok(self.published.get(value, include_sha256).await?.into())
    }

    async fn void_noop(&self) -> Result<()> {
        Ok(())
    }

    async fn void_with_param(&self, _value: i64) -> Result<()> {
        Ok(())
    }

    async fn inspect_point(&self, point: Point) -> Result<String> {
        Ok(format!("Point({:?}, {:?})", point.x, point.y))
    }

    async fn pack_nested_containers(
        &self,
        statuses: Vec<Status>,
        points: Vec<Point>,
        status_by_name: IndexMap<String, Status>,
    ) -> Result<NestedContainers> {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        Ok(NestedContainers {
            frozen_statuses: statuses.iter().copied().collect(),
            tagged_status: statuses.first().copied(),
            tagged_point: points.first().copied(),
            tagged_batch: Some(RecordBatch::try_from_iter_with_nullable([("value", values, true)])?),
            statuses,
            points,
            status_by_name: BTreeMap::from_iter(status_by_name),
        })
    }

    async fn add_floats(&self, a: f64, b: f64) -> Result<f64> {
        Ok(a + b)
    }

    async fn concatenate(&self, prefix: String, suffix: String, separator: String) -> Result<String> {
        Ok(prefix + &separator + &suffix)
    }

    async fn with_defaults(&self, required: i64, optional_str: String, optional_int: i64) -> Result<String> {
        Ok(format!("required={required}, optional_str={optional_str}, optional_int={optional_int}"))
    }

    async fn raise_value_error(&self, message: String) -> Result<String> {
        Err(RpcError::value_error(message))?
    }

    async fn raise_runtime_error(&self, message: String) -> Result<String> {
        Err(RpcError::runtime_error(message))?
    }

    async fn raise_type_error(&self, message: String) -> Result<String> {
        Err(RpcError::type_error(message))?
    }

    async fn echo_with_info_log(&self, ctx: &CallContext, value: String) -> Result<String> {
        ctx.log(LogLevel::Info, format!("info: {value}"));
        Ok(value)
    }

    async fn echo_with_multi_logs(&self, ctx: &CallContext, value: String) -> Result<String> {
        log_at(ctx, &[LogLevel::Debug, LogLevel::Info, LogLevel::Warn], &value);
        Ok(value)
    }

    async fn echo_with_log_extras(&self, ctx: &CallContext, value: String) -> Result<String> {
        let message = LogMessage::new(LogLevel::Info, format!("info: {value}"));
        ctx.log_message(message.with("source", "conformance").with("detail", value.as_str()));
        Ok(value)
    }

    async fn echo_with_all_log_levels(&self, ctx: &CallContext, value: String) -> Result<String> {
        let all = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
        log_at(ctx, &all, &value);
        Ok(value)
    }

    async fn produce_n(&self, count: i64) -> Result<Producer<CountUp>> {
        Ok(Producer::new(CountUp::to(count)))
    }

    async fn produce_tick_metadata(&self, count: i64) -> Result<Producer<TickEcho>> {
        Ok(Producer::new(TickEcho::new(count)))
    }

    async fn produce_empty(&self) -> Result<Producer<Blocks>> {
        Ok(Producer::new(Blocks::new(0, 0)))
    }

    async fn produce_single(&self) -> Result<Producer<CountUp>> {
        Ok(Producer::new(CountUp::to(1)))
    }

    async fn produce_large_batches(&self, rows_per_batch: i64, batch_count: i64) -> Result<Producer<Blocks>> {
        Ok(Producer::new(Blocks::new(rows_per_batch, batch_count)))
    }

    async fn produce_annotated_batches(&self, count: i64, rows_per_batch: i64) -> Result<Producer<Annotated>> {
        Ok(Producer::new(Annotated::new(count, rows_per_batch)))
    }

    async fn produce_with_logs(&self, count: i64) -> Result<Producer<CountAloud>> {
        Ok(Producer::new(CountAloud(CountUp::to(count))))
    }

    async fn produce_error_mid_stream(&self, emit_before_error: i64) -> Result<Producer<CountAndFail>> {
        Ok(Producer::new(CountAndFail(CountUp::to(emit_before_error))))
    }

    async fn produce_error_on_init(&self) -> Result<Producer<CountUp>> {
        Err(RpcError::runtime_error("intentional init error"))?
    }

    async fn produce_oversized_batch(&self, rows_per_batch: i64) -> Result<Producer<Blocks>> {
        Ok(Producer::new(Blocks::new(rows_per_batch, 1)))
    }

    async fn produce_with_header(&self, count: i64) -> Result<Producer<CountUp, ConformanceHeader>> {
        let description = format!("producing {count} batches");
        Ok(Producer::with_header(CountUp::to(count), ConformanceHeader { total_expected: count, description }))
    }

    async fn produce_with_header_and_logs(
        &self,
        ctx: &CallContext,
        count: i64,
    ) -> Result<Producer<CountUp, ConformanceHeader>> {
        ctx.log(LogLevel::Info, "stream init log");
        let description = format!("producing {count} with logs");
        Ok(Producer::with_header(CountUp::to(count), ConformanceHeader { total_expected: count, description }))
    }

    async fn exchange_scale(&self, factor: f64) -> Result<Exchange<Scale>> {
        Ok(Exchange::new(Scale { factor }))
    }

    async fn exchange_accumulate(&self) -> Result<Exchange<Accumulate>> {
        Ok(Exchange::new(Accumulate::default()))
    }

    async fn exchange_with_logs(&self) -> Result<Exchange<EchoAloud>> {
        Ok(Exchange::new(EchoAloud))
    }

    async fn exchange_error_on_nth(&self, fail_on: i64) -> Result<Exchange<EchoAndFail>> {
        Ok(Exchange::new(EchoAndFail::on(fail_on)))
    }

    async fn exchange_zero_columns(&self) -> Result<Exchange<NoColumns>> {
        Ok(Exchange::new(NoColumns))
    }

    async fn exchange_input_metadata(&self) -> Result<Exchange<MetadataEcho>> {
        Ok(Exchange::new(MetadataEcho))
    }

    async fn exchange_error_on_init(&self) -> Result<Exchange<Scale>> {
        Err(RpcError::runtime_error("intentional exchange init error"))?
    }

    async fn exchange_oversized(&self, rows_per_batch: i64) -> Result<Exchange<Oversized>> {
        Ok(Exchange::new(Oversized { rows: rows_per_batch }))
    }

    async fn exchange_with_header(&self, factor: f64) -> Result<Exchange<Scale, ConformanceHeader>> {
        let header = ConformanceHeader { total_expected: 0, description: format!("scale by {factor:?}") };
        Ok(Exchange::with_header(Scale { factor }, header))
    }

    async fn cancellable_producer(&self) -> Result<Producer<Endless>> {
        Ok(Producer::new(Endless::default()))
    }

    async fn cancellable_exchange(&self) -> Result<Exchange<ObservedEcho>> {
        Ok(Exchange::new(ObservedEcho))
    }

    async fn cancel_probe_counters(&self, ctx: &CallContext) -> Result<Vec<i64>> {
        let counts = probe::update(ctx, |_| ()).await?;
        Ok(vec![counts.produce_calls, counts.exchange_calls, counts.on_cancel_calls])
    }

    async fn reset_cancel_probe(&self, ctx: &CallContext) -> Result<()> {
        probe::update(ctx, |counts| *counts = Counts::default()).await?;
        Ok(())
    }

    async fn produce_with_rich_header(&self, seed: i64, count: i64) -> Result<Producer<CountUp, RichHeader>> {
        Ok(Producer::with_header(CountUp::to(count), RichHeader::from_seed(seed)))
    }

    async fn produce_dynamic_schema(
        &self,
        seed: i64,
        count: i64,
        include_strings: bool,
        include_floats: bool,
    ) -> Result<Producer<Dynamic, RichHeader>> {
        let state = Dynamic::new(count, include_strings, include_floats);
        let schema = state.schema();
        Ok(Producer::with_header(state, RichHeader::from_seed(seed)).with_schema(schema))
    }

    async fn exchange_cast_compatible(&self) -> Result<Exchange<Scale>> {
        Ok(Exchange::new(Scale { factor: 1.0 }))
    }

    async fn exchange_with_rich_header(&self, seed: i64, factor: f64) -> Result<Exchange<Scale, RichHeader>> {
        Ok(Exchange::with_header(Scale { factor }, RichHeader::from_seed(seed)))
    }

    async fn open_counter(&self, ctx: &CallContext, initial: i64) -> Result<i64> {
        ctx.open_session(Counter(initial), None)?;
        Ok(initial)
    }

    async fn increment_counter(&self, ctx: &CallContext, by: i64) -> Result<i64> {
        Counter::add(ctx, by)
    }

    async fn close_counter(&self, ctx: &CallContext) -> Result<i64> {
        let last = Counter::add(ctx, 0)?;
        ctx.close_session().await?;
        Ok(last)
    }

    async fn stream_session_counter(&self, count: i64) -> Result<Producer<SessionCount>> {
        Ok(Producer::new(SessionCount::to(count)))
    }

    async fn exchange_session_counter(&self) -> Result<Exchange<SessionAdd>> {
        Ok(Exchange::new(SessionAdd))
    }
}

/// One message of each level, which it names in lower case.
fn log_at(ctx: &CallContext, levels: &[LogLevel], value: &str) {
    for level in levels {
        ctx.log(*level, format!("{}: {value}", level.as_str().to_lowercase()));
    }
}
