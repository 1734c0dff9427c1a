//! The tag walker: reads FLV recordings of live streams as they are found on disk.
//!
//! A recording says nothing about itself that can be believed but its tags: the header's flags may
//! never have been patched, there may be no metadata, the last tag may be cut. So this crate hands
//! out the tags one by one ([`TagReader`]) and takes apart what decides how a recording is
//! transcoded: the heads of audio and video tags, the AVC and AAC configuration records, the H.264
//! sequence parameter set, and a clock that wraps and jumps ([`follow_clock`]).
//!
//! It knows the formats' specifications and `std`, nothing else. It must never know about files,
//! codec libraries, jobs or plans, must never panic and must never reserve memory because a field asks for it:
//! it is the first reader of bytes that a stranger has published.
//!
//! Sources: Adobe Flash Video File Format Specification 10.1, annex E (FLV); ISO/IEC 14496-15
//! (configuration record); ITU-T H.264 (Annex B, SPS, VUI); ISO/IEC 14496-3 (`AudioSpecificConfig`);
//! Enhanced RTMP v2 (only so far as to name what is refused).

mod aac;
mod access_unit;
mod audio;
mod avc;
mod bits;
mod clock;
mod error;
mod four_cc;
mod header;
mod nal;
mod sps;
mod tag;
mod video;
mod vui;
mod walker;

pub use aac::AudioSpecificConfig;
pub use access_unit::AccessUnit;
pub use audio::{AacPacketType, AudioTag, SoundFormat};
pub use avc::AvcConfig;
pub use clock::{Jump, Stamp, Stream, follow_clock};
pub use error::{FlvError, OpenError, PayloadError};
pub use four_cc::FourCc;
pub use header::Header;
pub use nal::{
    NalLengthSize, NalType, NalUnits, annex_b_nal_units, annex_b_to_length_prefixed, contains_idr,
};
pub use sps::Sps;
pub use tag::{TagHeader, TagKind};
pub use video::{AvcPacketType, FrameType, VideoCodec, VideoTag};
pub use vui::{Colour, SampleAspectRatio, Timing, Vui};
pub use walker::{End, Tag, TagReader};
