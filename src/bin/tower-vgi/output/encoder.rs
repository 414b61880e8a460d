//! What JSON has no form for: bytes are base64, decimals and numbers that are none are text. All of it can be given as
//! an argument again.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{ArrowPrimitiveType, Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayAccessor, MapArray, PrimitiveArray};
use arrow_buffer::OffsetBuffer;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{JsonFormat, Writer, WriterBuilder};
use arrow_json::writer::{NullableEncoder, make_encoder};
use arrow_json::{Encoder, EncoderFactory, EncoderOptions};
use arrow_schema::{ArrowError, DataType, FieldRef};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A writer of JSON as this program has it.
pub(super) fn writer<W: std::io::Write, F: JsonFormat>(writer: W) -> Writer<W, F> {
    WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Encoders)).build(writer)
}

#[derive(Debug)]
struct Encoders;

impl EncoderFactory for Encoders {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Binary => Box::new(Base64(array.as_binary::<i32>())),
            DataType::LargeBinary => Box::new(Base64(array.as_binary::<i64>())),
            DataType::BinaryView => Box::new(Base64(array.as_binary_view())),
            DataType::FixedSizeBinary(_) => Box::new(Base64(array.as_fixed_size_binary())),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Box::new(Text(ArrayFormatter::try_new(array, &FORMAT)?))
            }
            DataType::Float16 => return Ok(floats(array.as_primitive::<Float16Type>(), |float| float.to_f64())),
            DataType::Float32 => return Ok(floats(array.as_primitive::<Float32Type>(), f64::from)),
            DataType::Float64 => return Ok(floats(array.as_primitive::<Float64Type>(), |float| float)),
            DataType::Map(entries, _) => return map(entries, array.as_map(), options),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

const FORMAT: FormatOptions<'static> = FormatOptions::new();

struct Base64<A>(A);

impl<'a, A: ArrayAccessor<Item = &'a [u8]>> Encoder for Base64<A> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(STANDARD.encode(self.0.value(row)).as_bytes());
        out.push(b'"');
    }
}

/// Text that needs no escapes.
struct Text<'a>(ArrayFormatter<'a>);

impl Encoder for Text<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("\"{}\"", self.0.value(row)).as_bytes());
    }
}

/// Only where a number is none; the writer's own encoder is quicker.
fn floats<'a, T: ArrowPrimitiveType>(
    array: &'a PrimitiveArray<T>,
    to_f64: impl Fn(T::Native) -> f64 + 'a,
) -> Option<NullableEncoder<'a>> {
    if array.values().iter().all(|value| to_f64(*value).is_finite()) {
        return None;
    }
    Some(NullableEncoder::new(Box::new(Floats { array, to_f64 }), array.nulls().cloned()))
}

struct Floats<'a, T: ArrowPrimitiveType, F> {
    array: &'a PrimitiveArray<T>,
    to_f64: F,
}

impl<T: ArrowPrimitiveType, F: Fn(T::Native) -> f64> Encoder for Floats<'_, T, F> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.array.value(row);
        let text = match (self.to_f64)(value).is_finite() {
            true => format!("{value:?}"),
            false => format!("\"{value:?}\""),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Only where keys are no text; the writer's own encoder takes no others.
fn map<'a>(
    entries: &'a FieldRef,
    array: &'a MapArray,
    options: &'a EncoderOptions,
) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
    let DataType::Struct(fields) = entries.data_type() else { return Ok(None) };
    let ([key, value], false) = (&fields[..], array.keys().data_type().is_string()) else { return Ok(None) };
    let keys = make_encoder(key, array.keys(), options)?;
    let values = make_encoder(value, array.values(), options)?;
    let encoder = Entries { offsets: array.offsets(), keys, values, key: Vec::new() };
    Ok(Some(NullableEncoder::new(Box::new(encoder), array.nulls().cloned())))
}

struct Entries<'a> {
    offsets: &'a OffsetBuffer<i32>,
    keys: NullableEncoder<'a>,
    values: NullableEncoder<'a>,
    key: Vec<u8>,
}

impl Encoder for Entries<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let at = |row: usize| self.offsets.get(row).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
        let (start, end) = (at(row), at(row + 1));
        out.push(b'{');
        for entry in start..end {
            if entry > start {
                out.push(b',');
            }
            self.key.clear();
            self.keys.encode(entry, &mut self.key);
            // A key is text in any case.
            let quote: &[u8] = if self.key.starts_with(b"\"") { b"" } else { b"\"" };
            out.extend_from_slice(&[quote, &self.key, quote, b":"].concat());
            match self.values.is_null(entry) {
                true => out.extend_from_slice(b"null"),
                false => self.values.encode(entry, out),
            }
        }
        out.push(b'}');
    }
}
