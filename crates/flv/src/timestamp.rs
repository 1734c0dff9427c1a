//! FLV timestamps without their wraps.

/// Turns the 32-bit millisecond timestamps of a file's tags, in file order, into times that go on
/// where the field wraps: at 2^32 ms (49.7 days), at 2^31 ms by writers that mask the sign away, or at 2^24 ms (4.66 hours) by writers that leave the
/// extended byte at 0.
///
/// Only a jump that lands within [`TOLERANCE_MS`](Self::TOLERANCE_MS) of where the time before the
/// wrap would have gone on is taken as one, forth or (audio and video interleave) back again. All
/// other jumps, backward ones too, come out as they stand in the file: what they mean is for the
/// caller to say.
#[derive(Debug, Clone, Default)]
pub struct Unwrapper {
    last: Option<Last>,
    /// What the wraps so far have added, in milliseconds.
    offset: i64,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    raw: u32,
    unwrapped: i64,
}

impl Unwrapper {
    /// How far from a seamless continuation, in milliseconds, a timestamp after a wrap may be.
    /// Small, because a stream that starts again at 0 near a wrap looks the same.
    pub const TOLERANCE_MS: i64 = 30_000;

    /// `FFmpeg`'s FLV muxer writes 31 bits, also of negative times.
    const WRAP_AT_31_BITS: i64 = 1 << 31;
    const WRAP_AT_32_BITS: i64 = 1 << 32;
    const WRAP_AT_24_BITS: i64 = 1 << 24;

    /// The time of the next tag in milliseconds, given its timestamp as it stands in the file.
    pub fn unwrap(&mut self, raw: u32) -> i64 {
        if let Some(last) = self.last {
            self.offset += self.wrap_between(last, raw);
        }
        let unwrapped = i64::from(raw) + self.offset;
        self.last = Some(Last { raw, unwrapped });
        unwrapped
    }

    /// What a wrap between two tags adds to the offset: a period, minus a period or 0.
    fn wrap_between(&self, last: Last, raw: u32) -> i64 {
        let step = i64::from(raw) + self.offset - last.unwrapped;
        let extended_byte_is_unused = i64::from(last.raw.max(raw)) < Self::WRAP_AT_24_BITS;
        let periods: &[i64] = if extended_byte_is_unused {
            &[Self::WRAP_AT_24_BITS]
        } else {
            &[Self::WRAP_AT_31_BITS, Self::WRAP_AT_32_BITS]
        };
        let wrap = |period: i64| {
            let is_wrap = (step + period).abs() <= Self::TOLERANCE_MS;
            let is_late_tag_from_before_wrap =
                self.offset >= period && (step - period).abs() <= Self::TOLERANCE_MS;
            match (is_wrap, is_late_tag_from_before_wrap) {
                (true, _) => Some(period),
                (_, true) => Some(-period),
                _ => None,
            }
        };
        periods.iter().copied().find_map(wrap).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_24: i64 = 1 << 24;
    const AT_32: i64 = 1 << 32;

    #[test]
    fn wraps_are_undone_and_other_jumps_are_not() {
        let table: [(&str, &[u32], &[i64]); 10] = [
            ("nothing wraps", &[0, 33, 67], &[0, 33, 67]),
            (
                "the extended byte takes over at 2^24",
                &[0x00ff_fff0, 0x0100_0011],
                &[AT_24 - 16, AT_24 + 17],
            ),
            (
                "no extended byte, twice around",
                &[0x00ff_fff0, 17, 0x0080_0000, 0x00ff_fff0, 5],
                &[AT_24 - 16, AT_24 + 17, AT_24 + 0x0080_0000, 2 * AT_24 - 16, 2 * AT_24 + 5],
            ),
            ("all 32 bits", &[0xffff_fff0, 17, 50], &[AT_32 - 16, AT_32 + 17, AT_32 + 50]),
            (
                "31 bits, as FFmpeg writes negative times",
                &[0x7fff_ffe9, 10, 43],
                &[(1 << 31) - 23, (1 << 31) + 10, (1 << 31) + 43],
            ),
            (
                "audio and video interleave at the wrap",
                &[0x00ff_fff0, 2, 0x00ff_fffe, 20, 0x00ff_ffff, 40],
                &[AT_24 - 16, AT_24 + 2, AT_24 - 2, AT_24 + 20, AT_24 - 1, AT_24 + 40],
            ),
            ("a start again at 0 is a jump", &[5_000_000, 0, 33], &[5_000_000, 0, 33]),
            ("a small step back is a jump", &[5_000, 4_990, 5_033], &[5_000, 4_990, 5_033]),
            (
                "media that starts near 2^24 after headers at 0",
                &[0, 0x00ff_fff0, 0x0100_0011],
                &[0, AT_24 - 16, AT_24 + 17],
            ),
            ("too far from the wrap", &[0x00ff_fff0, 40_000], &[AT_24 - 16, 40_000]),
        ];
        for (name, raw, want) in table {
            let mut unwrapper = Unwrapper::default();
            let got: Vec<i64> = raw.iter().map(|raw| unwrapper.unwrap(*raw)).collect();
            assert_eq!(got, want, "{name}");
        }
    }
}
