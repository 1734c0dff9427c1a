//! Any other audio: decoded, mixed down to stereo, fitted to the presentation sample by sample, encoded to AAC-LC.

use std::path::Path;

use job::plan::AudioPlan;
use job::report::EncodedAudio;

use super::aac::AacEncoder;
use super::convert::Converter;
use super::samples_at;
use super::track::Track;
use super::writer::AudioWriter;
use crate::MediaError;
use crate::decode::AudioDecoder;
use crate::input::{AudioPacket, Event, Input};

pub(super) fn encode(
    mut input: Input,
    plan: &AudioPlan,
    kbps: u32,
    output: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<EncodedAudio, MediaError> {
    let aac = AacEncoder::open(plan.sample_rate, kbps)?;
    let writer = AudioWriter::new(plan, &aac.config(), output, progress)?;
    let mut track = Track::new(plan, aac, writer);
    let mut source = Source {
        plan,
        decoder: None,
        converter: Converter::new(plan.sample_rate),
        timescale: 1,
        former_errors: 0,
    };
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
    track.take(None, source.converter.finish()?)?;
    track.finish(source.errors())
}

/// The decoder, replaced where the source's configuration changes, and the converter behind it.
struct Source<'p> {
    plan: &'p AudioPlan,
    decoder: Option<AudioDecoder>,
    converter: Converter,
    timescale: u32,
    former_errors: u64,
}

impl Source<'_> {
    fn configure(
        &mut self,
        input: &Input,
        config: &[u8],
        track: &mut Track<'_>,
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
        track: &mut Track<'_>,
    ) -> Result<(), MediaError> {
        let Self { plan, decoder, converter, timescale, .. } = self;
        let Some(decoder) = decoder else { return Ok(()) };
        decoder.decode(packet, &mut |frame, pts| {
            let (before, sound) = converter.convert(frame)?;
            let at = pts.map(|pts| samples_at(plan, pts, *timescale).saturating_sub(before));
            track.take(at, sound)
        })
    }
}
