//! Walking the boxes of untrusted bytes.
//!
//! mp4-atom's own containers decode whatever box type they know wherever it stands, recursively:
//! boxes nested deeply enough overflow the stack. Here a reader names the path to each leaf, and
//! only the leaf's content goes to mp4-atom.

use mp4_atom::{Atom, FourCC, Header};

use super::CmafError;

/// A box whose size has been checked against what holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawBox<'a> {
    pub kind: FourCC,
    /// Offset of the header's first byte in the walked bytes.
    pub start: usize,
    /// Offset of the first byte after the box in the walked bytes.
    pub end: usize,
    pub payload: &'a [u8],
}

impl<'a> RawBox<'a> {
    /// Decodes the content of a leaf.
    pub fn decode<T: Atom>(&self) -> Result<T, CmafError> {
        let header = Header { kind: self.kind, size: Some(self.payload.len()) };
        let mut payload = self.payload;
        mp4_atom::DecodeAtom::decode_atom(&header, &mut payload)
            .map_err(|source| self.malformed(source))
    }

    pub fn malformed(&self, source: mp4_atom::Error) -> CmafError {
        CmafError::Malformed { kind: self.kind, source }
    }

    pub fn unsupported(&self, problem: &'static str) -> CmafError {
        CmafError::Unsupported { kind: self.kind, problem }
    }

    /// The one child of a kind.
    pub fn child(&self, kind: FourCC) -> Result<RawBox<'a>, CmafError> {
        one(self.payload, kind)
    }

    /// The one child of a kind, if there is one.
    pub fn optional_child(&self, kind: FourCC) -> Result<Option<RawBox<'a>>, CmafError> {
        at_most_one(self.payload, kind)
    }
}

/// The one box of a kind in a sequence of boxes.
pub(super) fn one(bytes: &[u8], kind: FourCC) -> Result<RawBox<'_>, CmafError> {
    at_most_one(bytes, kind)?.ok_or(CmafError::MissingBox(kind))
}

/// The one box of a kind in a sequence of boxes, if there is one.
pub(super) fn at_most_one(bytes: &[u8], kind: FourCC) -> Result<Option<RawBox<'_>>, CmafError> {
    let mut found = None;
    for raw in boxes(bytes) {
        let raw = raw?;
        if raw.kind == kind && found.replace(raw).is_some() {
            return Err(CmafError::DuplicateBox(kind));
        }
    }
    Ok(found)
}

/// All boxes of a sequence, up to the first one that is broken. A box that reaches "to the end of
/// the file" (size 0) counts as broken.
pub(super) fn boxes(bytes: &[u8]) -> Boxes<'_> {
    Boxes { bytes, position: 0 }
}

pub(super) struct Boxes<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<RawBox<'a>, CmafError>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.position;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let Some((kind, header_size, size)) = header(rest) else {
            // Nothing after a broken box can be trusted.
            self.position = self.bytes.len();
            let kind = rest.get(4..8).and_then(|kind| <[u8; 4]>::try_from(kind).ok());
            let kind = FourCC::from(kind.unwrap_or_default());
            return Some(Err(CmafError::BoxSize { kind, offset: start }));
        };
        let end = start + size;
        self.position = end;
        Some(Ok(RawBox { kind, start, end, payload: &self.bytes[start + header_size..end] }))
    }
}

/// Type, header size and total size of the box at the front; the sizes lie within `bytes`.
fn header(bytes: &[u8]) -> Option<(FourCC, usize, usize)> {
    let (short_size, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (header_size, size) = match u32::from_be_bytes(*short_size) {
        1 => (16, u64::from_be_bytes(*rest.first_chunk::<8>()?)),
        size => (8, u64::from(size)),
    };
    let size = usize::try_from(size).ok()?;
    (header_size <= size && size <= bytes.len()).then(|| (FourCC::from(kind), header_size, size))
}
