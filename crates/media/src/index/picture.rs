//! What the video's pictures are: their size, shape and colours.

use std::path::Path;

use flv::{AvcConfig, Sps};
use job::colour::Colour;
use job::source::{Clock, Container, Frame, VideoCodec};

use super::Configs;
use crate::MediaError;
use crate::container::sniff;
use crate::decode::VideoDecoder;
use crate::input::{Event, Input, VideoStream};

pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) aspect: (u32, u32),
    pub(super) rotation: u16,
    pub(super) colour: Colour,
    pub(super) sps: Option<Sps>,
}

pub(super) fn picture(
    stream: VideoStream,
    configs: &Configs,
    frames: &[Frame],
    input: &Input,
    path: &Path,
) -> Result<Picture, MediaError> {
    let config = configs.most_used();
    let sps = (stream.codec == VideoCodec::H264).then(|| sequence_parameter_set(config)).flatten();
    let container = match input {
        Input::Flv(_) => None,
        Input::Demux(demux) => demux.picture(),
    };
    let rotation = container.map_or(0, |(.., rotation)| rotation);
    let colour = match input {
        Input::Flv(_) => Colour::default(),
        Input::Demux(demux) => demux.colour(),
    };
    if let Some(sps) = sps {
        let aspect = sps
            .sample_aspect_ratio()
            .map(|ratio| (u32::from(ratio.width), u32::from(ratio.height)))
            .filter(|(width, height)| *width > 0 && *height > 0)
            .unwrap_or((1, 1));
        return Ok(Picture {
            width: sps.width,
            height: sps.height,
            aspect,
            rotation,
            colour: colour_of(&sps).unwrap_or(colour),
            sps: Some(sps),
        });
    }
    if let Some((width, height, aspect, rotation)) = container {
        return Ok(Picture { width, height, aspect, rotation, colour, sps: None });
    }
    // Codecs that tell their size in the frames only.
    let (width, height) = size_of_first_picture(path, input, frames)?;
    Ok(Picture { width, height, aspect: (1, 1), rotation, colour, sps: None })
}

fn colour_of(sps: &Sps) -> Option<Colour> {
    let colour = sps.vui.as_ref()?.colour?;
    let flv::Colour { primaries, transfer, matrix } = colour;
    Some(Colour { primaries, transfer, matrix })
}

fn sequence_parameter_set(config: &[u8]) -> Option<Sps> {
    let config = AvcConfig::parse(config).or_else(|_| AvcConfig::from_annex_b(config)).ok()?;
    Sps::parse(config.sps().first()?).ok()
}

/// Decodes until a picture comes out.
fn size_of_first_picture(
    path: &Path,
    of: &Input,
    frames: &[Frame],
) -> Result<(u32, u32), MediaError> {
    let container = match of {
        Input::Flv(_) => Container::Flv,
        Input::Demux(_) => sniff(path)?,
    };
    let mut input = Input::open(path, container, &Clock::default())?;
    let mut decoder: Option<VideoDecoder> = None;
    let mut size = None;
    let mut budget = frames.len().min(60);
    while size.is_none() && budget > 0 {
        match input.next_event()? {
            None => break,
            Some(Event::VideoConfig(bytes, _)) => {
                let bytes = bytes.to_vec();
                decoder = Some(VideoDecoder::open(input.video_decoder(&bytes)?)?);
            }
            Some(Event::Video(packet)) => {
                budget -= 1;
                if let Some(decoder) = &mut decoder {
                    decoder.decode(&packet, &mut |frame, _| {
                        size = Some((frame.width(), frame.height()));
                        Ok(())
                    })?;
                }
            }
            Some(_) => {}
        }
    }
    size.ok_or_else(|| MediaError::Refused("no frame of the recording can be decoded".to_owned()))
}
