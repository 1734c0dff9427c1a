//! What can be wrong with a CMAF file, or with a request to write one.

use mp4_atom::FourCC;

/// Why a CMAF segment could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CmafError {
    /// A value does not fit in the field that the format has for it.
    #[error("box {kind} cannot hold what is to be written")]
    Unwritable {
        /// The outermost box being written.
        kind: FourCC,
        /// The field's complaint.
        #[source]
        source: mp4_atom::Error,
    },
    /// The decoder configuration (avcC, `AudioSpecificConfig`) is empty.
    #[error("decoder configuration is empty")]
    NoDecoderConfiguration,
    /// A fragment or a GOP without samples was asked for.
    #[error("there is no sample to write")]
    NoSamples,
    /// A sequence number, size or offset left the 32 bits that the format has for it.
    #[error("{0} does not fit in 32 bits")]
    TooLarge(&'static str),
    /// A sample of a GOP is presented before the GOP's IDR, or at the time of another sample.
    #[error("presentation time {0} precedes its IDR or occurs twice in one closed GOP")]
    PresentationTime(u64),
    /// The end of a GOP does not come after its last sample.
    #[error("GOP ends at {end}, not after its last presentation time {last}")]
    GopEnd {
        /// Where the GOP was said to end.
        end: u64,
        /// Its largest presentation time.
        last: u64,
    },

    /// A box's size is less than its header, or more than is left of what holds it.
    #[error("box {kind} at byte {offset} of its parent has an impossible size")]
    BoxSize {
        /// Type of the box; zeros where not even the header is complete.
        kind: FourCC,
        /// Start of the box, in bytes from the start of its parent's payload.
        offset: usize,
    },
    /// A box that must be there is not.
    #[error("box {0} is missing")]
    MissingBox(FourCC),
    /// A box that must be there once is there again.
    #[error("box {0} occurs more than once")]
    DuplicateBox(FourCC),
    /// A box's content is not what its type prescribes.
    #[error("content of box {kind} is invalid")]
    Malformed {
        /// Type of the box.
        kind: FourCC,
        /// What the parser found.
        #[source]
        source: mp4_atom::Error,
    },
    /// A box has content that is legal, but not in CMAF, or not in what is published here.
    #[error("box {kind} {problem}")]
    Unsupported {
        /// Type of the box.
        kind: FourCC,
        /// What is unusual, as a verb phrase.
        problem: &'static str,
    },
    /// The sample entry is neither AVC nor AAC.
    #[error("sample entry {0} is neither AVC (avc1, avc3) nor AAC (mp4a)")]
    SampleEntry(FourCC),
    /// A fragment belongs to a track that the init segment does not have.
    #[error("fragment is of track {found}, the init segment has track {expected}")]
    Track {
        /// Track id in `tfhd`.
        found: u32,
        /// Track id in the init segment.
        expected: u32,
    },
    /// A segment has more samples than any segment has use for.
    #[error("segment has more than {max} samples", max = super::MAX_SAMPLES)]
    TooManySamples,
    /// A sample's data is not within the `mdat` of its fragment.
    #[error("data of sample {index} of fragment {sequence_number} is not within its mdat")]
    SampleData {
        /// Sequence number of the fragment.
        sequence_number: u32,
        /// Index of the sample in the fragment.
        index: usize,
    },
    /// A time in the file is outside of what signed 64 bits hold.
    #[error("a time in box {0} is out of range")]
    TimeRange(FourCC),
}
