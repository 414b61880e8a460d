//! Decimal digits of small numbers, without a loop and without a branch.

/// Numbers of two digits, of which the first is the lower byte. There are as many as an index of seven bits has.
const PAIRS: [u16; 128] = {
    let mut pairs = [0; 128];
    let mut number = 0;
    while number < 100 {
        pairs[number] = u16::from_le_bytes([b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
        number += 1;
    }
    pairs
};

/// The digits of a number below 10,000, and how many there are. What comes after these is of no use.
#[inline(always)]
pub(super) fn four(number: u16) -> ([u8; 4], usize) {
    let pair = |number: u16| u32::from(PAIRS[usize::from(number % 128)]);
    let padded = pair(number / 100) | (pair(number % 100) << 16);
    // The last digit is there even if it is a zero.
    let zeros = ((padded ^ 0x3030_3030) | 0x0100_0000).trailing_zeros() / 8;
    ((padded >> (8 * zeros)).to_le_bytes(), 4 - zeros as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_zeros_in_front() {
        for number in 0..10_000 {
            let (text, length) = four(number);
            assert_eq!(&text[..length], number.to_string().as_bytes());
        }
    }
}
