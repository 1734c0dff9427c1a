//! What a message says of a recording.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;

use flv::{
    AacPacketType, AudioTag, AvcPacketType, End, FlvError, OpenError, Tag, TagKind, TagReader,
    VideoTag,
};
use job::recording::hex;
use sha2::{Digest as _, Sha256};

use crate::entry::Entry;
use crate::error::Error;
use crate::job_file::JobFile;
use crate::spool::Spool;
use crate::spooled::{Spooled, reject};
use crate::writers::OpenForWriting;

/// How much is read at once while hashing.
const BUFFER: usize = 1 << 18;

/// A recording with all that its message says.
#[derive(Debug)]
pub struct Described {
    /// Its entry.
    pub entry: Entry,
    /// What is known of it.
    pub job: JobFile,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

impl Spooled {
    /// Looks into the recording and hashes it. `None` if there is no frame in it; its entry is then put aside. One that is open
    /// for writing, or changes meanwhile, stays in the spool.
    pub fn examine(
        mut self,
        writers: &OpenForWriting,
        spool: &Spool,
    ) -> Result<Option<Described>, Error> {
        let path = self.entry.recording();
        let reading = || Error::io("reading", &path);
        let before = self.recording.metadata().map_err(reading())?;
        if writers.contains(&before) {
            return Err(Error::StillWritten(path));
        }
        if let Some(reason) = nothing_to_publish(&self.recording).map_err(reading())? {
            reject(self.entry, self.job, reason, spool)?;
            return Ok(None);
        }
        let sha256 = digest(&mut self.recording).map_err(reading())?;
        let after = self.recording.metadata().map_err(reading())?;
        if stamp(&before) != stamp(&after) {
            return Err(Error::StillWritten(path));
        }
        let Self { entry, job, .. } = self;
        Ok(Some(Described { entry, job, size: after.size(), sha256 }))
    }
}

/// Why a recording is not worth a job: it is empty, or an FLV without a frame, which every rejected publisher and many a
/// roll-over leaves. Whatever else is wrong with a recording is the worker's to say.
fn nothing_to_publish(recording: &File) -> io::Result<Option<String>> {
    let mut reader = match TagReader::open(BufReader::new(recording)) {
        Ok((_, reader)) => reader,
        Err(OpenError::Flv(why @ (FlvError::Empty | FlvError::HeaderCut { .. }))) => {
            return Ok(Some(why.to_string()));
        }
        Err(OpenError::Flv(_)) => return Ok(None),
        Err(OpenError::Io(error)) => return Err(error),
    };
    while let Some(tag) = reader.next_tag()? {
        if is_frame(&tag) {
            return Ok(None);
        }
    }
    let is_whole = reader.end() == Some(End::Clean);
    Ok(is_whole.then(|| "the recording has no frame".to_owned()))
}

fn is_frame(tag: &Tag<'_>) -> bool {
    match tag.header.kind {
        TagKind::Script => false,
        TagKind::Audio => !matches!(
            AudioTag::parse(tag.body),
            Ok(AudioTag::Aac { packet_type: AacPacketType::SequenceHeader, .. })
        ),
        TagKind::Video => !matches!(
            VideoTag::parse(tag.body),
            Ok(VideoTag::Command
                | VideoTag::Avc {
                    packet_type: AvcPacketType::SequenceHeader | AvcPacketType::EndOfSequence,
                    ..
                })
        ),
    }
}

fn digest(recording: &mut File) -> io::Result<String> {
    recording.rewind()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match recording.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(length) => hasher.update(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What changes when a file is written to.
fn stamp(metadata: &Metadata) -> (u64, i64, i64) {
    (metadata.size(), metadata.mtime(), metadata.mtime_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const HEADER: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";
    const METADATA: &[u8] = b"\x12\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\x0c";
    const AVC_CONFIG: &[u8] = b"\x09\0\0\x05\0\0\0\0\0\0\0\x17\0\0\0\0\0\0\0\x10";
    const AVC_FRAME: &[u8] = b"\x09\0\0\x05\0\0\0\0\0\0\0\x17\x01\0\0\0\0\0\0\x10";
    const AAC_CONFIG: &[u8] = b"\x08\0\0\x02\0\0\0\0\0\0\0\xaf\0\0\0\0\x0d";
    const AAC_FRAME: &[u8] = b"\x08\0\0\x02\0\0\0\0\0\0\0\xaf\x01\0\0\0\x0d";

    #[test]
    fn only_recordings_without_a_frame_are_not_worth_a_job() {
        let table: [(&[&[u8]], Option<&str>); 11] = [
            (&[], Some("the file is empty")),
            (&[b"FLV\x01"], Some("the file ends within the FLV header, after 4 of 9 bytes")),
            (&[HEADER], Some("the recording has no frame")),
            (&[HEADER, METADATA, AVC_CONFIG, AAC_CONFIG], Some("the recording has no frame")),
            (&[HEADER, AVC_CONFIG, AVC_FRAME], None),
            (&[HEADER, AAC_CONFIG, AAC_FRAME], None),
            (&[HEADER, b"\x08\0\0\x01\0\0\0\0\0\0\0\x2f\0\0\0\x0c"], None),
            (&[HEADER, AVC_CONFIG, &AVC_FRAME[..12]], None),
            (&[HEADER, b"garbage after the header"], None),
            (&[b"\0\0\0\0\x05\0\0\0\0\0\0\0\0"], None),
            (&[b"#EXTM3U\n"], None),
        ];
        for (parts, reason) in table {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&parts.concat()).unwrap();
            file.rewind().unwrap();
            assert_eq!(nothing_to_publish(&file).unwrap().as_deref(), reason, "{parts:x?}");
        }
    }
}
