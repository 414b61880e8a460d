//! Schemas, batches and metadata of every type, out of a seed.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Int16Type, Int32Type, Int64Type,
    IntervalDayTimeType, IntervalMonthDayNanoType, RunEndIndexType,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray,
    Float16Array, GenericListArray, GenericListViewArray, LargeBinaryArray, LargeStringArray, MapArray, NullArray,
    OffsetSizeTrait, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray, StringViewArray, StructArray,
    UnionArray, downcast_integer, make_array, new_empty_array,
};
use arrow_buffer::{BooleanBuffer, Buffer, IntervalDayTime, IntervalMonthDayNano, NullBuffer, OffsetBuffer, i256};
use arrow_data::ArrayData;
use arrow_schema::{
    DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit, UnionFields, UnionMode,
};
use tower_vgi::wire::Metadata;

/// A small generator of numbers (splitmix64): the same seed gives the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self, most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.pick(&['a', 'Z', '0', ' ', 'é', '漢', '🦀'])).collect()
    }
}

pub(crate) fn schema(random: &mut Random) -> SchemaRef {
    let columns = if random.chance(8) { 0 } else { 1 + random.below(5) };
    let fields: Vec<Field> = (0..columns).map(|column| field(random, &format!("column {column}"), 3)).collect();
    let metadata = (0..random.below(3)).map(|entry| (format!("key {entry}"), random.text(10)));
    Arc::new(Schema::new(fields).with_metadata(metadata.collect::<std::collections::HashMap<_, _>>()))
}

fn field(random: &mut Random, name: &str, depth: usize) -> Field {
    let data_type = data_type(random, depth);
    let nullable = random.chance(2) || hides_nulls(&data_type);
    let field = Field::new(name, data_type, nullable);
    if random.chance(6) { field.with_metadata([("unit".to_owned(), random.text(5))]) } else { field }
}

/// Whether values may be null without a bitmap that says so.
fn hides_nulls(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null | DataType::Union(_, _) => true,
        DataType::Dictionary(_, values) => hides_nulls(values),
        DataType::RunEndEncoded(_, values) => hides_nulls(values.data_type()),
        _ => false,
    }
}

/// A type; nested up to a depth.
pub(crate) fn data_type(random: &mut Random, depth: usize) -> DataType {
    use DataType::*;
    let unit = random.pick(&[TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond]);
    let zone = random.pick(&[None, Some("UTC"), Some("Europe/Vienna"), Some("+05:30")]).map(Into::into);
    if depth == 0 || random.chance(2) {
        return match random.below(24) {
            0 => Null,
            1 => Boolean,
            2 => random.pick(&[Int8, Int16, Int32, Int64]),
            3 => random.pick(&[UInt8, UInt16, UInt32, UInt64]),
            4 => random.pick(&[Float16, Float32, Float64]),
            5 => Utf8,
            6 => LargeUtf8,
            7 => Binary,
            8 => LargeBinary,
            9 => Utf8View,
            10 => BinaryView,
            11 => FixedSizeBinary(random.below(20) as i32),
            12 => random.pick(&[Date32, Date64]),
            13 => random.pick(&[Time32(TimeUnit::Second), Time32(TimeUnit::Millisecond)]),
            14 => random.pick(&[Time64(TimeUnit::Microsecond), Time64(TimeUnit::Nanosecond)]),
            15 | 16 => Timestamp(unit, zone),
            17 => Duration(unit),
            18 => Interval(random.pick(&[IntervalUnit::YearMonth, IntervalUnit::DayTime, IntervalUnit::MonthDayNano])),
            19 => Decimal32(9, 2),
            20 => Decimal64(18, 0),
            21 => Decimal128(38, 10),
            22 => Decimal256(76, -3),
            _ => Int64,
        };
    }
    let depth = depth - 1;
    match random.below(11) {
        0 => List(item(random, depth)),
        1 => LargeList(item(random, depth)),
        2 => ListView(item(random, depth)),
        3 => LargeListView(item(random, depth)),
        4 => FixedSizeList(item(random, depth), random.below(4) as i32),
        5 => Struct(fields(random, depth, 0)),
        6 => {
            let key = Field::new("key", random.pick(&[Utf8, Int64, Binary, Date32]), false);
            let value = field(random, "value", depth);
            let entries = Struct(vec![Arc::new(key), Arc::new(value)].into());
            Map(Arc::new(Field::new("entries", entries, false)), random.chance(2))
        }
        7 => {
            let fields = fields(random, depth, 1);
            let ids = (0..fields.len()).map(|index| 3 * index as i8);
            Union(
                UnionFields::try_new(ids, fields.iter().cloned()).unwrap(),
                random.pick(&[UnionMode::Dense, UnionMode::Sparse]),
            )
        }
        8 => {
            let run_ends = random.pick(&[Int16, Int32, Int64]);
            let values = Field::new("values", data_type(random, depth), true);
            RunEndEncoded(Arc::new(Field::new("run_ends", run_ends, false)), Arc::new(values))
        }
        _ => {
            let keys = random.pick(&[Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64]);
            let values = match data_type(random, depth) {
                Dictionary(_, values) => *values,
                other => other,
            };
            Dictionary(Box::new(keys), Box::new(values))
        }
    }
}

fn item(random: &mut Random, depth: usize) -> FieldRef {
    Arc::new(field(random, "item", depth))
}

fn fields(random: &mut Random, depth: usize, least: usize) -> Fields {
    (0..least + random.below(3)).map(|index| field(random, &format!("field {index}"), depth)).collect()
}

pub(crate) fn batch(random: &mut Random, schema: &SchemaRef, rows: usize) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| array(random, field.data_type(), rows, field.is_nullable()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect(), &options).unwrap()
}

pub(crate) fn metadata(random: &mut Random) -> Metadata {
    let mut metadata = Metadata::new();
    for _ in 0..random.below(4) {
        if random.chance(2) {
            metadata.append(random.text(12), random.text(40));
        } else {
            metadata.append(random.bytes(12), random.bytes(40));
        }
    }
    metadata
}

/// An array; now and then a slice of a longer one.
pub(crate) fn array(random: &mut Random, data_type: &DataType, length: usize, nullable: bool) -> ArrayRef {
    if random.chance(3) {
        let (before, after) = (random.below(12), random.below(12));
        return whole_array(random, data_type, before + length + after, nullable).slice(before, length);
    }
    whole_array(random, data_type, length, nullable)
}

fn whole_array(random: &mut Random, data_type: &DataType, length: usize, nullable: bool) -> ArrayRef {
    use DataType::*;
    let nulls = if nullable { nulls(random, length) } else { None };
    macro_rules! optional {
        ($array:ty, $value:expr) => {{
            let values = (0..length).map(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then(|| $value));
            Arc::new(values.collect::<$array>()) as ArrayRef
        }};
    }
    match data_type {
        Null => Arc::new(NullArray::new(length)),
        Boolean => Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(length, |_| random.chance(2)), nulls)),
        Float16 => {
            let halves = (0..length).map(|_| half::f16::from_f32(random.below(2048) as f32));
            Arc::new(Float16Array::new(halves.collect(), nulls))
        }
        Float32 => primitive::<arrow_array::types::Float32Type>(random, data_type, length, nulls, |n| n as f32),
        Float64 => primitive::<arrow_array::types::Float64Type>(random, data_type, length, nulls, |n| n as f64),
        Decimal32(_, _) => primitive::<Decimal32Type>(random, data_type, length, nulls, |n| n as i32 % 1_000_000),
        Decimal64(_, _) => primitive::<Decimal64Type>(random, data_type, length, nulls, |n| n as i64 % 1_000_000),
        Decimal128(_, _) => primitive::<Decimal128Type>(random, data_type, length, nulls, i128::from),
        Decimal256(_, _) => {
            primitive::<Decimal256Type>(random, data_type, length, nulls, |n| i256::from_i128(n.into()))
        }
        Interval(IntervalUnit::DayTime) => {
            let value = |n| IntervalDayTime::new(n as i32, (n >> 32) as i32);
            primitive::<IntervalDayTimeType>(random, data_type, length, nulls, value)
        }
        Interval(IntervalUnit::MonthDayNano) => {
            let value = |n| IntervalMonthDayNano::new(n as i32, (n >> 32) as i32, n as i64);
            primitive::<IntervalMonthDayNanoType>(random, data_type, length, nulls, value)
        }
        Utf8 => optional!(StringArray, random.text(20)),
        LargeUtf8 => optional!(LargeStringArray, random.text(20)),
        Utf8View => optional!(StringViewArray, random.text(20)),
        Binary => optional!(BinaryArray, random.bytes(20)),
        LargeBinary => optional!(LargeBinaryArray, random.bytes(20)),
        BinaryView => optional!(BinaryViewArray, random.bytes(20)),
        FixedSizeBinary(width) => {
            let values: Vec<u8> = (0..length * *width as usize).map(|_| random.next() as u8).collect();
            Arc::new(FixedSizeBinaryArray::try_new_with_len(*width, values.into(), nulls, length).unwrap())
        }
        List(field) => list::<i32>(random, field, length, nulls),
        LargeList(field) => list::<i64>(random, field, length, nulls),
        ListView(field) => list_view::<i32>(random, field, length, nulls),
        LargeListView(field) => list_view::<i64>(random, field, length, nulls),
        FixedSizeList(field, size) => {
            let values = array(random, field.data_type(), length * *size as usize, field.is_nullable());
            Arc::new(FixedSizeListArray::try_new_with_length(field.clone(), *size, values, nulls, length).unwrap())
        }
        Map(field, ordered) => {
            let Struct(fields) = field.data_type() else { unreachable!() };
            let (offsets, count) = offsets::<i32>(random, length);
            let columns = fields.iter().map(|field| array(random, field.data_type(), count, field.is_nullable()));
            let entries = StructArray::new(fields.clone(), columns.collect(), None);
            Arc::new(MapArray::new(field.clone(), offsets, entries, nulls, *ordered))
        }
        Struct(fields) => {
            let columns = fields.iter().map(|field| array(random, field.data_type(), length, field.is_nullable()));
            let columns = columns.collect();
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, length).unwrap())
        }
        Union(fields, mode) => union(random, fields, *mode, length),
        Dictionary(_, _) => dictionary(random, data_type, length, nullable),
        RunEndEncoded(run_ends, _) => match run_ends.data_type() {
            Int16 => runs::<Int16Type>(random, data_type, length, nullable),
            Int32 => runs::<Int32Type>(random, data_type, length, nullable),
            _ => runs::<Int64Type>(random, data_type, length, nullable),
        },
        // What is left has integers as native values.
        other => {
            let width = other.primitive_width().unwrap();
            let values: Vec<u8> = (0..length * width).map(|_| random.next() as u8).collect();
            let data = ArrayData::builder(other.clone()).len(length).add_buffer(values.into()).nulls(nulls);
            make_array(data.align_buffers(true).build().unwrap())
        }
    }
}

fn nulls(random: &mut Random, length: usize) -> Option<NullBuffer> {
    match random.below(5) {
        0 | 1 => None,
        2 => Some(NullBuffer::new_null(length)),
        3 => Some(NullBuffer::new_valid(length)),
        _ => Some(BooleanBuffer::collect_bool(length, |_| random.chance(2)).into()),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    random: &mut Random,
    data_type: &DataType,
    length: usize,
    nulls: Option<NullBuffer>,
    value: impl Fn(u64) -> T::Native,
) -> ArrayRef {
    let values: Vec<T::Native> = (0..length).map(|_| value(random.next())).collect();
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(data_type.clone()))
}

/// Offsets that may start behind 0, and how many values they need.
fn offsets<O: OffsetSizeTrait>(random: &mut Random, length: usize) -> (OffsetBuffer<O>, usize) {
    let mut end = if random.chance(3) { random.below(5) } else { 0 };
    let mut offsets = vec![O::usize_as(end)];
    for _ in 0..length {
        end += random.below(4);
        offsets.push(O::usize_as(end));
    }
    (OffsetBuffer::new(offsets.into()), end + random.below(3))
}

fn list<O: OffsetSizeTrait>(
    random: &mut Random,
    field: &FieldRef,
    length: usize,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let (offsets, count) = offsets::<O>(random, length);
    let values = array(random, field.data_type(), count, field.is_nullable());
    Arc::new(GenericListArray::new(field.clone(), offsets, values, nulls))
}

fn list_view<O: OffsetSizeTrait>(
    random: &mut Random,
    field: &FieldRef,
    length: usize,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let count = 1 + random.below(20);
    let values = array(random, field.data_type(), count, field.is_nullable());
    let places: Vec<(usize, usize)> = (0..length)
        .map(|_| {
            let offset = random.below(count);
            (offset, random.below(count - offset).min(4))
        })
        .collect();
    let offsets: Vec<O> = places.iter().map(|(offset, _)| O::usize_as(*offset)).collect();
    let sizes: Vec<O> = places.iter().map(|(_, size)| O::usize_as(*size)).collect();
    Arc::new(GenericListViewArray::new(field.clone(), offsets.into(), sizes.into(), values, nulls))
}

fn union(random: &mut Random, fields: &UnionFields, mode: UnionMode, length: usize) -> ArrayRef {
    let ids: Vec<i8> = fields.iter().map(|(id, _)| id).collect();
    let type_ids: Vec<i8> = (0..length).map(|_| random.pick(&ids)).collect();
    let mut next = [0_i32; 128];
    let offsets: Vec<i32> = type_ids
        .iter()
        .map(|id| {
            next[*id as usize] += 1;
            next[*id as usize] - 1
        })
        .collect();
    let children = fields.iter().map(|(id, field)| {
        let length = if mode == UnionMode::Dense { next[id as usize] as usize } else { length };
        array(random, field.data_type(), length, field.is_nullable())
    });
    let children = children.collect();
    let offsets = (mode == UnionMode::Dense).then(|| offsets.into());
    Arc::new(UnionArray::try_new(fields.clone(), type_ids.into(), offsets, children).unwrap())
}

fn dictionary(random: &mut Random, data_type: &DataType, length: usize, nullable: bool) -> ArrayRef {
    let DataType::Dictionary(keys, values) = data_type else { unreachable!() };
    let nulls = if nullable { nulls(random, length) } else { None };
    let count = 1 + random.below(6);
    let values = array(random, values, count, nullable);
    macro_rules! keys {
        ($type:ty) => {{
            let keys: Vec<_> =
                (0..length).map(|_| random.below(count) as <$type as ArrowPrimitiveType>::Native).collect();
            Buffer::from_vec(keys)
        }};
    }
    let keys = downcast_integer! { keys.as_ref() => (keys), _ => unreachable!() };
    let data = ArrayData::builder(data_type.clone()).len(length).add_buffer(keys).nulls(nulls);
    make_array(data.add_child_data(values.to_data()).build().unwrap())
}

fn runs<R: RunEndIndexType>(random: &mut Random, data_type: &DataType, length: usize, nullable: bool) -> ArrayRef {
    let DataType::RunEndEncoded(_, values) = data_type else { unreachable!() };
    if length == 0 {
        return new_empty_array(data_type);
    }
    let mut ends = Vec::new();
    let mut end = 0;
    while end < length {
        end = (end + 1 + random.below(5)).min(length);
        ends.push(<R::Native as arrow_buffer::ArrowNativeType>::usize_as(end));
    }
    let count = ends.len();
    let ends = PrimitiveArray::<R>::new(ends.into(), None);
    let values = array(random, values.data_type(), count, nullable);
    let data = ArrayData::builder(data_type.clone()).len(length).add_child_data(ends.to_data());
    make_array(data.add_child_data(values.to_data()).build().unwrap())
}
