//! The body of a video tag (FLV specification, E.4.3; Enhanced RTMP v2, `ExVideoTagHeader`).

use std::fmt;

use crate::{FourCc, PayloadError};

/// A video tag's body, taken apart as far as its codec allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoTag<'a> {
    /// H.264 in an `AVCVIDEOPACKET`.
    Avc {
        /// What the writer says the frame is. Believe the NAL units, not this:
        /// [`contains_idr`](crate::contains_idr).
        frame_type: FrameType,
        /// What the payload is.
        packet_type: AvcPacketType,
        /// Presentation time minus decoding time (the tag's timestamp), in milliseconds.
        composition_time: i32,
        /// The configuration record, or length-prefixed NAL units.
        payload: &'a [u8],
    },
    /// A frame of another codec.
    Other {
        /// What the writer says the frame is.
        frame_type: FrameType,
        /// The codec.
        codec: VideoCodec,
        /// The codec's own bytes.
        payload: &'a [u8],
    },
    /// Not a picture but a command of a server to its client (start or end of seeking).
    Command,
    /// An Enhanced RTMP packet (bit 7 of the first byte): HEVC, AV1, VP9 and others.
    Enhanced {
        /// The codec's name; `None` if the packet hides it behind modifiers or is cut.
        four_cc: Option<FourCc>,
    },
}

/// The frame type as its writer states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameType {
    /// 1: a keyframe. Also set on sequence headers and on ends of sequences.
    Key,
    /// 2: depends on others.
    Inter,
    /// 3: depends on others, and nothing depends on it (H.263 only).
    DisposableInter,
    /// 4: a keyframe made by a server.
    GeneratedKey,
    /// Any other number.
    Other(u8),
}

/// The codec of a video tag without an `ExHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// 2: Sorenson H.263 (`flv1`).
    SorensonH263,
    /// 3: Screen video.
    ScreenVideo,
    /// 4: On2 VP6.
    Vp6,
    /// 5: On2 VP6 with an alpha channel.
    Vp6Alpha,
    /// 6: Screen video, version 2.
    ScreenVideo2,
    /// 7: H.264.
    Avc,
    /// Any other number; 12 is HEVC in an extension that never was a standard.
    Other(u8),
}

/// What the payload of an AVC tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AvcPacketType {
    /// 0: an [`AvcConfig`](crate::AvcConfig).
    SequenceHeader,
    /// 1: one access unit, as length-prefixed NAL units.
    Nalu,
    /// 2: the publisher has ended the sequence; no payload.
    EndOfSequence,
}

impl<'a> VideoTag<'a> {
    const COMMAND_FRAME: u8 = 5;
    const MULTITRACK: u8 = 6;

    /// Takes the body of a video tag apart.
    ///
    /// # Errors
    /// [`PayloadError::Cut`] if the body ends within its own head, [`PayloadError::Invalid`] for an
    /// unknown AVC packet type.
    pub fn parse(body: &'a [u8]) -> Result<Self, PayloadError> {
        let (first, rest) = body.split_first().ok_or(PayloadError::Cut { what: "video tag" })?;
        if first & 0x80 != 0 {
            let four_cc = FourCc::of_enhanced_body(body, Self::MULTITRACK);
            return Ok(Self::Enhanced { four_cc });
        }
        let frame_type = first >> 4;
        if frame_type == Self::COMMAND_FRAME {
            return Ok(Self::Command);
        }
        let frame_type = FrameType::from(frame_type);
        match VideoCodec::from(first & 0x0f) {
            VideoCodec::Avc => Self::parse_avc(frame_type, rest),
            codec => Ok(Self::Other { frame_type, codec, payload: rest }),
        }
    }

    fn parse_avc(frame_type: FrameType, rest: &'a [u8]) -> Result<Self, PayloadError> {
        let ([packet_type, time_2, time_1, time_0], payload) =
            rest.split_first_chunk().ok_or(PayloadError::Cut { what: "AVC video tag" })?;
        let packet_type = match packet_type {
            0 => AvcPacketType::SequenceHeader,
            1 => AvcPacketType::Nalu,
            2 => AvcPacketType::EndOfSequence,
            other => {
                let value = u32::from(*other);
                return Err(PayloadError::Invalid { field: "AVCPacketType", value });
            }
        };
        // The shift by a byte brings the sign of the 24-bit field down.
        let composition_time = i32::from_be_bytes([*time_2, *time_1, *time_0, 0]) >> 8;
        Ok(Self::Avc { frame_type, packet_type, composition_time, payload })
    }
}

impl From<u8> for FrameType {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::Key,
            2 => Self::Inter,
            3 => Self::DisposableInter,
            4 => Self::GeneratedKey,
            other => Self::Other(other),
        }
    }
}

impl From<u8> for VideoCodec {
    fn from(number: u8) -> Self {
        match number {
            2 => Self::SorensonH263,
            3 => Self::ScreenVideo,
            4 => Self::Vp6,
            5 => Self::Vp6Alpha,
            6 => Self::ScreenVideo2,
            7 => Self::Avc,
            other => Self::Other(other),
        }
    }
}

/// The codec's usual name, or its number.
impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SorensonH263 => f.write_str("Sorenson H.263"),
            Self::ScreenVideo => f.write_str("Screen video"),
            Self::Vp6 => f.write_str("VP6"),
            Self::Vp6Alpha => f.write_str("VP6 with alpha"),
            Self::ScreenVideo2 => f.write_str("Screen video 2"),
            Self::Avc => f.write_str("H.264"),
            Self::Other(number) => write!(f, "FLV video codec {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_taken_apart() {
        let avc = |frame_type, packet_type, composition_time, payload| {
            Ok(VideoTag::Avc { frame_type, packet_type, composition_time, payload })
        };
        let other =
            |frame_type, codec| Ok(VideoTag::Other { frame_type, codec, payload: &b"x"[..] });
        let enhanced = |four_cc: Option<&[u8; 4]>| {
            Ok(VideoTag::Enhanced { four_cc: four_cc.map(|code| FourCc(*code)) })
        };
        let invalid = Err(PayloadError::Invalid { field: "AVCPacketType", value: 3 });
        let table: [(&[u8], Result<VideoTag<'_>, PayloadError>); 16] = [
            (b"\x17\0\0\0\0cfg", avc(FrameType::Key, AvcPacketType::SequenceHeader, 0, b"cfg")),
            (b"\x27\x01\0\0\x43nal", avc(FrameType::Inter, AvcPacketType::Nalu, 67, b"nal")),
            (b"\x27\x01\xff\xff\xffnal", avc(FrameType::Inter, AvcPacketType::Nalu, -1, b"nal")),
            (b"\x27\x01\x80\0\0", avc(FrameType::Inter, AvcPacketType::Nalu, -(1 << 23), b"")),
            (b"\x17\x02\0\0\0", avc(FrameType::Key, AvcPacketType::EndOfSequence, 0, b"")),
            (b"\x17\x03\0\0\0", invalid),
            (b"\x17\x01\0\0", Err(PayloadError::Cut { what: "AVC video tag" })),
            (b"", Err(PayloadError::Cut { what: "video tag" })),
            (b"\x12x", other(FrameType::Key, VideoCodec::SorensonH263)),
            (b"\x32x", other(FrameType::DisposableInter, VideoCodec::SorensonH263)),
            (b"\x44x", other(FrameType::GeneratedKey, VideoCodec::Vp6)),
            (b"\x1cx", other(FrameType::Key, VideoCodec::Other(12))),
            (b"\x52\x00", Ok(VideoTag::Command)),
            (b"\x90hvc1....", enhanced(Some(b"hvc1"))),
            (b"\xa1av01....", enhanced(Some(b"av01"))),
            (b"\x97\x01", enhanced(None)),
        ];
        for (body, want) in table {
            assert_eq!(VideoTag::parse(body), want, "{body:x?}");
        }
    }
}
