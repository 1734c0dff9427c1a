//! FLV by hand, for recordings that no encoder would make.

use std::ops::Range;

/// File header of a recording with audio and video, and the size of the tag before the first.
pub const HEADER: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";
pub const AUDIO: u8 = 8;
pub const VIDEO: u8 = 9;
/// AAC sequence header: AAC-LC, 48 kHz, stereo.
pub const AAC_HEADER: &[u8] = &[0xaf, 0, 0x11, 0x90];
/// AVC end of sequence.
pub const AVC_END: &[u8] = &[0x17, 2, 0, 0, 0];

/// A tag with the size that follows it.
pub fn tag(kind: u8, milliseconds: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let [extension, time @ ..] = milliseconds.to_be_bytes();
    let mut tag = vec![kind];
    tag.extend_from_slice(&length[1..]);
    tag.extend_from_slice(&time);
    tag.extend_from_slice(&[extension, 0, 0, 0]);
    tag.extend_from_slice(payload);
    let size = u32::try_from(tag.len()).expect("a short tag");
    tag.extend_from_slice(&size.to_be_bytes());
    tag
}

/// A tag that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub kind: u8,
    pub milliseconds: u32,
    pub payload: Vec<u8>,
}

impl Tag {
    /// Whether it is a codec's configuration.
    pub fn is_header(&self) -> bool {
        let is_aac = self.kind == AUDIO && self.payload[0] >> 4 == 10;
        (self.kind == VIDEO || is_aac) && self.payload[1] == 0
    }

    /// Whether its frame type says that it is a keyframe.
    pub fn is_keyframe(&self) -> bool {
        self.kind == VIDEO && self.payload[0] >> 4 == 1 && self.payload[1] == 1
    }
}

/// Tags of a file that is whole, as nginx-rtmp records them: without metadata.
pub fn recorded(file: &[u8]) -> Vec<Tag> {
    let known = tags(file).into_iter().filter(|(kind, _)| matches!(*kind, AUDIO | VIDEO));
    let read = known.map(|(kind, range)| {
        let tag = &file[range];
        let milliseconds = u32::from_be_bytes([tag[7], tag[4], tag[5], tag[6]]);
        Tag { kind, milliseconds, payload: tag[11..].to_vec() }
    });
    read.collect()
}

/// A file of these tags.
pub fn file<'a>(tags: impl IntoIterator<Item = &'a Tag>) -> Vec<u8> {
    let mut file = HEADER.to_vec();
    for written in tags {
        file.extend(tag(written.kind, written.milliseconds, &written.payload));
    }
    file
}

/// Where the tags of a file that is whole are, without the sizes that follow them, and their kinds.
pub fn tags(file: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut tags = Vec::new();
    let mut start = HEADER.len();
    while let Some(&[kind, a, b, c, ..]) = file.get(start..).filter(|rest| rest.len() > 4) {
        let end = start + 11 + u32::from_be_bytes([0, a, b, c]) as usize;
        tags.push((kind, start..end));
        start = end + 4;
    }
    tags
}

/// The AVC sequence header of a file.
pub fn avc_header(file: &[u8]) -> &[u8] {
    let payloads = tags(file).into_iter().filter(|(kind, _)| *kind == VIDEO);
    let mut payloads = payloads.map(|(_, range)| &file[range.start + 11..range.end]);
    payloads.find(|payload| payload[1] == 0).expect("it has a sequence header")
}
