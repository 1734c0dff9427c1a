//! Codec names of Enhanced RTMP.

use std::fmt;

/// A codec's four-character code, such as `hvc1` or `av01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// Finds the code in the body of a tag with an `ExHeader` (Enhanced RTMP v2, `ExVideoTagHeader`
    /// and `ExAudioTagHeader`): after the first byte, or after the second for a multitrack packet.
    ///
    /// `None` if the body is cut before it, or if modifiers of variable length come first.
    pub(crate) fn of_enhanced_body(body: &[u8], multitrack_packet_type: u8) -> Option<Self> {
        const MOD_EX: u8 = 7;
        let packet_type = body.first()? & 0x0f;
        if packet_type == MOD_EX {
            return None;
        }
        let start = if packet_type == multitrack_packet_type { 2 } else { 1 };
        body.get(start..)?.first_chunk().map(|code| Self(*code))
    }
}

/// The code as text; bytes that do not print are escaped.
impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_where_the_packet_type_puts_it() {
        const MULTITRACK: u8 = 6;
        let table: [(&[u8], Option<&str>); 6] = [
            (b"\x90hvc1\0\0", Some("hvc1")),
            (b"\x96\x01av01", Some("av01")),
            (b"\x97\x02\0\0\0\0", None),
            (b"\x90hv", None),
            (b"\x90\0\xffab", Some("\\x00\\xffab")),
            (b"", None),
        ];
        for (body, want) in table {
            let got = FourCc::of_enhanced_body(body, MULTITRACK).map(|code| code.to_string());
            assert_eq!(got.as_deref(), want, "{body:x?}");
        }
    }
}
