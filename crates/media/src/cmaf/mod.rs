//! CMAF (ISO/IEC 23000-19): writing and reading the fragmented ISO base media files (ISO/IEC
//! 14496-12) of the HLS output. Bytes in, bytes out: this module knows boxes and times, and must
//! never know `FFmpeg`, files or playlists.
//!
//! One track makes one *init segment* (`ftyp` `moov`) and many *media segments* (`moof` `mdat`
//! pairs, called fragments here). The same input gives the same bytes: there are no dates and no
//! names or versions of software in them.
//!
//! # Timing
//!
//! [`closed_gop`] gives a closed GOP its times. The decode time of the k-th coded sample is the
//! k-th smallest presentation time of the GOP, so the decode time at an IDR *is* its presentation
//! time: `tfdt` agrees with the playlist to the tick, and chunks that were encoded apart join
//! without knowing each other. Only where frames are reordered over a pause is a sample decoded
//! earlier than that, so that it need not be shown before.
//!
//! Decode times so high make some presentation times precede them. All composition offsets are
//! therefore raised by one constant per track, the composition shift, and the edit list of the init
//! segment takes it away again: `presentation = decode + composition offset - shift`. Negative
//! offsets without an edit list are legal (`trun` version 1), but `FFmpeg` (5.1, 9.0) then moves the
//! whole presentation by the largest of them.
//!
//! # What is left out
//!
//! No `styp`: CMAF makes it optional and RFC 8216 (3.3) does not ask for it; a segment is
//! known by its playlist. No `sidx`: the playlist is the index.

mod boxes;
mod error;
mod fragment;
mod init;
mod read_init;
mod read_segment;
mod timing;

#[cfg(test)]
mod tests;

pub use error::CmafError;
pub use fragment::{Keyframe, Sample, SegmentWriter};
pub use init::{AudioInit, Bitrate, Colour, VideoInit};
pub use mp4_atom::FourCC;
pub use read_init::{AudioEntry, Init, Media, SampleDefaults, VideoEntry, read_init};
pub use read_segment::{Fragment, FragmentSample, MAX_SAMPLES, read_segment};
pub use timing::{SampleTiming, closed_gop};

/// The id of the one track in every file that is written here.
const TRACK_ID: u32 = 1;
