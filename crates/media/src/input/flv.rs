//! FLV by our own walker: no demuxer of FFmpeg ever sees the file.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ::flv::{
    AacPacketType, AccessUnit, AudioSpecificConfig, AudioTag, AvcConfig, AvcPacketType, End,
    FrameType, NalLengthSize, NalUnits, OpenError, SoundFormat, Tag, TagKind, TagReader, VideoTag,
};
use ffmpeg_next::codec::{self, Id};
use job::plan::ReadSpan;
use job::source::{AudioCodec, Clock, ClockStep, VideoCodec};

use super::{AudioPacket, AudioStream, Event, VideoPacket, VideoStream};
use crate::codec::decoder_context;
use crate::{MediaError, ffi};

/// FLV times are milliseconds.
const TIMESCALE: u32 = 1000;
const BUFFER: usize = 1 << 20;

/// A recording in FLV.
pub struct FlvInput {
    reader: TagReader<BufReader<File>>,
    path: PathBuf,
    video_clock: Shifts,
    audio_clock: Shifts,
    /// The configuration that a chunk begins with, still to be handed out.
    first_config: Option<(Vec<u8>, u64)>,
    /// A packet that waits while a configuration, which its codec has no tag for, is handed out before it.
    held: Option<Found>,
    streams: Streams,
    /// The bytes of the last event.
    payload: Vec<u8>,
}

/// What the tags so far have said of their streams.
#[derive(Default)]
struct Streams {
    nal_length: Option<NalLengthSize>,
    video: Option<VideoCodec>,
    /// A VP6 tag's first byte: how much of the picture is padding, the decoder's extradata. It does not change in mid-stream.
    vp6_padding: [u8; 1],
    audio: Option<(AudioStream, Id)>,
    configured: Configured,
}

/// For which streams a configuration was handed out.
#[derive(Default)]
struct Configured {
    video: bool,
    audio: bool,
}

/// An event without its bytes.
enum Found {
    VideoConfig { offset: u64 },
    Video { pts: i64, dts: i64, offset: u64, unit: AccessUnit },
    AudioConfig,
    Audio { pts: i64, offset: u64 },
}

impl FlvInput {
    /// Opens a recording at its beginning.
    pub(super) fn open(path: &Path, clock: &Clock) -> Result<Self, MediaError> {
        let file = File::open(path).map_err(MediaError::file(path))?;
        let (_, reader) = TagReader::open(BufReader::with_capacity(BUFFER, file)).map_err(
            |error| match error {
                OpenError::Flv(error) => MediaError::Refused(error.to_string()),
                OpenError::Io(error) => MediaError::file(path)(error),
            },
        )?;
        Ok(Self::over(reader, path, clock))
    }

    /// Opens a recording where a chunk begins; the configuration in force there is the first event.
    pub(super) fn open_at(path: &Path, clock: &Clock, span: &ReadSpan) -> Result<Self, MediaError> {
        let mut streams = Streams::default();
        let mut first_config = None;
        if let Some(offset) = span.config_offset {
            let mut at_config = Self::over(reader_at(path, offset)?, path, clock);
            let Some(Event::VideoConfig(config, _)) = at_config.next_event()? else {
                let problem = format!("no codec configuration stands at byte {offset}");
                return Err(MediaError::PlanMismatch(problem));
            };
            let config = config.to_vec();
            first_config = Some((config, offset));
            streams = at_config.streams;
            streams.configured.video = true;
        }
        let mut input = Self::over(reader_at(path, span.offset)?, path, clock);
        input.streams = streams;
        input.first_config = first_config;
        Ok(input)
    }

    fn over(reader: TagReader<BufReader<File>>, path: &Path, clock: &Clock) -> Self {
        Self {
            reader,
            path: path.to_owned(),
            video_clock: Shifts::new(&clock.video),
            audio_clock: Shifts::new(&clock.audio),
            first_config: None,
            held: None,
            streams: Streams::default(),
            payload: Vec::new(),
        }
    }

    /// How the walk ended.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.reader.end()
    }

    pub(super) fn next_event(&mut self) -> Result<Option<Event<'_>>, MediaError> {
        if let Some((bytes, offset)) = self.first_config.take() {
            self.payload = bytes;
            return Ok(Some(Event::VideoConfig(&self.payload, offset)));
        }
        let Some(found) = self.next_found()? else { return Ok(None) };
        let found = match self.streams.missing_config(&found) {
            None => found,
            Some(config) => {
                self.held = Some(found);
                return Ok(Some(config));
            }
        };
        let data = self.payload.as_slice();
        Ok(Some(match found {
            Found::VideoConfig { offset } => Event::VideoConfig(data, offset),
            Found::Video { pts, dts, offset, unit } => Event::Video(VideoPacket {
                pts,
                dts,
                offset,
                sync: unit.is_idr,
                recovery_frames: unit.recovery_frames,
                is_reference: unit.is_reference,
                hidden: false,
                data,
            }),
            Found::AudioConfig => Event::AudioConfig(data),
            Found::Audio { pts, offset } => Event::Audio(AudioPacket { pts, offset, data }),
        }))
    }

    fn next_found(&mut self) -> Result<Option<Found>, MediaError> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        loop {
            let Some(tag) = self.reader.next_tag().map_err(MediaError::file(&self.path))? else {
                return Ok(None);
            };
            let shifts = match tag.header.kind {
                TagKind::Audio => &mut self.audio_clock,
                TagKind::Video | TagKind::Script => &mut self.video_clock,
            };
            let time = i64::from(tag.header.timestamp).saturating_add(shifts.at(tag.offset));
            if let Some((found, bytes)) = self.streams.classify(&tag, time)? {
                self.payload.clear();
                self.payload.extend_from_slice(bytes);
                return Ok(Some(found));
            }
        }
    }

    pub(super) fn video(&self) -> Option<VideoStream> {
        self.streams.video.map(|codec| VideoStream { codec, timescale: TIMESCALE })
    }

    pub(super) fn audio(&self) -> Option<AudioStream> {
        self.streams.audio.map(|(stream, _)| stream)
    }

    pub(super) fn video_decoder(&self, config: &[u8]) -> Result<codec::Context, MediaError> {
        let id = match self.streams.video {
            Some(VideoCodec::Flv1) => Id::FLV1,
            Some(VideoCodec::Vp6) => Id::VP6F,
            _ => Id::H264,
        };
        decoder_context(id, config)
    }

    pub(super) fn audio_decoder(&self, config: &[u8]) -> Result<codec::Context, MediaError> {
        let Some((stream, id)) = self.streams.audio.filter(|(_, id)| *id != Id::AAC) else {
            return decoder_context(Id::AAC, config);
        };
        let mut context = decoder_context(id, config)?;
        ffi::set_audio_format(&mut context, stream.sample_rate, stream.channels);
        Ok(context)
    }
}

fn reader_at(path: &Path, offset: u64) -> Result<TagReader<BufReader<File>>, MediaError> {
    let mut file = File::open(path).map_err(MediaError::file(path))?;
    file.seek(SeekFrom::Start(offset)).map_err(MediaError::file(path))?;
    Ok(TagReader::starting_at(BufReader::with_capacity(BUFFER, file), offset))
}

/// What is added to the timestamps of one stream, from step to step.
struct Shifts {
    /// Those that are to come, the next last.
    to_come: Vec<ClockStep>,
    shift: i64,
}

impl Shifts {
    fn new(steps: &[ClockStep]) -> Self {
        Self { to_come: steps.iter().rev().copied().collect(), shift: 0 }
    }

    /// The shift of the tag at `offset`, which is never less than that of the tag before.
    fn at(&mut self, offset: u64) -> i64 {
        while let Some(step) = self.to_come.pop_if(|step| step.offset <= offset) {
            self.shift = step.shift;
        }
        self.shift
    }
}

impl Streams {
    /// The configuration that must come before the first packet of a codec that has no tag for it.
    fn missing_config(&mut self, found: &Found) -> Option<Event<'_>> {
        match found {
            Found::VideoConfig { .. } => self.configured.video = true,
            Found::AudioConfig => self.configured.audio = true,
            Found::Video { offset, .. } => {
                if !std::mem::replace(&mut self.configured.video, true) {
                    let is_vp6 = self.video == Some(VideoCodec::Vp6);
                    let config = if is_vp6 { self.vp6_padding.as_slice() } else { &[] };
                    return Some(Event::VideoConfig(config, *offset));
                }
            }
            Found::Audio { .. } => {
                if !std::mem::replace(&mut self.configured.audio, true) {
                    return Some(Event::AudioConfig(&[]));
                }
            }
        }
        None
    }

    /// What a tag is to us, with the bytes that count. None for what is neither configuration nor media: metadata, ends of sequence, empty
    /// or unreadable tags, and H.264 before its first configuration, which no decoder can use.
    fn classify<'a>(
        &mut self,
        tag: &Tag<'a>,
        time: i64,
    ) -> Result<Option<(Found, &'a [u8])>, MediaError> {
        if tag.header.encrypted {
            return Ok(None);
        }
        match tag.header.kind {
            TagKind::Video => self.classify_video(tag.body, tag.offset, time),
            TagKind::Audio => self.classify_audio(tag.body, tag.offset, time),
            TagKind::Script => Ok(None),
        }
    }

    fn classify_video<'a>(
        &mut self,
        body: &'a [u8],
        offset: u64,
        dts: i64,
    ) -> Result<Option<(Found, &'a [u8])>, MediaError> {
        let Ok(tag) = VideoTag::parse(body) else { return Ok(None) };
        let (codec, sync, payload) = match tag {
            VideoTag::Avc { packet_type, composition_time, payload, .. } => {
                self.adopt_video(VideoCodec::H264)?;
                return Ok(self.classify_avc(packet_type, composition_time, payload, offset, dts));
            }
            VideoTag::Other { frame_type, codec, payload } => {
                (known_video(codec)?, frame_type == FrameType::Key, payload)
            }
            VideoTag::Enhanced { four_cc } => return Err(refuse_enhanced(four_cc)),
            VideoTag::Command => return Ok(None),
        };
        self.adopt_video(codec)?;
        let payload = match (codec, payload) {
            (VideoCodec::Vp6, [padding, frame @ ..]) => {
                self.vp6_padding = [*padding];
                frame
            }
            _ => payload,
        };
        let unit = AccessUnit { is_idr: sync, is_reference: true, recovery_frames: None };
        let found = Found::Video { pts: dts, dts, offset, unit };
        Ok((!payload.is_empty()).then_some((found, payload)))
    }

    fn classify_avc<'a>(
        &mut self,
        packet_type: AvcPacketType,
        composition_time: i32,
        payload: &'a [u8],
        offset: u64,
        dts: i64,
    ) -> Option<(Found, &'a [u8])> {
        match packet_type {
            AvcPacketType::SequenceHeader => {
                let config = AvcConfig::parse(payload).ok()?;
                self.nal_length = Some(config.nal_length_size());
                Some((Found::VideoConfig { offset }, payload))
            }
            AvcPacketType::Nalu if !payload.is_empty() => {
                let unit = AccessUnit::of(NalUnits::new(payload, self.nal_length?).flatten());
                let pts = dts + i64::from(composition_time);
                Some((Found::Video { pts, dts, offset, unit }, payload))
            }
            AvcPacketType::Nalu | AvcPacketType::EndOfSequence => None,
        }
    }

    fn adopt_video(&mut self, codec: VideoCodec) -> Result<(), MediaError> {
        match self.video.replace(codec) {
            Some(former) if former != codec => Err(MediaError::Refused(
                "the recording changes its video codec in mid-file: publish its halves apart"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn classify_audio<'a>(
        &mut self,
        body: &'a [u8],
        offset: u64,
        pts: i64,
    ) -> Result<Option<(Found, &'a [u8])>, MediaError> {
        let Ok(tag) = AudioTag::parse(body) else { return Ok(None) };
        let (stream, decoder, payload) = match tag {
            AudioTag::Aac { packet_type: AacPacketType::SequenceHeader, payload } => {
                return Ok(self.adopt_aac(payload).map(|()| (Found::AudioConfig, payload)));
            }
            AudioTag::Aac { packet_type: AacPacketType::Raw, payload } => {
                // Without a configuration no decoder can use it.
                let Some((stream, decoder)) = self.audio else { return Ok(None) };
                (stream, decoder, payload)
            }
            AudioTag::Other { format, sample_rate, sample_bits, channels, payload } => {
                let (codec, decoder) = known_audio(format, sample_bits)?;
                let channels = u16::from(channels);
                (
                    AudioStream { codec, sample_rate, channels, timescale: TIMESCALE },
                    decoder,
                    payload,
                )
            }
            AudioTag::Enhanced { four_cc } => return Err(refuse_enhanced(four_cc)),
        };
        if self.audio.is_some_and(|(former, _)| former.codec != stream.codec) {
            return Err(MediaError::Refused(
                "the recording changes its audio codec in mid-file: publish its halves apart"
                    .to_owned(),
            ));
        }
        self.audio = Some((stream, decoder));
        Ok((!payload.is_empty()).then_some((Found::Audio { pts, offset }, payload)))
    }

    fn adopt_aac(&mut self, payload: &[u8]) -> Option<()> {
        let config = AudioSpecificConfig::parse(payload).ok()?;
        let stream = AudioStream {
            codec: AudioCodec::Aac,
            sample_rate: config.sample_rate(),
            // 0 where only the decoder can tell; such audio is not copied.
            channels: u16::from(config.channels().unwrap_or(0)),
            timescale: TIMESCALE,
        };
        self.audio = Some((stream, Id::AAC));
        Some(())
    }
}

fn known_video(codec: ::flv::VideoCodec) -> Result<VideoCodec, MediaError> {
    match codec {
        ::flv::VideoCodec::SorensonH263 => Ok(VideoCodec::Flv1),
        ::flv::VideoCodec::Vp6 => Ok(VideoCodec::Vp6),
        other => Err(MediaError::Refused(format!(
            "the recording's video is {other}, which is not decoded here: publish H.264"
        ))),
    }
}

fn known_audio(format: SoundFormat, sample_bits: u8) -> Result<(AudioCodec, Id), MediaError> {
    match (format, sample_bits) {
        (SoundFormat::Mp3 | SoundFormat::Mp3At8kHz, _) => Ok((AudioCodec::Mp3, Id::MP3)),
        (SoundFormat::Speex, _) => Ok((AudioCodec::Speex, Id::SPEEX)),
        (SoundFormat::PcmLittleEndian | SoundFormat::PcmPlatformEndian, 16) => {
            Ok((AudioCodec::Pcm, Id::PCM_S16LE))
        }
        (SoundFormat::PcmLittleEndian | SoundFormat::PcmPlatformEndian, _) => {
            Ok((AudioCodec::Pcm, Id::PCM_U8))
        }
        (other, _) => Err(MediaError::Refused(format!(
            "the recording's audio is {other}, which is not decoded here: publish AAC"
        ))),
    }
}

/// FFmpeg 5.1 takes enhanced RTMP for VP6, so it is refused before any decoder sees it.
fn refuse_enhanced(four_cc: Option<::flv::FourCc>) -> MediaError {
    let codec =
        four_cc.map_or_else(|| "an unnamed codec".to_owned(), |four_cc| four_cc.to_string());
    MediaError::Refused(format!(
        "the recording is enhanced RTMP with {codec}, which is not read here: publish H.264 and AAC"
    ))
}
