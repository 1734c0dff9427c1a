//! Decoder contexts made from a codec's name and its configuration bytes.

use ffmpeg_next::Error;
use ffmpeg_next::codec::{self, decoder};

use crate::{MediaError, ffi};

/// A decoder context for a codec with its configuration (empty for codecs that have none), not yet open.
///
/// # Errors
/// If FFmpeg has no such decoder.
pub fn decoder_context(id: codec::Id, config: &[u8]) -> Result<codec::Context, MediaError> {
    let decoder = decoder::find(id)
        .ok_or(Error::DecoderNotFound)
        .map_err(MediaError::ffmpeg("finding a decoder"))?;
    let mut context = codec::Context::new_with_codec(decoder);
    if !config.is_empty() && !ffi::set_extradata(&mut context, config) {
        let no_memory = Error::Other { errno: ffmpeg_next::error::ENOMEM };
        return Err(MediaError::ffmpeg("configuring a decoder")(no_memory));
    }
    Ok(context)
}
