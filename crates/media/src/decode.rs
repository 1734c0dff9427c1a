//! Decoding with one thread, where damage is counted and never fatal.

use ffmpeg_next::codec::{self, decoder, threading};
use ffmpeg_next::{Error, Packet, frame};

use crate::MediaError;
use crate::input::{AudioPacket, VideoPacket};

/// Takes decoded pictures with their presentation time. A sink may swap the frame for another to keep it.
pub type VideoSink<'a> = dyn FnMut(&mut frame::Video, i64) -> Result<(), MediaError> + 'a;
/// Takes decoded sound with its presentation time, if that is known. A sink may complete what the decoder left open, as the layout.
pub type AudioSink<'a> = dyn FnMut(&mut frame::Audio, Option<i64>) -> Result<(), MediaError> + 'a;

/// A video decoder.
pub struct VideoDecoder {
    decoder: decoder::Video,
    frame: frame::Video,
    errors: u32,
}

impl VideoDecoder {
    /// Opens a decoder.
    ///
    /// # Errors
    /// If the codec configuration is not one.
    pub fn open(mut context: codec::Context) -> Result<Self, MediaError> {
        context.set_threading(threading::Config { count: 1, ..threading::Config::default() });
        let decoder = context.decoder().video().map_err(|error| match error {
            Error::InvalidData => MediaError::Refused(
                "the recording's video configuration is damaged: no decoder opens with it"
                    .to_owned(),
            ),
            other => MediaError::ffmpeg("opening the video decoder")(other),
        })?;
        Ok(Self { decoder, frame: frame::Video::empty(), errors: 0 })
    }

    /// Feeds one packet; `sink` gets each frame that comes out, with its presentation time.
    ///
    /// # Errors
    /// Those of `sink`, and of the library beyond damaged input.
    pub fn decode(
        &mut self,
        packet: &VideoPacket<'_>,
        sink: &mut VideoSink<'_>,
    ) -> Result<(), MediaError> {
        let mut coded = Packet::copy(packet.data);
        coded.set_pts(Some(packet.pts));
        coded.set_dts(Some(packet.dts));
        match self.decoder.send_packet(&coded) {
            Ok(()) | Err(Error::Eof) => {}
            Err(error) => self.count(error)?,
        }
        self.receive(sink)
    }

    /// Takes out what the decoder still holds back. Nothing can be decoded after it.
    ///
    /// # Errors
    /// As [`VideoDecoder::decode`].
    pub fn finish(&mut self, sink: &mut VideoSink<'_>) -> Result<(), MediaError> {
        match self.decoder.send_eof() {
            Ok(()) | Err(Error::Eof) => self.receive(sink),
            Err(error) => Err(MediaError::ffmpeg("finishing the video decoder")(error)),
        }
    }

    fn receive(&mut self, sink: &mut VideoSink<'_>) -> Result<(), MediaError> {
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => {}
                Err(Error::Eof | Error::Other { errno: ffmpeg_next::error::EAGAIN }) => {
                    return Ok(());
                }
                Err(Error::InvalidData) => {
                    self.errors += 1;
                    continue;
                }
                // Whatever else it is, asking again may give the same for ever; the next packet may not.
                Err(error) => return self.count(error),
            }
            if self.frame.has_decode_errors() || self.frame.is_corrupt() {
                self.errors += 1;
            }
            if let Some(time) = self.frame.pts() {
                sink(&mut self.frame, time)?;
            }
        }
    }

    /// Decoders answer damage with many different errors; only one of them says nothing about the input.
    fn count(&mut self, error: Error) -> Result<(), MediaError> {
        if error == (Error::Other { errno: ffmpeg_next::error::ENOMEM }) {
            return Err(MediaError::ffmpeg("decoding video")(error));
        }
        self.errors += 1;
        Ok(())
    }

    /// Packets that were refused and frames that came out damaged, so far.
    #[must_use]
    pub fn errors(&self) -> u32 {
        self.errors
    }
}

/// An audio decoder.
pub struct AudioDecoder {
    decoder: decoder::Audio,
    frame: frame::Audio,
    errors: u64,
}

impl AudioDecoder {
    /// Opens a decoder.
    ///
    /// # Errors
    /// If the codec configuration is not one.
    pub fn open(mut context: codec::Context) -> Result<Self, MediaError> {
        context.set_threading(threading::Config { count: 1, ..threading::Config::default() });
        let decoder = context.decoder().audio().map_err(|error| match error {
            Error::Other { errno: ffmpeg_next::error::ENOMEM } => {
                MediaError::ffmpeg("opening the audio decoder")(error)
            }
            // Of what it does not know a decoder says that it is invalid, not implemented, or welcome as a patch.
            _ => MediaError::Refused(
                "the recording's audio configuration is damaged: no decoder opens with it"
                    .to_owned(),
            ),
        })?;
        Ok(Self { decoder, frame: frame::Audio::empty(), errors: 0 })
    }

    /// Feeds one packet, or the end of the stream; `sink` gets each frame that comes out, with its presentation time if it is known.
    ///
    /// # Errors
    /// Those of `sink`, and of the library beyond damaged input.
    pub fn decode(
        &mut self,
        packet: Option<&AudioPacket<'_>>,
        sink: &mut AudioSink<'_>,
    ) -> Result<(), MediaError> {
        let sent = match packet {
            None => self.decoder.send_eof(),
            Some(packet) => {
                let mut coded = Packet::copy(packet.data);
                coded.set_pts(Some(packet.pts));
                self.decoder.send_packet(&coded)
            }
        };
        match sent {
            Ok(()) | Err(Error::Eof | Error::Other { errno: ffmpeg_next::error::EAGAIN }) => {}
            Err(error) => self.count(error)?,
        }
        loop {
            match self.decoder.receive_frame(&mut self.frame) {
                Ok(()) => {
                    let pts = self.frame.pts();
                    sink(&mut self.frame, pts)?;
                }
                Err(Error::Eof | Error::Other { errno: ffmpeg_next::error::EAGAIN }) => {
                    return Ok(());
                }
                Err(error) => self.count(error)?,
            }
        }
    }

    /// Counts what is the packet's fault: decoders say so in many ways, AAC with `EPERM` and `AVERROR_PATCHWELCOME` too.
    fn count(&mut self, error: Error) -> Result<(), MediaError> {
        if matches!(error, Error::Other { errno: ffmpeg_next::error::ENOMEM }) {
            return Err(MediaError::ffmpeg("decoding audio")(error));
        }
        self.errors += 1;
        Ok(())
    }

    /// Packets that were refused, so far.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors
    }
}
