//! How much memory reading may take.
//!
//! A few bytes of Arrow can stand for a great many: a million views of one text, a million keys of one dictionary
//! entry. Whoever reads input of a caller sets an allowance around it, and what copies spends from it.

use std::cell::Cell;

use super::ValueError;

/// For reading that nobody has set an allowance for: 512 MiB a batch or value.
pub(crate) const DEFAULT: usize = 512 << 20;

thread_local! {
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Reads within an allowance. Within another one that one counts: it is for the whole.
pub(crate) fn within<T>(bytes: usize, read: impl FnOnce() -> T) -> T {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            LEFT.set(None);
        }
    }

    if LEFT.get().is_some() {
        return read();
    }
    LEFT.set(Some(bytes));
    let _restore = Restore;
    read()
}

/// Takes from the allowance before so many bytes are allocated.
///
/// # Errors
///
/// When that much is not left.
pub(crate) fn spend(bytes: usize) -> Result<(), ValueError> {
    let Some(left) = LEFT.get() else { return Ok(()) };
    match left.checked_sub(bytes) {
        Some(left) => {
            LEFT.set(Some(left));
            Ok(())
        }
        None => Err(ValueError::range(
            "the values take more memory than is allowed for one request; they refer to the same bytes many times over",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, BinaryArray, DictionaryArray, Int8Array, Int64Array, ListArray, RecordBatch, StringArray,
        StringViewArray, types::Int8Type,
    };
    use arrow_buffer::OffsetBuffer;
    use arrow_schema::Field;

    use crate::VgiArrow;
    use crate::value::ipc;

    use super::*;

    fn list_of(items: ArrayRef) -> ListArray {
        let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
        ListArray::new(field, OffsetBuffer::from_lengths([items.len()]), items, None)
    }

    #[test]
    fn texts_that_share_their_bytes_are_paid_for_one_by_one() {
        let views = StringViewArray::from_iter_values(std::iter::repeat_n("x".repeat(1000), 1000));
        let keys = Int8Array::from(vec![0; 1000]);
        let entry: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(1000)]));
        let dictionary = DictionaryArray::<Int8Type>::try_new(keys, entry).unwrap();
        for items in [Arc::new(views) as ArrayRef, Arc::new(dictionary)] {
            let list = list_of(items);
            let read = || Vec::<String>::from_array(&list, 0).map(|texts| texts.len());
            assert_eq!(within(2_000_000, read).unwrap(), 1000);
            assert!(within(500_000, read).is_err());
        }
    }

    #[test]
    fn items_without_bytes_of_their_own_are_paid_for_too() {
        let numbers = list_of(Arc::new(Int64Array::from(vec![1; 1000])));
        assert!(within(8000, || Vec::<i64>::from_array(&numbers, 0)).is_ok());
        assert!(within(7000, || Vec::<i64>::from_array(&numbers, 0)).is_err());
        let map = BTreeMap::from_iter((0..1000_i64).map(|key| (key, Some(key)))).to_parameter().unwrap();
        assert!(within(10_000, || BTreeMap::<i64, Option<i64>>::from_parameter(&map, 0)).is_err());
    }

    #[test]
    fn payloads_that_share_their_bytes_are_paid_for_one_by_one() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1; 1000]));
        let payload = ipc::encode(&RecordBatch::try_from_iter([("n", column)]).unwrap()).unwrap();
        let items: ArrayRef = Arc::new(BinaryArray::from_iter_values(std::iter::repeat_n(payload.as_ref(), 100)));
        let list = list_of(items);
        assert!(within(100 << 20, || Vec::<RecordBatch>::from_array(&list, 0)).is_ok());
        assert!(within(1 << 20, || Vec::<RecordBatch>::from_array(&list, 0)).is_err());
    }

    #[test]
    fn an_allowance_ends_with_what_it_was_for() {
        assert!(within(10, || spend(11)).is_err());
        assert!(spend(usize::MAX).is_ok());
        assert!(within(10, || within(1000, || spend(11))).is_err());
    }
}
