//! One video rendition's share of a chunk: coded frames become closed GOPs, GOPs become segment files.

use std::path::{Path, PathBuf};

use flv::{AvcConfig, Sps};
use job::grid::GridSegment;
use job::plan::Rung;
use job::report::{CodecFacts, EncodedRendition, EncodedSegment, IdrFacts, SegmentFacts};

use crate::MediaError;
use crate::cmaf::{Colour, Sample, SegmentWriter, VideoInit, closed_gop};
use crate::encode::CodedFrame;

/// Fragments that one segment may have at most; sequence numbers of the next one start after them.
const FRAGMENTS_PER_SEGMENT: u32 = 10_000;

/// Writes the segments of one rendition of one chunk.
pub struct RenditionWriter<'p> {
    rung: &'p Rung,
    timescale: u32,
    /// The chunk's segments that are not written yet, the current one first.
    grid: &'p [GridSegment],
    index: u32,
    output: PathBuf,
    codec: Option<CodecFacts>,
    gop: Gop,
    segment: OpenSegment,
    written: Vec<EncodedSegment>,
}

/// The frames since the last IDR picture, in decoding order.
#[derive(Default)]
struct Gop {
    times: Vec<u64>,
    sizes: Vec<usize>,
    data: Vec<u8>,
}

struct OpenSegment {
    writer: SegmentWriter,
    frames: u32,
    idrs: Vec<IdrFacts>,
}

impl OpenSegment {
    fn new(index: u32) -> Self {
        let first = index.saturating_mul(FRAGMENTS_PER_SEGMENT).saturating_add(1);
        Self { writer: SegmentWriter::new(first), frames: 0, idrs: Vec::new() }
    }
}

impl<'p> RenditionWriter<'p> {
    /// A writer for the segments of `grid`, the first of which has number `first_segment`, into the directory `output`.
    #[must_use]
    pub fn new(
        rung: &'p Rung,
        timescale: u32,
        grid: &'p [GridSegment],
        first_segment: u32,
        output: &Path,
    ) -> Self {
        Self {
            rung,
            timescale,
            grid,
            index: first_segment,
            output: output.to_owned(),
            codec: None,
            gop: Gop::default(),
            segment: OpenSegment::new(first_segment),
            written: Vec::new(),
        }
    }

    /// Takes the next frame in decoding order; its time counts from the presentation's start.
    ///
    /// # Errors
    /// If a segment cannot be written, or the frames do not make closed GOPs.
    pub fn push(&mut self, config: &AvcConfig, frame: CodedFrame<'_>) -> Result<(), MediaError> {
        if self.codec.is_none() {
            self.write_init(config)?;
        }
        let time = u64::try_from(frame.pts).map_err(|_| {
            MediaError::PlanMismatch(format!(
                "a frame of {} is presented before the start",
                self.rung.name
            ))
        })?;
        if frame.sync {
            self.close_gop(time)?;
            let starts_next = self.grid.get(1).is_some_and(|next| next.start == frame.pts);
            if starts_next {
                self.close_segment()?;
            }
        }
        self.gop.times.push(time);
        self.gop.sizes.push(frame.data.len());
        self.gop.data.extend_from_slice(frame.data);
        Ok(())
    }

    /// Writes the last segment.
    ///
    /// # Errors
    /// As [`RenditionWriter::push`]; [`MediaError::PlanMismatch`] if the frames did not reach every segment of the grid.
    pub fn finish(mut self) -> Result<EncodedRendition, MediaError> {
        let end = self.grid.last().map_or(0, |segment| segment.end);
        self.close_gop(u64::try_from(end).unwrap_or(0))?;
        self.close_segment()?;
        let (true, Some(codec)) = (self.grid.is_empty(), self.codec) else {
            let problem = format!(
                "{} has no IDR picture where segment {} starts",
                self.rung.name, self.index
            );
            return Err(MediaError::PlanMismatch(problem));
        };
        Ok(EncodedRendition {
            rendition: self.rung.name.clone(),
            init: init_file(&self.rung.name),
            codec,
            timescale: self.timescale,
            segments: self.written,
        })
    }

    fn close_gop(&mut self, end: u64) -> Result<(), MediaError> {
        let gop = std::mem::take(&mut self.gop);
        let Some(start) = gop.times.first().copied() else { return Ok(()) };
        let timings = closed_gop(&gop.times, end, u64::from(self.rung.composition_shift))?;
        let mut rest = gop.data.as_slice();
        let samples: Vec<Sample<'_>> = timings
            .iter()
            .zip(&gop.sizes)
            .enumerate()
            .map(|(number, (timing, size))| {
                let (data, after) = rest.split_at(*size);
                rest = after;
                Sample {
                    data,
                    duration: timing.duration,
                    composition_offset: timing.composition_offset,
                    sync: number == 0,
                }
            })
            .collect();
        let keyframes = self.segment.writer.gops(start, &samples)?;
        self.segment.frames += u32::try_from(samples.len()).unwrap_or(u32::MAX);
        self.segment.idrs.extend(keyframes.into_iter().map(|keyframe| IdrFacts {
            time: keyframe.decode_time,
            offset: keyframe.bytes.start,
            size: keyframe.bytes.end - keyframe.bytes.start,
        }));
        Ok(())
    }

    fn close_segment(&mut self) -> Result<(), MediaError> {
        let Some((grid, rest)) = self.grid.split_first() else { return Ok(()) };
        let next = OpenSegment::new(self.index + 1);
        let segment = std::mem::replace(&mut self.segment, next);
        let bytes = segment.writer.finish();
        let file = format!("{}-{:05}.m4s", self.rung.name, self.index);
        let path = self.output.join(&file);
        std::fs::write(&path, &bytes).map_err(MediaError::file(&path))?;
        let facts = SegmentFacts {
            index: self.index,
            size: bytes.len() as u64,
            start: u64::try_from(grid.start).unwrap_or(0),
            duration: u64::try_from(grid.end - grid.start).unwrap_or(0),
            frames: segment.frames,
            idrs: segment.idrs,
        };
        self.written.push(EncodedSegment { file, facts });
        self.grid = rest;
        self.index += 1;
        Ok(())
    }

    fn write_init(&mut self, config: &AvcConfig) -> Result<(), MediaError> {
        let sps = parameter_set(config)?;
        let init = VideoInit {
            timescale: self.timescale,
            width: u16::try_from(sps.width).unwrap_or(u16::MAX),
            height: u16::try_from(sps.height).unwrap_or(u16::MAX),
            avcc: config.raw(),
            composition_shift: u64::from(self.rung.composition_shift),
            colour: colour(&sps),
        };
        let path = self.output.join(init_file(&self.rung.name));
        std::fs::write(&path, init.to_bytes()?).map_err(MediaError::file(&path))?;
        self.codec =
            Some(CodecFacts { codecs: config.rfc6381(), width: sps.width, height: sps.height });
        Ok(())
    }
}

fn init_file(rendition: &str) -> String {
    format!("{rendition}-init.mp4")
}

fn parameter_set(config: &AvcConfig) -> Result<Sps, MediaError> {
    let unreadable =
        || MediaError::Refused("the recording's sequence parameter set does not read".to_owned());
    config.sps().first().and_then(|unit| Sps::parse(unit).ok()).ok_or_else(unreadable)
}

fn colour(sps: &Sps) -> Option<Colour> {
    let vui = sps.vui.as_ref()?;
    let colour = vui.colour.as_ref()?;
    Some(Colour {
        primaries: u16::from(colour.primaries),
        transfer: u16::from(colour.transfer),
        matrix: u16::from(colour.matrix),
        full_range: vui.full_range,
    })
}
