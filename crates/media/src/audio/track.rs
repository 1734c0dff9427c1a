//! The presentation's sound as it grows: fitted sample by sample, encoded frame by frame.

use job::plan::{AAC_FRAME, AudioPlan};
use job::report::{AudioFit, EncodedAudio};

use super::aac::AacEncoder;
use super::convert::Stereo;
use super::copy::SILENCE;
use super::timeline::Timeline;
use super::writer::AudioWriter;
use crate::MediaError;

/// How far sound may lie from its place, in samples: less is jitter, more is a gap or an overlap.
const TOLERANCE: i64 = 1024;
const FRAME: i64 = AAC_FRAME.cast_signed();
/// Frames of silence that are encoded on both sides of those that are only repeated. All that the encoder holds back, two frames and the
/// windows that reach over them, is then silent, and it need not know of those between.
const SETTLE: i64 = 4;

pub(super) struct Track<'p> {
    aac: AacEncoder,
    writer: AudioWriter<'p>,
    timeline: Timeline<Stereo>,
    /// Fitted and not yet encoded.
    pending: Stereo,
    /// Samples fitted so far.
    taken: i64,
    /// Samples of the presentation.
    length: i64,
    /// Samples of silence above which whole frames of it are repeated instead of encoded.
    long: i64,
    fit: AudioFit,
}

impl<'p> Track<'p> {
    pub(super) fn new(plan: &AudioPlan, aac: AacEncoder, writer: AudioWriter<'p>) -> Self {
        let length = plan.frames().saturating_mul(AAC_FRAME);
        Self {
            aac,
            writer,
            timeline: Timeline::new(plan.sample_rate),
            pending: Stereo::default(),
            taken: 0,
            length: i64::try_from(length).unwrap_or(i64::MAX),
            long: i64::from(plan.sample_rate) * 2,
            fit: AudioFit::default(),
        }
    }

    /// Takes sound that belongs at sample `at`, or right after what came before it.
    pub(super) fn take(&mut self, at: Option<i64>, sound: Stereo) -> Result<(), MediaError> {
        let length = i64::try_from(sound.len()).unwrap_or(i64::MAX);
        if length == 0 {
            return Ok(());
        }
        match self.timeline.push(at, length, sound) {
            Some((at, former)) => self.place(at, &former),
            None => Ok(()),
        }
    }

    /// The rendition, filled up with silence. `errors` are the packets that could not be decoded.
    pub(super) fn finish(mut self, errors: u64) -> Result<EncodedAudio, MediaError> {
        if let Some((at, last)) = self.timeline.finish() {
            self.place(at, &last)?;
        }
        self.silence(self.length - self.taken)?;
        self.aac.finish(&mut self.writer)?;
        self.fit.errors = errors;
        self.writer.finish(self.fit)
    }

    fn place(&mut self, at: i64, sound: &Stereo) -> Result<(), MediaError> {
        let lag = at.saturating_sub(self.taken);
        // The very first sample is placed exactly; after it, jitter is not worth a click.
        let tolerance = if self.taken == 0 { 0 } else { TOLERANCE };
        if lag > tolerance {
            self.silence(lag)?;
        }
        let late = if lag < -tolerance { lag.unsigned_abs() } else { 0 };
        let skip = usize::try_from(late).unwrap_or(usize::MAX).min(sound.len());
        let before_start = usize::try_from(at.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let room = usize::try_from(self.length - self.taken).unwrap_or(0);
        let end = sound.len().min(skip.saturating_add(room));
        let outside = skip.min(before_start);
        self.fit.cut += (outside + sound.len() - end) as u64;
        self.fit.overlap += (skip - outside) as u64;
        self.pending.left.extend_from_slice(&sound.left[skip..end]);
        self.pending.right.extend_from_slice(&sound.right[skip..end]);
        self.taken += i64::try_from(end - skip).unwrap_or(0);
        self.encode_whole_frames()
    }

    fn silence(&mut self, samples: i64) -> Result<(), MediaError> {
        let samples = samples.min(self.length - self.taken).max(0);
        self.fit.silence += samples.unsigned_abs();
        if samples <= self.long {
            return self.zeros(samples);
        }
        let to_frame = (FRAME - self.taken % FRAME) % FRAME;
        let before = to_frame + SETTLE * FRAME;
        let repeated = ((samples - before) / FRAME - SETTLE).max(0);
        self.zeros(before)?;
        for _ in 0..repeated {
            self.writer.push(&SILENCE)?;
        }
        self.taken += repeated * FRAME;
        self.zeros(samples - before - repeated * FRAME)
    }

    fn zeros(&mut self, samples: i64) -> Result<(), MediaError> {
        let length = self.pending.len() + usize::try_from(samples).unwrap_or(0);
        self.pending.left.resize(length, 0.0);
        self.pending.right.resize(length, 0.0);
        self.taken += samples;
        self.encode_whole_frames()
    }

    fn encode_whole_frames(&mut self) -> Result<(), MediaError> {
        let size = usize::try_from(AAC_FRAME).unwrap_or(1024);
        let whole = self.pending.len() / size * size;
        for start in (0..whole).step_by(size) {
            let (left, right) =
                (&self.pending.left[start..start + size], &self.pending.right[start..start + size]);
            self.aac.encode(left, right, &mut self.writer)?;
        }
        self.pending.left.drain(..whole);
        self.pending.right.drain(..whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::fixture::{loud, plan, sound, tone};

    /// Fits pieces of a tone, each with its time and length, into a presentation of `frames` frames; also gives which of its frames are
    /// loud.
    fn fit(frames: u64, long: i64, pieces: &[(i64, usize)]) -> (AudioFit, Vec<usize>) {
        let output = tempfile::tempdir().unwrap();
        let plan = plan(frames);
        let mut progress = |_| {};
        let aac = AacEncoder::open(plan.sample_rate, 128).unwrap();
        let writer = AudioWriter::new(&plan, &aac.config(), output.path(), &mut progress).unwrap();
        let mut track = Track::new(&plan, aac, writer);
        track.long = long;
        for (at, length) in pieces {
            track.take(Some(*at), tone(*length)).unwrap();
        }
        let encoded = track.finish(0).unwrap();
        (encoded.fit, loud(&sound(output.path(), &encoded)))
    }

    #[test]
    fn sound_is_fitted() {
        const F: i64 = 1024;
        const FAR: i64 = F * 1_000_000;
        let pieces = |times: &[i64]| times.iter().map(|at| (*at, 1024)).collect::<Vec<_>>();
        let cases = [
            ("as it is", pieces(&[0, F, 2 * F, 3 * F]), (0, 0, 0)),
            ("jitter", pieces(&[0, F + 40, 2 * F - 40, 3 * F + 40]), (0, 0, 0)),
            ("a gap", pieces(&[0, 2 * F + 400, 3 * F + 400]), (F + 400, 400, 0)),
            ("late start", pieces(&[100, F + 100, 2 * F + 100]), (F, 0, 0)),
            ("early start", pieces(&[-1500, -476, 548, 1572, 2596]), (476, 1500, 0)),
            ("early end", pieces(&[0, F]), (2 * F, 0, 0)),
            ("late end", pieces(&[0, F, 2 * F, 3 * F, 4 * F, 5 * F]), (0, 2 * F, 0)),
            ("overlap", vec![(0, 2048), (0, 2048), (2048, 2048)], (0, 0, 2048)),
            ("one bad time", pieces(&[0, FAR, 2 * F, 3 * F]), (0, 0, 0)),
            ("one bad time back", pieces(&[0, F, -FAR, 3 * F]), (0, 0, 0)),
            ("nothing", Vec::new(), (4 * F, 0, 0)),
        ];
        for (what, pieces, (silence, cut, overlap)) in cases {
            let (fit, _) = fit(4, i64::MAX, &pieces);
            let expected = AudioFit {
                silence: i64::unsigned_abs(silence),
                cut: i64::unsigned_abs(cut),
                overlap,
                errors: 0,
            };
            assert_eq!(fit, expected, "{what}");
        }
    }

    #[test]
    fn repeated_silence_takes_as_long_as_encoded() {
        // Late start, a long gap in mid-frame, early end.
        let pieces = [(40 * 1024, 5120), (45 * 1024, 5120), (120 * 1024, 5120), (125 * 1024, 5120)];
        let encoded = fit(200, i64::MAX, &pieces);
        let repeated = fit(200, 20 * 1024, &pieces);
        assert_eq!(encoded, repeated);
        assert_eq!(repeated.1, (40..50).chain(120..130).collect::<Vec<_>>());
        assert_eq!(repeated.0.silence, 180 * 1024);
    }

    #[test]
    fn hours_of_silence_need_no_encoding() {
        let frames = 48_000 * 3600 * 10 / 1024;
        let output = tempfile::tempdir().unwrap();
        let plan = plan(frames);
        let mut progress = |_| {};
        let aac = AacEncoder::open(plan.sample_rate, 128).unwrap();
        let writer = AudioWriter::new(&plan, &aac.config(), output.path(), &mut progress).unwrap();
        let mut track = Track::new(&plan, aac, writer);
        track.silence(i64::MAX).unwrap();
        assert_eq!(track.aac.samples(), 2 * SETTLE * FRAME);
        assert_eq!(track.fit.silence, frames * 1024);
    }
}
