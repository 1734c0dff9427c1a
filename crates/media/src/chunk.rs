//! One chunk, straight through: read its packets, decode each once, scale in a cascade, encode every rung, write CMAF segments.

use std::path::Path;

use job::plan::{Chunk, Plan, Rung, VideoPlan};
use job::report::{Decoding, EncodedChunk};

use crate::MediaError;
use crate::decode::VideoDecoder;
use crate::input::{Event, Input, VideoPacket};
use crate::rendition::RenditionWriter;

mod cascade;
mod copy;

use cascade::Pictures;
use copy::Copy;
pub use copy::copy_source;

/// Encodes one chunk of `recording` into files in `output`. `progress` hears the number of frames so far.
///
/// # Errors
/// If the recording cannot be read or does not fit the plan, or a library call fails. Damaged frames are counted, not errors.
pub fn encode_chunk(
    recording: &Path,
    plan: &Plan,
    chunk: &Chunk,
    output: &Path,
    progress: &mut dyn FnMut(u32),
) -> Result<EncodedChunk, MediaError> {
    let video = video_of(plan)?;
    let mut input = Input::open_at(recording, plan.container, &plan.clock, &chunk.read)?;
    let mut copy = Copy::of(video, chunk, output);
    let mut pictures = Pictures::new(video, chunk, output, progress);
    let mut decoder = OpenDecoder::default();
    let mut packets = 0;
    let mut open_gop = OpenGop::default();
    while packets < chunk.read.packets {
        // Asked before the event, whose bytes borrow the input.
        let is_annex_b = input.is_annex_b();
        match input.next_event()? {
            None => break,
            Some(Event::VideoConfig(bytes, _)) => {
                copy.configure(bytes);
                let bytes = bytes.to_vec();
                decoder.configure(&input, bytes, &mut pictures)?;
            }
            Some(Event::Video(packet)) => {
                packets += 1;
                copy.push(&packet, video.origin, is_annex_b)?;
                if open_gop.has_all_for(&packet) {
                    decoder.decode(packet, &mut pictures)?;
                }
            }
            Some(Event::AudioConfig(_) | Event::Audio(_)) => {}
        }
    }
    if packets < chunk.read.packets {
        let problem = format!("it ends {} frames early", chunk.read.packets - packets);
        return Err(MediaError::PlanMismatch(problem));
    }
    let errors = decoder.finish(&mut pictures)?;
    let frames = pictures.frames;
    let errors = errors.max(chunk.frames.saturating_sub(frames));
    let copied = copy.finish()?;
    let (encoded, cpu) = pictures.finish()?;
    let renditions = copied.into_iter().chain(encoded).collect();
    Ok(EncodedChunk { chunk: chunk.index, renditions, decoding: Decoding { frames, errors }, cpu })
}

/// Tells pictures that a decoder which starts in an open GOP lacks the references of: those that are presented before the first.
#[derive(Default)]
struct OpenGop {
    first: Option<i64>,
}

impl OpenGop {
    fn has_all_for(&mut self, packet: &VideoPacket<'_>) -> bool {
        let from = if packet.sync { i64::MIN } else { packet.pts };
        packet.pts >= *self.first.get_or_insert(from)
    }
}

/// The decoder in use, replaced where the source's configuration changes.
#[derive(Default)]
struct OpenDecoder {
    decoder: Option<VideoDecoder>,
    config: Vec<u8>,
    errors: u32,
}

impl OpenDecoder {
    fn configure(
        &mut self,
        input: &Input,
        config: Vec<u8>,
        pictures: &mut Pictures<'_, '_>,
    ) -> Result<(), MediaError> {
        if self.decoder.is_some() && self.config == config {
            return Ok(());
        }
        self.flush(pictures)?;
        self.decoder = Some(VideoDecoder::open(input.video_decoder(&config)?)?);
        self.config = config;
        Ok(())
    }

    fn decode(
        &mut self,
        packet: VideoPacket<'_>,
        pictures: &mut Pictures<'_, '_>,
    ) -> Result<(), MediaError> {
        match &mut self.decoder {
            Some(decoder) => decoder.decode(&packet, &mut |frame, pts| pictures.take(frame, pts)),
            None => {
                Err(MediaError::PlanMismatch("a frame stands before any configuration".to_owned()))
            }
        }
    }

    fn flush(&mut self, pictures: &mut Pictures<'_, '_>) -> Result<(), MediaError> {
        if let Some(mut decoder) = self.decoder.take() {
            decoder.finish(&mut |frame, pts| pictures.take(frame, pts))?;
            self.errors += decoder.errors();
        }
        Ok(())
    }

    fn finish(mut self, pictures: &mut Pictures<'_, '_>) -> Result<u32, MediaError> {
        self.flush(pictures)?;
        Ok(self.errors)
    }
}

fn video_of(plan: &Plan) -> Result<&VideoPlan, MediaError> {
    plan.video.as_ref().ok_or_else(|| MediaError::PlanMismatch("the plan has no video".to_owned()))
}

fn writer<'p>(
    video: &'p VideoPlan,
    chunk: &Chunk,
    rung: &'p Rung,
    output: &Path,
) -> RenditionWriter<'p> {
    let grid = video.segments_of(chunk);
    RenditionWriter::new(rung, video.timescale.get(), grid, chunk.first_segment, output)
}
