//! The file header, nine bytes (FLV specification, E.2).

use crate::FlvError;

/// The FLV file header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The audio flag. A hint only: recorders that were killed leave it set whatever is inside.
    pub has_audio: bool,
    /// The video flag, as little to be believed as the audio flag.
    pub has_video: bool,
    /// Offset of the body in bytes, normally 9; a `PreviousTagSize` of four bytes precedes the first
    /// tag there.
    pub data_offset: u32,
}

impl Header {
    /// Length of the header in bytes.
    pub const LENGTH: usize = 9;

    /// No writer is known that puts anything between header and body; a larger value is taken as
    /// damage, so that it cannot make a reader skip most of a file.
    const MAX_DATA_OFFSET: u32 = 64 * 1024;

    const FLAGS_POSITION: usize = 4;

    /// Reads the header from the first bytes of a file; bytes after the first nine are not looked at.
    ///
    /// # Errors
    /// A variant of [`FlvError`] for each way in which the head of a recording is known to be wrong.
    pub fn parse(file: &[u8]) -> Result<Self, FlvError> {
        if file.is_empty() {
            return Err(FlvError::Empty);
        }
        let first = file.get(..Self::LENGTH).unwrap_or(file);
        if is_zeroed(first) {
            return Err(FlvError::HeadZeroed);
        }
        let signature_length = first.len().min(3);
        if first[..signature_length] != b"FLV"[..signature_length] {
            return Err(FlvError::NotFlv { first: first.to_vec() });
        }
        let [_, _, _, _version, flags, offset @ ..]: [u8; Self::LENGTH] =
            first.try_into().map_err(|_| FlvError::HeaderCut { length: first.len() })?;
        let data_offset = u32::from_be_bytes(offset);
        if !(9..=Self::MAX_DATA_OFFSET).contains(&data_offset) {
            return Err(FlvError::DataOffset { data_offset });
        }
        Ok(Self { has_audio: flags & 0x04 != 0, has_video: flags & 0x01 != 0, data_offset })
    }
}

/// Whether the head was overwritten with zeros. The flags byte may be set all the same: nginx-rtmp
/// patches it into the damaged file when it closes it.
fn is_zeroed(first: &[u8]) -> bool {
    first.iter().enumerate().all(|(index, byte)| *byte == 0 || index == Header::FLAGS_POSITION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_or_refused_by_name() {
        let header =
            |has_audio, has_video, data_offset| Ok(Header { has_audio, has_video, data_offset });
        let not_flv = |first: &[u8]| Err(FlvError::NotFlv { first: first.to_vec() });
        let table: [(&[u8], Result<Header, FlvError>); 14] = [
            (b"FLV\x01\x05\0\0\0\x09", header(true, true, 9)),
            (b"FLV\x01\x04\0\0\0\x09more", header(true, false, 9)),
            (b"FLV\x01\x01\0\0\0\x0d", header(false, true, 13)),
            (b"FLV\x01\0\0\0\0\x09", header(false, false, 9)),
            (b"", Err(FlvError::Empty)),
            (b"\0\0\0\0\x05\0\0\0\0\0\0", Err(FlvError::HeadZeroed)),
            (b"\0\0\0\0\0\0\0\0\0", Err(FlvError::HeadZeroed)),
            (b"\0", Err(FlvError::HeadZeroed)),
            (b"#EXTM3U\n#EXT-X-VERSION", not_flv(b"#EXTM3U\n#")),
            (b"\0\0\0\x20ftypisom", not_flv(b"\0\0\0\x20ftypi")),
            (b"FLX", not_flv(b"FLX")),
            (b"FL", Err(FlvError::HeaderCut { length: 2 })),
            (b"FLV\x01\x05\0\0\0", Err(FlvError::HeaderCut { length: 8 })),
            (b"FLV\x01\x05\0\0\0\x08", Err(FlvError::DataOffset { data_offset: 8 })),
        ];
        for (bytes, want) in table {
            assert_eq!(Header::parse(bytes), want, "{bytes:x?}");
        }
    }

    #[test]
    fn a_data_offset_of_gigabytes_is_refused() {
        let got = Header::parse(b"FLV\x01\x05\xff\xff\xff\xff");
        assert_eq!(got, Err(FlvError::DataOffset { data_offset: u32::MAX }));
    }

    #[test]
    fn the_first_bytes_are_shown() {
        let message = Header::parse(b"#EXT").unwrap_err().to_string();
        assert_eq!(message, "the file is not FLV, it starts with 23 45 58 54");
    }
}
