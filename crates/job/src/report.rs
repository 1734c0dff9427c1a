//! Reports: what was encoded, uploaded and committed. Playlists are written from reports alone.
//!
//! A child process returns an [`EncodedChunk`], [`EncodedAudio`] or [`TakenPictures`] that names files in its own directory. The worker
//! uploads them under names with a digest and commits a [`ChunkReport`], [`AudioReport`] or [`PicturesReport`] that names objects.

use serde::{Deserialize, Serialize};

use crate::names::PlanId;

/// What every segment is known by, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFacts {
    /// Its number in the presentation, from 0.
    pub index: u32,
    /// Bytes.
    pub size: u64,
    /// Presentation time of its first frame in the rendition's timescale, from the presentation's start; also its `tfdt`.
    pub start: u64,
    /// Duration in the rendition's timescale.
    pub duration: u64,
    /// Frames (video) or AAC frames (audio).
    pub frames: u32,
    /// Its IDR pictures; empty for audio.
    pub idrs: Vec<IdrFacts>,
}

/// An IDR picture in a `moof` and `mdat` of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdrFacts {
    /// Presentation time in the rendition's timescale.
    pub time: u64,
    /// First byte of the `moof` within the segment.
    pub offset: u64,
    /// Bytes of `moof` and `mdat`.
    pub size: u64,
}

/// A segment in a file of the child's output directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedSegment {
    /// File name in the output directory.
    pub file: String,
    /// What it holds.
    pub facts: SegmentFacts,
}

/// One rendition's share of a chunk, in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedRendition {
    /// The rendition's name.
    pub rendition: String,
    /// File name of the initialisation segment.
    pub init: String,
    /// What the initialisation segment says of the codec.
    pub codec: CodecFacts,
    /// Ticks per second.
    pub timescale: u32,
    /// The segments in order.
    pub segments: Vec<EncodedSegment>,
}

/// What playlists say of a rendition's codec, read from the bytes in its initialisation segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodecFacts {
    /// RFC 6381 string for `CODECS`.
    pub codecs: String,
    /// Cropped width from the SPS, 0 for audio.
    pub width: u32,
    /// Cropped height from the SPS, 0 for audio.
    pub height: u32,
}

/// What a child made of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedChunk {
    /// The chunk's number.
    pub chunk: u32,
    /// All video renditions in the plan's order.
    pub renditions: Vec<EncodedRendition>,
    /// What decoding met.
    pub decoding: Decoding,
    /// What it cost. It stays out of the [`ChunkReport`]: what is published depends on nothing but plan and recording.
    #[serde(default)]
    pub cpu: ChunkCpu,
}

/// Time on the processor that a chunk took, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkCpu {
    /// Reading, decoding, turning upright and copying the source.
    pub decoding: u64,
    /// The encoded rungs in the plan's order.
    pub rungs: Vec<RungCpu>,
}

/// Time on the processor that one rung of a chunk took, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungCpu {
    /// The rendition's name.
    pub rendition: String,
    /// Scaling from the rung above.
    pub scaling: u64,
    /// Encoding, and writing the segments.
    pub encoding: u64,
}

/// What a child made of the audio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedAudio {
    /// The rendition.
    pub rendition: EncodedRendition,
    /// What was filled and cut.
    pub fit: AudioFit,
}

/// What a child made of the pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenPictures {
    /// File names of the sprites and the poster; none if no keyframe could be decoded.
    pub files: Option<PictureFiles>,
    /// Keyframes that could not be decoded.
    pub errors: u32,
}

/// Pictures in files of the child's output directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFiles {
    /// The sprites of the storyboard in order.
    pub sprites: Vec<String>,
    /// The poster.
    pub poster: String,
}

/// What decoding met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoding {
    /// Frames that came out and lie in the chunk.
    pub frames: u32,
    /// Packets that the decoder refused and frames that it marked corrupt, or frames of the plan that did not come out, whichever are more:
    /// a decoder that waits for a picture to start from says nothing of those that it drops.
    pub errors: u32,
}

/// How the source's audio was fitted to the presentation, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFit {
    /// Silence put where the source has no audio.
    pub silence: u64,
    /// Audio left out because it lies outside of the presentation: before the first picture or after the last.
    pub cut: u64,
    /// Audio left out because other audio is there already.
    pub overlap: u64,
    /// Packets that the decoder refused.
    pub errors: u64,
}

/// An uploaded segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedSegment {
    /// Name within the rendition, with a digest.
    pub name: String,
    /// What it holds.
    pub facts: SegmentFacts,
}

/// One rendition's share of a chunk, in objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedRendition {
    /// The rendition's name.
    pub rendition: String,
    /// Name of the initialisation segment within the rendition, with a digest.
    pub init: String,
    /// Bytes of the initialisation segment.
    pub init_size: u64,
    /// What the initialisation segment says of the codec.
    pub codec: CodecFacts,
    /// Ticks per second.
    pub timescale: u32,
    /// The segments in order.
    pub segments: Vec<PublishedSegment>,
}

/// A committed chunk: `chunks/<n>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkReport {
    /// The plan that it belongs to.
    pub plan: PlanId,
    /// The chunk's number.
    pub chunk: u32,
    /// All video renditions in the plan's order.
    pub renditions: Vec<PublishedRendition>,
    /// What decoding met.
    pub decoding: Decoding,
}

/// The committed audio: `chunks/audio.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioReport {
    /// The plan that it belongs to.
    pub plan: PlanId,
    /// The rendition.
    pub rendition: PublishedRendition,
    /// What was filled and cut.
    pub fit: AudioFit,
}

/// The committed pictures: `chunks/pictures.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicturesReport {
    /// The plan that they belong to.
    pub plan: PlanId,
    /// The pictures; none if none could be taken.
    pub pictures: Option<PublishedPictures>,
    /// What went wrong, one sentence each.
    pub warnings: Vec<String>,
}

/// Storyboard and poster in objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPictures {
    /// The sprites of the storyboard in order.
    pub sprites: Vec<PublishedPicture>,
    /// The poster.
    pub poster: PublishedPicture,
}

/// An uploaded picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPicture {
    /// Name within [`crate::names::PICTURES`], with a digest.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// The reports of a whole plan.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Reports {
    /// One for each chunk, in order.
    pub chunks: Vec<ChunkReport>,
    /// The audio, where there is any.
    pub audio: Option<AudioReport>,
    /// The pictures, where the plan has any.
    pub pictures: Option<PicturesReport>,
}
