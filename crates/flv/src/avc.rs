//! The `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1): the payload of an AVC sequence
//! header, and of the `avcC` box.

use crate::nal::{NalLengthSize, NalType, annex_b_nal_units};
use crate::{PayloadError, Sps};

const WHAT: &str = "AVC configuration record";

/// How a stream of H.264 is to be decoded: profile, level and parameter sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvcConfig {
    raw: Vec<u8>,
    profile: u8,
    compatibility: u8,
    level: u8,
    nal_length_size: NalLengthSize,
    sps: Vec<Vec<u8>>,
    pps: Vec<Vec<u8>>,
}

impl AvcConfig {
    const VERSION: u8 = 1;

    /// The counts' fields have five and eight bits.
    const MAX_SPS: u8 = 31;

    /// Reads a record. What follows the parameter sets (chroma format and bit depths, for the High
    /// profiles) repeats what the SPS says; it is kept in [`raw`](Self::raw) but not read.
    ///
    /// The lists of parameter sets may be empty: some encoders send them in-band only.
    ///
    /// # Errors
    /// [`PayloadError::Cut`] if the record ends within its parameter sets, [`PayloadError::Invalid`]
    /// for an unknown version or a length size of three bytes.
    pub fn parse(record: &[u8]) -> Result<Self, PayloadError> {
        let ([version, profile, compatibility, level, length_size, sps_count], rest) =
            record.split_first_chunk().ok_or(PayloadError::Cut { what: WHAT })?;
        if *version != Self::VERSION {
            let value = u32::from(*version);
            return Err(PayloadError::Invalid { field: "configurationVersion", value });
        }
        let nal_length_size = match length_size & 3 {
            0 => NalLengthSize::One,
            1 => NalLengthSize::Two,
            3 => NalLengthSize::Four,
            other => {
                let value = u32::from(other);
                return Err(PayloadError::Invalid { field: "lengthSizeMinusOne", value });
            }
        };
        let (sps, rest) = parameter_sets(sps_count & Self::MAX_SPS, rest)?;
        let (pps_count, rest) = rest.split_first().ok_or(PayloadError::Cut { what: WHAT })?;
        let (pps, _high_profile_fields) = parameter_sets(*pps_count, rest)?;
        Ok(Self {
            raw: record.to_vec(),
            profile: *profile,
            compatibility: *compatibility,
            level: *level,
            nal_length_size,
            sps,
            pps,
        })
    }

    /// Builds the record for NAL units with four-byte sizes from an encoder's global header: SPS and
    /// PPS with start codes. NAL units of other types are left out.
    ///
    /// # Errors
    /// [`PayloadError::Missing`] without an SPS or a PPS, [`PayloadError::TooLarge`] if they are too
    /// many or too long for the record, and the errors of [`Sps::parse`].
    pub fn from_annex_b(extradata: &[u8]) -> Result<Self, PayloadError> {
        let of_type = |wanted| {
            annex_b_nal_units(extradata)
                .filter(|nal_unit| NalType::of(nal_unit) == Some(wanted))
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        };
        let (sps, pps) = (of_type(NalType::Sps), of_type(NalType::Pps));
        let first_sps = sps.first().ok_or(PayloadError::Missing { what: "SPS" })?;
        if pps.is_empty() {
            return Err(PayloadError::Missing { what: "PPS" });
        }
        let parsed = Sps::parse(first_sps)?;
        let (profile, compatibility, level) =
            (parsed.profile_idc, parsed.constraint_flags, parsed.level_idc);
        // Reserved bits are ones: six before the length size, three before the count of SPS.
        let mut raw = vec![Self::VERSION, profile, compatibility, level, 0xff];
        raw.push(0xe0 | count(&sps, Self::MAX_SPS, "number of SPS")?);
        write_parameter_sets(&sps, &mut raw)?;
        raw.push(count(&pps, u8::MAX, "number of PPS")?);
        write_parameter_sets(&pps, &mut raw)?;
        if parsed.has_chroma_format() {
            raw.push(0xfc | parsed.chroma_format_idc);
            raw.push(0xf8 | (parsed.bit_depth_luma - 8));
            raw.push(0xf8 | (parsed.bit_depth_chroma - 8));
            raw.push(0); // no SPS extensions
        }
        let nal_length_size = NalLengthSize::Four;
        Ok(Self { raw, profile, compatibility, level, nal_length_size, sps, pps })
    }

    /// `AVCProfileIndication`, the SPS's `profile_idc`: 66 Baseline, 77 Main, 100 High.
    #[must_use]
    pub fn profile(&self) -> u8 {
        self.profile
    }

    /// `profile_compatibility`, the SPS's constraint flags.
    #[must_use]
    pub fn compatibility(&self) -> u8 {
        self.compatibility
    }

    /// `AVCLevelIndication`, ten times the level.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Length of the size in front of each NAL unit.
    #[must_use]
    pub fn nal_length_size(&self) -> NalLengthSize {
        self.nal_length_size
    }

    /// The sequence parameter sets as NAL units, for [`Sps::parse`].
    #[must_use]
    pub fn sps(&self) -> &[Vec<u8>] {
        &self.sps
    }

    /// The picture parameter sets as NAL units.
    #[must_use]
    pub fn pps(&self) -> &[Vec<u8>] {
        &self.pps
    }

    /// The whole record.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The codec's name for `CODECS` (RFC 6381, 3.3): `avc1.` and profile, constraint flags and level
    /// as hexadecimal digits.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        format!("avc1.{:02X}{:02X}{:02X}", self.profile, self.compatibility, self.level)
    }
}

/// Splits `count` parameter sets with two-byte sizes off; returns them and what follows.
fn parameter_sets(count: u8, mut rest: &[u8]) -> Result<(Vec<Vec<u8>>, &[u8]), PayloadError> {
    const CUT: PayloadError = PayloadError::Cut { what: WHAT };
    let mut sets = Vec::new();
    for _ in 0..count {
        let (size, after_size) = rest.split_first_chunk().ok_or(CUT)?;
        let size = usize::from(u16::from_be_bytes(*size));
        let (set, after_set) = after_size.split_at_checked(size).ok_or(CUT)?;
        sets.push(set.to_vec());
        rest = after_set;
    }
    Ok((sets, rest))
}

fn write_parameter_sets(sets: &[Vec<u8>], raw: &mut Vec<u8>) -> Result<(), PayloadError> {
    for set in sets {
        let size = u16::try_from(set.len())
            .map_err(|_| PayloadError::TooLarge { field: "parameter set size" })?;
        raw.extend_from_slice(&size.to_be_bytes());
        raw.extend_from_slice(set);
    }
    Ok(())
}

fn count(sets: &[Vec<u8>], max: u8, field: &'static str) -> Result<u8, PayloadError> {
    u8::try_from(sets.len())
        .ok()
        .filter(|count| *count <= max)
        .ok_or(PayloadError::TooLarge { field })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An x264 stream's record as ffmpeg's FLV muxer writes it: High, level 3.1, 1280x720.
    const RECORD: &[u8] =
        b"\x01\x64\x00\x1f\xff\xe1\x00\x1a\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\x00\x00\
          \x03\x00\x10\x00\x00\x03\x03\xc0\xf1\x83\x19\x60\x01\x00\x04\x68\xef\xbc\xb0\xfd\xf8\xf8\x00";
    const SPS: std::ops::Range<usize> = 8..34;
    const PPS: std::ops::Range<usize> = 37..41;

    fn annex_b(nal_units: &[&[u8]]) -> Vec<u8> {
        nal_units.iter().flat_map(|nal_unit| [b"\0\0\0\x01", *nal_unit].concat()).collect()
    }

    #[test]
    fn a_record_is_read() {
        let config = AvcConfig::parse(RECORD).unwrap();
        assert_eq!((config.profile(), config.compatibility(), config.level()), (100, 0, 31));
        assert_eq!(config.nal_length_size(), NalLengthSize::Four);
        assert_eq!(config.sps(), [&RECORD[SPS]]);
        assert_eq!(config.pps(), [&RECORD[PPS]]);
        assert_eq!(config.raw(), RECORD);
        assert_eq!(config.rfc6381(), "avc1.64001F");
        let sps = Sps::parse(&config.sps()[0]).unwrap();
        assert_eq!((sps.width, sps.height), (1280, 720));
    }

    #[test]
    fn a_record_built_from_a_global_header_is_the_muxers() {
        let sei: &[u8] = b"\x06\x05\x01x\x80";
        let extradata = annex_b(&[&RECORD[SPS], &RECORD[PPS], sei]);
        let config = AvcConfig::from_annex_b(&extradata).unwrap();
        assert_eq!(config.raw(), RECORD);
        assert_eq!(AvcConfig::parse(config.raw()), Ok(config));
    }

    /// The fields of the High profiles must be absent for Main, or the box is not valid.
    #[test]
    fn a_baseline_record_has_no_chroma_fields() {
        let record: &[u8] =
            b"\x01\x42\xc0\x1e\xff\xe1\x00\x19\x67\x42\xc0\x1e\xd8\x90\x28\x0b\xfe\x5c\x04\x40\x00\
              \x00\x03\x00\x40\x00\x00\x0c\x83\xc5\x8b\x89\x80\x01\x00\x05\x68\xc8\x88\xcb\x20";
        let parsed = AvcConfig::parse(record).unwrap();
        let extradata = annex_b(&[&parsed.sps()[0], &parsed.pps()[0]]);
        assert_eq!(AvcConfig::from_annex_b(&extradata), Ok(parsed));
    }

    #[test]
    fn damage_is_named() {
        let cut = PayloadError::Cut { what: WHAT };
        for length in 0..PPS.end {
            assert_eq!(AvcConfig::parse(&RECORD[..length]), Err(cut), "{length}");
        }
        let with = |position: usize, value| {
            let mut record = RECORD.to_vec();
            record[position] = value;
            AvcConfig::parse(&record)
        };
        let invalid = |field, value| Err(PayloadError::Invalid { field, value });
        assert_eq!(with(0, 0), invalid("configurationVersion", 0));
        assert_eq!(with(4, 0xfe), invalid("lengthSizeMinusOne", 2));
    }

    #[test]
    fn a_global_header_without_parameter_sets_is_refused() {
        let missing = |what| Err(PayloadError::Missing { what });
        assert_eq!(AvcConfig::from_annex_b(b""), missing("SPS"));
        assert_eq!(AvcConfig::from_annex_b(&annex_b(&[&RECORD[PPS]])), missing("SPS"));
        assert_eq!(AvcConfig::from_annex_b(&annex_b(&[&RECORD[SPS]])), missing("PPS"));
        let many = vec![&RECORD[SPS]; 32];
        let many = [annex_b(&many), annex_b(&[&RECORD[PPS]])].concat();
        let too_many = PayloadError::TooLarge { field: "number of SPS" };
        assert_eq!(AvcConfig::from_annex_b(&many), Err(too_many));
    }
}
