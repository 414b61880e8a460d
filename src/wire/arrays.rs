//! Arrays out of nodes and buffers. Everything that the arrays' own constructors take for granted
//! (and would panic on) is checked here before; the rest they check themselves.

use std::sync::Arc;

use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, BinaryType, BinaryViewType, ByteArrayType, ByteViewType,
    LargeBinaryType, LargeUtf8Type, StringViewType, Utf8Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, FixedSizeListArray, GenericByteArray,
    GenericByteViewArray, GenericListArray, GenericListViewArray, MapArray, NullArray, OffsetSizeTrait, PrimitiveArray,
    StructArray, UnionArray, downcast_integer, downcast_primitive, make_array, new_empty_array,
};
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, FieldRef, Fields, UnionFields, UnionMode};

use super::WireError;
use super::body::Body;
use super::plan::FieldPlan;

impl Body<'_> {
    /// The next array, of the given type.
    pub(super) fn array(&mut self, data_type: &DataType, plan: &FieldPlan) -> Result<ArrayRef, WireError> {
        macro_rules! primitive {
            ($type:ty) => {
                self.primitive::<$type>(data_type)
            };
        }
        downcast_primitive! {
            data_type => (primitive),
            DataType::Null => self.null(),
            DataType::Boolean => self.boolean(),
            DataType::Utf8 => self.bytes::<Utf8Type>(),
            DataType::LargeUtf8 => self.bytes::<LargeUtf8Type>(),
            DataType::Binary => self.bytes::<BinaryType>(),
            DataType::LargeBinary => self.bytes::<LargeBinaryType>(),
            DataType::Utf8View => self.views::<StringViewType>(),
            DataType::BinaryView => self.views::<BinaryViewType>(),
            DataType::FixedSizeBinary(width) => self.fixed_size_binary(*width),
            DataType::List(field) => self.list::<i32>(field, plan),
            DataType::LargeList(field) => self.list::<i64>(field, plan),
            DataType::ListView(field) => self.list_view::<i32>(field, plan),
            DataType::LargeListView(field) => self.list_view::<i64>(field, plan),
            DataType::FixedSizeList(field, size) => self.fixed_size_list(field, *size, plan),
            DataType::Map(field, is_ordered) => self.map(field, *is_ordered, plan),
            DataType::Struct(fields) => self.structure(fields, plan).map(|array| Arc::new(array) as ArrayRef),
            DataType::Union(fields, mode) => self.union(fields, *mode, plan),
            DataType::Dictionary(keys, values) => self.dictionary(keys, values, plan),
            DataType::RunEndEncoded(run_ends, values) => self.run_end_encoded(data_type, run_ends, values, plan),
            other => Err(WireError::unsupported(format!("arrays of type {other} are not supported"))),
        }
    }

    fn null(&mut self) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        self.check_unbacked(node.length)?;
        Ok(Arc::new(NullArray::new(node.length)))
    }

    fn boolean(&mut self) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let values = self.buffer_of(node.length.div_ceil(8))?;
        Ok(Arc::new(BooleanArray::new(BooleanBuffer::new(values, 0, node.length), nulls)))
    }

    fn primitive<T: ArrowPrimitiveType>(&mut self, data_type: &DataType) -> Result<ArrayRef, WireError> {
        let array = self.primitive_array::<T>()?;
        // Time zone, precision and scale.
        Ok(if T::DATA_TYPE == *data_type { Arc::new(array) } else { Arc::new(array.with_data_type(data_type.clone())) })
    }

    fn primitive_array<T: ArrowPrimitiveType>(&mut self) -> Result<PrimitiveArray<T>, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let values = self.scalars(node.length)?;
        PrimitiveArray::try_new(values, nulls).map_err(invalid)
    }

    fn bytes<T: ByteArrayType>(&mut self) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.offsets(node.length)?;
        let values = self.buffer()?;
        Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, values, nulls).map_err(invalid)?))
    }

    fn views<T: ByteViewType>(&mut self) -> Result<ArrayRef, WireError> {
        let count = self.variadic_count()?;
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let views = self.scalars(node.length)?;
        let buffers = (0..count).map(|_| self.buffer()).collect::<Result<Vec<Buffer>, _>>()?;
        Ok(Arc::new(GenericByteViewArray::<T>::try_new(views, buffers, nulls).map_err(invalid)?))
    }

    fn fixed_size_binary(&mut self, width: i32) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        if width == 0 {
            self.check_unbacked(node.length)?;
        }
        let values = self.buffer_of(times(node.length, width)?)?;
        let array = FixedSizeBinaryArray::try_new_with_len(width, values, nulls, node.length).map_err(invalid)?;
        Ok(Arc::new(array))
    }

    fn list<O: OffsetSizeTrait>(&mut self, field: &FieldRef, plan: &FieldPlan) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.offsets::<O>(node.length)?;
        let values = self.array(field.data_type(), plan.child(0))?;
        Ok(Arc::new(GenericListArray::try_new(field.clone(), offsets, values, nulls).map_err(invalid)?))
    }

    fn list_view<O: OffsetSizeTrait>(&mut self, field: &FieldRef, plan: &FieldPlan) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.scalars::<O>(node.length)?;
        let sizes = self.scalars::<O>(node.length)?;
        if offsets.iter().chain(&*sizes).any(|number| *number < O::zero()) {
            return Err(WireError::malformed("offsets and sizes of a list view must not be negative"));
        }
        // Views may overlap: without a bound a few bytes could stand for any number of values.
        let total = sizes.iter().fold(0_usize, |total, size| total.saturating_add(size.as_usize()));
        if total > self.limits.max_rows {
            return Err(WireError::too_large("values of list views", total, self.limits.max_rows));
        }
        let values = self.array(field.data_type(), plan.child(0))?;
        let array = GenericListViewArray::try_new(field.clone(), offsets, sizes, values, nulls).map_err(invalid)?;
        Ok(Arc::new(array))
    }

    fn fixed_size_list(&mut self, field: &FieldRef, size: i32, plan: &FieldPlan) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        if size == 0 {
            self.check_unbacked(node.length)?;
        }
        let needed = times(node.length, size)?;
        let values = self.array(field.data_type(), plan.child(0))?;
        if values.len() < needed {
            return Err(WireError::malformed(format!(
                "{} lists of {size} values need {needed} values, found {}",
                node.length,
                values.len()
            )));
        }
        let values = if values.len() == needed { values } else { values.slice(0, needed) };
        let array = FixedSizeListArray::try_new_with_length(field.clone(), size, values, nulls, node.length);
        Ok(Arc::new(array.map_err(invalid)?))
    }

    fn structure(&mut self, fields: &Fields, plan: &FieldPlan) -> Result<StructArray, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        if fields.is_empty() {
            self.check_unbacked(node.length)?;
        }
        let children = self.children(fields.iter(), plan)?;
        StructArray::try_new_with_length(fields.clone(), children, nulls, node.length).map_err(invalid)
    }

    fn map(&mut self, field: &FieldRef, is_ordered: bool, plan: &FieldPlan) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        let nulls = self.nulls(node)?;
        let offsets = self.offsets::<i32>(node.length)?;
        let DataType::Struct(fields) = field.data_type() else {
            return Err(WireError::malformed("the entries of a map must be a struct"));
        };
        let entries = self.structure(fields, plan.child(0))?;
        let array = MapArray::try_new(field.clone(), offsets, entries, nulls, is_ordered);
        Ok(Arc::new(array.map_err(invalid)?))
    }

    fn union(&mut self, fields: &UnionFields, mode: UnionMode, plan: &FieldPlan) -> Result<ArrayRef, WireError> {
        if self.is_version_4 {
            return Err(WireError::unsupported("unions of IPC version V4 are not supported, write V5"));
        }
        let node = self.node()?;
        let type_ids = self.scalars::<i8>(node.length)?;
        let offsets = match mode {
            UnionMode::Dense => Some(self.scalars::<i32>(node.length)?),
            UnionMode::Sparse => None,
        };
        let mut children = self.children(fields.iter().map(|(_, field)| field), plan)?;
        if mode == UnionMode::Sparse {
            for child in &mut children {
                if child.len() > node.length {
                    *child = child.slice(0, node.length);
                }
            }
        }
        Ok(Arc::new(UnionArray::try_new(fields.clone(), type_ids, offsets, children).map_err(invalid)?))
    }

    fn dictionary(&mut self, keys: &DataType, values: &DataType, plan: &FieldPlan) -> Result<ArrayRef, WireError> {
        let id = plan.dictionary.ok_or_else(|| WireError::malformed("a dictionary without an id"))?;
        macro_rules! dictionary {
            ($type:ty) => {
                self.dictionary_array::<$type>(id, values)
            };
        }
        downcast_integer! {
            keys => (dictionary),
            other => Err(WireError::malformed(format!("dictionary keys of type {other}"))),
        }
    }

    fn dictionary_array<K: ArrowDictionaryKeyType>(
        &mut self,
        id: i64,
        value_type: &DataType,
    ) -> Result<ArrayRef, WireError> {
        let keys = self.primitive_array::<K>()?;
        let values = match self.dictionaries.get(id) {
            Some(values) => values.clone(),
            // A writer may leave out a dictionary that no key refers to.
            None if keys.null_count() == keys.len() => new_empty_array(value_type),
            None => return Err(WireError::malformed(format!("dictionary {id} is used before it was sent"))),
        };
        Ok(Arc::new(DictionaryArray::try_new(keys, values).map_err(invalid)?))
    }

    fn run_end_encoded(
        &mut self,
        data_type: &DataType,
        run_ends: &FieldRef,
        values: &FieldRef,
        plan: &FieldPlan,
    ) -> Result<ArrayRef, WireError> {
        let node = self.node()?;
        self.check_unbacked(node.length)?;
        let run_ends = self.array(run_ends.data_type(), FieldPlan::NONE)?;
        let values = self.array(values.data_type(), plan.child(1))?;
        let data = ArrayData::builder(data_type.clone())
            .len(node.length)
            .add_child_data(run_ends.to_data())
            .add_child_data(values.to_data())
            .build()
            .map_err(invalid)?;
        Ok(make_array(data))
    }

    fn children<'f>(
        &mut self,
        fields: impl Iterator<Item = &'f FieldRef>,
        plan: &FieldPlan,
    ) -> Result<Vec<ArrayRef>, WireError> {
        let mut children = Vec::with_capacity(fields.size_hint().0);
        for (index, field) in fields.enumerate() {
            children.push(self.array(field.data_type(), plan.child(index))?);
        }
        Ok(children)
    }
}

fn times(length: usize, size: i32) -> Result<usize, WireError> {
    usize::try_from(size)
        .ok()
        .and_then(|size| length.checked_mul(size))
        .ok_or_else(|| WireError::malformed(format!("{length} values of size {size}")))
}

fn invalid(error: ArrowError) -> WireError {
    WireError::arrow("the batch is not valid", error)
}
