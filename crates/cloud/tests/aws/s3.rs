//! Files to S3 and back.

use std::path::Path;
use std::time::Instant;

use aws_sdk_s3::types::ChecksumMode;
use cloud::{Bucket, Headers, S3Recordings, S3Store};
use job::names::ObjectKind::{Master, Segment};
use job::ports::{FetchError, Recordings as _, Store as _};
use job::recording::{Identity, ObjectVersion, SourceUri};

use crate::support::Ministack;
use crate::support::s3::{client, make_bucket, newest, noise_file, open_uploads};

const MIB: usize = 1024 * 1024;

fn s3(bucket: &str, key: &str) -> SourceUri {
    SourceUri::S3 { bucket: bucket.to_owned(), key: key.to_owned() }
}

#[tokio::test]
async fn objects_are_served_as_what_they_are() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let bucket = make_bucket(&ministack).await;
    let store = S3Store::new(Bucket::open(&ministack.aws().await, &bucket), "/vod/");
    let file = scratch.path().join("segment");
    noise_file(&file, 17 * MIB);
    store.upload("large.m4s", Segment, &file).await.unwrap();
    noise_file(&file, 1000);
    store.upload("small.m4s", Segment, &file).await.unwrap();
    store.put("master.m3u8", Master, b"#EXTM3U").await.unwrap();
    store.create("created.m3u8", Master, b"#EXTM3U").await.unwrap();
    for (name, kind) in [
        ("large.m4s", Segment),
        ("small.m4s", Segment),
        ("master.m3u8", Master),
        ("created.m3u8", Master),
    ] {
        let request = client(&ministack).await.head_object().bucket(&bucket);
        let request = request.key(format!("vod/{name}")).checksum_mode(ChecksumMode::Enabled);
        let head = request.send().await.unwrap();
        assert_eq!(head.content_type(), Some(kind.content_type()), "{name}");
        assert_eq!(head.cache_control(), Some(kind.cache_control()), "{name}");
        assert!(head.checksum_crc32().is_some(), "{name} was not checked by the server");
    }
}

/// Sizes around those of parts and ranges, and one of many of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_there_and_back_unchanged() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let name = make_bucket(&ministack).await;
    let aws = ministack.aws().await;
    let bucket = Bucket::open(&aws, &name);
    let recordings = S3Recordings::new(&aws, vec![format!("s3://{name}/in").parse().unwrap()]);
    let file = scratch.path().join("file");
    for size in [0, 1, 16 * MIB, 16 * MIB + 1, 100 * MIB + 7] {
        let bytes = noise_file(&file, size);
        let key = format!("in/a b+ä%2F {size}.flv");
        let began = Instant::now();
        bucket.upload(&key, Headers::default(), &file).await.unwrap();
        let uploaded = began.elapsed();
        let stored = bucket.head(&key).await.unwrap().unwrap();
        assert_eq!(stored.size, u64::try_from(size).unwrap());
        let began = Instant::now();
        let copy = recordings.fetch(&s3(&name, &key), &newest(), scratch.path()).await.unwrap();
        let downloaded = began.elapsed();
        println!("{size} bytes: up {uploaded:?}, down {downloaded:?}");
        assert_eq!(copy.parent(), Some(scratch.path()));
        assert!(std::fs::read(&copy).unwrap() == bytes, "{size} bytes came back as others");
    }
    assert_eq!(open_uploads(&client(&ministack).await, &name).await, 0);
}

#[tokio::test]
async fn only_what_is_allowed_and_there_is_fetched() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let name = make_bucket(&ministack).await;
    let aws = ministack.aws().await;
    let listed = S3Recordings::new(&aws, vec![format!("s3://{name}/in").parse().unwrap()]);
    let anywhere = S3Recordings::new(&aws, Vec::new());
    let put = client(&ministack).await.put_object().bucket(&name).key("other/a.flv");
    put.body(b"FLV".to_vec().into()).send().await.unwrap();
    for (recordings, source, expected) in [
        (&listed, s3(&name, "in/none.flv"), "missing"),
        (&listed, s3(&name, "other/a.flv"), "refused"),
        (&listed, s3("another", "in/a.flv"), "refused"),
        (&listed, SourceUri::File("/in/a.flv".to_owned()), "refused"),
        (&anywhere, s3(&name, "other/a.flv"), "found"),
        (&anywhere, s3("no-such-bucket", "a.flv"), "missing"),
    ] {
        let actual = match recordings.fetch(&source, &newest(), scratch.path()).await {
            Ok(_) => "found",
            Err(FetchError::Missing(_)) => "missing",
            Err(FetchError::Refused(..)) => "refused",
            Err(FetchError::Replaced(_)) => "replaced",
            Err(FetchError::Unavailable(..)) => "unavailable",
        };
        assert_eq!(actual, expected, "{source}");
    }
    let nowhere = Path::new("/nonexistent");
    let error = anywhere.fetch(&s3(&name, "other/a.flv"), &newest(), nowhere).await.unwrap_err();
    assert!(matches!(error, FetchError::Unavailable(..)), "{error:?}");
    assert!(error.to_string().contains("the local copy cannot be written"), "{error}");
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let store = S3Store::new(Bucket::open(&ministack.aws().await, "no-such-bucket"), "");
    let file = scratch.path().join("file");
    noise_file(&file, 10);
    for error in [
        store.put("a", Master, b"").await.unwrap_err(),
        store.create("a", Master, b"").await.unwrap_err(),
        store.get("a").await.unwrap_err(),
        store.upload("a", Segment, &file).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("there is no such bucket"), "{error}");
        assert!(!error.transient);
    }
    let error = store.upload("a", Segment, &scratch.path().join("none")).await.unwrap_err();
    assert!(error.to_string().contains("No such file"), "{error}");
}

/// What was announced is fetched or nothing is: never what lies there by now.
#[tokio::test]
async fn only_the_announced_version_is_fetched() {
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
    let ministack = Ministack::start();
    let (plain, versioned) = (make_bucket(&ministack).await, make_bucket(&ministack).await);
    let client = client(&ministack).await;
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let keep = client.put_bucket_versioning().bucket(&versioned).versioning_configuration(on);
    keep.send().await.unwrap();
    let recordings = S3Recordings::new(&ministack.aws().await, Vec::new());
    let scratch = tempfile::tempdir().unwrap();
    let put = async |bucket: &str, bytes: &'static [u8]| {
        let put = client.put_object().bucket(bucket).key("a.flv").body(bytes.to_vec().into());
        let put = put.send().await.unwrap();
        let etag = put.e_tag.map(|etag| etag.trim_matches('"').to_owned());
        ObjectVersion { id: put.version_id, etag }
    };
    let fetch = async |bucket: &str, identity: Identity| {
        let fetched = recordings.fetch(&s3(bucket, "a.flv"), &identity, scratch.path()).await;
        fetched.map(|path| std::fs::read(path).unwrap())
    };
    let of = |version: ObjectVersion| Identity::Location { uri: String::new(), version, size: 0 };
    for (bucket, is_kept) in [(&plain, false), (&versioned, true)] {
        let first = put(bucket, b"first").await;
        assert_eq!(fetch(bucket, of(first.clone())).await.unwrap(), b"first");
        let second = put(bucket, b"second").await;
        let old = fetch(bucket, of(first)).await;
        if is_kept {
            assert_eq!(old.unwrap(), b"first");
        } else {
            assert!(matches!(old, Err(FetchError::Replaced(_))), "{old:?}");
        }
        assert_eq!(fetch(bucket, of(second)).await.unwrap(), b"second");
    }
    let announced = |sha256: &str| Identity::Content { sha256: sha256.to_owned() };
    let digest = "16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4";
    assert_eq!(fetch(&plain, announced(digest)).await.unwrap(), b"second");
    let other = fetch(&plain, announced(&"ab".repeat(32))).await;
    assert!(matches!(other, Err(FetchError::Replaced(_))), "{other:?}");
}
