//! Where decoding can start: IDR pictures, and the recovery points of streams that have none.

use crate::bits::BitReader;
use crate::nal::{NalType, without_emulation_prevention};

/// `payloadType` of a recovery point (H.264, D.1.8).
const RECOVERY_POINT: u32 = 6;
/// `frame_num` has 16 bits at most, so that no picture is further away (H.264, D.2.8).
const MOST_FRAMES: u32 = 1 << 16;

/// What the NAL units of one picture say about starting to decode at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccessUnit {
    /// Whether it holds a slice of an IDR picture.
    pub is_idr: bool,
    /// Whether other pictures are predicted from it.
    pub is_reference: bool,
    /// Where decoding can start here: after how many more reference pictures, in decoding order, pictures are whole.
    pub recovery_frames: Option<u32>,
}

impl AccessUnit {
    /// Looks at the NAL units of a picture.
    pub fn of<'a>(nal_units: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut found = Self::default();
        for nal_unit in nal_units {
            let Some(header) = nal_unit.first() else { continue };
            match NalType::of(nal_unit) {
                Some(NalType::IdrSlice) => found.is_idr = true,
                Some(NalType::Sei) => {
                    found.recovery_frames = found.recovery_frames.or_else(|| recovery(nal_unit));
                }
                Some(NalType::NonIdrSlice | NalType::Other(2..=4)) => {}
                _ => continue,
            }
            found.is_reference |= header & 0x60 != 0;
        }
        found
    }
}

/// The `recovery_frame_cnt` of supplemental enhancement information, if it has one.
fn recovery(nal_unit: &[u8]) -> Option<u32> {
    let payloads = without_emulation_prevention(nal_unit.get(1..)?);
    let mut rest = payloads.as_slice();
    // Less than two bytes are the trailing bits.
    while rest.len() > 2 {
        let kind = number(&mut rest)?;
        let size = usize::try_from(number(&mut rest)?).ok()?;
        let (payload, after) = rest.split_at_checked(size)?;
        if kind == RECOVERY_POINT {
            let frames = BitReader::new(payload, "recovery point").ue().ok()?;
            return (frames <= MOST_FRAMES).then_some(frames);
        }
        rest = after;
    }
    None
}

/// A number as SEI has them: bytes of 255 and a last one, to be added up (H.264, 7.3.2.3.1).
fn number(rest: &mut &[u8]) -> Option<u32> {
    let mut sum = 0_u32;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        sum = sum.checked_add(u32::from(*byte))?;
        if *byte < 255 {
            return Some(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_decoding_can_start_at_are_told_apart() {
        let of = |units: &[&[u8]]| AccessUnit::of(units.iter().copied());
        let found = |is_idr, is_reference, recovery_frames| AccessUnit {
            is_idr,
            is_reference,
            recovery_frames,
        };
        assert_eq!(of(&[&[0x09, 0xf0], &[0x65, 0x88]]), found(true, true, None), "IDR");
        assert_eq!(of(&[&[0x41, 0x9a]]), found(false, true, None), "predicted from");
        assert_eq!(of(&[&[0x01, 0x9a]]), found(false, false, None), "not predicted from");
        // x264's: user data unregistered (5) first, of 256 bytes, then a recovery point: ue(2), exact_match_flag and what follows.
        let user_data = [&[0x06, 5, 255, 1][..], &[7; 256]].concat();
        let both = [&user_data[..], &[6, 2, 0b0110_0100, 0x80, 0x80]].concat();
        assert_eq!(of(&[&both, &[0x41, 0x9a]]), found(false, true, Some(2)), "intra refresh");
        let at_once = [0x06, 6, 1, 0b1100_0100, 0x80];
        assert_eq!(of(&[&at_once, &[0x41, 0x88]]), found(false, true, Some(0)), "open GOP");
    }

    #[test]
    fn damaged_information_is_no_recovery_point() {
        for unit in [&[0x06][..], &[0x06, 6], &[0x06, 6, 9, 1], &[0x06, 255, 255], &[0x06, 6, 1, 0]]
        {
            assert_eq!(AccessUnit::of([unit].into_iter()).recovery_frames, None, "{unit:?}");
        }
    }
}
