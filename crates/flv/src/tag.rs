//! The head of a tag, eleven bytes (FLV specification, E.4.1).

/// What a tag carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// Type 8, see [`AudioTag`](crate::AudioTag).
    Audio,
    /// Type 9, see [`VideoTag`](crate::VideoTag).
    Video,
    /// Type 18: AMF data such as `onMetaData`, which this crate does not read.
    Script,
}

/// The head of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagHeader {
    /// What the tag carries.
    pub kind: TagKind,
    /// The filter bit: the body is encrypted and cannot be read.
    pub encrypted: bool,
    /// Size of the body in bytes, below 2^24.
    pub data_size: u32,
    /// Decoding time in milliseconds as it stands in the file, the extended byte included.
    /// It wraps; see [`follow_clock`](crate::follow_clock).
    pub timestamp: u32,
}

impl TagHeader {
    /// Length of a tag's head in bytes.
    pub const LENGTH: usize = 11;

    /// The same in the type of the size fields.
    const HEAD_SIZE: u32 = 11;

    /// Length in bytes of the `PreviousTagSize` that follows each tag.
    const TRAILER_SIZE: u32 = 4;

    /// Reads the head of a tag. `None` if these bytes cannot be one: the type is not audio, video or
    /// script, a reserved bit is set or the stream id is not zero.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let [first, size_2, size_1, size_0, time_2, time_1, time_0, time_3, stream_id @ ..] =
            *bytes;
        let kind = Self::kind_of(first)?;
        if stream_id != [0; 3] {
            return None;
        }
        Some(Self {
            kind,
            encrypted: first & 0x20 != 0,
            data_size: u32::from_be_bytes([0, size_2, size_1, size_0]),
            timestamp: u32::from_be_bytes([time_3, time_2, time_1, time_0]),
        })
    }

    /// What a tag with this first byte carries; `None` if no tag starts with it.
    pub(crate) fn kind_of(first: u8) -> Option<TagKind> {
        match first & !0x20 {
            8 => Some(TagKind::Audio),
            9 => Some(TagKind::Video),
            18 => Some(TagKind::Script),
            _ => None,
        }
    }

    /// Size of head and body in bytes: what the `PreviousTagSize` after the tag should say.
    #[must_use]
    pub fn tag_size(&self) -> u32 {
        self.data_size.saturating_add(Self::HEAD_SIZE)
    }

    /// Distance in bytes from the start of this tag to the start of the next.
    #[must_use]
    pub fn stride(&self) -> u32 {
        self.tag_size().saturating_add(Self::TRAILER_SIZE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plausible_heads_are_read() {
        let table: [([u8; 11], TagHeader); 3] = [
            (
                [9, 0, 1, 2, 0x11, 0x22, 0x33, 0x44, 0, 0, 0],
                TagHeader {
                    kind: TagKind::Video,
                    encrypted: false,
                    data_size: 0x0102,
                    timestamp: 0x4411_2233,
                },
            ),
            (
                [0x28, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0],
                TagHeader {
                    kind: TagKind::Audio,
                    encrypted: true,
                    data_size: 0x00ff_ffff,
                    timestamp: 0,
                },
            ),
            (
                [18, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0, 0],
                TagHeader {
                    kind: TagKind::Script,
                    encrypted: false,
                    data_size: 0,
                    timestamp: 0x00ff_ffff,
                },
            ),
        ];
        for (bytes, want) in table {
            assert_eq!(TagHeader::parse(&bytes), Some(want));
        }
    }

    #[test]
    fn implausible_heads_are_not() {
        let table: [(&str, [u8; 11]); 5] = [
            ("zeros", [0; 11]),
            ("type 10", [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
            ("reserved bit 7", [0x89, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
            ("reserved bit 6", [0x48, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
            ("stream id", [9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]),
        ];
        for (name, bytes) in table {
            assert_eq!(TagHeader::parse(&bytes), None, "{name}");
        }
    }

    #[test]
    fn sizes_count_head_and_trailer() {
        let header = TagHeader::parse(&[9, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((header.tag_size(), header.stride()), (111, 115));
    }
}
