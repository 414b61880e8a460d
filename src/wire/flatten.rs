//! Arrays into nodes and buffers. Only what an array shows is written: the values around a slice
//! are neither needed nor the receiver's business.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, BinaryType, BinaryViewType, ByteArrayType, ByteViewType, Int16Type, Int32Type, Int64Type,
    LargeBinaryType, LargeUtf8Type, RunEndIndexType, StringViewType, Utf8Type,
};
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, PrimitiveArray, UnionArray, downcast_primitive};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::FieldNode;
use arrow_schema::{DataType, UnionFields};

use super::WireError;

/// The parts of a batch in the order of IPC.
#[derive(Default)]
pub(super) struct Flattened {
    pub(super) nodes: Vec<FieldNode>,
    /// `None` for an empty buffer.
    pub(super) buffers: Vec<Option<Buffer>>,
    pub(super) variadic_counts: Vec<i64>,
}

impl Flattened {
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.buffers.clear();
        self.variadic_counts.clear();
    }

    /// Adds an array and what is below it.
    pub(super) fn push(&mut self, array: &dyn Array) -> Result<(), WireError> {
        macro_rules! primitive {
            ($type:ty) => {
                self.primitive(downcast(array.as_primitive_opt::<$type>())?)
            };
        }
        downcast_primitive! {
            array.data_type() => (primitive),
            DataType::Null => self.nodes.push(FieldNode::new(array.len() as i64, array.len() as i64)),
            DataType::Boolean => {
                self.node(array);
                self.bits(downcast(array.as_boolean_opt())?.values());
            }
            DataType::Utf8 => self.bytes::<Utf8Type>(array)?,
            DataType::LargeUtf8 => self.bytes::<LargeUtf8Type>(array)?,
            DataType::Binary => self.bytes::<BinaryType>(array)?,
            DataType::LargeBinary => self.bytes::<LargeBinaryType>(array)?,
            DataType::Utf8View => self.views::<StringViewType>(array)?,
            DataType::BinaryView => self.views::<BinaryViewType>(array)?,
            DataType::FixedSizeBinary(width) => {
                self.node(array);
                let values = downcast(array.as_fixed_size_binary_opt())?.values();
                self.buffer(values.slice_with_length(0, array.len() * (*width).max(0) as usize));
            }
            DataType::List(_) => self.list::<i32>(array)?,
            DataType::LargeList(_) => self.list::<i64>(array)?,
            DataType::ListView(_) => self.list_view::<i32>(array)?,
            DataType::LargeListView(_) => self.list_view::<i64>(array)?,
            DataType::FixedSizeList(_, size) => {
                self.node(array);
                let values = downcast(array.as_fixed_size_list_opt())?.values();
                self.push(&values.slice(0, array.len() * (*size).max(0) as usize))?;
            }
            DataType::Map(_, _) => {
                let map = downcast(array.as_map_opt())?;
                self.node(array);
                let (start, length) = self.offsets(map.offsets());
                self.push(&map.entries().slice(start, length))?;
            }
            DataType::Struct(_) => {
                self.node(array);
                for child in downcast(array.as_struct_opt())?.columns() {
                    self.push(child)?;
                }
            }
            DataType::Union(fields, _) => self.union(downcast(array.as_union_opt())?, fields)?,
            DataType::Dictionary(_, _) => self.push_keys(array)?,
            DataType::RunEndEncoded(run_ends, _) => match run_ends.data_type() {
                DataType::Int16 => self.run_end_encoded::<Int16Type>(array)?,
                DataType::Int32 => self.run_end_encoded::<Int32Type>(array)?,
                _ => self.run_end_encoded::<Int64Type>(array)?,
            },
            other => return Err(WireError::unsupported(format!("arrays of type {other} cannot be written"))),
        }
        Ok(())
    }

    /// Length, null count and, if there are nulls, the validity bitmap.
    fn node(&mut self, array: &dyn Array) {
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) => {
                self.nodes.push(FieldNode::new(array.len() as i64, nulls.null_count() as i64));
                self.bits(nulls.inner());
            }
            None => {
                self.nodes.push(FieldNode::new(array.len() as i64, 0));
                self.buffers.push(None);
            }
        }
    }

    fn buffer(&mut self, buffer: Buffer) {
        self.buffers.push(if buffer.is_empty() { None } else { Some(buffer) });
    }

    fn bits(&mut self, bits: &BooleanBuffer) {
        self.buffer(bits.sliced());
    }

    fn scalars<T: ArrowNativeType>(&mut self, values: &ScalarBuffer<T>) {
        self.buffer(values.inner().clone());
    }

    fn primitive<T: ArrowPrimitiveType>(&mut self, array: &PrimitiveArray<T>) {
        self.node(array);
        self.scalars(array.values());
    }

    /// Offsets that start at 0, and the range of the values that they refer to.
    fn offsets<O: ArrowNativeType>(&mut self, offsets: &OffsetBuffer<O>) -> (usize, usize) {
        let (start, end) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
        if start == 0 {
            self.scalars(offsets.inner());
        } else {
            let rebased = offsets.iter().map(|offset| O::usize_as(offset.as_usize() - start));
            self.buffer(rebased.collect::<Vec<O>>().into());
        }
        (start, end - start)
    }

    fn bytes<T: ByteArrayType>(&mut self, array: &dyn Array) -> Result<(), WireError> {
        let array = downcast(array.as_bytes_opt::<T>())?;
        self.node(array);
        let (start, length) = self.offsets(array.offsets());
        self.buffer(array.values().slice_with_length(start, length));
        Ok(())
    }

    fn views<T: ByteViewType>(&mut self, array: &dyn Array) -> Result<(), WireError> {
        let array = downcast(array.as_byte_view_opt::<T>())?;
        let held: usize = array.data_buffers().iter().map(Buffer::len).sum();
        let compact = (array.total_buffer_bytes_used() < held).then(|| array.gc());
        let array = compact.as_ref().unwrap_or(array);
        self.node(array);
        self.scalars(array.views());
        self.variadic_counts.push(array.data_buffers().len() as i64);
        for buffer in array.data_buffers().iter() {
            self.buffer(buffer.clone());
        }
        Ok(())
    }

    fn list<O: OffsetSizeTrait>(&mut self, array: &dyn Array) -> Result<(), WireError> {
        let list = downcast(array.as_list_opt::<O>())?;
        self.node(array);
        let (start, length) = self.offsets(list.offsets());
        self.push_slice(list.values(), start, length)
    }

    fn list_view<O: OffsetSizeTrait>(&mut self, array: &dyn Array) -> Result<(), WireError> {
        let list = downcast(array.as_list_view_opt::<O>())?;
        self.node(array);
        let (offsets, sizes) = (list.offsets(), list.sizes());
        let used = offsets.iter().zip(sizes.iter()).filter(|(_, size)| **size > O::zero());
        let used = used.map(|(offset, size)| (offset.as_usize(), offset.as_usize() + size.as_usize()));
        let (start, end) = used.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))).unwrap_or_default();
        if start == 0 && end == list.values().len() {
            self.scalars(offsets);
        } else {
            // An empty view may point anywhere, also outside the part that is written.
            let rebased = offsets.iter().map(|offset| O::usize_as(offset.as_usize().saturating_sub(start)));
            self.buffer(rebased.map(|offset| offset.min(O::usize_as(end - start))).collect::<Vec<O>>().into());
        }
        self.scalars(sizes);
        self.push_slice(list.values(), start, end - start)
    }

    fn push_slice(&mut self, values: &ArrayRef, start: usize, length: usize) -> Result<(), WireError> {
        if length == values.len() { self.push(values) } else { self.push(&values.slice(start, length)) }
    }

    fn union(&mut self, array: &UnionArray, fields: &UnionFields) -> Result<(), WireError> {
        self.nodes.push(FieldNode::new(array.len() as i64, 0));
        self.scalars(array.type_ids());
        let Some(offsets) = array.offsets() else {
            return fields.iter().try_for_each(|(id, _)| self.push(array.child(id)));
        };
        // The part of each child that is in use, by type id.
        let mut used = [None::<(i32, i32)>; 128];
        let slot = |id: i8| usize::from(id.unsigned_abs()) % 128;
        for (id, offset) in array.type_ids().iter().zip(offsets.iter()) {
            let (start, end) = used[slot(*id)].get_or_insert((*offset, *offset));
            (*start, *end) = ((*offset).min(*start), (*offset).max(*end));
        }
        let start_of = |id: i8| used[slot(id)].map_or(0, |(start, _)| start);
        if fields.iter().all(|(id, _)| start_of(id) == 0) {
            self.scalars(offsets);
        } else {
            let rebased = array.type_ids().iter().zip(offsets.iter()).map(|(id, offset)| offset - start_of(*id));
            self.buffer(rebased.collect::<Vec<i32>>().into());
        }
        for (id, _) in fields.iter() {
            let (start, end) = used[slot(id)].map_or((0, 0), |(start, end)| (start, end + 1));
            self.push_slice(array.child(id), start as usize, (end - start) as usize)?;
        }
        Ok(())
    }

    /// The keys of a dictionary-encoded array. The values go into a message of their own.
    fn push_keys(&mut self, array: &dyn Array) -> Result<(), WireError> {
        self.push(downcast(array.as_any_dictionary_opt())?.keys())
    }

    fn run_end_encoded<R: RunEndIndexType>(&mut self, array: &dyn Array) -> Result<(), WireError> {
        let runs = downcast(array.as_run_opt::<R>())?;
        self.nodes.push(FieldNode::new(array.len() as i64, 0));
        let run_ends = runs.run_ends();
        let is_whole = run_ends.offset() == 0 && run_ends.max_value() == run_ends.len();
        let run_ends: ScalarBuffer<R::Native> =
            if is_whole { run_ends.inner().clone() } else { run_ends.sliced_values().collect() };
        self.nodes.push(FieldNode::new(run_ends.len() as i64, 0));
        self.buffers.push(None);
        self.scalars(&run_ends);
        if is_whole { self.push(runs.values()) } else { self.push(&runs.values_slice()) }
    }
}

/// An array whose type and Rust type differ is not one of the Arrow crates'.
fn downcast<T>(array: Option<T>) -> Result<T, WireError> {
    array.ok_or_else(|| WireError::unsupported("arrays of a type from outside the Arrow crates cannot be written"))
}
