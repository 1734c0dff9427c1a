//! The plan: all that has to be known to turn one recording into a presentation, as one value that any worker may carry out. It is a
//! pure function of the index and the profile, and it is stored before the first chunk is encoded.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::colour::ColourPlan;
use crate::grid::GridSegment;
use crate::names::PlanId;
use crate::profile::{Profile, RungProfile};
use crate::recording::Identity;
use crate::source::{Clock, Container, SourceIndex, VideoCodec};

mod audio;
mod bounds;
mod pictures;
mod times;
mod video;

pub use pictures::{PicturesPlan, Shot, Sprite};

/// Version of the plan's schema. Any engine that knows it may finish the plan. A part that may be left out, as the pictures, does not
/// change it: an engine that does not know that part publishes without, and one that does takes a plan without it as it is.
pub const SCHEMA: u32 = 2;
/// Samples in one AAC frame (ISO/IEC 14496-3 4.5.2.1.1).
pub const AAC_FRAME: u64 = 1024;

/// All that it takes to publish one recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`] of the engine that made it.
    pub schema: u32,
    /// Digest of source, profile and schema: the same recording planned twice is one plan.
    pub id: PlanId,
    /// The container that the source is read as.
    pub container: Container,
    /// The profile, whole.
    pub profile: Profile,
    /// `EXT-X-TARGETDURATION` of every playlist, in seconds.
    pub target_duration: u32,
    /// What makes the source's timestamps times of one clock.
    #[serde(default, skip_serializing_if = "Clock::runs_through")]
    pub clock: Clock,
    /// The video, if there is any.
    pub video: Option<VideoPlan>,
    /// The audio, if there is any.
    pub audio: Option<AudioPlan>,
    /// Storyboard and poster, if there is video and the profile wants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<PicturesPlan>,
}

/// The video part of a plan. Times are in ticks of `timescale` from the presentation's start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// Codec of the source.
    pub codec: VideoCodec,
    /// Ticks per second, of the source and of every video rendition.
    pub timescale: NonZeroU32,
    /// Clockwise turn that makes the source's pictures upright, in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// The colours of the source and of the encoded renditions.
    #[serde(default)]
    pub colour: ColourPlan,
    /// Source presentation time of the presentation's start: the first picture that can be decoded whole.
    pub origin: i64,
    /// Length of the presentation.
    pub duration: i64,
    /// Frames presented.
    pub frames: u64,
    /// Usual distance of two frames; also the last frame's duration.
    pub frame_duration: i64,
    /// Measured frame rate.
    pub frame_rate: FrameRate,
    /// Segments, the same for all renditions.
    pub segments: Vec<GridSegment>,
    /// Video renditions, largest first.
    pub rungs: Vec<Rung>,
    /// Units of work, in order; together they cover all segments.
    pub chunks: Vec<Chunk>,
}

/// Frames per second as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    /// Frames.
    pub numerator: u32,
    /// In this many seconds.
    pub denominator: u32,
}

/// One video rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Its name: a path component, unique in the plan.
    pub name: String,
    /// Its picture size.
    pub width: u32,
    /// Its picture size.
    pub height: u32,
    /// Where its bits come from.
    pub bits: RungBits,
    /// One of so many frames is kept, counted from each IDR picture of the grid.
    pub keep_every: u32,
    /// Added to every composition offset so that none is negative, and taken away again by the init segment's edit list.
    pub composition_shift: u32,
}

/// Where a rung's bits come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungBits {
    /// The source's own, copied.
    Source,
    /// Encoded by x264.
    Encoded(RungProfile),
}

/// A run of whole segments that one child process encodes into all video renditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its number, from 0.
    pub index: u32,
    /// Its first segment.
    pub first_segment: u32,
    /// How many segments it has.
    pub segments: u32,
    /// Presentation time of its first frame.
    pub start: i64,
    /// Presentation time of its end.
    pub end: i64,
    /// Frames presented in it.
    pub frames: u32,
    /// What must be read of the source to decode it.
    pub read: ReadSpan,
}

/// The packets of the source that a chunk is decoded from: those of the keyframe at or before its start, up to the last that is presented
/// before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSpan {
    /// Byte offset of the codec configuration in force, where the container keeps it in line (FLV).
    pub config_offset: Option<u64>,
    /// Byte offset of the first packet.
    pub offset: u64,
    /// Decoding time of the first packet in the source's timescale.
    pub dts: i64,
    /// Number of video packets to read.
    pub packets: u32,
}

/// The audio part of a plan. Output times are in samples from the presentation's start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Whether the source's frames are copied or encoded.
    pub bits: AudioBits,
    /// Samples per second of the rendition; its timescale.
    pub sample_rate: u32,
    /// Source time of the presentation's start, in ticks of `origin_timescale`.
    pub origin: i64,
    /// Ticks per second of `origin`.
    pub origin_timescale: NonZeroU32,
    /// AAC frames ([`AAC_FRAME`] samples each) at which segments start, and, last, the number of frames of the rendition.
    pub cuts: Vec<u64>,
}

/// Where the audio rendition's bits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioBits {
    /// Stereo AAC-LC of the source, copied frame by frame.
    Source,
    /// Encoded to stereo AAC-LC.
    Encoded {
        /// Rate in kilobits per second.
        kbps: u32,
    },
}

/// A recording that cannot be published, whoever tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Neither video nor audio.
    #[error(
        "the recording holds neither a decodable video frame nor an audio frame: there is nothing to publish"
    )]
    Nothing,
    /// The picture is too small or too large to encode.
    #[error(
        "pictures of {width}x{height} cannot be encoded: they must be at least 16x16 and at most 8192x8192"
    )]
    PictureSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A time that no clock shows.
    #[error(
        "the index holds the timestamp {ticks}, which is beyond 2^53: the recording is damaged, or made to do harm"
    )]
    Time {
        /// The time in ticks of its stream.
        ticks: i64,
    },
    /// More frames than the file has bytes.
    #[error(
        "the index holds {frames} frames in {bytes} bytes: the recording is damaged, or made to do harm"
    )]
    FrameCount {
        /// How many frames.
        frames: u64,
        /// Length of the recording in bytes.
        bytes: u64,
    },
    /// Times beyond what a presentation can hold.
    #[error(
        "the recording's timestamps span {seconds} s, which no recording of at most 12 hours does"
    )]
    Span {
        /// What they span.
        seconds: i64,
    },
}

/// What SQS allows one delivery to take, and more than any recording of a live stream that is cut by `record_interval`.
const LONGEST_PRESENTATION_SECONDS: i64 = 12 * 3600;

/// Plans the publication of a recording.
///
/// # Errors
/// If the index shows that the recording cannot be published, or holds numbers that no recording has.
pub fn plan(
    identity: &Identity,
    index: &SourceIndex,
    profile: &Profile,
) -> Result<Plan, PlanError> {
    bounds::check(index)?;
    let video = index.video.as_ref().map(|video| video::plan(video, profile)).transpose()?;
    let audio = audio::plan(index, profile, video.as_ref())?;
    if video.is_none() && audio.is_none() {
        return Err(PlanError::Nothing);
    }
    let source = index.video.as_ref().filter(|_| profile.pictures);
    let pictures = source.zip(video.as_ref()).map(|(source, video)| pictures::plan(source, video));
    Ok(Plan {
        schema: SCHEMA,
        id: PlanId::new(SCHEMA, identity, profile),
        container: index.container,
        profile: profile.clone(),
        target_duration: target_duration(video.as_ref(), audio.as_ref()),
        clock: index.clock.clone(),
        video,
        audio,
        pictures,
    })
}

impl Plan {
    /// The rung that is the source's own bits, if there is one.
    #[must_use]
    pub fn source_rung(&self) -> Option<&Rung> {
        self.video.as_ref().and_then(VideoPlan::source_rung)
    }

    /// Length of the presentation in milliseconds, rounded down.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        let milliseconds = match (&self.video, &self.audio) {
            (Some(video), _) => {
                i128::from(video.duration) * 1000 / i128::from(video.timescale.get())
            }
            (None, Some(audio)) => {
                i128::from(audio.frames() * AAC_FRAME) * 1000 / i128::from(audio.sample_rate)
            }
            (None, None) => 0,
        };
        u64::try_from(milliseconds).unwrap_or(0)
    }
}

impl AudioPlan {
    /// AAC frames in the rendition.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.cuts.last().copied().unwrap_or(0)
    }
}

impl VideoPlan {
    /// The rung that is the source's own bits, if there is one.
    #[must_use]
    pub fn source_rung(&self) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.bits == RungBits::Source)
    }

    /// The segments of a chunk.
    #[must_use]
    pub fn segments_of(&self, chunk: &Chunk) -> &[GridSegment] {
        let first = usize::try_from(chunk.first_segment).unwrap_or(usize::MAX);
        let count = usize::try_from(chunk.segments).unwrap_or(0);
        self.segments.get(first..first.saturating_add(count)).unwrap_or(&[])
    }
}

/// The longest segment of any rendition, rounded to whole seconds as RFC 8216 4.3.3.1 compares it.
fn target_duration(video: Option<&VideoPlan>, audio: Option<&AudioPlan>) -> u32 {
    let rounded = |ticks: u128, timescale: u32| {
        let timescale = u128::from(timescale);
        u32::try_from((ticks * 2 + timescale) / (timescale * 2)).unwrap_or(u32::MAX)
    };
    let video = video.into_iter().flat_map(|video| {
        video.segments.iter().map(move |segment| {
            rounded((segment.end - segment.start).unsigned_abs().into(), video.timescale.get())
        })
    });
    let audio = audio.into_iter().flat_map(|audio| {
        audio.cuts.windows(2).map(move |pair| {
            rounded(u128::from((pair[1] - pair[0]) * AAC_FRAME), audio.sample_rate)
        })
    });
    video.chain(audio).max().unwrap_or(1).max(1)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
