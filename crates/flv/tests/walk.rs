//! Walks over made recordings: whole, cut at every byte, damaged, from slices and from small buffers.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{BufReader, Read, Seek, SeekFrom};

use common::{AUDIO, HEAD, VIDEO, push_tag};
use flv::{End, FlvError, OpenError, TagKind, TagReader};

mod common;

const BODIES: [(u8, u32, &[u8]); 5] = [
    (VIDEO, 0, b"\x17\0\0\0\0configuration"),
    (AUDIO, 0, b"\xaf\0\x11\x90"),
    (VIDEO, 33, b"\x17\x01\0\0\x43keyframe"),
    (AUDIO, 0x0100_0005, b"\xaf\x01sound"),
    (VIDEO, 0x0100_0010, b""),
];

fn recording() -> Vec<u8> {
    let mut file = HEAD.to_vec();
    for (kind, timestamp, body) in BODIES {
        push_tag(&mut file, kind, timestamp, body);
    }
    file
}

/// The offsets of the tags, and of the end.
fn offsets() -> Vec<usize> {
    let mut offsets = vec![HEAD.len()];
    for (_, _, body) in BODIES {
        offsets.push(offsets.last().unwrap() + 15 + body.len());
    }
    offsets
}

type Seen = Vec<(u64, TagKind, u32, Vec<u8>)>;

fn walk<R: std::io::BufRead>(reader: &mut TagReader<R>) -> (Seen, End) {
    let mut seen = Vec::new();
    while let Some(tag) = reader.next_tag().unwrap() {
        assert_eq!(tag.header.data_size as usize, tag.body.len());
        seen.push((tag.offset, tag.header.kind, tag.header.timestamp, tag.body.to_vec()));
    }
    assert!(reader.next_tag().unwrap().is_none(), "an ended walk stays ended");
    (seen, reader.end().unwrap())
}

fn walk_all(file: &[u8]) -> (Seen, End) {
    walk(&mut TagReader::open(file).unwrap().1)
}

fn expected() -> Seen {
    let kind = |kind| {
        if kind == AUDIO { TagKind::Audio } else { TagKind::Video }
    };
    BODIES
        .iter()
        .zip(offsets())
        .map(|((number, time, body), at)| (at as u64, kind(*number), *time, body.to_vec()))
        .collect()
}

#[test]
fn all_tags_come_out_whatever_the_buffer() {
    let file = recording();
    let (header, mut reader) = TagReader::open(&file[..]).unwrap();
    assert!(header.has_audio && header.has_video);
    assert_eq!(walk(&mut reader), (expected(), End::Clean));
    assert_eq!(reader.position(), file.len() as u64);
    assert_eq!(reader.wrong_previous_sizes(), 0);
    for capacity in 1..file.len() {
        let input = BufReader::with_capacity(capacity, &file[..]);
        let got = walk(&mut TagReader::open(input).unwrap().1);
        assert_eq!(got, (expected(), End::Clean), "capacity {capacity}");
    }
}

#[test]
fn a_recording_cut_at_any_byte_gives_its_whole_tags() {
    let file = recording();
    let offsets = offsets();
    for length in HEAD.len()..file.len() {
        // The last four bytes before each offset are a PreviousTagSize, which nothing misses.
        let whole = offsets[1..].iter().filter(|next| **next - 4 <= length).count();
        let start = offsets[whole];
        let want_end = if length <= start {
            End::Clean
        } else {
            let end_of_known =
                if length < start + 11 { start + 11 } else { offsets[whole + 1] - 4 };
            let missing = u32::try_from(end_of_known - length).unwrap();
            End::CutTag { offset: start as u64, missing }
        };
        let want = (expected()[..whole].to_vec(), want_end);
        assert_eq!(walk_all(&file[..length]), want, "cut at {length}");
    }
}

#[test]
fn a_byte_range_is_walked_with_the_files_offsets() {
    let file = recording();
    let offsets = offsets();
    let mut input = BufReader::new(std::io::Cursor::new(&file));
    input.seek(SeekFrom::Start(offsets[2] as u64)).unwrap();
    let range = input.take((offsets[4] - offsets[2]) as u64);
    let got = walk(&mut TagReader::starting_at(range, offsets[2] as u64));
    assert_eq!(got, (expected()[2..4].to_vec(), End::Clean));
}

#[test]
fn garbage_between_tags_ends_the_walk_where_it_starts() {
    let offset = offsets()[2];
    for garbage in [&[0; 40][..], b"\x09\0\0\x01\0\0\0\0\0\0\x01.....", b"#EXTM3U", b"\0"] {
        let file = [&recording()[..offset], garbage].concat();
        let want = (expected()[..2].to_vec(), End::Garbage { offset: offset as u64 });
        assert_eq!(walk_all(&file), want, "{garbage:x?}");
    }
}

#[test]
fn wrong_previous_sizes_are_counted_and_do_no_harm() {
    let mut file = recording();
    for offset in [HEAD.len(), offsets()[3]] {
        file[offset - 1] ^= 0xff;
    }
    let (_, mut reader) = TagReader::open(&file[..]).unwrap();
    assert_eq!(walk(&mut reader), (expected(), End::Clean));
    assert_eq!(reader.wrong_previous_sizes(), 2);
}

#[test]
fn a_header_with_room_after_it_is_followed() {
    let mut file = recording();
    file[8] = 12;
    file.splice(9..9, *b"???");
    let (seen, end) = walk_all(&file);
    assert_eq!((seen.len(), seen[0].0, end), (BODIES.len(), 16, End::Clean));
}

#[test]
fn heads_that_are_none_are_refused() {
    let open = |file: &[u8]| match TagReader::open(file) {
        Err(OpenError::Flv(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(open(b""), FlvError::Empty);
    assert_eq!(open(&[0; 100]), FlvError::HeadZeroed);
    assert_eq!(open(b"FLV\x01"), FlvError::HeaderCut { length: 4 });
    assert_eq!(open(b"FLV\x01\x05\0\0\x01\0tail"), FlvError::HeaderCut { length: 9 });
}

/// An input that gives one byte at a time and is interrupted before each.
struct Interrupted<'a> {
    rest: &'a [u8],
    is_interrupted: bool,
}

impl Read for Interrupted<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let length = self.rest.len().min(1);
        self.rest.read(&mut bytes[..length])
    }
}

#[test]
fn interrupted_reads_are_tried_again() {
    let file = recording();
    let input = BufReader::new(Interrupted { rest: &file, is_interrupted: false });
    let got = walk(&mut TagReader::open(input).unwrap().1);
    assert_eq!(got, (expected(), End::Clean));
}

#[test]
fn an_input_that_fails_is_an_error_and_not_an_end() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let file = recording();
    let input = BufReader::new(file[..offsets()[2] + 3].chain(Failing));
    let (_, mut reader) = TagReader::open(input).unwrap();
    assert!(reader.next_tag().unwrap().is_some());
    assert!(reader.next_tag().unwrap().is_some());
    assert_eq!(reader.next_tag().unwrap_err().to_string(), "the disk is gone");
    assert_eq!(reader.end(), None);
}
