//! Which container a file is, by its bytes. Names and what a demuxer would guess count for nothing: a playlist renamed to `.flv` made
//! FFmpeg read its neighbours.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flv::FlvError;
use job::source::Container;

use crate::MediaError;

/// Bytes to look at: enough for three packets of a transport stream.
const HEAD: u64 = 4096;

/// Looks at the head of a file.
///
/// # Errors
/// If the file cannot be read, or is none of the containers that we read; the sentence says what it looks like.
pub fn sniff(path: &Path) -> Result<Container, MediaError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .map_err(MediaError::file(path))?;
    sniff_head(&head).map_err(MediaError::Refused)
}

fn sniff_head(head: &[u8]) -> Result<Container, String> {
    match flv::Header::parse(head) {
        Ok(_) => return Ok(Container::Flv),
        Err(
            error @ (FlvError::Empty | FlvError::HeaderCut { .. } | FlvError::DataOffset { .. }),
        ) => {
            return Err(error.to_string());
        }
        Err(FlvError::HeadZeroed) => {
            return Err("the head of the recording is overwritten with zeros, as nginx-rtmp does with 'record_unique off': its codec \
                        configuration is lost"
                .to_owned());
        }
        Err(FlvError::NotFlv { .. }) => {}
    }
    if is_iso_base_media(head) {
        Ok(Container::Mp4)
    } else if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        Ok(Container::Matroska)
    } else if is_transport_stream(head) {
        Ok(Container::Mpegts)
    } else if looks_like_text(head) {
        Err("the file is text, not a recording".to_owned())
    } else {
        Err("the file is no recording that is read here: FLV, MP4, MPEG-TS and Matroska are"
            .to_owned())
    }
}

/// A first box of a type that begins such files (ISO/IEC 14496-12 4.3, and `QuickTime`'s older ones).
fn is_iso_base_media(head: &[u8]) -> bool {
    let kind = head.get(4..8).unwrap_or_default();
    [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"].iter().any(|known| kind == *known)
}

/// Sync bytes at the distance of packets (ISO/IEC 13818-1 2.4.3.2).
fn is_transport_stream(head: &[u8]) -> bool {
    const PACKET: usize = 188;
    const SYNC: u8 = 0x47;
    let packets = head.iter().step_by(PACKET).take(3).collect::<Vec<_>>();
    packets.len() == 3 && packets.into_iter().all(|byte| *byte == SYNC)
}

fn looks_like_text(head: &[u8]) -> bool {
    let readable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    head.iter().take(512).all(readable) && std::str::from_utf8(&head[..head.len().min(64)]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_by_their_bytes() {
        let transport_stream = [[0x47].as_slice(), &[0; 187]].concat().repeat(3);
        for (head, expected) in [
            (b"FLV\x01\x05\0\0\0\x09\0\0\0\0".as_slice(), Container::Flv),
            (b"\0\0\0\x20ftypisom", Container::Mp4),
            (b"\x1a\x45\xdf\xa3\x9f", Container::Matroska),
            (&transport_stream, Container::Mpegts),
        ] {
            assert_eq!(sniff_head(head), Ok(expected));
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused_by_what_it_looks_like() {
        for (head, sentence) in [
            (b"".as_slice(), "the file is empty"),
            (b"FLV\x01", "the file ends within the FLV header, after 4 of 9 bytes"),
            (b"#EXTM3U\n#EXTINF:2,\n/etc/passwd\n", "the file is text, not a recording"),
            (&[0; 64], "the head of the recording is overwritten with zeros"),
            (b"RIFF\x01\x02\x03\0AVI LIST", "the file is no recording that is read here"),
        ] {
            let error = sniff_head(head).unwrap_err();
            assert!(error.starts_with(sentence), "{error}");
        }
    }
}
