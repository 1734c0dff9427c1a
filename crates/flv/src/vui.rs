//! Video usability information (ITU-T H.264, E.1.1).

use crate::PayloadError;
use crate::bits::BitReader;

/// Width of a sample to its height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SampleAspectRatio {
    /// Width in arbitrary units.
    pub width: u16,
    /// Height in the same units.
    pub height: u16,
}

/// What colours the samples mean, by the code points of tables E-3 to E-5; 2 is "unspecified".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// `colour_primaries`
    pub primaries: u8,
    /// `transfer_characteristics`
    pub transfer: u8,
    /// `matrix_coefficients`
    pub matrix: u8,
}

/// How the encoder says it counts time. A frame takes two ticks; recordings of live streams go by
/// their timestamps all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    /// Duration of a tick in units of the time scale.
    pub num_units_in_tick: u32,
    /// Units per second.
    pub time_scale: u32,
    /// Whether the frame rate is constant.
    pub fixed_frame_rate: bool,
}

/// The parts of the video usability information that a transcoder acts on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vui {
    /// The shape of a sample; `None` if unspecified or reserved.
    pub sample_aspect_ratio: Option<SampleAspectRatio>,
    /// Whether samples use the full range of values.
    pub full_range: bool,
    /// The colour description, if there is one.
    pub colour: Option<Colour>,
    /// The timing information, if there is any.
    pub timing: Option<Timing>,
    /// How many frames at most precede a frame in decoding order and follow it in output order,
    /// 0 to 16; `None` if there are no bitstream restrictions.
    pub max_num_reorder_frames: Option<u8>,
}

impl Vui {
    pub(crate) fn parse(bits: &mut BitReader<'_>) -> Result<Self, PayloadError> {
        let sample_aspect_ratio = if bits.flag()? { aspect_ratio(bits)? } else { None };
        if bits.flag()? {
            let _overscan_appropriate = bits.flag()?;
        }
        let (full_range, colour) = if bits.flag()? { video_signal(bits)? } else { (false, None) };
        if bits.flag()? {
            bits.ue_up_to(5, "chroma_sample_loc_type_top_field")?;
            bits.ue_up_to(5, "chroma_sample_loc_type_bottom_field")?;
        }
        let timing = if bits.flag()? { Some(timing(bits)?) } else { None };
        let has_nal_hrd = bits.flag()?;
        if has_nal_hrd {
            skip_hrd(bits)?;
        }
        let has_vcl_hrd = bits.flag()?;
        if has_vcl_hrd {
            skip_hrd(bits)?;
        }
        if has_nal_hrd || has_vcl_hrd {
            let _low_delay_hrd = bits.flag()?;
        }
        let _pic_struct_present = bits.flag()?;
        let max_num_reorder_frames = if bits.flag()? { Some(reorder_frames(bits)?) } else { None };
        Ok(Self { sample_aspect_ratio, full_range, colour, timing, max_num_reorder_frames })
    }
}

/// Table E-1.
fn aspect_ratio(bits: &mut BitReader<'_>) -> Result<Option<SampleAspectRatio>, PayloadError> {
    const EXTENDED: u8 = 255;
    const TABLE: [(u16, u16); 16] = [
        (1, 1),
        (12, 11),
        (10, 11),
        (16, 11),
        (40, 33),
        (24, 11),
        (20, 11),
        (32, 11),
        (80, 33),
        (18, 11),
        (15, 11),
        (64, 33),
        (160, 99),
        (4, 3),
        (3, 2),
        (2, 1),
    ];
    let idc = bits.byte(8)?;
    let (width, height) = if idc == EXTENDED {
        (sixteen(bits)?, sixteen(bits)?)
    } else {
        let index = usize::from(idc).checked_sub(1);
        index.and_then(|index| TABLE.get(index)).copied().unwrap_or_default()
    };
    // A zero on either side is "unspecified" (E.2.1).
    Ok((width != 0 && height != 0).then_some(SampleAspectRatio { width, height }))
}

fn sixteen(bits: &mut BitReader<'_>) -> Result<u16, PayloadError> {
    Ok(u16::from_be_bytes([bits.byte(8)?, bits.byte(8)?]))
}

fn video_signal(bits: &mut BitReader<'_>) -> Result<(bool, Option<Colour>), PayloadError> {
    let _video_format = bits.bits(3)?;
    let full_range = bits.flag()?;
    if !bits.flag()? {
        return Ok((full_range, None));
    }
    let colour =
        Colour { primaries: bits.byte(8)?, transfer: bits.byte(8)?, matrix: bits.byte(8)? };
    Ok((full_range, Some(colour)))
}

fn timing(bits: &mut BitReader<'_>) -> Result<Timing, PayloadError> {
    Ok(Timing {
        num_units_in_tick: bits.bits(32)?,
        time_scale: bits.bits(32)?,
        fixed_frame_rate: bits.flag()?,
    })
}

/// Hypothetical reference decoder parameters (E.1.2).
fn skip_hrd(bits: &mut BitReader<'_>) -> Result<(), PayloadError> {
    let buffers = 1 + bits.ue_up_to(31, "cpb_cnt_minus1")?;
    let _bit_rate_and_cpb_size_scale = bits.bits(8)?;
    for _ in 0..buffers {
        let _bit_rate_value = bits.ue()?;
        let _cpb_size_value = bits.ue()?;
        let _cbr = bits.flag()?;
    }
    // Three lengths of delays and of the time offset, five bits each.
    bits.skip(4 * 5)
}

fn reorder_frames(bits: &mut BitReader<'_>) -> Result<u8, PayloadError> {
    let _motion_vectors_over_pic_boundaries = bits.flag()?;
    let _max_bytes_per_pic_denom = bits.ue()?;
    let _max_bits_per_mb_denom = bits.ue()?;
    let _log2_max_mv_length_horizontal = bits.ue()?;
    let _log2_max_mv_length_vertical = bits.ue()?;
    let max_num_reorder_frames = bits.ue_byte(16, "max_num_reorder_frames")?;
    let _max_dec_frame_buffering = bits.ue()?;
    Ok(max_num_reorder_frames)
}
