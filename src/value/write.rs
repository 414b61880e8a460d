//! What writing has in common: arrays without superfluous bitmaps, and offsets that cannot overflow.

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{OffsetSizeTrait, PrimitiveArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};

use super::ValueError;

/// An array of fixed-width values; a bitmap only if there is a null.
pub(crate) fn primitive<T: ArrowPrimitiveType>(
    values: impl Iterator<Item = Option<T::Native>>,
) -> Result<PrimitiveArray<T>, ValueError> {
    try_primitive(values.map(Ok))
}

/// The same where a value may not fit.
pub(crate) fn try_primitive<T: ArrowPrimitiveType>(
    values: impl Iterator<Item = Result<Option<T::Native>, ValueError>>,
) -> Result<PrimitiveArray<T>, ValueError> {
    let capacity = values.size_hint().0;
    let mut natives = Vec::with_capacity(capacity);
    let mut nulls = NullBufferBuilder::new(capacity);
    for value in values {
        let value = value?;
        nulls.append(value.is_some());
        natives.push(value.unwrap_or_default());
    }
    PrimitiveArray::try_new(ScalarBuffer::from(natives), nulls.finish()).map_err(ValueError::arrow)
}

/// The offsets and the bitmap of items with the given lengths; `None` is null.
///
/// # Errors
///
/// When the lengths add up to more than an offset can hold.
pub(crate) fn offsets<O: OffsetSizeTrait>(
    lengths: impl Iterator<Item = Option<usize>>,
    of: &'static str,
) -> Result<(OffsetBuffer<O>, Option<NullBuffer>), ValueError> {
    let capacity = lengths.size_hint().0;
    let mut ends = Vec::with_capacity(capacity + 1);
    ends.push(O::default());
    let mut nulls = NullBufferBuilder::new(capacity);
    let mut end = 0usize;
    for length in lengths {
        nulls.append(length.is_some());
        end = end.saturating_add(length.unwrap_or(0));
        ends.push(O::from_usize(end).ok_or_else(|| too_long::<O>(end, of))?);
    }
    Ok((OffsetBuffer::new(ScalarBuffer::from(ends)), nulls.finish()))
}

pub(crate) fn too_long<O: OffsetSizeTrait>(length: usize, of: &'static str) -> ValueError {
    ValueError::range(format!("{length} {of} do not fit one column: at most {} do", O::MAX_OFFSET))
}
