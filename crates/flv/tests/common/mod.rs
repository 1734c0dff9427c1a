//! A writer of small FLV recordings.

pub const AUDIO: u8 = 8;
pub const VIDEO: u8 = 9;

/// The file header with both flags set, and the first `PreviousTagSize`.
pub const HEAD: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";

/// Appends a tag and its `PreviousTagSize`.
pub fn push_tag(file: &mut Vec<u8>, kind: u8, timestamp: u32, body: &[u8]) {
    let size = u32::try_from(body.len()).expect("a body has less than 2^24 bytes");
    let tag_size = size + 11;
    let [_, size @ ..] = size.to_be_bytes();
    let [extended, time @ ..] = timestamp.to_be_bytes();
    file.push(kind);
    file.extend_from_slice(&size);
    file.extend_from_slice(&time);
    file.extend_from_slice(&[extended, 0, 0, 0]);
    file.extend_from_slice(body);
    file.extend_from_slice(&tag_size.to_be_bytes());
}
