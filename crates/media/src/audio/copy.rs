//! Stereo AAC-LC, copied frame by frame onto the sample grid.

use std::path::Path;

use job::plan::{AAC_FRAME, AudioPlan};
use job::report::{AudioFit, EncodedAudio};
use job::source::Container;

use super::samples_at;
use super::writer::AudioWriter;
use crate::MediaError;
use crate::input::{Event, Input};

/// One frame of silence, stereo AAC-LC at any rate: a channel pair with no spectral data (the same bytes that hls.js inserts).
pub(super) const SILENCE: [u8; 9] = [33, 0, 73, 144, 2, 25, 0, 35, 128];

/// How far a frame may lie from its place on the grid, in samples. Times in milliseconds jitter by 48; beyond three quarters of a frame a
/// frame is missing or too many.
const TOLERANCE: i64 = 768;

pub(super) fn copy(
    recording: &Path,
    container: Container,
    plan: &AudioPlan,
    output: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<EncodedAudio, MediaError> {
    let mut input = Input::open(recording, container)?;
    let config = first_config(&mut input)?;
    let mut writer = AudioWriter::new(plan, &config, output, progress)?;
    let mut fit = AudioFit::default();
    let mut timescale = input.audio().map_or(1, |audio| audio.timescale);
    loop {
        match input.next_event()? {
            None => break,
            Some(Event::Audio(packet)) => {
                place(&mut writer, samples_at(plan, packet.pts, timescale), packet.data, &mut fit)?;
            }
            Some(_) => timescale = input.audio().map_or(timescale, |audio| audio.timescale),
        }
    }
    while !writer.is_full() {
        writer.push(&SILENCE)?;
        fit.silence += AAC_FRAME;
    }
    writer.finish(fit)
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
    if writer.position().saturating_sub(at) > earliest || writer.is_full() {
        fit.cut += AAC_FRAME;
        return Ok(());
    }
    writer.push(frame)
}
