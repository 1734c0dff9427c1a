//! The copied source rendition.

use std::path::Path;

use flv::{AvcConfig, annex_b_to_length_prefixed};
use job::plan::{Chunk, RungBits, VideoPlan};
use job::report::EncodedRendition;

use super::writer;
use crate::MediaError;
use crate::encode::CodedFrame;
use crate::input::VideoPacket;
use crate::rendition::RenditionWriter;

/// The copied source rendition, where the plan has one.
pub(super) struct Copy<'p> {
    writer: Option<RenditionWriter<'p>>,
    config: Option<AvcConfig>,
    start: i64,
    end: i64,
    sample: Vec<u8>,
}

impl<'p> Copy<'p> {
    pub(super) fn of(video: &'p VideoPlan, chunk: &Chunk, output: &Path) -> Self {
        let rung = video.rungs.iter().find(|rung| rung.bits == RungBits::Source);
        let writer = rung.map(|rung| writer(video, chunk, rung, output));
        Self { writer, config: None, start: chunk.start, end: chunk.end, sample: Vec::new() }
    }

    pub(super) fn configure(&mut self, bytes: &[u8]) {
        self.config = AvcConfig::parse(bytes).or_else(|_| AvcConfig::from_annex_b(bytes)).ok();
    }

    pub(super) fn push(
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

    pub(super) fn finish(self) -> Result<Option<EncodedRendition>, MediaError> {
        self.writer.map(RenditionWriter::finish).transpose()
    }
}
