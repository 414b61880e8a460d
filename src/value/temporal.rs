//! Dates, times and durations of [`chrono`]. The unit is the microsecond; finer parts are cut off on writing.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};

use super::read::{mismatch, present, through_encoding};
use super::{ValueError, VgiArrow, write};

const DAY_MILLISECONDS: i64 = 86_400_000;
/// Days from the first of January of year 1, which chrono counts from, to that of 1970.
const EPOCH_FROM_CE: i32 = 719_163;

/// `date32`.
impl VgiArrow for NaiveDate {
    fn data_type() -> DataType {
        DataType::Date32
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let days = values.map(|date| date.map(|date| date.num_days_from_ce() - EPOCH_FROM_CE));
        Ok(Arc::new(write::primitive::<Date32Type>(days)?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        let days = match array.data_type() {
            DataType::Date32 => i64::from(native::<Date32Type>(array, row)?),
            DataType::Date64 => {
                let milliseconds = native::<Date64Type>(array, row)?;
                if milliseconds % DAY_MILLISECONDS != 0 {
                    return Err(ValueError::range(format!("{milliseconds} ms since 1970 is not a whole day")));
                }
                milliseconds / DAY_MILLISECONDS
            }
            _ => return through_encoding(array, row),
        };
        i32::try_from(days)
            .ok()
            .and_then(|days| days.checked_add(EPOCH_FROM_CE))
            .and_then(NaiveDate::from_num_days_from_ce_opt)
            .ok_or_else(|| ValueError::range(format!("day {days} since 1970 is outside of the calendar")))
    }
}

/// `time64(us)`.
impl VgiArrow for NaiveTime {
    fn data_type() -> DataType {
        DataType::Time64(TimeUnit::Microsecond)
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let times = values.map(|time| time.map(time_to_microseconds).transpose());
        Ok(Arc::new(write::try_primitive::<Time64MicrosecondType>(times)?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        let microseconds = match array.data_type() {
            DataType::Time64(TimeUnit::Microsecond) => native::<Time64MicrosecondType>(array, row)?,
            DataType::Time64(TimeUnit::Nanosecond) => from_nanoseconds(native::<Time64NanosecondType>(array, row)?)?,
            DataType::Time32(TimeUnit::Millisecond) => i64::from(native::<Time32MillisecondType>(array, row)?) * 1_000,
            DataType::Time32(TimeUnit::Second) => i64::from(native::<Time32SecondType>(array, row)?) * 1_000_000,
            _ => return through_encoding(array, row),
        };
        u32::try_from(microseconds.div_euclid(1_000_000))
            .ok()
            .and_then(|seconds| {
                let nanoseconds = microseconds.rem_euclid(1_000_000) * 1_000;
                NaiveTime::from_num_seconds_from_midnight_opt(seconds, u32::try_from(nanoseconds).ok()?)
            })
            .ok_or_else(|| ValueError::range(format!("{microseconds} µs after midnight is no time of a day")))
    }
}

/// `timestamp(us)` without a time zone.
impl VgiArrow for NaiveDateTime {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, None)
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let instants = values.map(|instant| instant.map(|instant| instant.and_utc().timestamp_micros()));
        Ok(Arc::new(write::primitive::<TimestampMicrosecondType>(instants)?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        match array.data_type() {
            DataType::Timestamp(unit, None) => instant(array, row, *unit).map(|instant| instant.naive_utc()),
            _ => through_encoding(array, row),
        }
    }
}

/// `timestamp(us, tz=UTC)`. Read from any time zone, as the instant is the same.
impl VgiArrow for DateTime<Utc> {
    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let instants = values.map(|instant| instant.map(DateTime::timestamp_micros));
        Ok(Arc::new(write::primitive::<TimestampMicrosecondType>(instants)?.with_timezone("UTC")))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        match array.data_type() {
            DataType::Timestamp(unit, Some(_)) => instant(array, row, *unit),
            _ => through_encoding(array, row),
        }
    }
}

/// `duration(us)`.
impl VgiArrow for TimeDelta {
    fn data_type() -> DataType {
        DataType::Duration(TimeUnit::Microsecond)
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let durations = values.map(|duration| {
            let Some(duration) = duration else { return Ok(None) };
            let microseconds = duration.num_microseconds();
            microseconds
                .map(Some)
                .ok_or_else(|| ValueError::range(format!("{duration} does not fit 64 bits of microseconds")))
        });
        Ok(Arc::new(write::try_primitive::<DurationMicrosecondType>(durations)?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        let microseconds = match array.data_type() {
            DataType::Duration(TimeUnit::Microsecond) => native::<DurationMicrosecondType>(array, row)?,
            DataType::Duration(TimeUnit::Nanosecond) => {
                from_nanoseconds(native::<DurationNanosecondType>(array, row)?)?
            }
            DataType::Duration(TimeUnit::Millisecond) => times(native::<DurationMillisecondType>(array, row)?, 1_000)?,
            DataType::Duration(TimeUnit::Second) => times(native::<DurationSecondType>(array, row)?, 1_000_000)?,
            _ => return through_encoding(array, row),
        };
        Ok(TimeDelta::microseconds(microseconds))
    }
}

fn native<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> Result<T::Native, ValueError> {
    let typed: Option<&PrimitiveArray<T>> = array.as_primitive_opt::<T>();
    match typed {
        Some(array) => present(array, row).map(|()| array.value(row)),
        None => Err(mismatch(array, row, &T::DATA_TYPE)),
    }
}

fn instant(array: &dyn Array, row: usize, unit: TimeUnit) -> Result<DateTime<Utc>, ValueError> {
    let microseconds = match unit {
        TimeUnit::Microsecond => native::<TimestampMicrosecondType>(array, row)?,
        TimeUnit::Nanosecond => from_nanoseconds(native::<TimestampNanosecondType>(array, row)?)?,
        TimeUnit::Millisecond => times(native::<TimestampMillisecondType>(array, row)?, 1_000)?,
        TimeUnit::Second => times(native::<TimestampSecondType>(array, row)?, 1_000_000)?,
    };
    DateTime::from_timestamp_micros(microseconds)
        .ok_or_else(|| ValueError::range(format!("{microseconds} µs since 1970 is outside of the calendar")))
}

fn time_to_microseconds(time: &NaiveTime) -> Result<i64, ValueError> {
    // chrono counts a leap second as a second nanosecond-second; Arrow's day ends before it.
    if time.nanosecond() >= 1_000_000_000 {
        return Err(ValueError::range(format!("{time} is a leap second, which time64 cannot hold")));
    }
    Ok(i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1_000))
}

fn from_nanoseconds(nanoseconds: i64) -> Result<i64, ValueError> {
    if nanoseconds % 1_000 != 0 {
        return Err(ValueError::range(format!("{nanoseconds} ns is not a whole number of microseconds")));
    }
    Ok(nanoseconds / 1_000)
}

fn times(value: i64, factor: i64) -> Result<i64, ValueError> {
    value
        .checked_mul(factor)
        .ok_or_else(|| ValueError::range(format!("{value} times {factor} does not fit 64 bits of microseconds")))
}
