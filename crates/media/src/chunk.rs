//! One chunk, straight through: read its packets, decode each once, scale in a cascade, encode every rung, write CMAF segments.

use std::path::Path;

use ffmpeg_next::frame;
use flv::{AvcConfig, annex_b_to_length_prefixed};
use job::grid::GridSegment;
use job::plan::{Chunk, FrameRate, Plan, Rung, RungBits, VideoPlan};
use job::profile::RungProfile;
use job::report::{Decoding, EncodedChunk};

use crate::MediaError;
use crate::decode::VideoDecoder;
use crate::encode::{CodedFrame, RungEncoder, Timing};
use crate::input::{Event, Input, VideoPacket};
use crate::rendition::RenditionWriter;
use crate::scale::Scaler;

/// Frames between two calls of `progress`.
const PROGRESS_STEP: u32 = 15;

/// Encodes one chunk of `recording` into files in `output`. `progress` hears the number of frames so far.
///
/// # Errors
/// If the recording cannot be read or does not fit the plan, or a library call fails. Damaged frames are counted, not errors.
pub fn encode_chunk(
    recording: &Path,
    plan: &Plan,
    chunk: &Chunk,
    output: &Path,
    progress: &mut dyn FnMut(u32),
) -> Result<EncodedChunk, MediaError> {
    let video = plan
        .video
        .as_ref()
        .ok_or_else(|| MediaError::PlanMismatch("the plan has no video".to_owned()))?;
    let mut input = Input::open_at(recording, plan.container, &chunk.read)?;
    let mut copy = Copy::of(video, chunk, output);
    let mut pictures = Pictures::new(video, chunk, output, progress);
    let mut decoder = OpenDecoder::default();
    let mut packets = 0;
    while packets < chunk.read.packets {
        // Names what is borrowed: the event's bytes live in `input`, whose other facts are needed beside them.
        let is_annex_b = input.is_annex_b();
        match input.next_event()? {
            None => break,
            Some(Event::VideoConfig(bytes, _)) => {
                copy.configure(bytes);
                let bytes = bytes.to_vec();
                decoder.configure(&input, bytes, &mut pictures)?;
            }
            Some(Event::Video(packet)) => {
                packets += 1;
                copy.push(&packet, video.origin, is_annex_b)?;
                decoder.decode(packet, &mut pictures)?;
            }
            Some(Event::AudioConfig(_) | Event::Audio(_)) => {}
        }
    }
    if packets < chunk.read.packets {
        let problem = format!("it ends {} frames early", chunk.read.packets - packets);
        return Err(MediaError::PlanMismatch(problem));
    }
    let errors = decoder.finish(&mut pictures)?;
    let frames = pictures.frames;
    let renditions = copy.finish()?.into_iter().chain(pictures.finish()?).collect();
    Ok(EncodedChunk { chunk: chunk.index, renditions, decoding: Decoding { frames, errors } })
}

/// The decoder in use, replaced where the source's configuration changes.
#[derive(Default)]
struct OpenDecoder {
    decoder: Option<VideoDecoder>,
    config: Vec<u8>,
    errors: u32,
}

impl OpenDecoder {
    fn configure(
        &mut self,
        input: &Input,
        config: Vec<u8>,
        pictures: &mut Pictures<'_, '_>,
    ) -> Result<(), MediaError> {
        if self.decoder.is_some() && self.config == config {
            return Ok(());
        }
        self.flush(pictures)?;
        self.decoder = Some(VideoDecoder::open(input.video_decoder(&config)?)?);
        self.config = config;
        Ok(())
    }

    fn decode(
        &mut self,
        packet: VideoPacket<'_>,
        pictures: &mut Pictures<'_, '_>,
    ) -> Result<(), MediaError> {
        match &mut self.decoder {
            Some(decoder) => decoder.decode(&packet, &mut |frame, pts| pictures.take(frame, pts)),
            None => {
                Err(MediaError::PlanMismatch("a frame stands before any configuration".to_owned()))
            }
        }
    }

    fn flush(&mut self, pictures: &mut Pictures<'_, '_>) -> Result<(), MediaError> {
        if let Some(mut decoder) = self.decoder.take() {
            decoder.finish(&mut |frame, pts| pictures.take(frame, pts))?;
            self.errors += decoder.errors();
        }
        Ok(())
    }

    fn finish(mut self, pictures: &mut Pictures<'_, '_>) -> Result<u32, MediaError> {
        self.flush(pictures)?;
        Ok(self.errors)
    }
}

/// The copied source rendition, where the plan has one.
struct Copy<'p> {
    writer: Option<RenditionWriter<'p>>,
    config: Option<AvcConfig>,
    start: i64,
    end: i64,
    sample: Vec<u8>,
}

impl<'p> Copy<'p> {
    fn of(video: &'p VideoPlan, chunk: &Chunk, output: &Path) -> Self {
        let rung = video.rungs.iter().find(|rung| rung.bits == RungBits::Source);
        let writer = rung.map(|rung| writer(video, chunk, rung, output));
        Self { writer, config: None, start: chunk.start, end: chunk.end, sample: Vec::new() }
    }

    fn configure(&mut self, bytes: &[u8]) {
        self.config = AvcConfig::parse(bytes).or_else(|_| AvcConfig::from_annex_b(bytes)).ok();
    }

    fn push(
        &mut self,
        packet: &VideoPacket<'_>,
        origin: i64,
        is_annex_b: bool,
    ) -> Result<(), MediaError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let pts = packet.pts - origin;
        if !(self.start..self.end).contains(&pts) {
            return Ok(());
        }
        let Some(config) = &self.config else {
            return Err(MediaError::PlanMismatch(
                "it cannot be copied without its configuration".to_owned(),
            ));
        };
        let mut data = packet.data;
        if is_annex_b {
            self.sample.clear();
            annex_b_to_length_prefixed(packet.data, &mut self.sample).map_err(|error| {
                MediaError::PlanMismatch(format!(
                    "a frame at byte {} does not read: {error}",
                    packet.offset
                ))
            })?;
            data = &self.sample;
        }
        writer.push(config, CodedFrame { pts, sync: packet.sync, data })
    }

    fn finish(self) -> Result<Option<job::report::EncodedRendition>, MediaError> {
        self.writer.map(RenditionWriter::finish).transpose()
    }
}

fn writer<'p>(
    video: &'p VideoPlan,
    chunk: &Chunk,
    rung: &'p Rung,
    output: &Path,
) -> RenditionWriter<'p> {
    let grid = video.segments_of(chunk);
    RenditionWriter::new(rung, video.timescale.get(), grid, chunk.first_segment, output)
}

/// Decoded pictures on their way into the encoders: only those of the chunk, each time once, and one at every IDR point of the grid even
/// where the source's frame is lost (the picture before it is shown again, so that all renditions keep their cuts).
struct Pictures<'p, 'f> {
    origin: i64,
    start: i64,
    end: i64,
    idrs: std::iter::Peekable<std::vec::IntoIter<i64>>,
    last: Option<i64>,
    held: Option<frame::Video>,
    rungs: Vec<EncodedRung<'p>>,
    frames: u32,
    progress: &'f mut dyn FnMut(u32),
}

impl<'p, 'f> Pictures<'p, 'f> {
    fn new(
        video: &'p VideoPlan,
        chunk: &Chunk,
        output: &Path,
        progress: &'f mut dyn FnMut(u32),
    ) -> Self {
        let grid: &[GridSegment] = video.segments_of(chunk);
        let idrs: Vec<i64> = grid.iter().flat_map(|segment| segment.idrs.iter().copied()).collect();
        let rungs = video.rungs.iter().filter_map(|rung| match &rung.bits {
            RungBits::Source => None,
            RungBits::Encoded(profile) => {
                Some(EncodedRung::new(video, rung, profile, writer(video, chunk, rung, output)))
            }
        });
        Self {
            origin: video.origin,
            start: chunk.start,
            end: chunk.end,
            idrs: idrs.into_iter().peekable(),
            last: None,
            held: None,
            rungs: rungs.collect(),
            frames: 0,
            progress,
        }
    }

    fn take(&mut self, frame: &mut frame::Video, pts: i64) -> Result<(), MediaError> {
        let time = pts - self.origin;
        let is_new = self.last.is_none_or(|last| last < time);
        if !(self.start..self.end).contains(&time) || !is_new {
            return Ok(());
        }
        while let Some(missed) = self.idrs.next_if(|idr| *idr < time) {
            let mut held = self.held.take();
            self.encode(held.as_mut().unwrap_or(frame), missed, true)?;
            self.held = held;
        }
        let idr = self.idrs.next_if_eq(&time).is_some();
        self.encode(frame, time, idr)?;
        // The decoder gets the older picture's buffers back; nothing is copied.
        std::mem::swap(frame, self.held.get_or_insert_with(frame::Video::empty));
        self.last = Some(time);
        self.frames += 1;
        if self.frames.is_multiple_of(PROGRESS_STEP) {
            (self.progress)(self.frames);
        }
        Ok(())
    }

    fn encode(
        &mut self,
        picture: &mut frame::Video,
        time: i64,
        idr: bool,
    ) -> Result<(), MediaError> {
        let kept: Vec<bool> = self.rungs.iter_mut().map(|rung| rung.keeps(idr)).collect();
        // A rung that drops this frame still scales it where a smaller one needs it.
        let needed = kept.iter().rposition(|kept| *kept).map_or(0, |last| last + 1);
        let mut above = picture;
        for (rung, kept) in self.rungs.iter_mut().zip(kept).take(needed) {
            let EncodedRung { scaler, coder, .. } = rung;
            above = scaler.scale(above)?;
            if kept {
                coder.encode(above, time, idr)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<job::report::EncodedRendition>, MediaError> {
        (self.progress)(self.frames);
        if self.frames == 0 && !self.rungs.is_empty() {
            return Err(MediaError::Refused(format!(
                "no frame can be decoded between {} and {} ticks: the recording is damaged there",
                self.start, self.end
            )));
        }
        let mut held = self.held.take();
        if let Some(held) = &mut held {
            while let Some(missed) = self.idrs.next() {
                self.encode(held, missed, true)?;
            }
        }
        self.rungs.into_iter().map(|rung| rung.coder.finish()).collect()
    }
}

/// One encoded rung: its place in the cascade and what comes out of it.
struct EncodedRung<'p> {
    scaler: Scaler,
    coder: Coder<'p>,
    keep_every: u32,
    since_idr: u32,
}

impl<'p> EncodedRung<'p> {
    fn new(
        video: &VideoPlan,
        rung: &'p Rung,
        profile: &'p RungProfile,
        writer: RenditionWriter<'p>,
    ) -> Self {
        let rate = video.frame_rate;
        let timing = Timing {
            timescale: video.timescale.get(),
            frame_rate: FrameRate {
                denominator: rate.denominator.saturating_mul(rung.keep_every),
                ..rate
            },
        };
        Self {
            scaler: Scaler::new(rung.width, rung.height),
            coder: Coder { encoder: None, profile, timing, writer },
            keep_every: rung.keep_every.max(1),
            since_idr: 0,
        }
    }

    fn keeps(&mut self, idr: bool) -> bool {
        if idr {
            self.since_idr = 0;
        }
        let keeps = self.since_idr.is_multiple_of(self.keep_every);
        self.since_idr += 1;
        keeps
    }
}

/// An encoder, opened with its first picture, and the writer behind it.
struct Coder<'p> {
    encoder: Option<RungEncoder>,
    profile: &'p RungProfile,
    timing: Timing,
    writer: RenditionWriter<'p>,
}

impl Coder<'_> {
    fn encode(
        &mut self,
        picture: &mut frame::Video,
        time: i64,
        idr: bool,
    ) -> Result<(), MediaError> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            empty => empty.insert(RungEncoder::open(self.profile, self.timing, picture)?),
        };
        let writer = &mut self.writer;
        encoder.encode(picture, time, idr, &mut |config, frame| writer.push(config, frame))
    }

    fn finish(mut self) -> Result<job::report::EncodedRendition, MediaError> {
        let writer = &mut self.writer;
        if let Some(encoder) = &mut self.encoder {
            encoder.finish(&mut |config, frame| writer.push(config, frame))?;
        }
        self.writer.finish()
    }
}
