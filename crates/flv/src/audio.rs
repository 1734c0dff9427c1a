//! The body of an audio tag (FLV specification, E.4.2; Enhanced RTMP v2, `ExAudioTagHeader`).

use std::fmt;

use crate::{FourCc, PayloadError};

/// An audio tag's body, taken apart as far as its format allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioTag<'a> {
    /// AAC. Rate and channels stand in the [`AudioSpecificConfig`](crate::AudioSpecificConfig); what
    /// the tag says of them is fixed by the standard and means nothing.
    Aac {
        /// What the payload is.
        packet_type: AacPacketType,
        /// The configuration, or one raw frame.
        payload: &'a [u8],
    },
    /// Sound in another format.
    Other {
        /// The format.
        format: SoundFormat,
        /// Sampling rate in hertz, as a nominal value: 5512, 8000, 11025, 16000, 22050 or 44100.
        sample_rate: u32,
        /// Bits per sample, 8 or 16; of no meaning for compressed formats.
        sample_bits: u8,
        /// Number of channels, 1 or 2.
        channels: u8,
        /// The format's own bytes.
        payload: &'a [u8],
    },
    /// An Enhanced RTMP packet (sound format 9): Opus, AC-3, FLAC, multichannel AAC and others.
    Enhanced {
        /// The codec's name; `None` if the packet hides it behind modifiers or is cut.
        four_cc: Option<FourCc>,
    },
}

/// What the payload of an AAC tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AacPacketType {
    /// 0: an [`AudioSpecificConfig`](crate::AudioSpecificConfig).
    SequenceHeader,
    /// 1: one raw frame (no ADTS).
    Raw,
}

/// The sound format of a tag, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoundFormat {
    /// 0: PCM in the byte order of the machine that wrote it.
    PcmPlatformEndian,
    /// 1
    Adpcm,
    /// 2
    Mp3,
    /// 3
    PcmLittleEndian,
    /// 4
    Nellymoser16kHzMono,
    /// 5
    Nellymoser8kHzMono,
    /// 6
    Nellymoser,
    /// 7
    G711ALaw,
    /// 8
    G711MuLaw,
    /// 10
    Aac,
    /// 11
    Speex,
    /// 14
    Mp3At8kHz,
    /// 15
    DeviceSpecific,
    /// Reserved numbers: 9 (which Enhanced RTMP uses, see [`AudioTag::Enhanced`]), 12 and 13.
    Reserved(u8),
}

impl<'a> AudioTag<'a> {
    const EX_HEADER: u8 = 9;
    const MULTITRACK: u8 = 5;

    /// Takes the body of an audio tag apart.
    ///
    /// # Errors
    /// [`PayloadError::Cut`] if the body ends within its own head, [`PayloadError::Invalid`] for an
    /// unknown AAC packet type.
    pub fn parse(body: &'a [u8]) -> Result<Self, PayloadError> {
        let (first, rest) = body.split_first().ok_or(PayloadError::Cut { what: "audio tag" })?;
        match SoundFormat::from(first >> 4) {
            SoundFormat::Aac => Self::parse_aac(rest),
            SoundFormat::Reserved(Self::EX_HEADER) => {
                Ok(Self::Enhanced { four_cc: FourCc::of_enhanced_body(body, Self::MULTITRACK) })
            }
            format => Ok(Self::Other {
                format,
                sample_rate: format.sample_rate(first >> 2 & 3),
                sample_bits: if first & 2 == 0 { 8 } else { 16 },
                channels: format.channels(first & 1 == 1),
                payload: rest,
            }),
        }
    }

    fn parse_aac(rest: &'a [u8]) -> Result<Self, PayloadError> {
        let (packet_type, payload) =
            rest.split_first().ok_or(PayloadError::Cut { what: "AAC audio tag" })?;
        let packet_type = match packet_type {
            0 => AacPacketType::SequenceHeader,
            1 => AacPacketType::Raw,
            other => {
                let value = u32::from(*other);
                return Err(PayloadError::Invalid { field: "AACPacketType", value });
            }
        };
        Ok(Self::Aac { packet_type, payload })
    }
}

impl SoundFormat {
    /// The sampling rate, which some formats fix whatever the tag's two bits say.
    fn sample_rate(self, field: u8) -> u32 {
        match (self, field) {
            (Self::Nellymoser16kHzMono | Self::Speex, _) => 16_000,
            (Self::Nellymoser8kHzMono | Self::G711ALaw | Self::G711MuLaw | Self::Mp3At8kHz, _) => {
                8_000
            }
            (_, 0) => 5_512,
            (_, 1) => 11_025,
            (_, 2) => 22_050,
            _ => 44_100,
        }
    }

    fn channels(self, is_stereo: bool) -> u8 {
        match self {
            Self::Nellymoser16kHzMono | Self::Nellymoser8kHzMono | Self::Speex => 1,
            _ if is_stereo => 2,
            _ => 1,
        }
    }
}

impl From<u8> for SoundFormat {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::PcmPlatformEndian,
            1 => Self::Adpcm,
            2 => Self::Mp3,
            3 => Self::PcmLittleEndian,
            4 => Self::Nellymoser16kHzMono,
            5 => Self::Nellymoser8kHzMono,
            6 => Self::Nellymoser,
            7 => Self::G711ALaw,
            8 => Self::G711MuLaw,
            10 => Self::Aac,
            11 => Self::Speex,
            14 => Self::Mp3At8kHz,
            15 => Self::DeviceSpecific,
            other => Self::Reserved(other),
        }
    }
}

/// The format's usual name, or its number.
impl fmt::Display for SoundFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::PcmPlatformEndian => "PCM in platform byte order",
            Self::Adpcm => "ADPCM",
            Self::Mp3 => "MP3",
            Self::PcmLittleEndian => "PCM",
            Self::Nellymoser16kHzMono => "Nellymoser 16 kHz mono",
            Self::Nellymoser8kHzMono => "Nellymoser 8 kHz mono",
            Self::Nellymoser => "Nellymoser",
            Self::G711ALaw => "G.711 A-law",
            Self::G711MuLaw => "G.711 mu-law",
            Self::Aac => "AAC",
            Self::Speex => "Speex",
            Self::Mp3At8kHz => "MP3 8 kHz",
            Self::DeviceSpecific => "device-specific sound",
            Self::Reserved(number) => return write!(f, "FLV sound format {number}"),
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_taken_apart() {
        let aac = |packet_type, payload| Ok(AudioTag::Aac { packet_type, payload });
        let other = |format, sample_rate, sample_bits, channels| {
            let payload = &b"x"[..];
            Ok(AudioTag::Other { format, sample_rate, sample_bits, channels, payload })
        };
        let opus = Some(FourCc(*b"Opus"));
        let invalid = Err(PayloadError::Invalid { field: "AACPacketType", value: 2 });
        let table: [(&[u8], Result<AudioTag<'_>, PayloadError>); 14] = [
            (b"\xaf\0\x11\x90", aac(AacPacketType::SequenceHeader, b"\x11\x90")),
            (b"\xaf\x01frame", aac(AacPacketType::Raw, b"frame")),
            (b"\xaf\x01", aac(AacPacketType::Raw, b"")),
            (b"\xaf\x02", invalid),
            (b"\xaf", Err(PayloadError::Cut { what: "AAC audio tag" })),
            (b"", Err(PayloadError::Cut { what: "audio tag" })),
            (b"\x2fx", other(SoundFormat::Mp3, 44_100, 16, 2)),
            (b"\x2ax", other(SoundFormat::Mp3, 22_050, 16, 1)),
            (b"\x31x", other(SoundFormat::PcmLittleEndian, 5_512, 8, 2)),
            (b"\xb7x", other(SoundFormat::Speex, 16_000, 16, 1)),
            (b"\x7cx", other(SoundFormat::G711ALaw, 8_000, 8, 1)),
            (b"\xd4x", other(SoundFormat::Reserved(13), 11_025, 8, 1)),
            (b"\x90Opus", Ok(AudioTag::Enhanced { four_cc: opus })),
            (b"\x95\x01Opus", Ok(AudioTag::Enhanced { four_cc: opus })),
        ];
        for (body, want) in table {
            assert_eq!(AudioTag::parse(body), want, "{body:x?}");
        }
    }
}
