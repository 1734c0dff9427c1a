//! What nginx's names say.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// Digits of the epoch seconds that `record_unique on` appends (`-%T` in `ngx_rtmp_record_make_path`).
const EPOCH_DIGITS: usize = 10;

/// A basename without the epoch seconds that nginx may have appended, and these.
pub fn split_epoch(basename: &str) -> (&str, Option<&str>) {
    let is_epoch =
        |text: &str| text.len() == EPOCH_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    match basename.rsplit_once('-') {
        Some((name, epoch)) if is_epoch(epoch) => (name, Some(epoch)),
        _ => (basename, None),
    }
}

/// Undoes nginx's escaping of a stream name in `$path` and `$basename`. What is no escape stays.
pub fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = if first == b'%' { after.split_first_chunk() } else { None };
        let value = escape.and_then(|(digits, after)| Some((hexadecimal(*digits)?, after)));
        let (byte, after) = value.unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    as_text(OsStr::from_bytes(&bytes))
}

/// The bytes as text. What is not UTF-8 becomes `%XX`, so that different bytes stay different and nothing is lost.
pub fn as_text(raw: &OsStr) -> String {
    let mut text = String::new();
    for chunk in raw.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn hexadecimal(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_ten_digits_at_the_end() {
        for (basename, name, epoch) in [
            ("cam-1795326084", "cam", Some("1795326084")),
            ("-rf-1795326084", "-rf", Some("1795326084")),
            ("-1795326084", "", Some("1795326084")),
            ("1795326084", "1795326084", None),
            ("cam-179532608", "cam-179532608", None),
            ("cam-17953260841", "cam-17953260841", None),
            ("cam-1795326084.full", "cam-1795326084.full", None),
            ("cam-179532608\u{663}", "cam-179532608\u{663}", None),
            ("", "", None),
        ] {
            assert_eq!(split_epoch(basename), (name, epoch), "{basename}");
        }
    }

    #[test]
    fn escapes_of_nginx_are_undone_once() {
        for (escaped, raw) in [
            ("a%2F..%2Fb", "a/../b"),
            ("x%252Fy", "x%2Fy"),
            ("a%20b%3e", "a b>"),
            ("%C3%A4\u{e4}", "\u{e4}\u{e4}"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%+1", "%+1"),
            ("%ff", "%FF"),
        ] {
            assert_eq!(unescaped(escaped), raw, "{escaped}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_stay_apart() {
        assert_eq!(as_text(OsStr::from_bytes(b"a\xff\xc3")), "a%FF%C3");
    }
}
