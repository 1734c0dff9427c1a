//! An object to a file, by ranges.
//!
//! A connection that breaks within a body is nothing that the SDK repeats, and a body that ends early need not be an error at all when
//! something between us and S3 dropped its length. So bytes are counted, and the rest is asked for again. Every range asks for the version
//! of the first one (`If-Match`): the file is one version of the object, whatever is written meanwhile. The first range asks for the version
//! that was announced, if one was.

use std::io::{ErrorKind, SeekFrom};
use std::iter;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use job::recording::ObjectVersion;
use thiserror::Error;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::{Bucket, READ, backoff, failure, patient};
use crate::classify::{Class, Failure};
use crate::client::innermost;

/// Length of a range: 8 to 16 MiB is what AWS advises, and our own uploads have parts of this size.
const RANGE: u64 = 16 * 1024 * 1024;
/// Ranges on their way at a time.
const CONCURRENT: usize = 4;
/// Breaks of a range in a row without one new byte, after which it is given up.
const FRUITLESS: u32 = 5;
/// How often the object may change while it is read.
const RESTARTS: u32 = 3;

/// Why an object is not in the file.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// The object is no longer what it was when it was announced, or when we began.
    #[error("the object changes while it is read")]
    Changed,
    /// The answer broke off, or is not what was asked for.
    #[error("{0}")]
    Broken(String),
    /// Whatever else S3 says.
    #[error("{0}")]
    Refused(String),
    /// The file cannot be written.
    #[error("the local copy cannot be written: {0}")]
    Disk(#[from] std::io::Error),
}

/// What every range of a download has in common.
struct Source {
    bucket: Bucket,
    key: String,
    /// Its `ETag` is known.
    version: Wanted,
    /// Length of the object in bytes.
    total: u64,
}

/// The version that is asked for, as the conditions of a request have it. Nothing is any.
#[derive(Clone, Debug, Default)]
struct Wanted {
    id: Option<String>,
    /// With its quotes.
    etag: Option<String>,
}

/// Writes the object to a new file at `path`, over what is there: the `version` of it, or the newest if nothing is known of that.
pub(super) async fn download(
    bucket: &Bucket,
    key: &str,
    version: &ObjectVersion,
    path: &Path,
) -> Result<(), Fault> {
    let etag = version.etag.as_ref().map(|etag| format!("\"{etag}\""));
    let wanted = Wanted { id: version.id.clone(), etag };
    let tries = if wanted.etag.is_some() { 1 } else { RESTARTS };
    for _ in 0..tries {
        match download_version(bucket, key, &wanted, path).await {
            Err(Fault::Changed) => {}
            result => return result,
        }
    }
    Err(Fault::Changed)
}

/// The first range tells length and version, which spares a HEAD.
async fn download_version(
    bucket: &Bucket,
    key: &str,
    wanted: &Wanted,
    path: &Path,
) -> Result<(), Fault> {
    make_anew(path).await?;
    let Some(first) = get_range(bucket, key, 0..RANGE, wanted).await? else {
        return Ok(());
    };
    let (got, total) = content_range(&first)?;
    let no_version = || Fault::Broken("the answer has no ETag".to_owned());
    let etag = Some(first.e_tag.clone().ok_or_else(no_version)?);
    let version = Wanted { id: wanted.id.clone(), etag };
    let source = Arc::new(Source { bucket: bucket.clone(), key: key.to_owned(), version, total });
    // A server may ignore that a range was asked for (RFC 9110, 14.2), and answers with all of it.
    if got != (0..RANGE.min(total)) && got != (0..total) {
        return Err(Fault::Broken(format!("bytes {got:?} were answered instead of the first")));
    }

    let path: Arc<Path> = path.into();
    let mut first = Some(first.body);
    let mut ranges = ranges(got.end, total);
    let mut fetching = JoinSet::new();
    loop {
        while fetching.len() < CONCURRENT
            && let Some(range) = ranges.next()
        {
            let (source, path) = (Arc::clone(&source), Arc::clone(&path));
            fetching.spawn(fetch_range(source, path, range, first.take()));
        }
        match fetching.join_next().await {
            None => return Ok(()),
            Some(Ok(fetched)) => fetched?,
            Some(Err(stopped)) => return Err(Fault::Broken(stopped.to_string())),
        }
    }
}

/// A file of its own for every version: what an abandoned range still writes must not land in the next one.
async fn make_anew(path: &Path) -> Result<(), Fault> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).open(path).await?;
    Ok(())
}

/// Brings a range to its place in the file, asking again for what is left after each break.
async fn fetch_range(
    source: Arc<Source>,
    path: Arc<Path>,
    range: Range<u64>,
    mut body: Option<ByteStream>,
) -> Result<(), Fault> {
    let mut file = OpenOptions::new().write(true).open(&path).await?;
    file.seek(SeekFrom::Start(range.start)).await?;
    let mut left = range;
    let mut fruitless = 0;
    loop {
        let before = left.start;
        let drained = match body.take() {
            Some(body) => drain(body, &mut file, &mut left).await,
            None => match open(&source, left.clone()).await {
                Ok(body) => drain(body, &mut file, &mut left).await,
                Err(fault) => Err(fault),
            },
        };
        let reason = match drained {
            Ok(()) => {
                file.flush().await?;
                return Ok(());
            }
            Err(Fault::Broken(reason)) => reason,
            Err(fault) => return Err(fault),
        };
        fruitless = if left.start > before { 0 } else { fruitless + 1 };
        if fruitless == FRUITLESS {
            return Err(Fault::Broken(reason));
        }
        tracing::debug!(uri = source.bucket.uri(&source.key), at = left.start, reason, "resumed");
        tokio::time::sleep(backoff(fruitless + 1)).await;
    }
}

async fn open(source: &Source, range: Range<u64>) -> Result<ByteStream, Fault> {
    let Source { bucket, key, version, total } = source;
    let answer = get_range(bucket, key, range.clone(), version).await?;
    let answer = answer.ok_or(Fault::Changed)?;
    if content_range(&answer)? != (range.clone(), *total) {
        return Err(Fault::Broken(format!("other bytes were answered than {range:?}")));
    }
    Ok(answer.body)
}

/// Writes a body to the file as it comes, never slower than the disk, and moves the beginning of what is left.
async fn drain(mut body: ByteStream, file: &mut File, left: &mut Range<u64>) -> Result<(), Fault> {
    let broken = |error| Fault::Broken(format!("the connection broke: {}", innermost(&error)));
    while let Some(bytes) = body.try_next().await.map_err(broken)? {
        let end = left.start.saturating_add(super::length(&bytes));
        if end > left.end {
            return Err(Fault::Broken("more bytes came than were asked for".to_owned()));
        }
        file.write_all(&bytes).await?;
        left.start = end;
    }
    if left.is_empty() { Ok(()) } else { Err(Fault::Broken("the answer ended early".to_owned())) }
}

/// Asks for a range; none if the object is empty.
async fn get_range(
    bucket: &Bucket,
    key: &str,
    range: Range<u64>,
    version: &Wanted,
) -> Result<Option<GetObjectOutput>, Fault> {
    let last = range.end.saturating_sub(1);
    let answer = bucket
        .client
        .get_object()
        .bucket(&*bucket.name)
        .key(key)
        .range(format!("bytes={}-{last}", range.start))
        .set_version_id(version.id.clone())
        .set_if_match(version.etag.clone())
        .set_expected_bucket_owner(bucket.owner())
        .customize()
        .config_override(patient(READ))
        .send()
        .await;
    let error = match answer {
        Ok(answer) => return Ok(Some(answer)),
        Err(error) => error,
    };
    let Failure { class, code, reason } = failure("s3:GetObject", &error);
    match class {
        // Every range of nothing is.
        _ if code == "InvalidRange" => Ok(None),
        Class::Missing => Err(Fault::Missing),
        Class::Precondition => Err(Fault::Changed),
        _ => Err(Fault::Refused(reason)),
    }
}

/// Range and total length that an answer says it has.
fn content_range(answer: &GetObjectOutput) -> Result<(Range<u64>, u64), Fault> {
    let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
    if let (None, Some(total)) = (&answer.content_range, length) {
        return Ok((0..total, total));
    }
    let header = answer.content_range.as_deref().unwrap_or_default();
    parse_content_range(header)
        .ok_or_else(|| Fault::Broken(format!("{header:?} is no range of bytes")))
}

/// `bytes 0-99/1000` (RFC 9110, 14.4).
fn parse_content_range(header: &str) -> Option<(Range<u64>, u64)> {
    let (range, total) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, total): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    (first <= last && last < total).then(|| (first..last + 1, total))
}

/// The first range as it came, and the rest in pieces.
fn ranges(first: u64, total: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (first..total).step_by(usize::try_from(RANGE).unwrap_or(usize::MAX));
    let rest = starts.map(move |start| start..total.min(start.saturating_add(RANGE)));
    iter::once(0..first).chain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        for (header, expected) in [
            ("bytes 0-99/1000", Some((0..100, 1000))),
            ("bytes 5-5/6", Some((5..6, 6))),
            ("bytes 5-6/6", None),
            ("bytes 6-5/10", None),
            ("bytes 0-99/*", None),
            ("bytes */1000", None),
            ("", None),
        ] {
            assert_eq!(parse_content_range(header), expected, "{header}");
        }
    }

    #[test]
    fn ranges_cover_an_object() {
        for total in [1, RANGE - 1, RANGE, RANGE + 1, 10 * RANGE + 7] {
            let ranges: Vec<_> = ranges(RANGE.min(total), total).collect();
            assert_eq!(ranges.first().unwrap().start, 0);
            assert_eq!(ranges.last().unwrap().end, total);
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(
                ranges.iter().all(|range| !range.is_empty() && range.end - range.start <= RANGE)
            );
        }
    }
}
