//! Every unary method.

use bytes::Bytes;
use chrono::TimeDelta;
use indexmap::IndexMap;
use tower_vgi::client::UseDefault;
use tower_vgi::value::{DictionaryString, LargeBinary, LargeString};

use crate::case::{Case, show};
use crate::types::Status;
use crate::values as some;

/// A case of each method: what it gives for some arguments.
macro_rules! unary {
    ($($name:ident($($argument:expr),*) $(, ($($more:expr),*))*;)*) => {
        $crate::case::cases! {
            $($name: |client| [
                show(client.proxy.$name($($argument),*).await),
                $(show(client.proxy.$name($($more),*).await)),*
            ].join("\n  ");)*
        }
    };
}

pub(crate) fn cases() -> Vec<Case> {
    [simple(), wide(), others()].into_iter().flatten().collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn simple() -> Vec<Case> {
    unary! {
        echo_string(text("hello")), (text("")), (text("\u{1f600} \0 \u{e9}")), ("x".repeat(100_000));
        echo_bytes(Bytes::from_static(b"\x00\xff")), (Bytes::new()), (vec![7; 300_000].into());
        oversized_unary(10), (-1);
        echo_int(42), (i64::MIN), (i64::MAX);
        echo_float(1.5), (f64::INFINITY), (f64::NAN), (-0.0);
        echo_bool(true), (false);
        void_noop();
        void_with_param(1);
        echo_enum(Status::Pending), (Status::Closed);
        echo_list(vec![text("a"), text("")]), (vec![]);
        echo_dict(IndexMap::from([(text("b"), 1), (text("a"), 2)])), (IndexMap::new());
        echo_nested_list(vec![vec![1, 2], vec![], vec![3]]);
        echo_optional_string(Some(text("x"))), (None);
        echo_optional_int(Some(0)), (None);
        echo_optional_point(Some(some::point(1.0, 2.0))), (None);
        echo_annotated_optional_int(Some(-1)), (None);
        echo_outer_optional_non_null(5);
        echo_point(some::point(-1.5, f64::MAX));
        echo_all_types(some::all_types(true)), (some::all_types(false));
        echo_bounding_box(some::bounding_box());
        inspect_point(some::point(1.0, 2.5));
        pack_nested_containers(
            vec![Status::Active, Status::Pending],
            vec![some::point(1.0, 2.0)],
            IndexMap::from([(text("a"), Status::Closed)])
        );
        echo_status_list(vec![Status::Active, Status::Active]), (vec![]);
    }
}

fn wide() -> Vec<Case> {
    unary! {
        echo_int32(i32::MIN);
        echo_float32(1.25), (f32::NEG_INFINITY);
        echo_int8(i8::MIN);
        echo_int16(i16::MAX);
        echo_uint8(u8::MAX);
        echo_uint16(u16::MAX);
        echo_uint32(u32::MAX);
        echo_uint64(u64::MAX), (0);
        echo_date(some::date()), (chrono::NaiveDate::from_ymd_opt(1, 1, 1).unwrap());
        echo_timestamp(some::timestamp());
        echo_timestamp_utc(some::moment());
        echo_time(some::time());
        echo_duration(some::duration()), (TimeDelta::zero());
        echo_decimal(some::amount(123_456)), (some::amount(-1));
        echo_large_string(LargeString(text("large")));
        echo_large_binary(LargeBinary(Bytes::from_static(b"large")));
        echo_fixed_binary(*b"\0\x01\x02\x03\x04\x05\x06\xff");
        echo_wide_types(some::wide_types());
        echo_container_wide_types(some::container_wide_types(true)), (some::container_wide_types(false));
        echo_embedded_arrow(some::embedded_arrow());
        echo_deep_nested(some::deep_nested(true)), (some::deep_nested(false));
        echo_dict_encoded_string(DictionaryString(text("once")));
    }
}

fn others() -> Vec<Case> {
    unary! {
        published_string(text("x"), true);
        add_floats(0.1, 0.2);
        concatenate(text("a"), text("b"), UseDefault), (text("a"), text("b"), text("+"));
        with_defaults(1, UseDefault, UseDefault), (1, text("x"), UseDefault), (1, UseDefault, 7);
        raise_value_error(text("no value"));
        raise_runtime_error(text("not now: later"));
        raise_type_error(text("other type"));
        echo_with_info_log(text("x"));
        echo_with_multi_logs(text("x"));
        echo_with_log_extras(text("x"));
        echo_with_all_log_levels(text("x"));
        // Without a session.
        open_counter(1);
        increment_counter(1);
        close_counter();
    }
}
