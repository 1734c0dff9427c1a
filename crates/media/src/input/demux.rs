//! MP4, MPEG-TS and Matroska by libavformat, with demuxer, protocols and codecs by allow-list.

use std::num::NonZeroU32;
use std::path::Path;

use ::flv::AvcConfig;
use ffmpeg_next::codec::{self, Id, Parameters};
use ffmpeg_next::error::{EACCES, EIO, EMFILE, ENFILE, ENOENT, ENOMEM};
use ffmpeg_next::format::context::Input as Context;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{Dictionary, Error, Packet, format, media};
use job::colour::Colour;
use job::plan::ReadSpan;
use job::source::{AudioCodec, Container, VideoCodec};

use super::parameter_sets::ParameterSets;
use super::{AudioPacket, AudioStream, Event, VideoPacket, VideoStream};
use crate::{MediaError, ffi};

/// Decoders that libavformat may open to find out about a stream.
const CODECS: &str = "h264,hevc,mpeg4,vp9,aac,mp3,mp3float,ac3,opus,libopus,speex,pcm_s16le,pcm_s16be,pcm_s24le,pcm_f32le,pcm_u8";

/// A recording in any container but FLV.
pub struct DemuxInput {
    container: Container,
    context: Context,
    packet: Packet,
    video: Option<Stream<VideoCodec>>,
    audio: Option<Stream<AudioCodec>>,
    /// Of H.264 only.
    parameter_sets: Option<ParameterSets>,
    /// The bytes of the last video configuration that was handed out.
    video_config: Vec<u8>,
    /// True if `packet` waits until the configuration before it is taken.
    held: bool,
    /// Configurations are handed out once, before any packet.
    video_config_due: bool,
    audio_config_due: bool,
    /// Video packets before this decoding time belong to an earlier chunk.
    starts_at: Option<i64>,
}

struct Stream<C> {
    index: usize,
    codec: C,
    timescale: NonZeroU32,
    parameters: Parameters,
}

impl DemuxInput {
    pub(super) fn open(path: &Path, container: Container) -> Result<Self, MediaError> {
        let mut options = Dictionary::new();
        options.set("protocol_whitelist", "file");
        options.set("codec_whitelist", CODECS);
        options.set("format_whitelist", demuxer(container));
        let context =
            format::input_with_dictionary(path, options).map_err(|error| match error {
                // What is wrong with the machine, and not with the recording.
                Error::Other { errno: ENOMEM | EMFILE | ENFILE | EIO | EACCES | ENOENT } => {
                    MediaError::ffmpeg("opening the recording")(error)
                }
                _ => MediaError::Refused(
                    "the recording's container is damaged beyond reading".to_owned(),
                ),
            })?;
        let video = video_stream(&context)?;
        let audio = audio_stream(&context)?;
        let h264 = video.as_ref().filter(|stream| stream.codec == VideoCodec::H264);
        let parameter_sets =
            h264.map(|h264| ParameterSets::new(ffi::parameters_extradata(&h264.parameters)));
        Ok(Self {
            container,
            context,
            packet: Packet::empty(),
            video_config_due: video.is_some(),
            audio_config_due: audio.is_some(),
            video,
            audio,
            parameter_sets,
            video_config: Vec::new(),
            held: false,
            starts_at: None,
        })
    }

    pub(super) fn open_at(
        path: &Path,
        container: Container,
        span: &ReadSpan,
    ) -> Result<Self, MediaError> {
        let mut input = Self::open(path, container)?;
        input.go_to(path, span)?;
        Ok(input)
    }

    pub(super) fn go_to(&mut self, path: &Path, span: &ReadSpan) -> Result<(), MediaError> {
        let Some(stream) = self.video.as_ref().map(|video| video.index) else {
            return Err(MediaError::PlanMismatch("it has no video stream".to_owned()));
        };
        // A demuxer that cannot seek reads from the start: slower, not wrong.
        if !ffi::seek(&mut self.context, stream, span.dts) {
            *self = Self::open(path, self.container)?;
        }
        self.starts_at = Some(span.dts);
        self.held = false;
        self.video_config_due = true;
        Ok(())
    }

    pub(super) fn next_event(&mut self) -> Result<Option<Event<'_>>, MediaError> {
        if std::mem::take(&mut self.video_config_due) {
            return Ok(Some(self.video_config()));
        }
        if std::mem::take(&mut self.audio_config_due) {
            let config =
                self.audio.as_ref().map_or(&[][..], |s| ffi::parameters_extradata(&s.parameters));
            return Ok(Some(Event::AudioConfig(config)));
        }
        if std::mem::take(&mut self.held) {
            return Ok(self.event());
        }
        while self.read_packet()? {
            if !self.is_wanted() {
                continue;
            }
            if self.changes_config() {
                self.held = true;
                return Ok(Some(self.video_config()));
            }
            return Ok(self.event());
        }
        Ok(None)
    }

    /// The configuration in force, in one form wherever it came from: two that are equal are the same bytes.
    fn video_config(&mut self) -> Event<'_> {
        let extradata =
            self.video.as_ref().map_or(&[][..], |s| ffi::parameters_extradata(&s.parameters));
        let config = self.parameter_sets.as_ref().and_then(ParameterSets::config);
        self.video_config = config.map_or(extradata, AvcConfig::raw).to_vec();
        Event::VideoConfig(&self.video_config, 0)
    }

    fn changes_config(&mut self) -> bool {
        let is_video = self.video.as_ref().is_some_and(|video| video.index == self.packet.stream());
        match (&mut self.parameter_sets, self.packet.data()) {
            (Some(sets), Some(data)) if is_video && self.packet.is_key() => sets.adopt(data),
            _ => false,
        }
    }

    /// False at the end.
    fn read_packet(&mut self) -> Result<bool, MediaError> {
        // Reading into a packet does not free what it held.
        self.packet = Packet::empty();
        match self.packet.read(&mut self.context) {
            Ok(()) => Ok(true),
            Err(error @ Error::Other { errno: ENOMEM | EIO }) => {
                Err(MediaError::ffmpeg("reading a packet")(error))
            }
            // What cannot be read any more is where the recording was cut.
            Err(_) => Ok(false),
        }
    }

    fn is_wanted(&mut self) -> bool {
        if self.packet.size() == 0 || self.packet.pts().is_none() {
            return false;
        }
        let index = self.packet.stream();
        if self.audio.as_ref().is_some_and(|audio| audio.index == index) {
            return true;
        }
        if self.video.as_ref().is_none_or(|video| video.index != index) {
            return false;
        }
        match self.starts_at {
            Some(start) if self.dts() < start => false,
            _ => {
                self.starts_at = None;
                true
            }
        }
    }

    fn dts(&self) -> i64 {
        self.packet.dts().or(self.packet.pts()).unwrap_or(0)
    }

    fn event(&self) -> Option<Event<'_>> {
        let data = self.packet.data()?;
        let pts = self.packet.pts()?;
        // Some demuxers do not tell; the offset is only used for FLV.
        let offset = u64::try_from(self.packet.position()).unwrap_or(0);
        if self.audio.as_ref().is_some_and(|audio| audio.index == self.packet.stream()) {
            return Some(Event::Audio(AudioPacket { pts, offset, data }));
        }
        let unit = self.parameter_sets.as_ref().map(|sets| sets.access_unit(data));
        let sync = self.packet.is_key() && unit.is_none_or(|unit| unit.is_idr);
        let hidden = ffi::is_discarded(&self.packet);
        Some(Event::Video(VideoPacket {
            pts,
            dts: self.dts(),
            offset,
            sync,
            recovery_frames: unit.and_then(|unit| unit.recovery_frames),
            is_reference: unit.is_none_or(|unit| unit.is_reference),
            hidden,
            data,
        }))
    }

    pub(super) fn video(&self) -> Option<VideoStream> {
        let video = self.video.as_ref()?;
        Some(VideoStream { codec: video.codec, timescale: video.timescale.get() })
    }

    pub(super) fn audio(&self) -> Option<AudioStream> {
        let audio = self.audio.as_ref()?;
        let (sample_rate, channels) = ffi::parameters_sound(&audio.parameters);
        Some(AudioStream {
            codec: audio.codec,
            sample_rate,
            channels,
            timescale: audio.timescale.get(),
        })
    }

    /// Picture size, sample aspect ratio and rotation as the container has them.
    #[must_use]
    pub fn picture(&self) -> Option<(u32, u32, (u32, u32), u16)> {
        let video = self.video.as_ref()?;
        let (width, height, aspect) = ffi::parameters_picture(&video.parameters);
        let rotation = self.context.stream(video.index).map_or(0, |stream| rotation(&stream));
        Some((width, height, aspect, rotation))
    }

    /// What the pictures' samples mean, as far as the stream says.
    #[must_use]
    pub fn colour(&self) -> Colour {
        self.video.as_ref().map_or_else(Colour::default, |v| ffi::parameters_colour(&v.parameters))
    }

    pub(super) fn video_decoder(&self) -> Result<codec::Context, MediaError> {
        decoder(self.video.as_ref().map(|video| &video.parameters))
    }

    pub(super) fn audio_decoder(&self) -> Result<codec::Context, MediaError> {
        decoder(self.audio.as_ref().map(|audio| &audio.parameters))
    }

    pub(super) fn is_annex_b(&self) -> bool {
        self.parameter_sets.as_ref().is_some_and(ParameterSets::is_annex_b)
    }
}

fn demuxer(container: Container) -> &'static str {
    match container {
        Container::Flv => "flv",
        // The demuxer's name is the whole list, and the allow-list is matched against each of its names.
        Container::Mp4 => "mov,mp4,m4a,3gp,3g2,mj2",
        Container::Mpegts => "mpegts",
        Container::Matroska => "matroska,webm",
    }
}

fn decoder(parameters: Option<&Parameters>) -> Result<codec::Context, MediaError> {
    let parameters =
        parameters.ok_or(Error::StreamNotFound).map_err(MediaError::ffmpeg("finding a stream"))?;
    codec::Context::from_parameters(parameters.clone())
        .map_err(MediaError::ffmpeg("configuring a decoder"))
}

fn video_stream(context: &Context) -> Result<Option<Stream<VideoCodec>>, MediaError> {
    let is_picture = |stream: &format::stream::Stream<'_>| {
        stream.disposition().contains(Disposition::ATTACHED_PIC)
    };
    let stream =
        context.streams().find(|s| s.parameters().medium() == media::Type::Video && !is_picture(s));
    let Some(stream) = stream else { return Ok(None) };
    let codec = match stream.parameters().id() {
        Id::H264 => VideoCodec::H264,
        Id::HEVC => VideoCodec::Hevc,
        Id::MPEG4 => VideoCodec::Mpeg4,
        Id::VP9 => VideoCodec::Vp9,
        other => return Err(refuse("video", other)),
    };
    described(&stream, codec).map(Some)
}

fn audio_stream(context: &Context) -> Result<Option<Stream<AudioCodec>>, MediaError> {
    let stream = context.streams().find(|s| s.parameters().medium() == media::Type::Audio);
    let Some(stream) = stream else { return Ok(None) };
    let codec = match stream.parameters().id() {
        Id::AAC => AudioCodec::Aac,
        Id::MP3 => AudioCodec::Mp3,
        Id::SPEEX => AudioCodec::Speex,
        Id::AC3 => AudioCodec::Ac3,
        Id::OPUS => AudioCodec::Opus,
        Id::PCM_S16LE | Id::PCM_S16BE | Id::PCM_S24LE | Id::PCM_F32LE | Id::PCM_U8 => {
            AudioCodec::Pcm
        }
        other => return Err(refuse("audio", other)),
    };
    described(&stream, codec).map(Some)
}

fn described<C>(stream: &format::stream::Stream<'_>, codec: C) -> Result<Stream<C>, MediaError> {
    let time_base = stream.time_base();
    let timescale = u32::try_from(time_base.denominator()).ok().and_then(NonZeroU32::new);
    match (time_base.numerator(), timescale) {
        (1, Some(timescale)) => {
            Ok(Stream { index: stream.index(), codec, timescale, parameters: stream.parameters() })
        }
        _ => Err(MediaError::Refused(format!(
            "the recording's time base {time_base} is not one tick of a whole number to the second"
        ))),
    }
}

fn refuse(kind: &str, id: Id) -> MediaError {
    MediaError::Refused(format!(
        "the recording's {kind} is {}, which is not decoded here",
        id.name()
    ))
}

/// Clockwise rotation in whole quarter turns, from the display matrix (ISO/IEC 14496-12 8.3.2).
fn rotation(stream: &format::stream::Stream<'_>) -> u16 {
    let matrix = stream
        .side_data()
        .find(|data| data.kind() == codec::packet::side_data::Type::DisplayMatrix)
        .map(|data| data.data().to_vec());
    let Some(matrix) = matrix else { return 0 };
    let entry = |index: usize| {
        let bytes = matrix.get(index * 4..index * 4 + 4)?;
        Some(i32::from_ne_bytes(bytes.try_into().ok()?))
    };
    match (entry(0).map(i32::signum), entry(1).map(i32::signum)) {
        (Some(-1), Some(0)) => 180,
        (Some(0), Some(1)) => 90,
        (Some(0), Some(-1)) => 270,
        _ => 0,
    }
}
