//! [`Decimal`]: exact decimal numbers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::read::{mismatch, present, through_encoding};
use super::{ValueError, VgiArrow, write};

/// A number of at most `P` decimal digits, `S` of them after the point: Arrow's `decimal128(P, S)`.
///
/// It is a whole number of the smallest steps (the mantissa), so that sums and comparisons on
/// [`mantissa`](Self::mantissa) are exact. No value exists that has more than `P` digits.
///
/// ```
/// use tower_vgi::value::Decimal;
///
/// let price: Decimal<20, 4> = "12.5".parse()?;
/// assert_eq!(price.mantissa(), 125_000);
/// assert_eq!(price.to_string(), "12.5000");
/// assert!("0.00001".parse::<Decimal<20, 4>>().is_err());
/// assert!(Decimal::<3, 0>::new(1_000).is_err());
/// # Ok::<(), tower_vgi::value::ValueError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal<const P: u8, const S: i8>(i128);

impl<const P: u8, const S: i8> Decimal<P, S> {
    const TYPE: DataType = {
        assert!(P >= 1 && P <= 38, "decimal128 has 1 to 38 digits");
        assert!(S >= -38 && S <= P as i8, "the scale of a decimal128 is at most its number of digits");
        DataType::Decimal128(P, S)
    };

    /// The largest value: `P` nines.
    pub const MAX: Self = Self(10i128.pow(P as u32) - 1);
    /// The smallest value: minus `P` nines.
    pub const MIN: Self = Self(1 - 10i128.pow(P as u32));

    /// The number `mantissa` × 10^-S.
    ///
    /// # Errors
    ///
    /// When the mantissa has more than `P` digits.
    pub fn new(mantissa: i128) -> Result<Self, ValueError> {
        if mantissa.unsigned_abs() <= Self::MAX.0.unsigned_abs() {
            return Ok(Self(mantissa));
        }
        Err(ValueError::range(format!("a mantissa of {mantissa} has more than the {P} digits of decimal128({P}, {S})")))
    }

    /// The number of steps of 10^-S.
    pub const fn mantissa(self) -> i128 {
        self.0
    }

    /// The number `mantissa` × 10^-scale, if it can be written with `S` places exactly.
    fn rescaled(mantissa: i128, scale: i32) -> Result<Self, ValueError> {
        let places = i32::from(S) - scale;
        let power = 10i128.checked_pow(places.unsigned_abs());
        let exact = match power {
            _ if mantissa == 0 => Some(0),
            Some(power) if places >= 0 => mantissa.checked_mul(power),
            Some(power) if mantissa % power == 0 => Some(mantissa / power),
            _ => None,
        };
        match exact {
            Some(mantissa) => Self::new(mantissa),
            None => Err(ValueError::range(format!(
                "a mantissa of {mantissa} with {scale} places does not fit decimal128({P}, {S}) exactly"
            ))),
        }
    }
}

impl<const P: u8, const S: i8> VgiArrow for Decimal<P, S> {
    fn data_type() -> DataType {
        Self::TYPE
    }

    fn to_array<'a, I>(values: I) -> Result<ArrayRef, ValueError>
    where
        I: Iterator<Item = Option<&'a Self>> + Clone,
    {
        let array = write::primitive::<Decimal128Type>(values.map(|value| value.map(|value| value.0)))?;
        Ok(Arc::new(array.with_precision_and_scale(P, S).map_err(ValueError::arrow)?))
    }

    fn from_array(array: &dyn Array, row: usize) -> Result<Self, ValueError> {
        macro_rules! mantissa {
            ($arrow:ty) => {
                match array.as_primitive_opt::<$arrow>() {
                    Some(array) => present(array, row).map(|()| array.value(row)),
                    None => Err(mismatch(array, row, &Self::TYPE)),
                }?
            };
        }
        match array.data_type() {
            DataType::Decimal128(_, scale) if *scale == S => Self::new(mantissa!(Decimal128Type)),
            DataType::Decimal128(_, scale) => Self::rescaled(mantissa!(Decimal128Type), (*scale).into()),
            DataType::Decimal32(_, scale) => Self::rescaled(mantissa!(Decimal32Type).into(), (*scale).into()),
            DataType::Decimal64(_, scale) => Self::rescaled(mantissa!(Decimal64Type).into(), (*scale).into()),
            DataType::Decimal256(_, scale) => match mantissa!(Decimal256Type).to_i128() {
                Some(mantissa) => Self::rescaled(mantissa, (*scale).into()),
                None => Err(ValueError::range(format!("the value does not fit decimal128({P}, {S})"))),
            },
            _ => through_encoding(array, row),
        }
    }
}

impl<const P: u8, const S: i8> FromStr for Decimal<P, S> {
    type Err = ValueError;

    /// Reads digits with an optional sign and an optional point. More places than `S` are an error, never rounded.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let malformed = || ValueError::range(format!("`{text}` is no decimal number such as -12.5"));
        let (negative, digits) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        {
            return Err(malformed());
        }
        let fraction = fraction.trim_end_matches('0');
        let mut mantissa = 0i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|mantissa| mantissa.checked_add(i128::from(digit - b'0')))
                .ok_or_else(|| ValueError::range(format!("`{text}` does not fit decimal128({P}, {S})")))?;
        }
        let places = i32::try_from(fraction.len()).map_err(|_| malformed())?;
        Self::rescaled(if negative { -mantissa } else { mantissa }, places)
    }
}

impl<const P: u8, const S: i8> fmt::Display for Decimal<P, S> {
    /// Writes all `S` places, such as `12.5000`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.unsigned_abs().to_string();
        let text = match usize::try_from(S) {
            Ok(0) => digits,
            Ok(places) => {
                let digits = format!("{digits:0>width$}", width = places + 1);
                let (whole, fraction) = digits.split_at(digits.len() - places);
                format!("{whole}.{fraction}")
            }
            Err(_) if self.0 == 0 => digits,
            Err(_) => digits + &"0".repeat(S.unsigned_abs().into()),
        };
        formatter.pad_integral(self.0 >= 0, "", &text)
    }
}

impl<const P: u8, const S: i8> fmt::Debug for Decimal<P, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<const P: u8, const S: i8> TryFrom<i64> for Decimal<P, S> {
    type Error = ValueError;

    /// A whole number.
    fn try_from(value: i64) -> Result<Self, ValueError> {
        Self::rescaled(value.into(), 0)
    }
}

/// As its text, in every format.
impl<const P: u8, const S: i8> Serialize for Decimal<P, S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const P: u8, const S: i8> Deserialize<'de> for Decimal<P, S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
