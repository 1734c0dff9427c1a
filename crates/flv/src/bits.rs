//! Bits in network order and Exp-Golomb codes (ITU-T H.264, 7.2 and 9.1).

use crate::PayloadError;

/// Reads bits, the most significant of each byte first. Every read is bounded by the bytes there are.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Number of bits read.
    position: usize,
    /// What is being read, for errors.
    what: &'static str,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, position: 0, what }
    }

    /// How many bits are left.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len().saturating_mul(8).saturating_sub(self.position)
    }

    /// One bit, as a flag.
    pub(crate) fn flag(&mut self) -> Result<bool, PayloadError> {
        let byte =
            self.bytes.get(self.position / 8).ok_or(PayloadError::Cut { what: self.what })?;
        let is_set = byte >> (7 - self.position % 8) & 1 == 1;
        self.position += 1;
        Ok(is_set)
    }

    /// `count` bits, at most 32, as an unsigned number.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, PayloadError> {
        debug_assert!(count <= 32, "a u32 holds 32 bits");
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Ok(value)
    }

    /// Up to 8 bits.
    pub(crate) fn byte(&mut self, count: u32) -> Result<u8, PayloadError> {
        let value = self.bits(count)?;
        u8::try_from(value).map_err(|_| PayloadError::Invalid { field: self.what, value })
    }

    /// Passes over `count` bits.
    pub(crate) fn skip(&mut self, count: usize) -> Result<(), PayloadError> {
        if count > self.remaining() {
            return Err(PayloadError::Cut { what: self.what });
        }
        self.position += count;
        Ok(())
    }

    /// An unsigned Exp-Golomb code, `ue(v)`: 0 to 2^32 - 2.
    pub(crate) fn ue(&mut self) -> Result<u32, PayloadError> {
        let mut leading_zeros = 0;
        while !self.flag()? {
            leading_zeros += 1;
            if leading_zeros > 31 {
                return Err(PayloadError::Invalid {
                    field: "Exp-Golomb code",
                    value: leading_zeros,
                });
            }
        }
        let base = (1_u32 << leading_zeros) - 1;
        Ok(base + self.bits(leading_zeros)?)
    }

    /// An unsigned Exp-Golomb code that its standard bounds.
    pub(crate) fn ue_up_to(&mut self, max: u32, field: &'static str) -> Result<u32, PayloadError> {
        let value = self.ue()?;
        if value > max { Err(PayloadError::Invalid { field, value }) } else { Ok(value) }
    }

    /// An unsigned Exp-Golomb code that its standard bounds to a byte or less.
    pub(crate) fn ue_byte(&mut self, max: u8, field: &'static str) -> Result<u8, PayloadError> {
        let value = self.ue_up_to(max.into(), field)?;
        u8::try_from(value).map_err(|_| PayloadError::Invalid { field, value })
    }

    /// A signed Exp-Golomb code, `se(v)`.
    pub(crate) fn se(&mut self) -> Result<i32, PayloadError> {
        let code = self.ue()?;
        // Half of a u32, rounded up, is at most 2^31 - 1 here: ue() ends at 2^32 - 2.
        let magnitude = i32::try_from(code.div_ceil(2)).unwrap_or(i32::MAX);
        Ok(if code % 2 == 1 { magnitude } else { -magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_of_table_9_2() {
        // 1 010 011 00100 00101 00110 00111 0001000
        let bytes = [0b1010_0110, 0b0100_0010, 0b1001_1000, 0b1110_0010, 0b0000_0000];
        let mut unsigned = BitReader::new(&bytes, "test");
        let mut signed = unsigned.clone();
        for (ue, se) in [(0, 0), (1, 1), (2, -1), (3, 2), (4, -2), (5, 3), (6, -3), (7, 4)] {
            assert_eq!((unsigned.ue(), signed.se()), (Ok(ue), Ok(se)));
        }
    }

    #[test]
    fn the_longest_code_is_read_and_a_longer_one_refused() {
        let mut longest = BitReader::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff], "test");
        assert_eq!(longest.ue(), Ok(u32::MAX - 1));
        let mut too_long = BitReader::new(&[0; 64], "test");
        let want = PayloadError::Invalid { field: "Exp-Golomb code", value: 32 };
        assert_eq!(too_long.ue(), Err(want));
    }

    #[test]
    fn reading_past_the_end_is_an_error() {
        let mut reader = BitReader::new(&[0xa5], "test");
        assert_eq!(reader.bits(4), Ok(0xa));
        assert_eq!(reader.skip(5), Err(PayloadError::Cut { what: "test" }));
        assert_eq!(reader.bits(4), Ok(0x5));
        assert_eq!(reader.remaining(), 0);
        assert_eq!(reader.flag(), Err(PayloadError::Cut { what: "test" }));
    }
}
