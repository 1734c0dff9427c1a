//! The H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1).

use crate::bits::BitReader;
use crate::nal::{NalType, without_emulation_prevention};
use crate::vui::Vui;
use crate::{PayloadError, SampleAspectRatio};

const WHAT: &str = "SPS";

/// What a sequence parameter set says about the pictures that refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// 66 Baseline, 77 Main, 100 High, 110 High 10, 122 High 4:2:2, 244 High 4:4:4 Predictive.
    pub profile_idc: u8,
    /// `constraint_set0_flag` (the most significant bit) to `constraint_set5_flag`, and two reserved
    /// bits.
    pub constraint_flags: u8,
    /// Ten times the level.
    pub level_idc: u8,
    /// 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// Bits per luma sample, 8 to 14.
    pub bit_depth_luma: u8,
    /// Bits per chroma sample, 8 to 14.
    pub bit_depth_chroma: u8,
    /// Size of the sliding window of reference frames, 0 to 16.
    pub max_num_ref_frames: u8,
    /// Whether all pictures are frames; otherwise there may be fields (interlaced).
    pub frame_mbs_only: bool,
    /// Width in luma samples as coded, in whole macroblocks.
    pub coded_width: u32,
    /// Height of a frame in luma samples as coded, in whole macroblocks.
    pub coded_height: u32,
    /// Width in luma samples after cropping: what is shown.
    pub width: u32,
    /// Height of a frame in luma samples after cropping.
    pub height: u32,
    /// Video usability information, if there is any.
    pub vui: Option<Vui>,
}

impl Sps {
    /// 65,520 luma samples. Level 6.2 ends at 1,055 macroblocks.
    const MAX_SIZE_IN_MBS: u32 = 4_095;

    /// Reads an SPS, a NAL unit with its header byte, as it stands in an
    /// [`AvcConfig`](crate::AvcConfig).
    ///
    /// # Errors
    /// [`PayloadError::Missing`] if the NAL unit is not an SPS, [`PayloadError::Cut`] if it ends too
    /// early, [`PayloadError::Invalid`] if a field is outside of its range in the standard.
    pub fn parse(nal_unit: &[u8]) -> Result<Self, PayloadError> {
        if NalType::of(nal_unit) != Some(NalType::Sps) {
            return Err(PayloadError::Missing { what: WHAT });
        }
        let rbsp = without_emulation_prevention(nal_unit.get(1..).unwrap_or_default());
        let mut bits = BitReader::new(&rbsp, WHAT);
        let profile_idc = bits.byte(8)?;
        let constraint_flags = bits.byte(8)?;
        let level_idc = bits.byte(8)?;
        bits.ue_up_to(31, "seq_parameter_set_id")?;
        let format = if has_chroma_format(profile_idc) {
            SampleFormat::parse(&mut bits)?
        } else {
            SampleFormat::DEFAULT
        };
        bits.ue_up_to(12, "log2_max_frame_num_minus4")?;
        skip_picture_order_count(&mut bits)?;
        let max_num_ref_frames = bits.ue_byte(16, "max_num_ref_frames")?;
        let _gaps_in_frame_num_allowed = bits.flag()?;
        let size = Size::parse(&mut bits, &format)?;
        let vui = if bits.flag()? { Some(Vui::parse(&mut bits)?) } else { None };
        Ok(Self {
            profile_idc,
            constraint_flags,
            level_idc,
            chroma_format_idc: format.chroma_format_idc,
            bit_depth_luma: format.bit_depth_luma,
            bit_depth_chroma: format.bit_depth_chroma,
            max_num_ref_frames,
            frame_mbs_only: size.frame_mbs_only,
            coded_width: size.coded_width,
            coded_height: size.coded_height,
            width: size.width,
            height: size.height,
            vui,
        })
    }

    /// Whether this profile's SPS, and therefore its configuration record, states the chroma format
    /// and the bit depths; the others are 4:2:0 with 8 bits.
    #[must_use]
    pub fn has_chroma_format(&self) -> bool {
        has_chroma_format(self.profile_idc)
    }

    /// The shape of a sample, if the SPS states it.
    #[must_use]
    pub fn sample_aspect_ratio(&self) -> Option<SampleAspectRatio> {
        self.vui.as_ref()?.sample_aspect_ratio
    }

    /// Whether samples use the full range of values; not so if nothing is stated (E.2.1).
    #[must_use]
    pub fn is_full_range(&self) -> bool {
        self.vui.as_ref().is_some_and(|vui| vui.full_range)
    }
}

/// What a sample is: chroma format and bit depths.
struct SampleFormat {
    chroma_format_idc: u8,
    bit_depth_luma: u8,
    bit_depth_chroma: u8,
}

impl SampleFormat {
    const DEFAULT: Self = Self { chroma_format_idc: 1, bit_depth_luma: 8, bit_depth_chroma: 8 };

    fn parse(bits: &mut BitReader<'_>) -> Result<Self, PayloadError> {
        let chroma_format_idc = bits.ue_byte(3, "chroma_format_idc")?;
        if chroma_format_idc == 3 {
            let _separate_colour_plane = bits.flag()?;
        }
        let bit_depth_luma = 8 + bits.ue_byte(6, "bit_depth_luma_minus8")?;
        let bit_depth_chroma = 8 + bits.ue_byte(6, "bit_depth_chroma_minus8")?;
        let _transform_bypass = bits.flag()?;
        if bits.flag()? {
            skip_scaling_matrix(bits, chroma_format_idc)?;
        }
        Ok(Self { chroma_format_idc, bit_depth_luma, bit_depth_chroma })
    }

    /// Luma samples per unit of horizontal and vertical cropping in a frame, before fields are
    /// considered (7-19 to 7-22).
    fn crop_unit(&self) -> (u32, u32) {
        match self.chroma_format_idc {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1), // monochrome and 4:4:4, with separate colour planes or not
        }
    }
}

struct Size {
    frame_mbs_only: bool,
    coded_width: u32,
    coded_height: u32,
    width: u32,
    height: u32,
}

impl Size {
    fn parse(bits: &mut BitReader<'_>, format: &SampleFormat) -> Result<Self, PayloadError> {
        let width_in_mbs =
            1 + bits.ue_up_to(Sps::MAX_SIZE_IN_MBS - 1, "pic_width_in_mbs_minus1")?;
        let height_in_map_units =
            1 + bits.ue_up_to(Sps::MAX_SIZE_IN_MBS - 1, "pic_height_in_map_units_minus1")?;
        let frame_mbs_only = bits.flag()?;
        if !frame_mbs_only {
            let _mb_adaptive_frame_field = bits.flag()?;
        }
        let _direct_8x8_inference = bits.flag()?;
        let fields = if frame_mbs_only { 1 } else { 2 };
        let coded_width = 16 * width_in_mbs;
        let coded_height = 16 * height_in_map_units * fields;
        let (unit_x, unit_y) = format.crop_unit();
        let (crop_x, crop_y) = if bits.flag()? { crop(bits)? } else { (0, 0) };
        Ok(Self {
            frame_mbs_only,
            coded_width,
            coded_height,
            width: cropped(coded_width, crop_x, unit_x, "frame_crop_right_offset")?,
            height: cropped(coded_height, crop_y, unit_y * fields, "frame_crop_bottom_offset")?,
        })
    }
}

/// The profiles whose SPS has the chroma fields (7.3.2.1.1).
fn has_chroma_format(profile_idc: u8) -> bool {
    matches!(profile_idc, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

/// The cropping offsets, left plus right and top plus bottom, in crop units.
fn crop(bits: &mut BitReader<'_>) -> Result<(u32, u32), PayloadError> {
    let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
    Ok((left.saturating_add(right), top.saturating_add(bottom)))
}

fn cropped(coded: u32, crop: u32, unit: u32, field: &'static str) -> Result<u32, PayloadError> {
    coded
        .checked_sub(crop.saturating_mul(unit))
        .filter(|size| *size > 0)
        .ok_or(PayloadError::Invalid { field, value: crop })
}

fn skip_picture_order_count(bits: &mut BitReader<'_>) -> Result<(), PayloadError> {
    match bits.ue_up_to(2, "pic_order_cnt_type")? {
        0 => {
            bits.ue_up_to(12, "log2_max_pic_order_cnt_lsb_minus4")?;
        }
        1 => {
            let _delta_pic_order_always_zero = bits.flag()?;
            let _offset_for_non_ref_pic = bits.se()?;
            let _offset_for_top_to_bottom_field = bits.se()?;
            let cycle = bits.ue_up_to(255, "num_ref_frames_in_pic_order_cnt_cycle")?;
            for _ in 0..cycle {
                let _offset_for_ref_frame = bits.se()?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn skip_scaling_matrix(bits: &mut BitReader<'_>, chroma_format: u8) -> Result<(), PayloadError> {
    let lists = if chroma_format == 3 { 12 } else { 8 };
    for list in 0..lists {
        if bits.flag()? {
            skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
        }
    }
    Ok(())
}

/// A scaling list ends early when a delta brings the next scale to 0 (7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut BitReader<'_>, length: u32) -> Result<(), PayloadError> {
    let mut last_scale = 8;
    for _ in 0..length {
        let delta = bits.se()?;
        if !(-128..=127).contains(&delta) {
            let value = delta.unsigned_abs();
            return Err(PayloadError::Invalid { field: "delta_scale", value });
        }
        last_scale = (last_scale + delta).rem_euclid(256);
        if last_scale == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colour, Timing};

    /// x264, interlaced, 10-bit 4:2:2 with HRD parameters.
    const INTERLACED: &[u8] =
        b"\x67\x7a\x00\x28\xb6\xcd\x94\x07\x80\x44\xf5\x37\xfe\x00\x10\x00\x12\xdc\x04\x04\x05\
          \x00\x00\x03\x00\x01\x00\x00\x03\x00\x32\x62\x60\x00\xf4\x24\x00\x1e\x84\xa4\xc3\x00\xf8\
          \xb1\x6c\xb0";
    /// x264, a 360-degree picture with an extended sample aspect ratio.
    const EXTENDED_ASPECT: &[u8] =
        b"\x67\x64\x00\x1e\xac\xd9\x40\xa0\x2b\xf8\x8f\xfc\x02\x84\x02\x80\x40\x00\x00\x03\x00\x40\
          \x00\x00\x0f\x03\xc5\x8b\x65\x80";
    /// An Apple encoder's Constrained Baseline with colours and HRD, without bitstream restrictions.
    const BASELINE: &[u8] =
        b"\x67\x42\xe0\x15\xa9\x18\x3c\x11\xfd\x60\x0d\x41\x80\x41\xad\xb7\xa0\x0f\x48\x0f\x55\xef\
          \x7c\x04";
    /// x264, 4:4:4.
    const FULL_CHROMA: &[u8] =
        b"\x67\xf4\x00\x0b\x91\x9b\x28\x50\x8f\xc4\xe0\x22\x00\x00\x03\x00\x02\x00\x00\x03\x00\x64\
          \x1e\x28\x53\x2c";

    fn base(profile_idc: u8, constraint_flags: u8, level_idc: u8) -> Sps {
        Sps {
            profile_idc,
            constraint_flags,
            level_idc,
            chroma_format_idc: 1,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
            max_num_ref_frames: 4,
            frame_mbs_only: true,
            coded_width: 0,
            coded_height: 0,
            width: 0,
            height: 0,
            vui: None,
        }
    }

    fn ticks(time_scale: u32) -> Timing {
        Timing { num_units_in_tick: 1, time_scale, fixed_frame_rate: false }
    }

    /// The values are those of ffmpeg's bitstream filter `trace_headers` for the same bytes.
    #[test]
    fn real_parameter_sets_are_read() {
        let interlaced = Sps {
            chroma_format_idc: 2,
            bit_depth_luma: 10,
            bit_depth_chroma: 10,
            frame_mbs_only: false,
            coded_width: 1920,
            coded_height: 1088,
            width: 1918,
            height: 1078,
            vui: Some(Vui {
                sample_aspect_ratio: Some(SampleAspectRatio { width: 8, height: 9 }),
                full_range: true,
                colour: Some(Colour { primaries: 1, transfer: 1, matrix: 1 }),
                timing: Some(ticks(50)),
                max_num_reorder_frames: Some(2),
            }),
            ..base(122, 0, 40)
        };
        let extended_aspect = Sps {
            coded_width: 640,
            coded_height: 336,
            width: 640,
            height: 322,
            vui: Some(Vui {
                sample_aspect_ratio: Some(SampleAspectRatio { width: 161, height: 160 }),
                timing: Some(ticks(60)),
                max_num_reorder_frames: Some(2),
                ..Vui::default()
            }),
            ..base(100, 0, 30)
        };
        let baseline = Sps {
            max_num_ref_frames: 2,
            coded_width: 480,
            coded_height: 272,
            width: 480,
            height: 270,
            vui: Some(Vui {
                colour: Some(Colour { primaries: 6, transfer: 1, matrix: 6 }),
                ..Vui::default()
            }),
            ..base(66, 0xe0, 21)
        };
        let full_chroma = Sps {
            chroma_format_idc: 3,
            coded_width: 160,
            coded_height: 128,
            width: 160,
            height: 120,
            vui: Some(Vui {
                sample_aspect_ratio: Some(SampleAspectRatio { width: 1, height: 1 }),
                timing: Some(ticks(50)),
                max_num_reorder_frames: Some(2),
                ..Vui::default()
            }),
            ..base(244, 0, 11)
        };
        let table = [
            (INTERLACED, interlaced),
            (EXTENDED_ASPECT, extended_aspect),
            (BASELINE, baseline),
            (FULL_CHROMA, full_chroma),
        ];
        for (bytes, want) in table {
            assert_eq!(Sps::parse(bytes), Ok(want), "{bytes:x?}");
        }
    }

    /// An SPS of the given bits after its header byte; white space is for the reader.
    fn from_bits(bits: &str) -> Vec<u8> {
        let mut bits: Vec<u8> = bits.bytes().filter(u8::is_ascii_digit).collect();
        bits.resize(bits.len().next_multiple_of(8), b'0');
        let bytes = bits
            .chunks(8)
            .map(|byte| byte.iter().fold(0, |value: u8, bit| value << 1 | (bit - b'0')));
        std::iter::once(0x67).chain(bytes).collect()
    }

    const HIGH: &str = "01100100 00000000 00011110 1"; // level 3, id 0
    const MAIN: &str = "01001101 00000000 00011110 1";
    const COUNT_BY_TYPE_2: &str = "1 011"; // frame_num of 4 bits, pic_order_cnt_type 2
    const TWO_MBS: &str = "010 0 010 010 1 1"; // 1 reference, no gaps, 2 by 2 macroblocks, frames

    #[test]
    fn scaling_lists_and_picture_order_type_1_are_passed_over() {
        // The first list ends early: delta_scale -8 brings 8 to 0. The second and the
        // seventh have all their deltas, of 0.
        let first_list = "1 000010001";
        let (second, seventh) = ("1".repeat(16), "1".repeat(64));
        let lists = format!("{first_list} 1 {second} 0000 1 {seventh} 0");
        let with_lists = format!("{HIGH} 010 1 1 0 1 {lists} {COUNT_BY_TYPE_2} {TWO_MBS} 0 0 1");
        // No zero delta, two offsets, a cycle of two offsets.
        let order_type_1 = format!("{MAIN} 1 010 0 010 011 011 1 00100 {TWO_MBS} 0 0 1");
        for bits in [with_lists, order_type_1] {
            let sps = Sps::parse(&from_bits(&bits)).unwrap();
            assert_eq!((sps.width, sps.height, sps.max_num_ref_frames), (32, 32, 1), "{bits}");
        }
    }

    #[test]
    fn damage_is_named() {
        let invalid = |field, value| PayloadError::Invalid { field, value };
        let head = format!("{MAIN} {COUNT_BY_TYPE_2}");
        let huge = "0000000000001 000000000000"; // ue(4095)
        let table = [
            // ue(17) references
            (format!("{head} 000010010 0"), invalid("max_num_ref_frames", 17)),
            (format!("{head} 010 0 {huge}"), invalid("pic_width_in_mbs_minus1", 4_095)),
            // 32 luma samples, of which 16 units of 2 are cropped
            (format!("{head} {TWO_MBS} 1 000010001 1 1 1"), invalid("frame_crop_right_offset", 16)),
            (head.clone(), PayloadError::Cut { what: WHAT }),
        ];
        for (bits, want) in table {
            assert_eq!(Sps::parse(&from_bits(&bits)), Err(want), "{bits}");
        }
        assert_eq!(Sps::parse(b"\x68"), Err(PayloadError::Missing { what: WHAT }));
        assert_eq!(Sps::parse(b""), Err(PayloadError::Missing { what: WHAT }));
    }

    #[test]
    fn every_cut_of_a_parameter_set_is_an_error() {
        for length in 1..EXTENDED_ASPECT.len() - 1 {
            let got = Sps::parse(&EXTENDED_ASPECT[..length]);
            assert_eq!(got, Err(PayloadError::Cut { what: WHAT }), "{length}");
        }
    }
}
