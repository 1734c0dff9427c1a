//! The copied source rendition: that of a chunk, beside what is encoded of it, or that of the whole recording at once, which takes as long as
//! reading it. Segments are the same bytes either way.

use std::path::Path;

use flv::{AvcConfig, annex_b_to_length_prefixed};
use job::plan::{Chunk, Plan, VideoPlan};
use job::report::EncodedRendition;

use super::{video_of, writer};
use crate::MediaError;
use crate::encode::CodedFrame;
use crate::input::{Event, Input, VideoPacket};
use crate::rendition::RenditionWriter;

/// Copies the source's bits of the whole of `recording` into files in `output`, without decoding any of it.
///
/// # Errors
/// If the plan copies nothing, or the recording cannot be read or does not fit the plan.
pub fn copy_source(
    recording: &Path,
    plan: &Plan,
    output: &Path,
) -> Result<EncodedRendition, MediaError> {
    let nothing = || MediaError::PlanMismatch("the plan copies nothing".to_owned());
    let video = video_of(plan)?;
    video.source_rung().ok_or_else(nothing)?;
    let whole = whole(video)?;
    let mut input = Input::open_at(recording, plan.container, &plan.clock, &whole.read)?;
    let mut copy = Copy::of(video, &whole, output);
    let mut frames = 0;
    while frames < whole.frames {
        // Asked before the event, whose bytes borrow the input.
        let is_annex_b = input.is_annex_b();
        match input.next_event()? {
            None => break,
            Some(Event::VideoConfig(bytes, _)) => copy.configure(bytes),
            Some(Event::Video(packet)) => {
                frames += u32::from(copy.push(&packet, video.origin, is_annex_b)?);
            }
            Some(Event::AudioConfig(_) | Event::Audio(_)) => {}
        }
    }
    if frames < whole.frames {
        let problem = format!("it ends {} frames early", whole.frames - frames);
        return Err(MediaError::PlanMismatch(problem));
    }
    copy.finish()?.ok_or_else(nothing)
}

/// The whole recording as one chunk.
fn whole(video: &VideoPlan) -> Result<Chunk, MediaError> {
    let empty = || MediaError::PlanMismatch("the plan has no chunks".to_owned());
    let first = video.chunks.first().ok_or_else(empty)?;
    Ok(Chunk {
        segments: video.chunks.iter().map(|chunk| chunk.segments).sum(),
        end: video.chunks.last().map_or(first.end, |last| last.end),
        frames: video.chunks.iter().map(|chunk| chunk.frames).sum(),
        ..first.clone()
    })
}

/// The copied source rendition of a chunk, where the plan has one.
pub(super) struct Copy<'p> {
    writer: Option<RenditionWriter<'p>>,
    config: Option<AvcConfig>,
    start: i64,
    end: i64,
    sample: Vec<u8>,
}

impl<'p> Copy<'p> {
    pub(super) fn of(video: &'p VideoPlan, chunk: &Chunk, output: &Path) -> Self {
        let writer = video.source_rung().map(|rung| writer(video, chunk, rung, output));
        Self { writer, config: None, start: chunk.start, end: chunk.end, sample: Vec::new() }
    }

    pub(super) fn configure(&mut self, bytes: &[u8]) {
        self.config = AvcConfig::parse(bytes).or_else(|_| AvcConfig::from_annex_b(bytes)).ok();
    }

    /// Takes the next frame; false if it is none of the chunk's, or nothing is copied.
    pub(super) fn push(
        &mut self,
        packet: &VideoPacket<'_>,
        origin: i64,
        is_annex_b: bool,
    ) -> Result<bool, MediaError> {
        let Some(writer) = &mut self.writer else { return Ok(false) };
        let pts = packet.pts - origin;
        if !(self.start..self.end).contains(&pts) {
            return Ok(false);
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
        writer.push(config, CodedFrame { pts, sync: packet.sync, data })?;
        Ok(true)
    }

    pub(super) fn finish(self) -> Result<Option<EncodedRendition>, MediaError> {
        self.writer.map(RenditionWriter::finish).transpose()
    }
}
