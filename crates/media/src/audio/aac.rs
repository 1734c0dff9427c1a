//! FFmpeg's AAC encoder, stereo AAC-LC.

use ffmpeg_next::channel_layout::ChannelLayout;
use ffmpeg_next::codec::{self, Flags, Id, encoder};
use ffmpeg_next::{Dictionary, Error, Packet, Rational};

use super::convert::{PLANAR, allocate};
use super::writer::AudioWriter;
use crate::{MediaError, ffi};

pub(super) struct AacEncoder {
    encoder: encoder::Audio,
    packet: Packet,
    next_pts: i64,
}

impl AacEncoder {
    pub(super) fn open(sample_rate: u32, kbps: u32) -> Result<Self, MediaError> {
        let codec = encoder::find(Id::AAC)
            .ok_or(Error::EncoderNotFound)
            .map_err(MediaError::ffmpeg("finding the AAC encoder"))?;
        let mut context = codec::Context::new_with_codec(codec);
        context.set_flags(Flags::GLOBAL_HEADER | Flags::BITEXACT);
        let mut audio = context.encoder().audio().map_err(MediaError::ffmpeg("preparing AAC"))?;
        let rate = i32::try_from(sample_rate).unwrap_or(i32::MAX);
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

    pub(super) fn config(&self) -> Vec<u8> {
        ffi::extradata(&self.encoder).to_vec()
    }

    /// Samples that were encoded.
    #[cfg(test)]
    pub(super) fn samples(&self) -> i64 {
        self.next_pts
    }

    /// Encodes one frame, as many samples left as right. What comes out lags by two frames.
    pub(super) fn encode(
        &mut self,
        left: &[f32],
        right: &[f32],
        writer: &mut AudioWriter<'_>,
    ) -> Result<(), MediaError> {
        let mut frame = allocate(left.len())?;
        frame.set_rate(self.encoder.rate());
        frame.plane_mut(0).copy_from_slice(left);
        frame.plane_mut(1).copy_from_slice(right);
        frame.set_pts(Some(self.next_pts));
        self.next_pts += i64::try_from(left.len()).unwrap_or(0);
        self.encoder.send_frame(&frame).map_err(MediaError::ffmpeg("encoding audio"))?;
        self.receive(writer)
    }

    pub(super) fn finish(&mut self, writer: &mut AudioWriter<'_>) -> Result<(), MediaError> {
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

#[cfg(test)]
mod tests {
    use job::report::AudioFit;

    use super::*;
    use crate::audio::fixture::{loud, plan, sound, tone};

    #[test]
    fn the_priming_frame_is_dropped_once() {
        let output = tempfile::tempdir().unwrap();
        let plan = plan(12);
        let mut progress = |_| {};
        let mut aac = AacEncoder::open(48_000, 128).unwrap();
        let mut writer =
            AudioWriter::new(&plan, &aac.config(), output.path(), &mut progress).unwrap();
        let (tone, zeros) = (tone(1024), [0.0; 1024]);
        for frame in 0..12 {
            let (left, right) = if frame == 5 {
                (&tone.left[..], &tone.right[..])
            } else {
                (&zeros[..], &zeros[..])
            };
            aac.encode(left, right, &mut writer).unwrap();
            // Nothing more may be lost, nor the priming frame be kept: frame n is out once n + 2 is in.
            let written = 1024 * (frame - 1_i64).max(0);
            assert_eq!(writer.position(), written, "after frame {frame}");
        }
        aac.finish(&mut writer).unwrap();
        assert!(writer.is_full(), "every frame came out");
        let encoded = writer.finish(AudioFit::default()).unwrap();
        assert_eq!(loud(&sound(output.path(), &encoded)), [5]);
    }
}
