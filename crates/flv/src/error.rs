//! What can be wrong with a recording's head, and with the payload of one of its tags.

use std::fmt::Write as _;
use std::io;

use thiserror::Error;

/// Why the bytes at the start of a file are not the head of an FLV recording.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FlvError {
    /// No byte at all: what a publisher leaves that was rejected or never sent a frame.
    #[error("the file is empty")]
    Empty,
    /// Zeros where the header should be: another publisher truncated the file and the recorder went
    /// on writing at its old offset (nginx-rtmp with `record_unique off`).
    #[error("the head of the file is overwritten with zeros")]
    HeadZeroed,
    /// The signature is another one.
    #[error("the file is not FLV, it starts with {}", hex(.first))]
    NotFlv {
        /// The first bytes of the file, at most nine.
        first: Vec<u8>,
    },
    /// The signature is right so far, but the file ends within the header.
    #[error("the file ends within the FLV header, after {length} of 9 bytes")]
    HeaderCut {
        /// Length of the file in bytes.
        length: usize,
    },
    /// The header places the first tag where it cannot be.
    #[error("the FLV header places the first tag at byte {data_offset}, it should be 9")]
    DataOffset {
        /// The header's `DataOffset` field, in bytes.
        data_offset: u32,
    },
}

/// Why a recording could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The bytes are not those of an FLV recording.
    #[error(transparent)]
    Flv(#[from] FlvError),
    /// The bytes could not be read.
    #[error("the recording cannot be read")]
    Io(#[from] io::Error),
}

/// Why the payload of a tag, or a record within, could not be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// The bytes end too early.
    #[error("the {what} is cut")]
    Cut {
        /// The standard's name of what was being read.
        what: &'static str,
    },
    /// A field has a value that its standard does not allow.
    #[error("{field} may not be {value}")]
    Invalid {
        /// The standard's name of the field.
        field: &'static str,
        /// The value found.
        value: u32,
    },
    /// Something that must be there is not.
    #[error("there is no {what}")]
    Missing {
        /// The standard's name of what is missing.
        what: &'static str,
    },
    /// There is more of something than its field in the record can count.
    #[error("{field} is too large for its field")]
    TooLarge {
        /// The standard's name of the field.
        field: &'static str,
    },
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        let separator = if index == 0 { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{byte:02x}");
    }
    text
}
