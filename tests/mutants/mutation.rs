//! Damage to FLV files: what networks, disks, killed recorders and hostile hands leave. The same seed does the same damage.

use std::fmt;
use std::ops::Range;

use fastrand::Rng;

use crate::support::flv::{AUDIO, HEADER, VIDEO, tags};

/// Bytes of a tag before its body (FLV specification, annex E.4.1).
const TAG_HEADER: usize = 11;
/// What a disk loses at a time.
const SECTOR: usize = 512;

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    BitFlips,
    Truncation,
    Noise,
    Zeros,
    TagSize,
    Timestamp,
    ExtendedTimestamp,
    TagType,
    StreamId,
    PreviousTagSize,
    BodyHeader,
    SliceDropped,
    SliceDuplicated,
    Concatenation,
    SequenceHeaderMoved,
    SequenceHeaderRepeated,
}

const CLASSES: [Class; 16] = [
    Class::BitFlips,
    Class::Truncation,
    Class::Noise,
    Class::Zeros,
    Class::TagSize,
    Class::Timestamp,
    Class::ExtendedTimestamp,
    Class::TagType,
    Class::StreamId,
    Class::PreviousTagSize,
    Class::BodyHeader,
    Class::SliceDropped,
    Class::SliceDuplicated,
    Class::Concatenation,
    Class::SequenceHeaderMoved,
    Class::SequenceHeaderRepeated,
];

/// A damaged recording.
pub struct Mutant {
    pub seed: u64,
    pub class: Class,
    /// Which of the originals it was.
    pub original: usize,
    pub bytes: Vec<u8>,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mutant {}, {:?} in original {}", self.seed, self.class, self.original)
    }
}

impl Mutant {
    /// Classes take turns, so that any run of seeds has all of them.
    pub fn new(seed: u64, originals: &[Vec<u8>]) -> Self {
        let mut rng = Rng::with_seed(seed);
        let class = CLASSES[usize::try_from(seed % 16).expect("it is below 16")];
        loop {
            let original = rng.usize(..originals.len());
            let whole = &originals[original];
            let bytes = damaged(whole, class, originals, &mut rng);
            // Some damage finds nothing to do, as to an order that is the same when turned.
            if bytes != *whole {
                return Self { seed, class, original, bytes };
            }
        }
    }
}

fn damaged(whole: &[u8], class: Class, originals: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match class {
        Class::BitFlips => {
            for _ in 0..1 << rng.u32(0..8) {
                let at = rng.usize(..bytes.len());
                bytes[at] ^= 1 << rng.u32(..8);
            }
        }
        Class::Truncation => bytes.truncate(rng.usize(..bytes.len())),
        Class::Noise => {
            let sectors = sectors(whole, rng);
            rng.fill(&mut bytes[sectors]);
        }
        Class::Zeros => bytes[sectors(whole, rng)].fill(0),
        Class::TagSize => fields(&mut bytes, 1..4, rng),
        Class::Timestamp => fields(&mut bytes, 4..7, rng),
        Class::ExtendedTimestamp => fields(&mut bytes, 7..8, rng),
        Class::TagType => types(&mut bytes, rng),
        Class::StreamId => fields(&mut bytes, 8..11, rng),
        Class::PreviousTagSize => previous_sizes(&mut bytes, rng),
        Class::BodyHeader => fields(&mut bytes, TAG_HEADER..TAG_HEADER + 5, rng),
        Class::SliceDropped => drop(bytes.drain(slice(whole, rng))),
        Class::SliceDuplicated => {
            let copied = whole[slice(whole, rng)].to_vec();
            let at = slice(whole, rng).start;
            bytes.splice(at..at, copied);
        }
        Class::Concatenation => {
            if rng.bool() {
                bytes.truncate(slice(whole, rng).end);
            }
            bytes.extend_from_slice(&originals[rng.usize(..originals.len())]);
        }
        Class::SequenceHeaderMoved => sequence_header(&mut bytes, true, rng),
        Class::SequenceHeaderRepeated => sequence_header(&mut bytes, false, rng),
    }
    bytes
}

/// One to four sectors somewhere.
fn sectors(whole: &[u8], rng: &mut Rng) -> Range<usize> {
    let start = rng.usize(..whole.len());
    start..whole.len().min(start + rng.usize(1..=4) * SECTOR)
}

/// Some bytes, or some whole tags with the sizes that follow them.
fn slice(whole: &[u8], rng: &mut Rng) -> Range<usize> {
    if rng.bool() {
        let start = rng.usize(..whole.len());
        return start..rng.usize(start..=whole.len().min(start + 20_000));
    }
    let tags = tags(whole);
    let first = rng.usize(..tags.len());
    let last = rng.usize(first..tags.len().min(first + 60));
    tags[first].1.start..whole.len().min(tags[last].1.end + 4)
}

/// Up to eight of the tags.
fn some_tags(bytes: &[u8], rng: &mut Rng) -> Vec<Range<usize>> {
    let tags = tags(bytes);
    (0..rng.usize(1..=8)).map(|_| tags[rng.usize(..tags.len())].1.clone()).collect()
}

/// Changes a field of some tags, a number of up to five bytes, to what is near it, to an extreme, or to anything.
fn fields(bytes: &mut [u8], field: Range<usize>, rng: &mut Rng) {
    for tag in some_tags(bytes, rng) {
        let Some(field) = bytes.get_mut(tag.start + field.start..tag.start + field.end) else {
            continue;
        };
        match rng.u32(..4) {
            0 => field.fill(0),
            1 => field.fill(0xff),
            2 => rng.fill(field),
            _ => {
                let last = field.len() - 1;
                field[last] = field[last].wrapping_add(rng.u8(..));
            }
        }
    }
}

/// Turns tags into others: audio to video, metadata, encrypted, and what no specification knows.
fn types(bytes: &mut [u8], rng: &mut Rng) {
    for tag in some_tags(bytes, rng) {
        let kinds = [AUDIO, VIDEO, 18, bytes[tag.start] | 0x20, 0, rng.u8(..)];
        bytes[tag.start] = kinds[rng.usize(..kinds.len())];
    }
}

fn previous_sizes(bytes: &mut [u8], rng: &mut Rng) {
    for tag in some_tags(bytes, rng) {
        let size = bytes.len().min(tag.end + 4);
        rng.fill(&mut bytes[tag.end..size]);
    }
}

/// Puts a sequence header (codec configuration) somewhere else, or there as well.
fn sequence_header(bytes: &mut Vec<u8>, moved: bool, rng: &mut Rng) {
    let all = tags(bytes);
    let is_header = |(kind, range): &&(u8, Range<usize>)| {
        matches!(*kind, AUDIO | VIDEO) && bytes.get(range.start + TAG_HEADER + 1) == Some(&0)
    };
    let headers: Vec<_> = all.iter().filter(is_header).map(|(_, range)| range.clone()).collect();
    if headers.is_empty() {
        return;
    }
    let header = headers[rng.usize(..headers.len())].clone();
    let with_size = header.start..header.end + 4;
    let copy = bytes[with_size.clone()].to_vec();
    let at = all[rng.usize(..all.len())].1.start.max(HEADER.len());
    // What stands behind is moved first, so that the places before it stay.
    if at >= with_size.end {
        bytes.splice(at..at, copy);
        if moved {
            bytes.drain(with_size);
        }
    } else {
        if moved {
            bytes.drain(with_size);
        }
        bytes.splice(at..at, copy);
    }
}
