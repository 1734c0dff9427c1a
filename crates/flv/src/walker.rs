//! The walk over a recording's tags.

use std::io::{self, BufRead, Read};

use crate::{FlvError, Header, OpenError, TagHeader};

/// One whole tag; its body is lent until the next one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Offset of the tag's head from the start of the file, in bytes.
    pub offset: u64,
    /// The tag's head.
    pub header: TagHeader,
    /// The whole body, `header.data_size` bytes.
    pub body: &'a [u8],
}

/// How a walk ended. None of these is an error: what came before is whole and can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The bytes end after a whole tag (of the last `PreviousTagSize`, some or all may be missing:
    /// nothing is lost with it).
    Clean,
    /// The bytes end within a tag, which was not handed out.
    CutTag {
        /// Offset of the cut tag in bytes.
        offset: u64,
        /// How many bytes of the tag's head and body are missing; at least so many if the cut goes
        /// through its head.
        missing: u32,
    },
    /// What follows the last tag is not a tag; the rest of the bytes was not looked at.
    Garbage {
        /// Offset of the first byte that belongs to no tag.
        offset: u64,
    },
}

/// Hands out the tags of a recording one after the other.
///
/// It reads from anything buffered. A body that lies in the input's own buffer is lent from there
/// without being touched, so a walk over a slice (`&[u8]` is a `BufRead`) costs a few nanoseconds a
/// tag however long the bodies are; with a `BufReader` over a file, only a body that crosses the
/// buffer's end is copied, into one buffer that is reused. That buffer grows with the bytes that
/// arrive, not with the size that a tag claims, and never beyond 16 MiB (the size is a 24-bit field).
///
/// ```
/// # fn main() -> Result<(), flv::OpenError> {
/// let recording = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x09\0\0\x02\0\0\x21\0\0\0\0\x17\x02\0\0\0\x0d";
/// let (_header, mut reader) = flv::TagReader::open(&recording[..])?;
/// while let Some(tag) = reader.next_tag()? {
///     assert_eq!((tag.offset, tag.header.timestamp, tag.body.len()), (13, 33, 2));
/// }
/// assert_eq!(reader.end(), Some(flv::End::Clean));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TagReader<R> {
    input: R,
    /// Offset of the next tag.
    position: u64,
    /// How many bytes of the input's buffer are lent as the last tag's body, still to be consumed.
    lent: usize,
    /// What the next `PreviousTagSize` should say; `None` if a tag's head comes next.
    expected_size: Option<u32>,
    wrong_sizes: u64,
    end: Option<End>,
    /// Holds a body that is not in one piece in the input's buffer.
    spill: Vec<u8>,
}

impl<R: BufRead> TagReader<R> {
    /// Starts at the beginning of a recording: reads its header, and stands before the first tag.
    ///
    /// # Errors
    /// [`OpenError::Flv`] if the head is not that of an FLV recording, [`OpenError::Io`] if it cannot
    /// be read.
    pub fn open(mut input: R) -> Result<(Header, Self), OpenError> {
        let mut first = [0; Header::LENGTH];
        let length = read_up_to(&mut input, &mut first)?;
        let header = Header::parse(first.get(..length).unwrap_or_default())?;
        let between = u64::from(header.data_offset).saturating_sub(Header::LENGTH as u64);
        if io::copy(&mut input.by_ref().take(between), &mut io::sink())? < between {
            return Err(FlvError::HeaderCut { length }.into());
        }
        let mut reader = Self::starting_at(input, u64::from(header.data_offset) + 4);
        reader.expected_size = Some(0);
        Ok((header, reader))
    }

    /// Starts at a tag in the middle of a recording.
    ///
    /// `input` must stand at the head of a tag, which is `offset` bytes from the start of the file;
    /// limit it with [`Read::take`] to walk a byte range.
    pub fn starting_at(input: R, offset: u64) -> Self {
        Self {
            input,
            position: offset,
            lent: 0,
            expected_size: None,
            wrong_sizes: 0,
            end: None,
            spill: Vec::new(),
        }
    }

    /// The next tag, or `None` when the walk has ended; [`end`](Self::end) then says how.
    ///
    /// # Errors
    /// Only those of the input. Damage in the recording ends the walk, it is no error.
    pub fn next_tag(&mut self) -> io::Result<Option<Tag<'_>>> {
        if self.end.is_some() {
            return Ok(None);
        }
        self.input.consume(self.lent);
        self.lent = 0;
        if let Some(expected) = self.expected_size.take() {
            self.check_previous_size(expected)?;
        }
        let Some(header) = self.read_header()? else {
            return Ok(None);
        };
        self.read_body(header)
    }

    /// Offset in bytes from the start of the file at which the next tag starts, if there is one.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How the walk ended; `None` while it goes on.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// How many `PreviousTagSize` fields so far said something else than the size of the tag before
    /// them. Nothing here relies on them, but some players do, and none of ours writes them wrong.
    pub fn wrong_previous_sizes(&self) -> u64 {
        self.wrong_sizes
    }

    fn check_previous_size(&mut self, expected: u32) -> io::Result<()> {
        let mut field = [0; 4];
        let is_whole = read_up_to(&mut self.input, &mut field)? == field.len();
        if is_whole && u32::from_be_bytes(field) != expected {
            self.wrong_sizes += 1;
        }
        Ok(())
    }

    fn read_header(&mut self) -> io::Result<Option<TagHeader>> {
        let offset = self.position;
        let mut head = [0; TagHeader::LENGTH];
        let length = read_up_to(&mut self.input, &mut head)?;
        let could_be_tag = TagHeader::kind_of(head[0]).is_some();
        self.end = match TagHeader::parse(&head) {
            _ if length == 0 => Some(End::Clean),
            _ if length < head.len() && could_be_tag => {
                // Both are at most the head's eleven bytes.
                let missing = u32::try_from(head.len() - length).unwrap_or(u32::MAX);
                Some(End::CutTag { offset, missing })
            }
            Some(header) if length == head.len() => return Ok(Some(header)),
            _ => Some(End::Garbage { offset }),
        };
        Ok(None)
    }

    fn read_body(&mut self, header: TagHeader) -> io::Result<Option<Tag<'_>>> {
        let offset = self.position;
        // The size has 24 bits; it fits wherever this crate could hold a body.
        let size = usize::try_from(header.data_size).unwrap_or(usize::MAX);
        let is_in_buffer = buffered(&mut self.input)? >= size;
        if !is_in_buffer {
            self.spill.clear();
            let limit = u64::from(header.data_size);
            self.input.by_ref().take(limit).read_to_end(&mut self.spill)?;
            if self.spill.len() < size {
                let missing = u32::try_from(size - self.spill.len()).unwrap_or(u32::MAX);
                self.end = Some(End::CutTag { offset, missing });
                return Ok(None);
            }
        }
        self.expected_size = Some(header.tag_size());
        self.position = offset.saturating_add(u64::from(header.stride()));
        let body = if is_in_buffer {
            self.lent = size;
            // The buffer is filled: this reads nothing, so it cannot be interrupted.
            self.input.fill_buf()?.get(..size).ok_or(io::ErrorKind::UnexpectedEof)?
        } else {
            &self.spill
        };
        Ok(Some(Tag { offset, header, body }))
    }
}

/// How many bytes lie in the input's buffer; 0 only at the end of the input.
fn buffered(input: &mut impl BufRead) -> io::Result<usize> {
    loop {
        match input.fill_buf() {
            Ok(bytes) => return Ok(bytes.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads until `bytes` is full or the input ends; returns how many were read.
fn read_up_to(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest @ [_, ..]) = bytes.get_mut(length..) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few bytes can claim 16 MiB; memory must follow the bytes that are there.
    #[test]
    fn a_tag_that_claims_more_than_there_is_reserves_no_memory_for_it() {
        let file = b"\x09\xff\xff\xff\0\0\0\0\0\0\0body";
        let input = io::BufReader::with_capacity(16, &file[..]);
        let mut reader = TagReader::starting_at(input, 13);
        assert_eq!(reader.next_tag().unwrap(), None);
        let missing = 0x00ff_ffff - 4;
        assert_eq!(reader.end(), Some(End::CutTag { offset: 13, missing }));
        assert!(reader.spill.capacity() < 1024, "{}", reader.spill.capacity());
    }
}
