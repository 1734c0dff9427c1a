//! `transcoder check` from outside: what it finds in objects that were changed after they were published, in a directory and over HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::support::command::run;
use crate::support::directory::Dir;
use crate::support::recordings::{short, usual};

/// Items of all blockers, or warnings, of a presentation; and whether it could be compared with its reports.
#[track_caller]
fn found(dir: &Dir, presentation: &str, blockers: bool) -> Vec<String> {
    let checked = run(dir.transcoder().args(["check", "--json", presentation]));
    let facts: Value = serde_json::from_str(&checked.stdout).expect("it prints JSON");
    let severity = if blockers { "blocker" } else { "warning" };
    let findings = facts["findings"].as_array().expect("a list");
    let of_severity = findings.iter().filter(|finding| finding["severity"] == severity);
    let items: Vec<String> =
        of_severity.map(|f| f["item"].as_str().expect("an item").to_owned()).collect();
    let code = i32::from(facts["blockers"] != 0);
    assert_eq!(checked.code, Some(code), "{facts:#}");
    items
}

/// The first object in order whose name holds `part`.
#[track_caller]
fn object(dir: &Dir, part: &str) -> PathBuf {
    let mut names = dir.contents("vod").into_keys();
    let name = names.find(|name| name.contains(part));
    dir.path("vod").join(name.unwrap_or_else(|| panic!("nothing named {part}")))
}

fn replace(path: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(path).expect("it is there");
    let at = bytes.windows(from.len()).position(|window| window == from);
    let at = at.unwrap_or_else(|| panic!("{} lacks what is replaced", path.display()));
    bytes.splice(at..at + from.len(), to.iter().copied());
    fs::write(path, bytes).expect("it is writable");
}

/// A change of a published object: the item that it breaks, whether that is a blocker, the object, and the change.
type Change = (&'static str, bool, &'static str, fn(&Path));

const CHANGES: &[Change] = &[
    ("2", true, "/v234/00001-", |path| replace(path, b"moof", b"free")),
    ("2", true, "/audio/00001-", |path| put(path, b"nothing")),
    ("7", true, "/v234/init-", |path| replace(path, b"avcC", b"free")),
    ("12", true, "/v234/init-", |path| replace(path, b"avc1", b"avc3")),
    ("1", true, "/v234/00001-", |path| damage_second_half(path)),
    ("2", true, "/v234/00001-", |path| replace(path, b"mdat", b"free")),
    ("10", true, "/v234/iframes", |path| replace(path, b"BYTERANGE:", b"BYTERANGE:1")),
    ("13", true, "/pictures/poster-", |path| cut(path)),
    ("13", true, "/pictures/sprite-", |path| put(path, b"no picture")),
    ("13-pictures", false, "/pictures/storyboard", |path| replace(path, b"xywh=0,", b"xywh=2,")),
    ("13", true, "/chunks/0.json", |path| replace(path, b"\"size\":", b"\"size\":1")),
    ("13", true, "/plan.json", |path| put(path, b"{}")),
    ("6", true, "/v234/media", |path| replace(path, b"TYPE:VOD", b"TYPE:EVENT")),
    ("6", true, "/v234/iframes", |path| {
        replace(path, b"#EXTINF", b"#EXT-X-DISCONTINUITY\n#EXTINF");
    }),
];

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("it is writable");
}

fn damage_second_half(path: &Path) {
    let mut bytes = fs::read(path).expect("it is there");
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    fs::write(path, bytes).expect("it is writable");
}

fn cut(path: &Path) {
    let bytes = fs::read(path).expect("it is there");
    fs::write(path, &bytes[..bytes.len() / 2]).expect("it is writable");
}

#[test]
fn what_was_changed_after_publishing_is_found() {
    let dir = Dir::new();
    dir.publish(&usual(), &[]);
    for (item, is_blocker, part, change) in CHANGES {
        let path = object(&dir, part);
        let before = fs::read(&path).expect("it is there");
        change(&path);
        let items = found(&dir, "vod", *is_blocker);
        assert!(items.iter().any(|found| found == item), "{item} of {part}: {items:?}");
        fs::write(&path, before).expect("it is writable");
    }
    assert_eq!(found(&dir, "vod", true), Vec::<String>::new());
}

#[test]
fn an_event_is_allowed_while_the_presentation_grows() {
    let dir = Dir::new();
    dir.publish(&short(), &[]);
    for (name, (bytes, _)) in dir.contents("vod") {
        if name.ends_with("media.m3u8") || name.ends_with("iframes.m3u8") {
            let text = String::from_utf8(bytes).expect("a playlist");
            let text = text.replace("TYPE:VOD", "TYPE:EVENT").replace("#EXT-X-ENDLIST\n", "");
            fs::write(dir.path("vod").join(name), text).expect("it is writable");
        }
    }
    assert!(found(&dir, "vod", true).iter().all(|item| item == "6"));
    replace(&dir.path("vod/presentation.json"), b"\"published\"", b"\"growing\"");
    assert_eq!(found(&dir, "vod", true), Vec::<String>::new());
}

#[test]
fn a_content_type_that_is_wrong_or_missing_over_http_is_found() {
    let dir = Dir::new();
    dir.publish(&short(), &[]);
    for (name, of_segments, expected) in [
        ("right", "Content-Type: video/iso.segment\r\n", vec![]),
        ("another", "Content-Type: video/mp4\r\n", vec!["13"]),
        ("none", "", vec!["13"]),
    ] {
        let address = serve(dir.path("vod"), of_segments);
        let mut items = found(&dir, &format!("http://{address}"), true);
        items.dedup();
        assert_eq!(items, expected, "{name}");
    }
}

/// A server of a directory, to the end of the test's process.
fn serve(root: PathBuf, of_segments: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let root = Arc::new(root);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let root = Arc::clone(&root);
            // A client may hold several connections; each serves one request.
            std::thread::spawn(move || answer(stream, &root, of_segments));
        }
    });
    address
}

fn answer(mut stream: TcpStream, root: &Path, of_segments: &str) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let request = lines.next()?.ok()?;
    for line in lines.by_ref() {
        if line.ok()?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let (status, body) = match fs::read(root.join(&path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let kind = match path.rsplit('.').next()? {
        "m3u8" => "Content-Type: application/vnd.apple.mpegurl\r\n",
        "m4s" => of_segments,
        "mp4" => "Content-Type: video/mp4\r\n",
        "vtt" => "Content-Type: text/vtt\r\n",
        "jpg" => "Content-Type: image/jpeg\r\n",
        _ => "Content-Type: application/json\r\n",
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\n{kind}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}
