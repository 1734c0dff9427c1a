//! NAL units, length-prefixed (ISO/IEC 14496-15) and in byte streams (ITU-T H.264, Annex B).

use crate::PayloadError;

/// Length in bytes of the size in front of each NAL unit of an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NalLengthSize {
    /// One byte.
    One,
    /// Two bytes.
    Two,
    /// Four bytes, what every encoder in use writes.
    Four,
}

impl NalLengthSize {
    /// The length as a number of bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// `nal_unit_type` (H.264, table 7-1), as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NalType {
    /// 1: a slice of a picture that is not an IDR picture.
    NonIdrSlice,
    /// 5: a slice of an IDR picture.
    IdrSlice,
    /// 6: supplemental enhancement information.
    Sei,
    /// 7: sequence parameter set.
    Sps,
    /// 8: picture parameter set.
    Pps,
    /// 9: access unit delimiter.
    AccessUnitDelimiter,
    /// Any other number, below 32.
    Other(u8),
}

impl NalType {
    /// The type of a NAL unit; `None` if it is empty.
    #[must_use]
    pub fn of(nal_unit: &[u8]) -> Option<Self> {
        Some(match nal_unit.first()? & 0x1f {
            1 => Self::NonIdrSlice,
            5 => Self::IdrSlice,
            6 => Self::Sei,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::AccessUnitDelimiter,
            other => Self::Other(other),
        })
    }
}

/// The NAL units of a length-prefixed access unit; empty ones are left out.
///
/// A NAL unit that is cut, or whose size is, comes out as [`PayloadError::Cut`], and ends the walk.
#[derive(Debug, Clone)]
pub struct NalUnits<'a> {
    rest: &'a [u8],
    length_size: NalLengthSize,
}

impl<'a> NalUnits<'a> {
    /// Walks over the payload of an AVC tag, or a sample of an `avc1` track.
    #[must_use]
    pub fn new(access_unit: &'a [u8], length_size: NalLengthSize) -> Self {
        Self { rest: access_unit, length_size }
    }

    fn split_first(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (prefix, rest) = self.rest.split_at_checked(self.length_size.bytes())?;
        let size = prefix.iter().fold(0, |size: u32, byte| size << 8 | u32::from(*byte));
        rest.split_at_checked(usize::try_from(size).ok()?)
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = Result<&'a [u8], PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let Some((nal_unit, rest)) = self.split_first() else {
                self.rest = &[];
                return Some(Err(PayloadError::Cut { what: "NAL unit" }));
            };
            self.rest = rest;
            if !nal_unit.is_empty() {
                return Some(Ok(nal_unit));
            }
        }
        None
    }
}

/// Whether a length-prefixed access unit holds a whole slice of an IDR picture: whether decoding can
/// start here, whatever the tag's frame type says.
#[must_use]
pub fn contains_idr(access_unit: &[u8], length_size: NalLengthSize) -> bool {
    NalUnits::new(access_unit, length_size)
        .flatten()
        .any(|nal_unit| NalType::of(nal_unit) == Some(NalType::IdrSlice))
}

/// The NAL units of a byte stream with start codes, without the zero bytes around them; what comes
/// before the first start code is left out, and so are empty NAL units.
pub fn annex_b_nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = start_code(current);
        rest = end.and_then(|end| current.get(end + START_CODE.len()..));
        current.get(..end.unwrap_or(current.len()))
    })
    .map(without_trailing_zeros)
    .filter(|nal_unit| !nal_unit.is_empty())
}

/// Appends an access unit of a byte stream with start codes as NAL units with four-byte sizes.
///
/// Parameter sets and access unit delimiters are left out: in an `avc1` track the former stand in the
/// configuration record, and the sample itself is the delimiter. All other NAL units are kept.
///
/// # Errors
/// [`PayloadError::TooLarge`] if a NAL unit's size does not fit into four bytes.
pub fn annex_b_to_length_prefixed(stream: &[u8], sample: &mut Vec<u8>) -> Result<(), PayloadError> {
    for nal_unit in annex_b_nal_units(stream) {
        let is_out_of_band = matches!(
            NalType::of(nal_unit),
            Some(NalType::Sps | NalType::Pps | NalType::AccessUnitDelimiter)
        );
        if is_out_of_band {
            continue;
        }
        let size = u32::try_from(nal_unit.len())
            .map_err(|_| PayloadError::TooLarge { field: "NAL unit size" })?;
        sample.extend_from_slice(&size.to_be_bytes());
        sample.extend_from_slice(nal_unit);
    }
    Ok(())
}

const START_CODE: [u8; 3] = [0, 0, 1];

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    stream.get(start_code(stream)? + START_CODE.len()..)
}

/// Position of the next start code. Looks at every third byte as long as that byte rules out one.
fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut position = 0;
    loop {
        match bytes.get(position..position + START_CODE.len())? {
            [0, 0, 1] => return Some(position),
            [_, _, 0 | 1] => position += 1,
            _ => position += START_CODE.len(),
        }
    }
}

fn without_trailing_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Removes the 3 of each 0 0 3, which keeps start codes out of a NAL unit (7.4.1).
pub(crate) fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(*byte);
    }
    rbsp
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: PayloadError = PayloadError::Cut { what: "NAL unit" };

    #[test]
    fn length_prefixed_units_are_walked_and_cuts_reported() {
        type Want<'a> = Vec<Result<&'a [u8], PayloadError>>;
        let table: [(&[u8], NalLengthSize, Want<'_>); 7] = [
            (b"\0\0\0\x02ab\0\0\0\x01c", NalLengthSize::Four, vec![Ok(b"ab"), Ok(b"c")]),
            (b"\x02ab\x01c", NalLengthSize::One, vec![Ok(b"ab"), Ok(b"c")]),
            (b"\0\x01a\0\0\0\x01b", NalLengthSize::Two, vec![Ok(b"a"), Ok(b"b")]),
            (b"\0\0\0\x01a\0\0\0\x05bc", NalLengthSize::Four, vec![Ok(b"a"), Err(CUT)]),
            (b"\0\0\0\x01a\0\0", NalLengthSize::Four, vec![Ok(b"a"), Err(CUT)]),
            (b"\xff\xff\xff\xffa", NalLengthSize::Four, vec![Err(CUT)]),
            (b"", NalLengthSize::Four, vec![]),
        ];
        for (bytes, size, want) in table {
            assert_eq!(NalUnits::new(bytes, size).collect::<Vec<_>>(), want, "{bytes:x?}");
        }
    }

    #[test]
    fn an_idr_is_found_by_its_nal_unit() {
        let table: [(&[u8], bool); 4] = [
            (b"\x02\x06x\x02\x65x", true),
            (b"\x02\x06x\x02\x41x", false),
            (b"\x02\x67x\x02\x68x", false),
            (b"\x02\x06x\x09\x65x", false),
        ];
        for (access_unit, want) in table {
            assert_eq!(contains_idr(access_unit, NalLengthSize::One), want, "{access_unit:x?}");
        }
    }

    #[test]
    fn annex_b_units_are_found_between_start_codes() {
        let table: [(&[u8], Vec<&[u8]>); 7] = [
            (b"\0\0\x01ab\0\0\x01c", vec![b"ab", b"c"]),
            (b"\0\0\0\x01ab\0\0\0\x01c\0\0", vec![b"ab", b"c"]),
            (b"junk\0\0\x01a", vec![b"a"]),
            (b"\0\0\x01a\0\x01\0b", vec![b"a\0\x01\0b"]),
            (b"\0\0\x01\0\0\x01a", vec![b"a"]),
            (b"no start code", vec![]),
            (b"\0\0\x01", vec![]),
        ];
        for (bytes, want) in table {
            assert_eq!(annex_b_nal_units(bytes).collect::<Vec<_>>(), want, "{bytes:x?}");
        }
    }

    #[test]
    fn parameter_sets_and_delimiters_stay_out_of_samples() {
        let stream =
            b"\0\0\0\x01\x09\xf0\0\0\0\x01\x67sps\0\0\0\x01\x68pps\0\0\x01\x06sei\0\0\x01\x65idr";
        let mut sample = b"before".to_vec();
        annex_b_to_length_prefixed(stream, &mut sample).unwrap();
        assert_eq!(sample, b"before\0\0\0\x04\x06sei\0\0\0\x04\x65idr");
    }

    #[test]
    fn emulation_prevention_is_removed() {
        let table: [(&[u8], &[u8]); 4] = [
            (b"\0\0\x03\x01", b"\0\0\x01"),
            (b"\0\0\x03\0\0\x03\0", b"\0\0\0\0\0"),
            (b"\0\x03\0\x03", b"\0\x03\0\x03"),
            (b"\0\0\x03", b"\0\0"),
        ];
        for (bytes, want) in table {
            assert_eq!(without_emulation_prevention(bytes), want, "{bytes:x?}");
        }
    }
}
