//! All that touches FFmpeg: finding a recording's frames, encoding one chunk, fitting the audio, checking what was published.
//!
//! It knows codecs, pixels and boxes. It must never know queues, stores, AWS or async: every function here is synchronous and
//! single-threaded, and runs in a child process that may be killed at any time. A child reads one recording, writes into one directory
//! and returns a value of [`job`]'s types.
//!
//! # Layout
//!
//! - [`container`]: which container a file is, by its bytes.
//! - [`input`]: packets of a recording in file order; FLV by our own walker, the rest by libavformat.
//! - [`index`]: one pass over all packets.
//! - [`chunk`]: decode once, deinterlace ([`deinterlace`]), convert colours ([`colour`]), turn upright ([`upright`]), scale in a cascade ([`scale`]), encode every rung ([`encode`]), write CMAF segments ([`rendition`]).
//! - [`audio`]: the audio rendition, once for the whole recording.
//! - [`pictures`]: storyboard and poster, from some keyframes.
//! - [`cmaf`]: ISO base media boxes, written and read.
//! - [`verify`]: what a published presentation really holds.
//!
//! The end of a stream is not an error, and no error of libav is taken for the end of a stream: every drain loop tells the two apart.

pub mod audio;
pub mod chunk;
pub mod cmaf;
mod codec;
pub mod colour;
pub mod container;
mod cpu;
pub mod decode;
pub mod deinterlace;
pub mod encode;
pub mod error;
mod ffi;
pub mod index;
pub mod input;
pub mod pictures;
pub mod rendition;
pub mod scale;
pub mod upright;
pub mod verify;

pub use error::MediaError;

/// Prepares FFmpeg for this process: its own log lines are silenced, because what it has to say is returned as typed errors.
///
/// # Errors
/// If the libraries cannot be initialised.
pub fn init() -> Result<(), MediaError> {
    ffmpeg_next::init().map_err(MediaError::ffmpeg("initialising the libraries"))?;
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet);
    Ok(())
}

/// Versions of the linked libraries and whether libx264 is among their encoders, for `transcoder doctor`.
#[must_use]
pub fn versions() -> Vec<(&'static str, String)> {
    let version = |number: u32| format!("{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
    vec![
        ("libavcodec", version(ffmpeg_next::codec::version())),
        ("libavformat", version(ffmpeg_next::format::version())),
        ("libx264", if encode::available() { "present" } else { "missing" }.to_owned()),
    ]
}
