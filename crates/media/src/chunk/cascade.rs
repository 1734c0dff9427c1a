//! From decoded pictures to encoded rungs: which pictures count, the cascade of sizes, an encoder for each.

use std::path::Path;

use ffmpeg_next::frame;
use job::grid::GridSegment;
use job::plan::{Chunk, FrameRate, Rung, RungBits, VideoPlan};
use job::profile::RungProfile;
use job::report::{ChunkCpu, EncodedRendition, RungCpu};

use super::writer;
use crate::MediaError;
use crate::colour::Colours;
use crate::cpu::CpuStopwatch;
use crate::deinterlace::Deinterlacer;
use crate::encode::{RungEncoder, Timing};
use crate::rendition::RenditionWriter;
use crate::scale::Scaler;
use crate::upright::Upright;

/// Frames between two calls of `progress`.
const PROGRESS_STEP: u32 = 15;

/// Decoded pictures on their way into the encoders: only those of the chunk, each time once, and one at every IDR point of the grid even
/// where the source's frame is lost (the picture before it is shown again, so that all renditions keep their cuts).
pub(super) struct Pictures<'p, 'f> {
    origin: i64,
    start: i64,
    end: i64,
    idrs: std::iter::Peekable<std::vec::IntoIter<i64>>,
    last: Option<i64>,
    held: Option<frame::Video>,
    deinterlacer: Deinterlacer,
    colours: Option<Colours>,
    upright: Option<Upright>,
    rungs: Vec<EncodedRung<'p>>,
    pub(super) frames: u32,
    progress: &'f mut dyn FnMut(u32),
    stopwatch: CpuStopwatch,
    /// What is no rung's own work, in microseconds.
    decoding: u64,
}

impl<'p, 'f> Pictures<'p, 'f> {
    pub(super) fn new(
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
            deinterlacer: Deinterlacer::default(),
            colours: colours(video),
            upright: upright(video),
            rungs: rungs.collect(),
            frames: 0,
            progress,
            stopwatch: CpuStopwatch::start(),
            decoding: 0,
        }
    }

    pub(super) fn take(&mut self, frame: &mut frame::Video, pts: i64) -> Result<(), MediaError> {
        // Also of pictures that are not shown: the next ones are told from them.
        self.deinterlacer.run(frame);
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
        let mut above = match &mut self.colours {
            Some(colours) if needed > 0 => colours.apply(picture)?,
            _ => picture,
        };
        above = match &mut self.upright {
            Some(upright) if needed > 0 => upright.turn(above)?,
            _ => above,
        };
        self.decoding += self.stopwatch.lap();
        for (rung, kept) in self.rungs.iter_mut().zip(kept).take(needed) {
            let EncodedRung { scaler, coder, cpu, .. } = rung;
            above = scaler.scale(above)?;
            cpu.scaling += self.stopwatch.lap();
            if kept {
                coder.encode(above, time, idr)?;
                cpu.encoding += self.stopwatch.lap();
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(Vec<EncodedRendition>, ChunkCpu), MediaError> {
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
        let mut cpu =
            ChunkCpu { decoding: self.decoding + self.stopwatch.lap(), rungs: Vec::new() };
        let mut renditions = Vec::with_capacity(self.rungs.len());
        for mut rung in self.rungs {
            renditions.push(rung.coder.finish()?);
            rung.cpu.encoding += self.stopwatch.lap();
            cpu.rungs.push(rung.cpu);
        }
        Ok((renditions, cpu))
    }
}

/// What gives the source's pictures the presentation's colours, at the size of the top rung, lying as they do.
fn colours(video: &VideoPlan) -> Option<Colours> {
    let top = video.rungs.iter().find(|rung| rung.bits != RungBits::Source)?;
    let (width, height) = match video.rotation {
        90 | 270 => (top.height, top.width),
        _ => (top.width, top.height),
    };
    Some(Colours::new(video.colour, width, height))
}

/// What turns the source's pictures, where they lie on their side. The top rung's size is theirs or smaller; turning at that size loses
/// nothing that the rung would show.
fn upright(video: &VideoPlan) -> Option<Upright> {
    let top = video.rungs.iter().find(|rung| rung.bits != RungBits::Source)?;
    (video.rotation != 0).then(|| Upright::new(top.width, top.height, video.rotation))
}

/// One encoded rung: its place in the cascade and what comes out of it.
struct EncodedRung<'p> {
    scaler: Scaler,
    coder: Coder<'p>,
    keep_every: u32,
    since_idr: u32,
    cpu: RungCpu,
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
            cpu: RungCpu { rendition: rung.name.clone(), ..RungCpu::default() },
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

    fn finish(mut self) -> Result<EncodedRendition, MediaError> {
        let writer = &mut self.writer;
        if let Some(encoder) = &mut self.encoder {
            encoder.finish(&mut |config, frame| writer.push(config, frame))?;
        }
        self.writer.finish()
    }
}
