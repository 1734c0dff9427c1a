//! Any other audio: decoded, mixed down to stereo, fitted to the presentation sample by sample, encoded to AAC-LC.

use std::path::Path;

use ffmpeg_next::channel_layout::ChannelLayout;
use ffmpeg_next::codec::{self, Flags, Id, encoder};
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::software::resampling;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, frame};
use job::plan::{AAC_FRAME, AudioPlan};
use job::report::{AudioFit, EncodedAudio};
use job::source::Container;

use super::samples_at;
use super::writer::AudioWriter;
use crate::decode::AudioDecoder;
use crate::input::{AudioPacket, Event, Input};
use crate::{MediaError, ffi};

const PLANAR: Sample = Sample::F32(Type::Planar);
/// How far sound may lie from its place, in samples: less is jitter, more is a gap or an overlap.
const TOLERANCE: i64 = 1024;

pub(super) fn encode(
    recording: &Path,
    container: Container,
    plan: &AudioPlan,
    kbps: u32,
    output: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<EncodedAudio, MediaError> {
    let mut input = Input::open(recording, container)?;
    let mut aac = AacEncoder::open(plan, kbps)?;
    let config = aac.config();
    let writer = AudioWriter::new(plan, &config, output, progress)?;
    let mut track = Track {
        plan,
        aac: &mut aac,
        writer,
        pending: Stereo::default(),
        taken: 0,
        fit: AudioFit::default(),
    };
    let mut source = Source::default();
    loop {
        match input.next_event()? {
            None => break,
            Some(Event::AudioConfig(bytes)) => {
                let bytes = bytes.to_vec();
                source.configure(&input, &bytes, &mut track)?;
            }
            Some(Event::Audio(packet)) => source.decode(Some(&packet), &mut track)?,
            Some(Event::VideoConfig(..) | Event::Video(_)) => {}
        }
    }
    source.decode(None, &mut track)?;
    track.fit.errors = source.errors();
    track.finish()
}

/// The decoder and the converter behind it, replaced where the source's configuration changes.
#[derive(Default)]
struct Source {
    decoder: Option<AudioDecoder>,
    converter: Option<resampling::Context>,
    timescale: u32,
    former_errors: u64,
}

impl Source {
    fn configure(
        &mut self,
        input: &Input,
        config: &[u8],
        track: &mut Track<'_, '_>,
    ) -> Result<(), MediaError> {
        self.decode(None, track)?;
        self.former_errors = self.errors();
        self.timescale = input.audio().map_or(1, |audio| audio.timescale);
        self.decoder = Some(AudioDecoder::open(input.audio_decoder(config)?)?);
        Ok(())
    }

    fn errors(&self) -> u64 {
        self.former_errors + self.decoder.as_ref().map_or(0, AudioDecoder::errors)
    }

    fn decode(
        &mut self,
        packet: Option<&AudioPacket<'_>>,
        track: &mut Track<'_, '_>,
    ) -> Result<(), MediaError> {
        let Self { decoder, converter, timescale, .. } = self;
        let Some(decoder) = decoder else { return Ok(()) };
        decoder.decode(packet, &mut |frame, pts| {
            let at = pts.map(|pts| samples_at(track.plan, pts, *timescale));
            let sound = convert(converter, frame, track.plan.sample_rate)?;
            track.take(at, &sound)
        })
    }
}

/// Stereo samples, planar.
#[derive(Default)]
struct Stereo {
    left: Vec<f32>,
    right: Vec<f32>,
}

fn convert(
    converter: &mut Option<resampling::Context>,
    frame: &frame::Audio,
    sample_rate: u32,
) -> Result<Stereo, MediaError> {
    let layout = match frame.channel_layout() {
        layout if layout.is_empty() => ChannelLayout::default(i32::from(frame.channels())),
        layout => layout,
    };
    let alike = |context: &resampling::Context| {
        let of = context.input();
        (of.format, of.channel_layout, of.rate) == (frame.format(), layout, frame.rate())
    };
    let mut context = match converter.take().filter(alike) {
        Some(context) => context,
        None => resampling::Context::get(
            frame.format(),
            layout,
            frame.rate(),
            PLANAR,
            ChannelLayout::STEREO,
            sample_rate,
        )
        .map_err(MediaError::ffmpeg("preparing to convert audio"))?,
    };
    let mut input = frame.clone();
    input.set_channel_layout(layout);
    let mut output = frame::Audio::empty();
    context.run(&input, &mut output).map_err(MediaError::ffmpeg("converting audio"))?;
    *converter = Some(context);
    Ok(Stereo { left: output.plane(0).to_vec(), right: output.plane(1).to_vec() })
}

/// The presentation's sound as it grows, sample by sample.
struct Track<'p, 'e> {
    plan: &'p AudioPlan,
    aac: &'e mut AacEncoder,
    writer: AudioWriter<'p>,
    /// Fitted and not yet encoded.
    pending: Stereo,
    /// Samples fitted so far.
    taken: i64,
    fit: AudioFit,
}

impl Track<'_, '_> {
    fn length(&self) -> i64 {
        i64::try_from(self.plan.frames() * AAC_FRAME).unwrap_or(i64::MAX)
    }

    /// Takes sound that belongs at sample `at`, or right after what came before it.
    fn take(&mut self, at: Option<i64>, sound: &Stereo) -> Result<(), MediaError> {
        let lag = at.unwrap_or(self.taken).saturating_sub(self.taken);
        // The very first sample is placed exactly; after it, jitter is not worth a click.
        let tolerance = if self.taken == 0 { 0 } else { TOLERANCE };
        if lag > tolerance {
            self.silence(lag)?;
        }
        let late = if lag < -tolerance { lag.unsigned_abs() } else { 0 };
        let length = sound.left.len().min(sound.right.len());
        let skip = usize::try_from(late).unwrap_or(usize::MAX).min(length);
        let room = usize::try_from(self.length() - self.taken).unwrap_or(0);
        let end = length.min(skip.saturating_add(room));
        self.fit.cut += (skip + length - end) as u64;
        self.pending.left.extend_from_slice(&sound.left[skip..end]);
        self.pending.right.extend_from_slice(&sound.right[skip..end]);
        self.taken += i64::try_from(end - skip).unwrap_or(0);
        self.encode_whole_frames()
    }

    fn silence(&mut self, samples: i64) -> Result<(), MediaError> {
        let mut left = samples.min(self.length() - self.taken).max(0);
        self.fit.silence += left.unsigned_abs();
        while left > 0 {
            // A bounded piece at a time: a gap of hours must not take memory for hours.
            let piece = left.min(1 << 16);
            let length = usize::try_from(piece).unwrap_or(0);
            self.pending.left.resize(self.pending.left.len() + length, 0.0);
            self.pending.right.resize(self.pending.right.len() + length, 0.0);
            self.taken += piece;
            left -= piece;
            self.encode_whole_frames()?;
        }
        Ok(())
    }

    fn encode_whole_frames(&mut self) -> Result<(), MediaError> {
        let size = usize::try_from(AAC_FRAME).unwrap_or(1024);
        let whole = self.pending.left.len() / size * size;
        for start in (0..whole).step_by(size) {
            let (left, right) =
                (&self.pending.left[start..start + size], &self.pending.right[start..start + size]);
            self.aac.encode(left, right, &mut self.writer)?;
        }
        self.pending.left.drain(..whole);
        self.pending.right.drain(..whole);
        Ok(())
    }

    fn finish(mut self) -> Result<EncodedAudio, MediaError> {
        self.silence(self.length() - self.taken)?;
        self.aac.finish(&mut self.writer)?;
        self.writer.finish(self.fit)
    }
}

struct AacEncoder {
    encoder: encoder::Audio,
    packet: Packet,
    next_pts: i64,
}

impl AacEncoder {
    fn open(plan: &AudioPlan, kbps: u32) -> Result<Self, MediaError> {
        let codec = encoder::find(Id::AAC)
            .ok_or(Error::EncoderNotFound)
            .map_err(MediaError::ffmpeg("finding the AAC encoder"))?;
        let mut context = codec::Context::new_with_codec(codec);
        context.set_flags(Flags::GLOBAL_HEADER | Flags::BITEXACT);
        let mut audio = context.encoder().audio().map_err(MediaError::ffmpeg("preparing AAC"))?;
        let rate = i32::try_from(plan.sample_rate).unwrap_or(i32::MAX);
        audio.set_rate(rate);
        audio.set_format(PLANAR);
        audio.set_channel_layout(ChannelLayout::STEREO);
        audio.set_bit_rate(usize::try_from(kbps).unwrap_or(128) * 1000);
        audio.set_time_base(Rational(1, rate));
        let encoder = audio
            .open_as_with(codec, Dictionary::new())
            .map_err(MediaError::ffmpeg("opening AAC"))?;
        Ok(Self { encoder, packet: Packet::empty(), next_pts: 0 })
    }

    fn config(&self) -> Vec<u8> {
        ffi::extradata(&self.encoder).to_vec()
    }

    fn encode(
        &mut self,
        left: &[f32],
        right: &[f32],
        writer: &mut AudioWriter<'_>,
    ) -> Result<(), MediaError> {
        let mut frame = frame::Audio::new(PLANAR, left.len(), ChannelLayout::STEREO);
        frame.set_rate(self.encoder.rate());
        frame.plane_mut(0).copy_from_slice(left);
        frame.plane_mut(1).copy_from_slice(right);
        frame.set_pts(Some(self.next_pts));
        self.next_pts += i64::try_from(left.len()).unwrap_or(0);
        self.encoder.send_frame(&frame).map_err(MediaError::ffmpeg("encoding audio"))?;
        self.receive(writer)
    }

    fn finish(&mut self, writer: &mut AudioWriter<'_>) -> Result<(), MediaError> {
        self.encoder.send_eof().map_err(MediaError::ffmpeg("finishing AAC"))?;
        self.receive(writer)
    }

    fn receive(&mut self, writer: &mut AudioWriter<'_>) -> Result<(), MediaError> {
        loop {
            match self.encoder.receive_packet(&mut self.packet) {
                // The encoder's first frame, before time 0, only primes a decoder. Without it no edit list is needed, and the first 1024
                // samples fade in.
                Ok(()) if self.packet.pts().is_some_and(|pts| pts < 0) => {}
                Ok(()) => writer.push(self.packet.data().unwrap_or_default())?,
                Err(Error::Eof | Error::Other { errno: ffmpeg_next::error::EAGAIN }) => {
                    return Ok(());
                }
                Err(error) => return Err(MediaError::ffmpeg("encoding audio")(error)),
            }
        }
    }
}
