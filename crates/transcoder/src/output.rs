//! What commands print on standard output.

use std::io::{self, ErrorKind, Write};

/// Prints what a command found. A reader that wants no more of it (`| head`) is no error.
pub fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}
