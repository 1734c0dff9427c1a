//! Packets of a recording in file order, whatever the container.

use std::path::Path;

use ffmpeg_next::codec;
use job::plan::ReadSpan;
use job::source::{AudioCodec, Clock, Container, VideoCodec};

use crate::MediaError;

mod demux;
mod flv;
mod parameter_sets;

pub use self::demux::DemuxInput;
pub use self::flv::FlvInput;

/// What comes next in a recording. Bytes are lent until the next event is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The codec configuration of the video that follows, with the byte offset at which it stands.
    VideoConfig(&'a [u8], u64),
    /// A coded frame.
    Video(VideoPacket<'a>),
    /// The codec configuration of the audio that follows.
    AudioConfig(&'a [u8]),
    /// Coded audio.
    Audio(AudioPacket<'a>),
}

/// A coded frame. Times are in ticks of the video stream's timescale.
#[derive(Clone, Copy, Debug)]
pub struct VideoPacket<'a> {
    /// Presentation time.
    pub pts: i64,
    /// Decoding time.
    pub dts: i64,
    /// Byte offset in the file.
    pub offset: u64,
    /// True for an IDR picture, or a keyframe of a codec that has none.
    pub sync: bool,
    /// After how many more reference frames pictures are whole if decoding starts here; none if it cannot, or where `sync` says it all.
    pub recovery_frames: Option<u32>,
    /// True if other frames are predicted from it, as far as that is known.
    pub is_reference: bool,
    /// True if the container wants the picture decoded and not shown (an MP4's edit list).
    pub hidden: bool,
    /// The coded bytes: H.264 with NAL unit lengths or start codes, see [`Input::is_annex_b`].
    pub data: &'a [u8],
}

/// A coded audio frame (or several). Times are in ticks of the audio stream's timescale.
#[derive(Clone, Copy, Debug)]
pub struct AudioPacket<'a> {
    /// Presentation time.
    pub pts: i64,
    /// Byte offset in the file; 0 where the container does not tell.
    pub offset: u64,
    /// The coded bytes.
    pub data: &'a [u8],
}

/// How the frames of a video stream are coded, as far as the container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoStream {
    /// The codec.
    pub codec: VideoCodec,
    /// Ticks per second.
    pub timescale: u32,
}

/// How the frames of an audio stream are coded, as far as the container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioStream {
    /// The codec.
    pub codec: AudioCodec,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
    /// Ticks per second.
    pub timescale: u32,
}

/// An open recording.
pub enum Input {
    /// FLV, by our own walker.
    Flv(Box<FlvInput>),
    /// The rest, by libavformat.
    Demux(Box<DemuxInput>),
}

impl Input {
    /// Opens a recording at its beginning. `clock` is what its index found, or nothing for the times as they stand in the file.
    ///
    /// # Errors
    /// If it cannot be read, or its head is none of `container`.
    pub fn open(path: &Path, container: Container, clock: &Clock) -> Result<Self, MediaError> {
        match container {
            Container::Flv => Ok(Self::Flv(Box::new(FlvInput::open(path, clock)?))),
            _ => Ok(Self::Demux(Box::new(DemuxInput::open(path, container)?))),
        }
    }

    /// Opens a recording where a chunk begins.
    ///
    /// # Errors
    /// As [`Input::open`]; [`MediaError::PlanMismatch`] if there is no such place.
    pub fn open_at(
        path: &Path,
        container: Container,
        clock: &Clock,
        span: &ReadSpan,
    ) -> Result<Self, MediaError> {
        match container {
            Container::Flv => Ok(Self::Flv(Box::new(FlvInput::open_at(path, clock, span)?))),
            _ => Ok(Self::Demux(Box::new(DemuxInput::open_at(path, container, span)?))),
        }
    }

    /// Goes on where a chunk begins, forwards or backwards; the configuration in force there is the first event of the video.
    ///
    /// # Errors
    /// As [`Input::open_at`].
    pub fn go_to(&mut self, path: &Path, clock: &Clock, span: &ReadSpan) -> Result<(), MediaError> {
        match self {
            Self::Flv(input) => **input = FlvInput::open_at(path, clock, span)?,
            Self::Demux(input) => input.go_to(path, span)?,
        }
        Ok(())
    }

    /// The next configuration or packet; none at the end.
    ///
    /// # Errors
    /// If the file cannot be read, or holds a codec that is not decoded here.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, MediaError> {
        match self {
            Self::Flv(input) => input.next_event(),
            Self::Demux(input) => input.next_event(),
        }
    }

    /// The video stream; in FLV known only after its first packet.
    #[must_use]
    pub fn video(&self) -> Option<VideoStream> {
        match self {
            Self::Flv(input) => input.video(),
            Self::Demux(input) => input.video(),
        }
    }

    /// The audio stream; in FLV known only after its first packet.
    #[must_use]
    pub fn audio(&self) -> Option<AudioStream> {
        match self {
            Self::Flv(input) => input.audio(),
            Self::Demux(input) => input.audio(),
        }
    }

    /// A decoder context for the video with the given configuration, not yet open.
    ///
    /// # Errors
    /// If FFmpeg has no such decoder.
    pub fn video_decoder(&self, config: &[u8]) -> Result<codec::Context, MediaError> {
        match self {
            Self::Flv(input) => input.video_decoder(config),
            Self::Demux(input) => input.video_decoder(),
        }
    }

    /// A decoder context for the audio with the given configuration, not yet open.
    ///
    /// # Errors
    /// If FFmpeg has no such decoder.
    pub fn audio_decoder(&self, config: &[u8]) -> Result<codec::Context, MediaError> {
        match self {
            Self::Flv(input) => input.audio_decoder(config),
            Self::Demux(input) => input.audio_decoder(),
        }
    }

    /// True if H.264 comes with start codes (ITU-T H.264 annex B) instead of NAL unit lengths.
    #[must_use]
    pub fn is_annex_b(&self) -> bool {
        match self {
            Self::Flv(_) => false,
            Self::Demux(input) => input.is_annex_b(),
        }
    }
}
