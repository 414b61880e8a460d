//! A reader for the few flatbuffer tables of IPC messages.
//!
//! The generated accessors need the verifier, and the verifier refuses strings that are not
//! UTF-8, which Arrow C++ (and so pyarrow) does write into custom metadata. Here every access is
//! checked against the bytes, so there is nothing to verify beforehand.

use super::WireError;

/// One table.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Slots of two bytes each, an offset into the table or 0.
    slots: &'a [[u8; 2]],
}

impl<'a> Table<'a> {
    pub(super) fn root(bytes: &'a [u8]) -> Result<Self, WireError> {
        Self::behind(bytes, 0)
    }

    pub(super) fn u8(&self, slot: usize, default: u8) -> Result<u8, WireError> {
        Ok(self.scalar::<1>(slot)?.map_or(default, |[byte]| byte))
    }

    pub(super) fn i16(&self, slot: usize, default: i16) -> Result<i16, WireError> {
        Ok(self.scalar(slot)?.map_or(default, i16::from_le_bytes))
    }

    pub(super) fn i64(&self, slot: usize, default: i64) -> Result<i64, WireError> {
        Ok(self.scalar(slot)?.map_or(default, i64::from_le_bytes))
    }

    pub(super) fn table(&self, slot: usize) -> Result<Option<Table<'a>>, WireError> {
        self.field(slot).map(|position| Self::behind(self.bytes, position)).transpose()
    }

    /// A string or vector of bytes; empty when absent.
    pub(super) fn bytes(&self, slot: usize) -> Result<&'a [u8], WireError> {
        Ok(self.vector::<1>(slot)?.as_flattened())
    }

    /// A vector of values of a fixed size; empty when absent.
    pub(super) fn vector<const SIZE: usize>(&self, slot: usize) -> Result<&'a [[u8; SIZE]], WireError> {
        Ok(self.positioned_vector(slot)?.1)
    }

    /// The tables of a vector; none when absent.
    pub(super) fn tables(
        &self,
        slot: usize,
    ) -> Result<impl ExactSizeIterator<Item = Result<Table<'a>, WireError>>, WireError> {
        let (start, elements) = self.positioned_vector::<4>(slot)?;
        let bytes = self.bytes;
        Ok((0..elements.len()).map(move |index| Self::behind(bytes, start + 4 * index)))
    }

    /// The elements of a vector, and where the first one is.
    fn positioned_vector<const SIZE: usize>(&self, slot: usize) -> Result<(usize, &'a [[u8; SIZE]]), WireError> {
        let Some(position) = self.field(slot) else { return Ok((0, &[])) };
        let start = follow(self.bytes, position)?;
        let count = u32::from_le_bytes(array(self.bytes, start)?) as usize;
        let elements = count
            .checked_mul(SIZE)
            .and_then(|length| self.bytes.get(start + 4..)?.get(..length))
            .ok_or_else(|| WireError::malformed(format!("a vector of {count} elements reaches past its message")))?;
        Ok((start + 4, elements.as_chunks().0))
    }

    /// The table that the offset at a position leads to.
    fn behind(bytes: &'a [u8], position: usize) -> Result<Self, WireError> {
        let position = follow(bytes, position)?;
        let distance = i32::from_le_bytes(array(bytes, position)?);
        let slots = isize::try_from(distance)
            .ok()
            .and_then(|distance| position.checked_add_signed(distance.checked_neg()?))
            .and_then(|start| bytes.get(start..))
            .and_then(|rest| {
                let length = usize::from(u16::from_le_bytes(*rest.first_chunk()?));
                // The first four bytes are the length of this list and the length of the table.
                rest.get(4..length.max(4))
            })
            .ok_or_else(|| WireError::malformed("a table's layout lies outside its message"))?;
        Ok(Self { bytes, position, slots: slots.as_chunks().0 })
    }

    fn field(&self, slot: usize) -> Option<usize> {
        match self.slots.get(slot).map(|offset| u16::from_le_bytes(*offset)) {
            None | Some(0) => None,
            Some(offset) => Some(self.position + usize::from(offset)),
        }
    }

    fn scalar<const SIZE: usize>(&self, slot: usize) -> Result<Option<[u8; SIZE]>, WireError> {
        self.field(slot).map(|position| array(self.bytes, position)).transpose()
    }
}

/// Where the offset at a position leads to; always forwards.
fn follow(bytes: &[u8], position: usize) -> Result<usize, WireError> {
    let distance = u32::from_le_bytes(array(bytes, position)?) as usize;
    position.checked_add(distance).filter(|target| *target < bytes.len()).ok_or_else(outside)
}

fn array<const SIZE: usize>(bytes: &[u8], position: usize) -> Result<[u8; SIZE], WireError> {
    bytes.get(position..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(outside)
}

fn outside() -> WireError {
    WireError::malformed("a value lies outside its message")
}
