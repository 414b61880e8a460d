//! The dictionaries that a stream has sent so far.

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use arrow_select::concat::concat;

use super::plan::child_fields;
use super::{Limits, WireError};

/// Values by id. A stream has few dictionaries, as many as its schema at most.
#[derive(Default)]
pub(super) struct Dictionaries {
    dictionaries: Vec<Dictionary>,
    /// Bytes that joining may still copy. A delta makes a new array of all values, so without a
    /// bound many small deltas of a large dictionary would take quadratic time.
    join_budget: Option<usize>,
}

struct Dictionary {
    id: i64,
    values: ArrayRef,
    /// What the values keep in memory.
    bytes: usize,
}

impl Dictionaries {
    pub(super) fn get(&self, id: i64) -> Option<&ArrayRef> {
        self.dictionaries.iter().find(|dictionary| dictionary.id == id).map(|dictionary| &dictionary.values)
    }

    /// Sets or replaces a dictionary, which keeps some bytes in memory.
    pub(super) fn replace(
        &mut self,
        id: i64,
        values: ArrayRef,
        bytes: usize,
        limits: &Limits,
    ) -> Result<(), WireError> {
        let others: usize = self.dictionaries.iter().filter(|other| other.id != id).map(|other| other.bytes).sum();
        if others.saturating_add(bytes) > limits.max_decoded_bytes {
            return Err(WireError::too_large("bytes of dictionaries", others + bytes, limits.max_decoded_bytes));
        }
        let dictionary = Dictionary { id, values, bytes };
        match self.dictionaries.iter_mut().find(|known| known.id == id) {
            Some(known) => *known = dictionary,
            None => self.dictionaries.push(dictionary),
        }
        Ok(())
    }

    /// Adds values to a dictionary.
    pub(super) fn extend(&mut self, id: i64, values: &ArrayRef, limits: &Limits) -> Result<(), WireError> {
        let present = self
            .get(id)
            .ok_or_else(|| WireError::malformed(format!("dictionary {id} is extended before it was sent")))?;
        if overlaps(values.data_type()) {
            return Err(WireError::unsupported("dictionaries of list views cannot be extended, send them anew"));
        }
        let size = |array: &ArrayRef| array.to_data().get_slice_memory_size();
        let copied = size(present)
            .and_then(|present| Ok(present + size(values)?))
            .map_err(|error| WireError::arrow("a dictionary cannot be extended", error))?;
        let budget = self.join_budget.unwrap_or(limits.max_decoded_bytes);
        let left = budget.checked_sub(copied).ok_or_else(|| {
            let found = format_args!("{copied} more");
            WireError::too_large("bytes copied to extend dictionaries", found, limits.max_decoded_bytes)
        })?;
        let joined = concat(&[present.as_ref(), values.as_ref()])
            .map_err(|error| WireError::arrow("a dictionary cannot be extended", error))?;
        self.join_budget = Some(left);
        self.replace(id, joined, copied, limits)
    }

    /// Lets a long stream extend its dictionaries in proportion to what it sends.
    pub(super) fn received(&mut self, bytes: usize) {
        if let Some(budget) = &mut self.join_budget {
            *budget = budget.saturating_add(bytes);
        }
    }
}

/// Whether joining arrays of a type may copy a value more than once.
fn overlaps(data_type: &DataType) -> bool {
    match data_type {
        DataType::ListView(_) | DataType::LargeListView(_) => true,
        DataType::Dictionary(_, values) => overlaps(values),
        other => child_fields(other).into_iter().any(|field| overlaps(field.data_type())),
    }
}
