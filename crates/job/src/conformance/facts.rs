//! What a reader collects from a published presentation. Every object goes by its URI as seen from the multivariant playlist, which
//! [`crate::playlist::resolve`] gives.

use std::collections::BTreeMap;

/// All that is known of a published presentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The multivariant playlist's text.
    pub master: String,
    /// The text of every media and I-frame playlist.
    pub playlists: BTreeMap<String, String>,
    /// Whether the presentation still grows, so that its playlists may be of the type `EVENT`.
    pub growing: bool,
    /// Where the presentation still grows: the text of its playlists as they were after all else had been read.
    pub later: BTreeMap<String, String>,
    /// The text of every storyboard.
    pub storyboards: BTreeMap<String, String>,
    /// Every picture that was decoded.
    pub pictures: BTreeMap<String, DecodedPicture>,
    /// Every object that exists, playlists and storyboards included.
    pub objects: BTreeMap<String, ObjectFacts>,
    /// Every initialisation segment that was read.
    pub inits: BTreeMap<String, InitFacts>,
    /// Every media segment that was read.
    pub segments: BTreeMap<String, SegmentContents>,
    /// Every initialisation and media segment that exists and whose boxes cannot be read, with the reason.
    pub unreadable: BTreeMap<String, String>,
    /// Plan and reports that are there and that nothing can be compared with, with the reason.
    pub bad_reports: BTreeMap<String, String>,
    /// What should be there, if the plan and the reports are at hand.
    pub expected: Option<Expected>,
}

/// What a store says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Bytes.
    pub size: u64,
    /// `Content-Type`: none where there is no such thing, as in a directory, and empty if a server sent none.
    pub content_type: Option<String>,
}

/// What decoding a picture gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodedPicture {
    /// It was decoded without an error.
    Whole {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// It was not.
    Damaged,
}

/// What stands in an initialisation segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitFacts {
    /// The RFC 6381 string of its codec, made from the bytes of the sample entry.
    pub codecs: String,
    /// Ticks per second.
    pub timescale: u32,
    /// Tracks that it declares.
    pub tracks: u32,
    /// Whether it has a `ludt` box, which states the loudness (ISO/IEC 14496-12, 12.2.7); none where it was not read.
    pub loudness: Option<bool>,
    /// What kind of track.
    pub media: Media,
}

/// What kind of track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// Video.
    Video(Picture),
    /// Audio.
    Audio {
        /// Channels by the decoder's configuration.
        channels: u16,
    },
}

/// What the sequence parameter set says; none where it was not read. Profile and level are in [`InitFacts::codecs`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels after cropping.
    pub width: u32,
    /// Height in pixels after cropping.
    pub height: u32,
    /// `chroma_format_idc`: 1 is 4:2:0.
    pub chroma_format_idc: Option<u8>,
    /// Bit depth, the larger of luma's and chroma's.
    pub bit_depth: Option<u8>,
    /// `frame_mbs_only_flag`.
    pub progressive: Option<bool>,
    /// Width to height of one pixel. Where the container says otherwise, what it says.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Width and height as the container has them, if it was read.
    pub container_size: Option<(u32, u32)>,
}

/// What is in a media segment. Times are in ticks of the rendition's timescale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentContents {
    /// `tfdt` of its first fragment.
    pub tfdt: u64,
    /// Sum of all sample durations.
    pub duration: u64,
    /// What single pictures are shown longer than usual, in all: gaps of the recording, which no frame rate counts. 0 where only a report is
    /// known.
    pub gaps: u64,
    /// Samples: frames of video, AAC frames of audio.
    pub samples: u32,
    /// Whether the first sample is an IDR picture; meaningless for audio.
    pub starts_with_idr: bool,
    /// Earliest presentation time, the edit list applied.
    pub first_presentation: i64,
    /// Latest presentation time plus its sample's duration, the edit list applied.
    pub end_presentation: i64,
    /// `moof` and `mdat` pairs: all in order where the bytes were read, those of IDR pictures where only a report is known.
    pub fragments: Vec<Fragment>,
    /// What decoding the segment alone gave, if it was decoded.
    pub decoded: Option<Decoded>,
}

/// A `moof` with its `mdat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// First byte of the `moof` within the segment.
    pub offset: u64,
    /// Bytes of both.
    pub size: u64,
    /// `tfdt`.
    pub tfdt: u64,
    /// Presentation time of its first sample, the edit list applied.
    pub presentation: i64,
    /// Sum of sample durations; none where only a report is known.
    pub duration: Option<u64>,
    /// Samples.
    pub samples: u32,
    /// Whether the first sample is an IDR picture.
    pub starts_with_idr: bool,
    /// What decoding it alone gave, if it was.
    pub decoded: Option<Decoded>,
}

/// What decoding gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Frames that came out.
    pub frames: u32,
    /// Errors, and frames that are marked corrupt.
    pub errors: u32,
}

/// What plan and reports say should be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Frames of a rendition, by its media playlist.
    pub frames: BTreeMap<String, FrameRange>,
    /// Bytes of an object.
    pub sizes: BTreeMap<String, u64>,
    /// Video renditions that are published.
    pub video_renditions: usize,
    /// Whether there is audio.
    pub audio: bool,
    /// Width and height in pixels of poster and sprites.
    pub picture_sizes: BTreeMap<String, (u32, u32)>,
}

/// How many frames a rendition may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRange {
    /// At least.
    pub least: u64,
    /// At most.
    pub most: u64,
}
