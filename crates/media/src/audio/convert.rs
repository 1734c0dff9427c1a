//! Decoded sound of any kind becomes stereo at one rate.

use ffmpeg_next::channel_layout::ChannelLayout;
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::software::resampling;
use ffmpeg_next::{Error, frame};

use crate::MediaError;

/// The format of [`Stereo`].
pub(super) const PLANAR: Sample = Sample::F32(Type::Planar);
/// Samples that a converter may give beyond those that its rates promise.
const SLACK: u64 = 256;

/// Stereo samples, planar, as many left as right.
#[derive(Default)]
pub(super) struct Stereo {
    pub(super) left: Vec<f32>,
    pub(super) right: Vec<f32>,
}

impl Stereo {
    pub(super) fn len(&self) -> usize {
        self.left.len().min(self.right.len())
    }

    fn append(&mut self, frame: &frame::Audio) {
        self.left.extend_from_slice(frame.plane(0));
        self.right.extend_from_slice(frame.plane(1));
    }
}

/// A stereo frame with memory for `samples` samples.
///
/// # Errors
/// If memory is short, which `ffmpeg-next` does not tell.
pub(super) fn allocate(samples: usize) -> Result<frame::Audio, MediaError> {
    let frame = frame::Audio::new(PLANAR, samples, ChannelLayout::STEREO);
    if frame.planes() < 2 || frame.data(0).is_empty() {
        let source = Error::Other { errno: ffmpeg_next::error::ENOMEM };
        return Err(MediaError::Ffmpeg { doing: "allocating an audio frame", source });
    }
    Ok(frame)
}

/// Mixes down and resamples. What the resampler holds back comes with the next frame, or with [`Converter::finish`].
pub(super) struct Converter {
    sample_rate: u32,
    context: Option<resampling::Context>,
}

impl Converter {
    pub(super) fn new(sample_rate: u32) -> Self {
        Self { sample_rate, context: None }
    }

    /// Converts a frame. Also gives how many of the samples belong to former frames, and so before this one's time.
    pub(super) fn convert(
        &mut self,
        frame: &mut frame::Audio,
    ) -> Result<(i64, Stereo), MediaError> {
        if frame.samples() == 0 || frame.channels() == 0 || frame.rate() == 0 {
            return Ok((0, Stereo::default()));
        }
        if frame.channel_layout().is_empty() {
            *frame = with_layout(frame)?;
        }
        let alike = self.context.as_ref().is_some_and(|context| {
            let of = context.input();
            (of.format, of.channel_layout, of.rate)
                == (frame.format(), frame.channel_layout(), frame.rate())
        });
        let mut sound = if alike { Stereo::default() } else { self.finish()? };
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(open(frame, self.sample_rate)?),
        };
        // A context that was not run yet gives a negative delay, or none.
        let delay = context.delay().map_or(0, |delay| delay.output.max(0));
        let before = delay.saturating_add(i64::try_from(sound.len()).unwrap_or(i64::MAX));
        let samples = u64::try_from(frame.samples()).unwrap_or(u64::MAX);
        let promised = samples
            .saturating_mul(u64::from(self.sample_rate))
            .div_ceil(u64::from(frame.rate()))
            .saturating_add(delay.unsigned_abs())
            .saturating_add(SLACK);
        let mut output = allocate(usize::try_from(promised).unwrap_or(usize::MAX))?;
        context.run(frame, &mut output).map_err(MediaError::ffmpeg("converting audio"))?;
        sound.append(&output);
        Ok((before, sound))
    }

    /// What is still held back.
    pub(super) fn finish(&mut self) -> Result<Stereo, MediaError> {
        let mut tail = Stereo::default();
        let Some(mut context) = self.context.take() else { return Ok(tail) };
        loop {
            let mut output = allocate(4096)?;
            context.flush(&mut output).map_err(MediaError::ffmpeg("converting audio"))?;
            if output.samples() == 0 {
                return Ok(tail);
            }
            tail.append(&output);
        }
    }
}

/// A copy of a frame of unspecified layout with the usual layout of as many channels. Setting the layout on the frame itself sets one of
/// two fields, and the converter looks at the other; `clone` allocates nothing for an unspecified layout.
fn with_layout(frame: &frame::Audio) -> Result<frame::Audio, MediaError> {
    let layout = ChannelLayout::default(i32::from(frame.channels()));
    let mut copy = frame::Audio::new(frame.format(), frame.samples(), layout);
    if copy.planes() == 0 || copy.planes() != frame.planes() {
        return Err(MediaError::ffmpeg("finding a layout for the audio's channels")(
            Error::InvalidData,
        ));
    }
    copy.set_rate(frame.rate());
    for plane in 0..frame.planes() {
        let from = frame.data(plane);
        let into = copy.data_mut(plane);
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
    }
    Ok(copy)
}

fn open(frame: &frame::Audio, sample_rate: u32) -> Result<resampling::Context, MediaError> {
    resampling::Context::get(
        frame.format(),
        frame.channel_layout(),
        frame.rate(),
        PLANAR,
        ChannelLayout::STEREO,
        sample_rate,
    )
    .map_err(MediaError::ffmpeg("preparing to convert audio"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mono samples that never are zero for long: a triangle of 441 Hz or so.
    fn triangle(rate: u32, start: usize, samples: usize) -> frame::Audio {
        let mut frame = frame::Audio::new(Sample::I16(Type::Packed), samples, ChannelLayout::MONO);
        frame.set_rate(rate);
        let period = usize::try_from(rate / 441).unwrap();
        for (index, sample) in frame.plane_mut::<i16>(0).iter_mut().enumerate() {
            let phase = i32::try_from((start + index) % period * 40_000 / period).unwrap();
            *sample = i16::try_from((phase - 20_000).abs() - 10_000).unwrap();
        }
        frame
    }

    fn longest_zeros(samples: &[f32]) -> usize {
        let runs = samples.split(|sample| sample.abs() > 1e-3);
        runs.map(<[f32]>::len).max().unwrap_or(0)
    }

    #[test]
    fn upsampled_sound_is_whole() {
        for rate in [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000] {
            let mut converter = Converter::new(48_000);
            let mut all = Stereo::default();
            let second = usize::try_from(rate).unwrap();
            for start in (0..second).step_by(500) {
                let mut frame = triangle(rate, start, 500.min(second - start));
                let (before, sound) = converter.convert(&mut frame).unwrap();
                // What came out so far ends where the frame's time says, apart from what is held back.
                let time = start * 48_000 / second;
                let emitted = i64::try_from(all.len()).unwrap();
                let off = emitted + before - i64::try_from(time).unwrap();
                assert!(off.abs() <= 2, "{rate} Hz: {off} samples off at {start}");
                all.left.extend(&sound.left);
                all.right.extend(&sound.right);
            }
            let tail = converter.finish().unwrap();
            all.left.extend(&tail.left);
            all.right.extend(&tail.right);
            assert!(all.len().abs_diff(48_000) <= 8, "{rate} Hz: {} samples", all.len());
            assert_eq!(all.left.len(), all.right.len());
            assert!(longest_zeros(&all.left) < 24, "{rate} Hz: a hole in the sound");
            assert_eq!(converter.finish().unwrap().len(), 0, "nothing twice");
        }
    }

    #[test]
    fn a_change_of_rate_loses_nothing() {
        let mut converter = Converter::new(48_000);
        let (_, first) = converter.convert(&mut triangle(22_050, 0, 22_050)).unwrap();
        let (before, second) = converter.convert(&mut triangle(32_000, 0, 32_000)).unwrap();
        let tail = converter.finish().unwrap();
        assert!(before > 0, "the first converter's rest comes first");
        let all = first.len() + second.len() + tail.len();
        assert!(all.abs_diff(96_000) <= 16, "{all} samples");
    }

    #[test]
    fn an_unspecified_layout_is_taken_as_the_usual_one() {
        let mut frame = triangle(48_000, 0, 1024);
        frame.set_channel_layout(ChannelLayout::empty());
        assert!(frame.channel_layout().is_empty(), "the test makes what it is about");
        let (_, sound) = Converter::new(48_000).convert(&mut frame).unwrap();
        assert_eq!((sound.left.len(), sound.right.len()), (1024, 1024));
        assert!(longest_zeros(&sound.left) < 24);
    }

    #[test]
    fn an_empty_frame_is_no_sound() {
        let (before, sound) = Converter::new(48_000).convert(&mut frame::Audio::empty()).unwrap();
        assert_eq!((before, sound.len()), (0, 0));
    }
}
