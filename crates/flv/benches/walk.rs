//! Speed of the walk over a recording of 256 MiB in memory, as a row of a Markdown table:
//! `cargo bench -p flv`. The bar is 1,000 MB/s.
#![expect(clippy::print_stdout, reason = "the table is what a bench is for")]

use std::hint::black_box;
use std::io::{BufReader, Cursor};
use std::time::{Duration, Instant};

use common::{AUDIO, HEAD, VIDEO, push_tag};
use flv::{AudioTag, NalLengthSize, TagKind, TagReader, VideoTag, contains_idr};

#[path = "../tests/common/mod.rs"]
mod common;

const SIZE: usize = 256 << 20;
const RUNS: usize = 5;

/// Video of 6 Mb/s at 30 frames/s, a keyframe every 2 s, with an AAC frame after each picture.
fn recording() -> Vec<u8> {
    let mut file = HEAD.to_vec();
    for frame in 0_u32.. {
        if file.len() >= SIZE {
            break;
        }
        let is_key = frame % 60 == 0;
        let (first, nal_header, size) =
            if is_key { (0x17, 0x65, 150_000_u32) } else { (0x27, 0x41, 23_000) };
        let mut body = vec![first, 1, 0, 0, 0x43];
        body.extend_from_slice(&size.to_be_bytes());
        body.push(nal_header);
        body.resize(body.len() + size as usize - 1, 0xa5);
        push_tag(&mut file, VIDEO, frame * 33, &body);
        push_tag(&mut file, AUDIO, frame * 33, &[&b"\xaf\x01"[..], &[0x5a; 340]].concat());
    }
    file
}

/// What an index does: walk, look at every tag's first bytes and at the NAL units of keyframes.
fn index<R: std::io::BufRead>(input: R) -> (usize, usize) {
    let (_, mut reader) = TagReader::open(input).expect("the recording is whole");
    let (mut tags, mut keyframes) = (0, 0);
    while let Some(tag) = reader.next_tag().expect("memory can be read") {
        tags += 1;
        match tag.header.kind {
            TagKind::Video => {
                if let Ok(VideoTag::Avc { payload, .. }) = VideoTag::parse(tag.body) {
                    keyframes += usize::from(contains_idr(payload, NalLengthSize::Four));
                }
            }
            TagKind::Audio => {
                black_box(AudioTag::parse(tag.body).is_ok());
            }
            TagKind::Script => {}
        }
    }
    (tags, keyframes)
}

/// The fastest of a few runs.
fn time(mut run: impl FnMut() -> (usize, usize)) -> (Duration, (usize, usize)) {
    let timed = |_| {
        let start = Instant::now();
        let counts = black_box(run());
        (start.elapsed(), counts)
    };
    (0..RUNS).map(timed).min().unwrap_or_default()
}

fn main() {
    let file = recording();
    println!("| input, {} MiB | tags | IDR pictures | us | MB/s |", file.len() >> 20);
    println!("|---|---|---|---|---|");
    let rows = [
        ("slice", time(|| index(&file[..]))),
        (
            "BufReader of 1 MiB over memory",
            time(|| index(BufReader::with_capacity(1 << 20, Cursor::new(&file)))),
        ),
    ];
    for (input, (elapsed, (tags, keyframes))) in rows {
        let ns = elapsed.as_nanos().max(1);
        let (us, mb_per_s) = (ns / 1000, file.len() as u128 * 1000 / ns);
        println!("| {input} | {tags} | {keyframes} | {us} | {mb_per_s} |");
    }
}
