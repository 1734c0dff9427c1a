//! Poster and sprites: whether they decode, and how large they are.

use ffmpeg_next::codec::Id;
use job::conformance::DecodedPicture;

use crate::MediaError;
use crate::codec::decoder_context;
use crate::decode::VideoDecoder;
use crate::input::VideoPacket;

/// Decodes a JPEG file.
///
/// # Errors
/// If it is not the file that is at fault.
pub(super) fn decode(file: &[u8]) -> Result<DecodedPicture, MediaError> {
    // FFmpeg's decoder goes on where a file ends in the middle of a picture.
    if !(file.starts_with(&[0xff, 0xd8]) && file.ends_with(&[0xff, 0xd9])) {
        return Ok(DecodedPicture::Damaged);
    }
    let mut decoder = VideoDecoder::open(decoder_context(Id::MJPEG, &[])?)?;
    let mut sizes = Vec::new();
    let packet = VideoPacket {
        pts: 0,
        dts: 0,
        offset: 0,
        sync: true,
        recovery_frames: None,
        is_reference: true,
        hidden: false,
        data: file,
    };
    let mut note = |picture: &mut ffmpeg_next::frame::Video, _| {
        sizes.push((picture.width(), picture.height()));
        Ok(())
    };
    decoder.decode(&packet, &mut note)?;
    decoder.finish(&mut note)?;
    match (sizes.as_slice(), decoder.errors()) {
        ([(width, height)], 0) => Ok(DecodedPicture::Whole { width: *width, height: *height }),
        _ => Ok(DecodedPicture::Damaged),
    }
}
