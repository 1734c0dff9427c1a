//! AAC frames become segment files, cut where the plan says.

use std::path::{Path, PathBuf};

use flv::AudioSpecificConfig;
use job::names::AUDIO;
use job::plan::{AAC_FRAME, AudioPlan};
use job::report::{
    AudioFit, CodecFacts, EncodedAudio, EncodedRendition, EncodedSegment, SegmentFacts,
};

use crate::MediaError;
use crate::cmaf::{AudioInit, Sample, SegmentWriter};

const INIT_FILE: &str = "audio-init.mp4";
/// Frames between two calls of `progress`.
const PROGRESS_STEP: u64 = 512;

/// Writes the audio rendition, exactly as many frames as the plan has.
pub(super) struct AudioWriter<'p> {
    plan: &'p AudioPlan,
    output: PathBuf,
    codecs: String,
    /// Frames so far.
    frames: u64,
    segment: Vec<Vec<u8>>,
    written: Vec<EncodedSegment>,
    progress: &'p mut dyn FnMut(u64),
}

impl<'p> AudioWriter<'p> {
    /// Writes the initialisation segment for frames of `config`, which is stereo AAC-LC.
    pub(super) fn new(
        plan: &'p AudioPlan,
        config: &[u8],
        output: &Path,
        progress: &'p mut dyn FnMut(u64),
    ) -> Result<Self, MediaError> {
        let codecs = AudioSpecificConfig::parse(config)
            .map_err(|error| {
                MediaError::PlanMismatch(format!("its audio configuration does not read: {error}"))
            })?
            .rfc6381();
        let init = AudioInit {
            sample_rate: plan.sample_rate,
            channels: 2,
            audio_specific_config: config,
            bitrate: None,
        };
        let path = output.join(INIT_FILE);
        std::fs::write(&path, init.to_bytes()?).map_err(MediaError::file(&path))?;
        Ok(Self {
            plan,
            output: output.to_owned(),
            codecs,
            frames: 0,
            segment: Vec::new(),
            written: Vec::new(),
            progress,
        })
    }

    /// True once the rendition has all its frames; what is pushed then is dropped.
    pub(super) fn is_full(&self) -> bool {
        self.frames >= self.plan.frames()
    }

    /// Sample at which the next frame begins.
    pub(super) fn position(&self) -> i64 {
        i64::try_from(self.frames * AAC_FRAME).unwrap_or(i64::MAX)
    }

    pub(super) fn push(&mut self, frame: &[u8]) -> Result<(), MediaError> {
        if self.is_full() {
            return Ok(());
        }
        self.segment.push(frame.to_vec());
        self.frames += 1;
        if self.plan.cuts.get(self.written.len() + 1) == Some(&self.frames) {
            self.close_segment()?;
        }
        if self.frames.is_multiple_of(PROGRESS_STEP) {
            (self.progress)(self.frames);
        }
        Ok(())
    }

    fn close_segment(&mut self) -> Result<(), MediaError> {
        let index = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
        let frames = std::mem::take(&mut self.segment);
        let count = frames.len() as u64;
        let start = (self.frames - count) * AAC_FRAME;
        let samples: Vec<Sample<'_>> = frames
            .iter()
            .map(|data| Sample { data, duration: 1024, composition_offset: 0, sync: true })
            .collect();
        let mut writer = SegmentWriter::new(index.saturating_add(1));
        writer.fragment(start, &samples)?;
        let bytes = writer.finish();
        let file = format!("{AUDIO}-{index:05}.m4s");
        let path = self.output.join(&file);
        std::fs::write(&path, &bytes).map_err(MediaError::file(&path))?;
        let facts = SegmentFacts {
            index,
            size: bytes.len() as u64,
            start,
            duration: count * AAC_FRAME,
            frames: u32::try_from(count).unwrap_or(u32::MAX),
            idrs: Vec::new(),
        };
        self.written.push(EncodedSegment { file, facts });
        Ok(())
    }

    /// The rendition, which must be full.
    pub(super) fn finish(self, fit: AudioFit) -> Result<EncodedAudio, MediaError> {
        if !self.is_full() {
            let problem =
                format!("its audio has {} frames instead of {}", self.frames, self.plan.frames());
            return Err(MediaError::PlanMismatch(problem));
        }
        (self.progress)(self.frames);
        let rendition = EncodedRendition {
            rendition: AUDIO.to_owned(),
            init: INIT_FILE.to_owned(),
            codec: CodecFacts { codecs: self.codecs, width: 0, height: 0 },
            timescale: self.plan.sample_rate,
            segments: self.written,
        };
        Ok(EncodedAudio { rendition, fit })
    }
}
