//! Encoding one rung with libx264: one thread, capped CRF, IDR pictures where the grid says and nowhere else, the same bytes on every
//! machine of the same architecture.

use ffmpeg_next::codec::{self, Flags, encoder, threading};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, color, frame, picture};
use flv::{AvcConfig, annex_b_to_length_prefixed};
use job::plan::FrameRate;
use job::profile::{AdaptiveQuantization, RungProfile};

use crate::{MediaError, ffi};

const ENCODER: &str = "libx264";

/// True if the linked FFmpeg has libx264.
#[must_use]
pub fn available() -> bool {
    encoder::find_by_name(ENCODER).is_some()
}

/// What an encoder must be told besides its rung.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Ticks per second of presentation times.
    pub timescale: u32,
    /// Frame rate, for rate control only.
    pub frame_rate: FrameRate,
}

/// A coded frame.
#[derive(Clone, Copy, Debug)]
pub struct CodedFrame<'a> {
    /// Presentation time as it was given.
    pub pts: i64,
    /// True for an IDR picture.
    pub sync: bool,
    /// NAL units with four-byte lengths, parameter sets left out.
    pub data: &'a [u8],
}

/// Where coded frames go, in decoding order.
pub type Sink<'a> = dyn FnMut(&AvcConfig, CodedFrame<'_>) -> Result<(), MediaError> + 'a;

/// The encoder of one rung.
pub struct RungEncoder {
    encoder: encoder::Video,
    config: AvcConfig,
    packet: Packet,
    sample: Vec<u8>,
}

impl RungEncoder {
    /// Opens the encoder for pictures like `first`, which tells size and colour.
    ///
    /// # Errors
    /// If there is no libx264, or it refuses the settings.
    pub fn open(
        rung: &RungProfile,
        timing: Timing,
        first: &frame::Video,
    ) -> Result<Self, MediaError> {
        let codec = encoder::find_by_name(ENCODER)
            .ok_or(Error::EncoderNotFound)
            .map_err(MediaError::ffmpeg("finding libx264"))?;
        let mut context = codec::Context::new_with_codec(codec);
        context.set_threading(threading::Config { count: 1, ..threading::Config::default() });
        context.set_flags(Flags::GLOBAL_HEADER);
        let mut video =
            context.encoder().video().map_err(MediaError::ffmpeg("preparing libx264"))?;
        video.set_width(first.width());
        video.set_height(first.height());
        video.set_format(Pixel::YUV420P);
        video.set_aspect_ratio(Rational(1, 1));
        video.set_time_base(Rational(1, positive(timing.timescale)));
        let rate = timing.frame_rate;
        video.set_frame_rate(Some(Rational(positive(rate.numerator), positive(rate.denominator))));
        video.set_colorspace(first.color_space());
        video.set_color_primaries(first.color_primaries());
        video.set_color_transfer_characteristic(first.color_transfer_characteristic());
        video.set_color_range(color::Range::MPEG);
        let encoder = video
            .open_as_with(codec, options(rung))
            .map_err(MediaError::ffmpeg("opening libx264"))?;
        let config = AvcConfig::from_annex_b(ffi::extradata(&encoder)).map_err(|error| {
            MediaError::PlanMismatch(format!("libx264's parameter sets do not read: {error}"))
        })?;
        Ok(Self { encoder, config, packet: Packet::empty(), sample: Vec::new() })
    }

    /// Encodes a frame presented at `pts`, as an IDR picture if `idr`.
    ///
    /// # Errors
    /// Those of `sink` and of the library.
    pub fn encode(
        &mut self,
        picture: &mut frame::Video,
        pts: i64,
        idr: bool,
        sink: &mut Sink<'_>,
    ) -> Result<(), MediaError> {
        picture.set_pts(Some(pts));
        picture.set_kind(if idr { picture::Type::I } else { picture::Type::None });
        self.encoder.send_frame(picture).map_err(MediaError::ffmpeg("encoding video"))?;
        self.receive(sink)
    }

    /// Takes out what the encoder still holds back. Nothing can be encoded after it.
    ///
    /// # Errors
    /// Those of `sink` and of the library.
    pub fn finish(&mut self, sink: &mut Sink<'_>) -> Result<(), MediaError> {
        self.encoder.send_eof().map_err(MediaError::ffmpeg("finishing libx264"))?;
        self.receive(sink)
    }

    fn receive(&mut self, sink: &mut Sink<'_>) -> Result<(), MediaError> {
        loop {
            match self.encoder.receive_packet(&mut self.packet) {
                Ok(()) => {}
                Err(Error::Eof | Error::Other { errno: ffmpeg_next::error::EAGAIN }) => {
                    return Ok(());
                }
                Err(error) => return Err(MediaError::ffmpeg("encoding video")(error)),
            }
            let (Some(pts), Some(data)) = (self.packet.pts(), self.packet.data()) else { continue };
            self.sample.clear();
            annex_b_to_length_prefixed(data, &mut self.sample).map_err(|error| {
                MediaError::PlanMismatch(format!("libx264's output does not read: {error}"))
            })?;
            let frame = CodedFrame { pts, sync: self.packet.is_key(), data: &self.sample };
            sink(&self.config, frame)?;
        }
    }
}

fn positive(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX).max(1)
}

fn options(rung: &RungProfile) -> Dictionary<'static> {
    let mut options = Dictionary::new();
    options.set("preset", rung.preset.name());
    options.set("crf", &rung.crf.to_string());
    options.set("maxrate", &format!("{}k", rung.maxrate_kbps));
    options.set("bufsize", &format!("{}k", rung.bufsize_kbps));
    options.set("forced-idr", "1");
    options.set("x264-params", &parameters(rung));
    options
}

/// What only x264 itself has names for. It comes after the preset and wins over it.
fn parameters(rung: &RungProfile) -> String {
    // cpu-independent: without it the bytes depend on the CPU's features.
    let always = "keyint=infinite:scenecut=0:threads=1:cpu-independent=1".to_owned();
    let chosen = [
        rung.subme.map(|subme| format!("subme={subme}")),
        rung.trellis.map(|trellis| format!("trellis={trellis}")),
        rung.lookahead.map(|frames| format!("mbtree=1:rc-lookahead={frames}")),
        rung.adaptive_quantization.map(|AdaptiveQuantization { mode, percent }| {
            let (ones, hundredths) = (percent / 100, percent % 100);
            format!("aq-mode={mode}:aq-strength={ones}.{hundredths:02}")
        }),
    ];
    [always].into_iter().chain(chosen.into_iter().flatten()).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_rung_come_after_the_preset() {
        let profile = |rung: &str| {
            let text = include_str!("../../job/profiles/reference.toml");
            let text = text.replace("fps_cap = 60", &format!("fps_cap = 60\n{rung}"));
            job::profile::Profile::parse(&text).unwrap().rungs.remove(0)
        };
        let always = "keyint=infinite:scenecut=0:threads=1:cpu-independent=1";
        for (rung, expected) in [
            ("", ""),
            ("subme = 2", ":subme=2"),
            ("trellis = 1\nlookahead = 10", ":trellis=1:mbtree=1:rc-lookahead=10"),
            ("adaptive_quantization = { mode = 2, percent = 50 }", ":aq-mode=2:aq-strength=0.50"),
            ("adaptive_quantization = { mode = 1, percent = 105 }", ":aq-mode=1:aq-strength=1.05"),
        ] {
            assert_eq!(parameters(&profile(rung)), format!("{always}{expected}"));
        }
    }
}
