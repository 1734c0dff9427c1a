//! Stereo AAC-LC, copied frame by frame onto the sample grid. Each frame is decoded as well: one that is damaged would be a noise, or the end
//! of the sound, in a player; silence takes its place.

use std::path::Path;

use job::plan::{AAC_FRAME, AudioPlan};
use job::report::{AudioFit, EncodedAudio};

use super::samples_at;
use super::timeline::Timeline;
use super::writer::AudioWriter;
use crate::MediaError;
use crate::decode::AudioDecoder;
use crate::input::{AudioPacket, Event, Input};

/// One frame of silence, stereo AAC-LC at any rate: a channel pair with no spectral data (the same bytes that hls.js inserts).
pub(super) const SILENCE: [u8; 9] = [33, 0, 73, 144, 2, 25, 0, 35, 128];

/// How far a frame may lie from its place on the grid, in samples. Times in milliseconds jitter by 48; beyond three quarters of a frame a
/// frame is missing or too many.
const TOLERANCE: i64 = 768;
const FRAME: i64 = AAC_FRAME.cast_signed();

pub(super) fn copy(
    mut input: Input,
    plan: &AudioPlan,
    output: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<EncodedAudio, MediaError> {
    let config = first_config(&mut input)?;
    let mut writer = AudioWriter::new(plan, &config, output, progress)?;
    let mut fit = AudioFit::default();
    let mut timescale = input.audio().map_or(1, |audio| audio.timescale);
    let mut timeline = Timeline::new(plan.sample_rate);
    let mut decoder = AudioDecoder::open(input.audio_decoder(&config)?)?;
    loop {
        match input.next_event()? {
            None => break,
            Some(Event::Audio(packet)) => {
                let at = samples_at(plan, packet.pts, timescale);
                let frame = if decodes(&mut decoder, &packet)? { packet.data } else { &SILENCE };
                if let Some((at, former)) = timeline.push(Some(at), FRAME, frame.to_vec()) {
                    place(&mut writer, at, &former, &mut fit)?;
                }
            }
            Some(_) => timescale = input.audio().map_or(timescale, |audio| audio.timescale),
        }
    }
    if let Some((at, last)) = timeline.finish() {
        place(&mut writer, at, &last, &mut fit)?;
    }
    while !writer.is_full() {
        writer.push(&SILENCE)?;
        fit.silence += AAC_FRAME;
    }
    fit.errors = decoder.errors();
    writer.finish(fit)
}

/// True if nothing is wrong with a frame.
fn decodes(decoder: &mut AudioDecoder, packet: &AudioPacket<'_>) -> Result<bool, MediaError> {
    let before = decoder.errors();
    decoder.decode(Some(packet), &mut |_, _| Ok(()))?;
    Ok(decoder.errors() == before)
}

fn first_config(input: &mut Input) -> Result<Vec<u8>, MediaError> {
    while let Some(event) = input.next_event()? {
        if let Event::AudioConfig(bytes) = event {
            return Ok(bytes.to_vec());
        }
    }
    Err(MediaError::PlanMismatch("it has no audio configuration".to_owned()))
}

/// Puts a frame that belongs at sample `at` where it belongs: silence before it where frames are missing, nothing where the place is
/// taken or lies outside of the presentation.
fn place(
    writer: &mut AudioWriter<'_>,
    at: i64,
    frame: &[u8],
    fit: &mut AudioFit,
) -> Result<(), MediaError> {
    while at.saturating_sub(writer.position()) > TOLERANCE && !writer.is_full() {
        writer.push(&SILENCE)?;
        fit.silence += AAC_FRAME;
    }
    // The first frame goes where it is nearest; later ones may be early by the tolerance before they count as twice there.
    let earliest = if writer.position() == 0 { 512 } else { TOLERANCE };
    let early = writer.position().saturating_sub(at) > earliest;
    if early && at >= 0 {
        fit.overlap += AAC_FRAME;
        return Ok(());
    }
    if early || writer.is_full() {
        fit.cut += AAC_FRAME;
        return Ok(());
    }
    writer.push(frame)
}

#[cfg(test)]
mod tests {
    use ffmpeg_next::codec::Id;

    use super::*;
    use crate::audio::fixture::{CONFIG, decode, frames, plan};
    use crate::codec::decoder_context;

    /// Copies frames of one byte, their number, to their times; what stands in the rendition then, silence as 0.
    fn placed(times: &[i64]) -> (Vec<u8>, AudioFit) {
        let output = tempfile::tempdir().unwrap();
        let plan = plan(4);
        let mut progress = |_| {};
        let mut writer = AudioWriter::new(&plan, &CONFIG, output.path(), &mut progress).unwrap();
        let mut fit = AudioFit::default();
        for (number, at) in (1_u8..).zip(times) {
            place(&mut writer, *at, &[number], &mut fit).unwrap();
        }
        while !writer.is_full() {
            writer.push(&SILENCE).unwrap();
        }
        let encoded = writer.finish(fit).unwrap();
        let frames = frames(output.path(), &encoded);
        let numbers = frames.iter().map(|frame| if *frame == SILENCE { 0 } else { frame[0] });
        (numbers.collect(), encoded.fit)
    }

    #[test]
    fn frames_go_where_they_belong() {
        const F: i64 = 1024;
        for (what, times, expected, (silence, cut, overlap)) in [
            ("as they are", vec![0, F, 2 * F, 3 * F], [1, 2, 3, 4], (0, 0, 0)),
            ("jitter", vec![48, F - 48, 2 * F + 700, 3 * F - 700], [1, 2, 3, 4], (0, 0, 0)),
            ("the first is nearest to 0", vec![-512, 512, 1536], [1, 2, 3, 0], (0, 0, 0)),
            ("the first is before 0", vec![-513, 511, 1535], [2, 3, 0, 0], (0, 1, 0)),
            ("late", vec![769, F + 769], [0, 1, 2, 0], (1, 0, 0)),
            ("not late", vec![768, F + 768], [1, 2, 0, 0], (0, 0, 0)),
            ("a gap", vec![0, 3 * F], [1, 0, 0, 2], (2, 0, 0)),
            ("one twice", vec![0, F, F, 2 * F], [1, 2, 4, 0], (0, 0, 1)),
            ("after the end", vec![0, F, 2 * F, 3 * F, 4 * F, F], [1, 2, 3, 4], (0, 1, 1)),
        ] {
            let (frames, fit) = placed(&times);
            assert_eq!(frames, expected, "{what}");
            let frames = |count: u64| count * AAC_FRAME;
            let expected = AudioFit {
                silence: frames(silence),
                cut: frames(cut),
                overlap: frames(overlap),
                errors: 0,
            };
            assert_eq!(fit, expected, "{what}");
        }
    }

    #[test]
    fn a_damaged_frame_is_told_from_a_good_one() {
        crate::init().unwrap();
        let context = decoder_context(Id::AAC, &CONFIG).unwrap();
        let mut decoder = AudioDecoder::open(context).unwrap();
        let mut is_good =
            |data| decodes(&mut decoder, &AudioPacket { pts: 0, offset: 0, data }).unwrap();
        assert!(is_good(&SILENCE));
        assert!(!is_good(&[0xff; 9]));
        assert!(is_good(&SILENCE), "the next one is not to blame");
    }

    #[test]
    fn silence_is_silent() {
        let samples = decode(&CONFIG, &vec![SILENCE.to_vec(); 4]);
        assert_eq!(samples.len(), 4 * 1024);
        assert!(samples.iter().all(|sample| *sample == 0.0));
    }
}
