//! The `AudioSpecificConfig` of MPEG-4 audio (ISO/IEC 14496-3, 1.6.2.1): the payload of an AAC
//! sequence header, and of the `esds` box.

use crate::PayloadError;
use crate::bits::BitReader;

const WHAT: &str = "AudioSpecificConfig";

const SBR: u8 = 5;
const ER_BSAC: u8 = 22;
const PARAMETRIC_STEREO: u8 = 29;

/// How a stream of AAC is to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    raw: Vec<u8>,
    object_type: u8,
    sample_rate: u32,
    channel_configuration: u8,
    is_960: bool,
    extension: Option<Extension>,
}

/// Spectral band replication (HE-AAC), signalled explicitly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extension {
    sample_rate: u32,
    has_parametric_stereo: bool,
}

impl AudioSpecificConfig {
    /// Reads a configuration. SBR and parametric stereo are found if they are signalled explicitly,
    /// in front or (backward compatible) behind; where a program config element comes first, channel
    /// configuration 0, what is behind is not read.
    ///
    /// # Errors
    /// [`PayloadError::Cut`] if it ends too early, [`PayloadError::Invalid`] for a reserved sampling
    /// frequency index or a sampling frequency of 0.
    pub fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut bits = BitReader::new(bytes, WHAT);
        let first_type = object_type(&mut bits)?;
        let sample_rate = sampling_frequency(&mut bits)?;
        let channel_configuration = bits.byte(4)?;
        let is_signalled_in_front = matches!(first_type, SBR | PARAMETRIC_STEREO);
        let (object_type, in_front) = if is_signalled_in_front {
            extension_in_front(&mut bits, first_type)?
        } else {
            (first_type, None)
        };
        let is_960 = has_ga_config(object_type) && bits.flag()?;
        let extension = if is_signalled_in_front || channel_configuration == 0 {
            in_front
        } else {
            extension_behind(bits, object_type)
        };
        let raw = bytes.to_vec();
        Ok(Self { raw, object_type, sample_rate, channel_configuration, is_960, extension })
    }

    /// The audio object type of the core: 1 Main, 2 LC, 4 LTP. See [`rfc6381`](Self::rfc6381) for
    /// HE-AAC.
    #[must_use]
    pub fn object_type(&self) -> u8 {
        self.object_type
    }

    /// Sampling frequency of the core in hertz: half of what is heard for HE-AAC.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Sampling frequency after spectral band replication in hertz, if that is signalled.
    #[must_use]
    pub fn extension_sample_rate(&self) -> Option<u32> {
        self.extension.map(|extension| extension.sample_rate)
    }

    /// Whether parametric stereo is signalled: one coded channel, two heard.
    #[must_use]
    pub fn has_parametric_stereo(&self) -> bool {
        self.extension.is_some_and(|extension| extension.has_parametric_stereo)
    }

    /// The channel configuration as a code point (table 1.19).
    #[must_use]
    pub fn channel_configuration(&self) -> u8 {
        self.channel_configuration
    }

    /// Number of coded channels; `None` if the code point leaves it to a program config element
    /// (0), or is reserved.
    #[must_use]
    pub fn channels(&self) -> Option<u8> {
        match self.channel_configuration {
            count @ 1..=6 => Some(count),
            7 | 12 | 14 => Some(8),
            11 => Some(7),
            _ => None,
        }
    }

    /// Number of samples per channel in one frame of the core, 1024 or 960.
    #[must_use]
    pub fn samples_per_frame(&self) -> u32 {
        if self.is_960 { 960 } else { 1024 }
    }

    /// The whole configuration.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The codec's name for `CODECS` (RFC 6381, 3.3): `mp4a.40.2` for AAC-LC, `mp4a.40.5` for HE-AAC,
    /// `mp4a.40.29` for HE-AAC v2.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let object_type = match self.extension {
            Some(Extension { has_parametric_stereo: true, .. }) => PARAMETRIC_STEREO,
            Some(_) => SBR,
            None => self.object_type,
        };
        format!("mp4a.40.{object_type}")
    }
}

/// `GetAudioObjectType()`: five bits, or 32 and six more after an escape.
fn object_type(bits: &mut BitReader<'_>) -> Result<u8, PayloadError> {
    const ESCAPE: u8 = 31;
    match bits.byte(5)? {
        ESCAPE => Ok(32 + bits.byte(6)?),
        short => Ok(short),
    }
}

/// An index into table 1.18, or 24 bits after an escape; in hertz.
fn sampling_frequency(bits: &mut BitReader<'_>) -> Result<u32, PayloadError> {
    const ESCAPE: u8 = 15;
    const TABLE: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    let index = bits.byte(4)?;
    if index != ESCAPE {
        let value = u32::from(index);
        let invalid = PayloadError::Invalid { field: "samplingFrequencyIndex", value };
        return TABLE.get(usize::from(index)).copied().ok_or(invalid);
    }
    match bits.bits(24)? {
        0 => Err(PayloadError::Invalid { field: "samplingFrequency", value: 0 }),
        frequency => Ok(frequency),
    }
}

/// What follows the channel configuration when the object type itself says SBR or parametric
/// stereo: the frequency after SBR, and the object type of the core.
fn extension_in_front(
    bits: &mut BitReader<'_>,
    first_type: u8,
) -> Result<(u8, Option<Extension>), PayloadError> {
    let sample_rate = sampling_frequency(bits)?;
    let core = object_type(bits)?;
    if core == ER_BSAC {
        let _extension_channel_configuration = bits.bits(4)?;
    }
    let has_parametric_stereo = first_type == PARAMETRIC_STEREO;
    Ok((core, Some(Extension { sample_rate, has_parametric_stereo })))
}

/// Whether a `GASpecificConfig` follows, which begins with the flag for 960 samples.
fn has_ga_config(object_type: u8) -> bool {
    matches!(object_type, 1..=4 | 6 | 7 | 17 | 19..=23)
}

/// The backward compatible signalling behind the `GASpecificConfig`, which old decoders do not see.
/// Looked for only where the core can carry it and nothing else is in between; `bits` stand after the
/// flag for 960 samples. Being an extension, it is absent if it is cut.
fn extension_behind(mut bits: BitReader<'_>, object_type: u8) -> Option<Extension> {
    const SBR_SYNC: u32 = 0x2b7;
    const PARAMETRIC_STEREO_SYNC: u32 = 0x548;
    const CORE_CODER_DELAY_BITS: usize = 14;
    if !matches!(object_type, 1..=4) {
        return None;
    }
    let depends_on_core_coder = bits.flag().ok()?;
    if depends_on_core_coder {
        bits.skip(CORE_CODER_DELAY_BITS).ok()?;
    }
    let _extension_flag = bits.flag().ok()?;
    let is_sbr_signalled =
        bits.bits(11).ok()? == SBR_SYNC && self::object_type(&mut bits).ok()? == SBR;
    if !is_sbr_signalled || !bits.flag().ok()? {
        return None;
    }
    let sample_rate = sampling_frequency(&mut bits).ok()?;
    let has_parametric_stereo =
        bits.bits(11) == Ok(PARAMETRIC_STEREO_SYNC) && bits.flag() == Ok(true);
    Some(Extension { sample_rate, has_parametric_stereo })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Want {
        object_type: u8,
        sample_rate: u32,
        extension: Option<u32>,
        channels: Option<u8>,
        name: &'static str,
    }

    #[test]
    fn configurations_are_read() {
        let want = |object_type, sample_rate, extension, channels, name| Want {
            object_type,
            sample_rate,
            extension,
            channels,
            name,
        };
        let table: [(&[u8], Want); 10] = [
            (&[0x11, 0x90], want(2, 48_000, None, Some(2), "mp4a.40.2")),
            (&[0x12, 0x08], want(2, 44_100, None, Some(1), "mp4a.40.2")),
            (&[0x12, 0x10, 0x56, 0xe5, 0x00], want(2, 44_100, None, Some(2), "mp4a.40.2")),
            // 24 kHz core, SBR to 48 kHz signalled behind, then parametric stereo as well
            (&[0x13, 0x10, 0x56, 0xe5, 0x98], want(2, 24_000, Some(48_000), Some(2), "mp4a.40.5")),
            (
                &[0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80],
                want(2, 24_000, Some(48_000), Some(1), "mp4a.40.29"),
            ),
            // signalled in front: 5 and 29, then the frequency and the core's type
            (&[0x2b, 0x11, 0x88, 0x00], want(2, 24_000, Some(48_000), Some(2), "mp4a.40.5")),
            (&[0xeb, 0x09, 0x88, 0x00], want(2, 24_000, Some(48_000), Some(1), "mp4a.40.29")),
            // type 2, escaped frequency 12345 Hz, stereo
            (&[0x17, 0x80, 0x18, 0x1c, 0x90], want(2, 12_345, None, Some(2), "mp4a.40.2")),
            // type 23 (low delay) has other fields where the signalling would be for type 2
            (&[0xb9, 0x90, 0x56, 0xe5, 0x98], want(23, 48_000, None, Some(2), "mp4a.40.23")),
            // type 32 + 10 (USAC), 48 kHz, configuration 0; its next bit is not the flag for 960
            (&[0xf9, 0x46, 0x10], want(42, 48_000, None, None, "mp4a.40.42")),
        ];
        for (bytes, want) in table {
            let got = AudioSpecificConfig::parse(bytes).unwrap();
            assert_eq!(got.object_type(), want.object_type, "{bytes:x?}");
            assert_eq!(got.sample_rate(), want.sample_rate, "{bytes:x?}");
            assert_eq!(got.extension_sample_rate(), want.extension, "{bytes:x?}");
            assert_eq!(got.channels(), want.channels, "{bytes:x?}");
            assert_eq!(got.rfc6381(), want.name, "{bytes:x?}");
            assert_eq!(got.samples_per_frame(), 1024, "{bytes:x?}");
            assert_eq!(got.raw(), bytes);
        }
    }

    #[test]
    fn frames_of_960_samples_are_known() {
        let config = AudioSpecificConfig::parse(&[0x11, 0x94]).unwrap();
        assert_eq!(config.samples_per_frame(), 960);
    }

    #[test]
    fn damage_is_named() {
        let cut = PayloadError::Cut { what: WHAT };
        let reserved = PayloadError::Invalid { field: "samplingFrequencyIndex", value: 13 };
        let zero = PayloadError::Invalid { field: "samplingFrequency", value: 0 };
        let table: [(&[u8], PayloadError); 4] = [
            (&[], cut),
            (&[0x11], cut),
            (&[0x16, 0x90], reserved),
            (&[0x17, 0x80, 0x00, 0x00, 0x10], zero),
        ];
        for (bytes, want) in table {
            assert_eq!(AudioSpecificConfig::parse(bytes), Err(want), "{bytes:x?}");
        }
    }
}
