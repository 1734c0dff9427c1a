//! What one pass over a recording found: streams, frames, defects. Nothing of it is taken from the container's header or
//! metadata, which recordings of live streams get wrong as a matter of course.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::colour::Colour;

/// Containers that are read. Which one it is was decided by the bytes, never by the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// Flash Video, read by our own tag walker.
    Flv,
    /// ISO base media file format, read by libavformat's `mov` demuxer.
    Mp4,
    /// MPEG-2 transport stream, read by libavformat's `mpegts` demuxer.
    Mpegts,
    /// Matroska or `WebM`, read by libavformat's `matroska` demuxer.
    Matroska,
}

/// Video codecs that are decoded. Everything else is refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    Hevc,
    /// MPEG-4 part 2.
    Mpeg4,
    /// Sorenson H.263, as in old FLV files.
    Flv1,
    /// On2 VP6, as in old FLV files.
    Vp6,
    /// VP9.
    Vp9,
}

/// Audio codecs that are decoded. Everything else is refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AudioCodec {
    /// MPEG-4 AAC, any object type.
    Aac,
    /// MPEG audio layer 3.
    Mp3,
    /// Speex, as in old FLV files.
    Speex,
    /// Dolby Digital.
    Ac3,
    /// Opus.
    Opus,
    /// Uncompressed samples.
    Pcm,
}

/// What the index found in a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceIndex {
    /// The container, by its bytes.
    pub container: Container,
    /// Length of the file in bytes.
    pub byte_length: u64,
    /// The video stream, if it has at least one decodable keyframe.
    pub video: Option<VideoSource>,
    /// The audio stream, if it has at least one frame.
    pub audio: Option<AudioSource>,
    /// What the times of this index took to become those of one clock. All of them are of that clock.
    #[serde(default, skip_serializing_if = "Clock::runs_through")]
    pub clock: Clock,
    /// What is wrong with the file but does not stop us.
    pub defects: Vec<Defect>,
}

/// What to add to the timestamps of a recording (FLV) so that they are times of one clock that neither wraps nor jumps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// For video, in the order of their offsets.
    pub video: Vec<ClockStep>,
    /// For audio, in the order of their offsets.
    pub audio: Vec<ClockStep>,
}

impl Clock {
    /// How many there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.video.len() + self.audio.len()
    }

    /// True if nothing is added anywhere.
    #[must_use]
    pub fn runs_through(&self) -> bool {
        self.video.is_empty() && self.audio.is_empty()
    }
}

/// What is added to timestamps from a place on. Serialised as an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, i64)", into = "(u64, i64)")]
pub struct ClockStep {
    /// Byte offset of the first tag that it holds for.
    pub offset: u64,
    /// Added to the timestamp, in milliseconds.
    pub shift: i64,
}

impl From<(u64, i64)> for ClockStep {
    fn from((offset, shift): (u64, i64)) -> Self {
        Self { offset, shift }
    }
}

impl From<ClockStep> for (u64, i64) {
    fn from(step: ClockStep) -> Self {
        (step.offset, step.shift)
    }
}

/// The video stream of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoSource {
    /// Its codec.
    pub codec: VideoCodec,
    /// Ticks per second of every time in this struct (1000 in FLV).
    pub timescale: NonZeroU32,
    /// Width in pixels after cropping, of the configuration that most frames use.
    pub width: u32,
    /// Height in pixels after cropping, of the same configuration.
    pub height: u32,
    /// Width to height of one pixel; `(1, 1)` is square.
    pub pixel_aspect: (u32, u32),
    /// Clockwise rotation that a player must apply, in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// What its samples mean, as far as it says.
    pub colour: Colour,
    /// The H.264 facts that decide whether the stream can be copied; none for other codecs.
    pub h264: Option<H264Source>,
    /// Byte offsets at which a codec configuration (FLV sequence header) stands; empty where the container keeps it apart.
    pub config_offsets: Vec<u64>,
    /// Presentation time from which on pictures are shown, where the container cuts away what comes before (an MP4's edit list).
    pub shown_from: Option<i64>,
    /// Every frame in decoding order, from the first that decoding can start at.
    pub frames: Vec<Frame>,
    /// Where else decoding can start, in decoding order (H.264 only; other codecs' are among the keyframes).
    pub recovery_points: Vec<RecoveryPoint>,
}

/// A frame that is no IDR picture, at which decoding can start all the same (the recovery point of ITU-T H.264 D.2.8): an open GOP, or
/// pictures that are refreshed bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// Its number among the frames.
    pub frame: usize,
    /// Presentation time from which on pictures are whole.
    pub ready: i64,
}

impl VideoSource {
    /// Presentation time of the first picture that can be shown whole; none if there is no frame that decoding can start at.
    #[must_use]
    pub fn first_whole(&self) -> Option<i64> {
        let keyframe = self.frames.iter().find(|frame| frame.sync).map(|frame| frame.pts);
        if self.starts_with_keyframe() {
            return keyframe;
        }
        let recovered = self.recovery_points.first().map(|point| point.ready);
        keyframe.into_iter().chain(recovered).min()
    }

    /// True if decoding starts at an IDR picture, or a keyframe of a codec that has none.
    #[must_use]
    pub fn starts_with_keyframe(&self) -> bool {
        self.frames.first().is_some_and(|frame| frame.sync)
    }

    /// Frames that decode alone to a whole picture, in decoding order of each kind.
    pub fn whole_alone(&self) -> impl Iterator<Item = &Frame> {
        let at_once = self.recovery_points.iter().filter_map(|point| {
            self.frames.get(point.frame).filter(|frame| frame.pts == point.ready && !frame.sync)
        });
        self.frames.iter().filter(|frame| frame.sync).chain(at_once)
    }

    /// The number of the last frame that decoding can start at so that all pictures from `time` on are whole; 0 if there is none.
    #[must_use]
    pub fn entry_before(&self, time: i64) -> usize {
        let keyframe = self.frames.iter().rposition(|frame| frame.sync && frame.pts <= time);
        let recovery = self.recovery_points.iter().rfind(|point| point.ready <= time);
        keyframe.max(recovery.map(|point| point.frame)).unwrap_or(0)
    }

    /// True if its pictures may be made of two fields each.
    #[must_use]
    pub fn may_be_interlaced(&self) -> bool {
        self.h264.as_ref().is_some_and(|h264| !h264.progressive)
    }
}

/// What the sequence parameter sets say of an H.264 stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct H264Source {
    /// `profile_idc` of the first configuration (66 baseline, 77 main, 100 high).
    pub profile_idc: u8,
    /// `level_idc` of the first configuration (52 is level 5.2).
    pub level_idc: u8,
    /// `chroma_format_idc`: 1 is 4:2:0.
    pub chroma_format_idc: u8,
    /// Luma bit depth.
    pub bit_depth: u8,
    /// `frame_mbs_only_flag`: true is progressive.
    pub progressive: bool,
    /// True if all configurations in the file are the same bytes.
    pub one_configuration: bool,
    /// True if every keyframe is an IDR picture and no frame is presented across one.
    pub closed_gops: bool,
}

/// One coded video frame. Serialised as an array to keep an hour's index small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, u64, u32, bool)", into = "(i64, i64, u64, u32, bool)")]
pub struct Frame {
    /// Presentation time in the stream's timescale.
    pub pts: i64,
    /// Decoding time in the stream's timescale.
    pub dts: i64,
    /// Byte offset of the frame (FLV: of its tag) in the file.
    pub offset: u64,
    /// Length of the coded frame in bytes.
    pub size: u32,
    /// True for an IDR picture (H.264, HEVC) or a keyframe (other codecs): decoding can start here.
    pub sync: bool,
}

impl From<(i64, i64, u64, u32, bool)> for Frame {
    fn from((pts, dts, offset, size, sync): (i64, i64, u64, u32, bool)) -> Self {
        Self { pts, dts, offset, size, sync }
    }
}

impl From<Frame> for (i64, i64, u64, u32, bool) {
    fn from(f: Frame) -> Self {
        (f.pts, f.dts, f.offset, f.size, f.sync)
    }
}

/// The audio stream of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioSource {
    /// Its codec.
    pub codec: AudioCodec,
    /// Samples per second as decoded.
    pub sample_rate: u32,
    /// Channels as decoded.
    pub channels: u16,
    /// `AudioSpecificConfig`'s object type for AAC (2 is LC); none for other codecs.
    pub aac_object_type: Option<u8>,
    /// Ticks per second of the times below (1000 in FLV).
    pub timescale: NonZeroU32,
    /// Presentation time of the first frame.
    pub start: i64,
    /// Presentation time of the end of the last frame, as well as the container tells.
    pub end: i64,
    /// Coded frames.
    pub frames: u64,
}

/// Something wrong in a recording that does not stop it from being published. It goes into the job's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Defect {
    /// The last tag or packet is cut: the recorder was killed or the disk was full.
    CutAtEnd {
        /// Where the cut unit starts.
        offset: u64,
    },
    /// Bytes that are no tag follow; the rest of the file was left out.
    GarbageFrom {
        /// Where the garbage starts.
        offset: u64,
    },
    /// The codec configuration changes in mid-file; all is scaled to one size.
    ConfigurationChange {
        /// How many configurations the file has.
        configurations: u32,
    },
    /// Video frames before the first keyframe cannot be decoded and were left out.
    FramesBeforeKeyframe {
        /// How many.
        frames: u64,
    },
    /// The clock was set to another time; the presentation goes on there without a pause. Playlists do not mark it: times, coding and
    /// initialisation segment go on as they are, so that RFC 8216 4.3.2.3 asks for no `EXT-X-DISCONTINUITY`, and with one hls.js moves
    /// what follows by the delay of the B-frames, and stalls before the end.
    ClockSet {
        /// Byte offset of the first tag by the new time.
        offset: u64,
        /// How far, in milliseconds; negative if back.
        by: i64,
    },
    /// No frame is presented for a while.
    VideoGap {
        /// Presentation time of the last frame before it, in the video timescale.
        after: i64,
        /// Its length in the video timescale.
        length: i64,
    },
}
