//! Where in a schema dictionaries are, and bounds on its size and types.

use arrow_ipc::Type;
use arrow_schema::{DataType, Field, Schema};

use super::{Limits, WireError};

/// The dictionary ids of a field and of those below it.
#[derive(Debug, Default)]
pub(super) struct FieldPlan {
    pub(super) dictionary: Option<i64>,
    /// For a dictionary: one, the plan of its values. Empty when nothing below is a dictionary.
    children: Vec<FieldPlan>,
}

impl FieldPlan {
    /// No dictionary at or below a field.
    pub(super) const NONE: &'static Self = &Self { dictionary: None, children: Vec::new() };

    pub(super) fn child(&self, index: usize) -> &Self {
        self.children.get(index).unwrap_or(Self::NONE)
    }

    pub(super) fn is_none(&self) -> bool {
        self.dictionary.is_none() && self.children.is_empty()
    }

    /// Reads the ids back from an encoded field.
    pub(super) fn read(encoded: arrow_ipc::Field<'_>, data_type: &DataType) -> Result<Self, WireError> {
        let (dictionary, value_type) = match (encoded.dictionary(), data_type) {
            (Some(dictionary), DataType::Dictionary(_, values)) => (Some(dictionary.id()), values.as_ref()),
            (_, other) => (None, other),
        };
        let below = child_fields(value_type);
        let encoded_children = encoded.children().unwrap_or_default();
        if below.len() != encoded_children.len() && !below.is_empty() {
            return Err(WireError::malformed("a field of the schema has a wrong number of children"));
        }
        let mut children = Vec::with_capacity(below.len());
        for (child, encoded) in below.iter().zip(encoded_children) {
            children.push(Self::read(encoded, child.data_type())?);
        }
        if children.iter().all(Self::is_none) {
            children = Vec::new();
        }
        if dictionary.is_some() {
            children = vec![Self { dictionary: None, children }];
        }
        Ok(Self { dictionary, children })
    }
}

/// One dictionary of a stream.
#[derive(Debug)]
pub(super) struct DictionarySpec {
    pub(super) id: i64,
    pub(super) value_type: DataType,
    pub(super) plan: FieldPlan,
}

/// Collects the dictionaries below a field, inner ones first. Fields may share one.
pub(super) fn dictionary_specs(
    data_type: &DataType,
    plan: &FieldPlan,
    specs: &mut Vec<DictionarySpec>,
) -> Result<(), WireError> {
    if plan.is_none() {
        return Ok(());
    }
    if let (Some(id), DataType::Dictionary(_, value_type)) = (plan.dictionary, data_type) {
        dictionary_specs(value_type, plan.child(0), specs)?;
        match specs.iter().find(|spec| spec.id == id) {
            Some(spec) if spec.value_type != **value_type => {
                return Err(WireError::malformed(format!(
                    "fields share dictionary {id}, but their values differ in type"
                )));
            }
            Some(_) => {}
            None => specs.push(DictionarySpec {
                id,
                value_type: value_type.as_ref().clone(),
                plan: plan.child(0).deep_clone(),
            }),
        }
        return Ok(());
    }
    for (index, field) in child_fields(data_type).into_iter().enumerate() {
        dictionary_specs(field.data_type(), plan.child(index), specs)?;
    }
    Ok(())
}

impl FieldPlan {
    fn deep_clone(&self) -> Self {
        Self { dictionary: self.dictionary, children: self.children.iter().map(Self::deep_clone).collect() }
    }
}

/// The fields directly below a type, in the order of IPC.
pub(super) fn child_fields(data_type: &DataType) -> Vec<&Field> {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView, Map, RunEndEncoded, Struct, Union};
    match data_type {
        List(field) | LargeList(field) | ListView(field) | LargeListView(field) => vec![field],
        FixedSizeList(field, _) | Map(field, _) => vec![field],
        Struct(fields) => fields.iter().map(AsRef::as_ref).collect(),
        Union(fields, _) => fields.iter().map(|(_, field)| field.as_ref()).collect(),
        RunEndEncoded(run_ends, values) => vec![run_ends, values],
        _ => Vec::new(),
    }
}

/// How large a schema is.
#[derive(Debug, Default)]
pub(super) struct Shape {
    fields: usize,
    depth: usize,
    pub(super) dictionaries: usize,
}

impl Shape {
    /// Measures a schema and checks what the constructors of arrays take for granted.
    pub(super) fn of_schema(schema: &Schema) -> Result<Self, WireError> {
        let mut shape = Self::default();
        for field in schema.fields() {
            shape.add(field.name(), field.data_type(), 1)?;
        }
        Ok(shape)
    }

    pub(super) fn check(&self, limits: &Limits) -> Result<(), WireError> {
        if self.fields > limits.max_fields {
            return Err(WireError::too_large("fields of a schema", self.fields, limits.max_fields));
        }
        if self.depth > limits.max_depth {
            return Err(WireError::too_large("levels of nested fields", self.depth, limits.max_depth));
        }
        Ok(())
    }

    /// Counts an encoded field before it is converted: the conversion is recursive and takes a
    /// union's children to be few.
    pub(super) fn add_encoded(
        &mut self,
        field: arrow_ipc::Field<'_>,
        depth: usize,
        limits: &Limits,
    ) -> Result<(), WireError> {
        self.fields += 1;
        self.depth = self.depth.max(depth);
        self.dictionaries += usize::from(field.dictionary().is_some());
        self.check(limits)?;
        let children = field.children().unwrap_or_default();
        if field.type_type() == Type::Union && children.len() > 128 {
            return Err(WireError::malformed(format!("a union of {} types, at most 128 exist", children.len())));
        }
        for child in children {
            self.add_encoded(child, depth + 1, limits)?;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, data_type: &DataType, depth: usize) -> Result<(), WireError> {
        self.fields += 1;
        self.depth = self.depth.max(depth);
        if depth > 128 {
            return Err(WireError::too_large("levels of nested fields", depth, 64));
        }
        let invalid = |why: &str| WireError::malformed(format!("field {name:?} of type {data_type}: {why}"));
        match data_type {
            DataType::FixedSizeBinary(size) | DataType::FixedSizeList(_, size) if *size < 0 => {
                return Err(invalid("its size must not be negative"));
            }
            DataType::Decimal32(precision, scale) if !decimal(*precision, *scale, 9) => {
                return Err(invalid("its precision must be 1 to 9 and not below its scale"));
            }
            DataType::Decimal64(precision, scale) if !decimal(*precision, *scale, 18) => {
                return Err(invalid("its precision must be 1 to 18 and not below its scale"));
            }
            DataType::Decimal128(precision, scale) if !decimal(*precision, *scale, 38) => {
                return Err(invalid("its precision must be 1 to 38 and not below its scale"));
            }
            DataType::Decimal256(precision, scale) if !decimal(*precision, *scale, 76) => {
                return Err(invalid("its precision must be 1 to 76 and not below its scale"));
            }
            DataType::Dictionary(keys, values) => {
                self.dictionaries += 1;
                if !keys.is_dictionary_key_type() {
                    return Err(invalid("its keys must be integers"));
                }
                if matches!(values.as_ref(), DataType::Dictionary(_, _)) {
                    return Err(invalid("IPC has no dictionaries directly of dictionaries"));
                }
                // The values are the same field as far as IPC is concerned.
                self.fields -= 1;
                return self.add(name, values, depth);
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => {}
                _ => return Err(invalid("its entries must be a struct of two fields")),
            },
            DataType::RunEndEncoded(run_ends, _)
                if !run_ends.data_type().is_run_ends_type() || run_ends.is_nullable() =>
            {
                return Err(invalid("its run ends must be integers of 16, 32 or 64 bits without nulls"));
            }
            DataType::Union(fields, _) if fields.iter().any(|(id, _)| id < 0) => {
                return Err(invalid("its type ids must not be negative"));
            }
            _ => {}
        }
        for field in child_fields(data_type) {
            self.add(field.name(), field.data_type(), depth + 1)?;
        }
        Ok(())
    }
}

fn decimal(precision: u8, scale: i8, max_precision: u8) -> bool {
    (1..=max_precision).contains(&precision) && i16::from(scale) <= i16::from(precision)
}
