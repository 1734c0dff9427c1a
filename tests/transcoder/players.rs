//! ffmpeg's HLS demuxer as a player that nobody here wrote. Seeking is left out: its own of 5.1 reads fragmented MP4 at wrong offsets after a
//! seek, Apple's example streams too (<https://github.com/mpv-player/mpv/issues/15184>).

use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, times};
use crate::support::recordings::{short_with, usual};

#[test]
fn every_variant_decodes_from_the_master_without_complaint() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    decodes_clean(&published.master_path());
}

#[test]
fn video_and_audio_begin_together_at_zero() {
    for recording in [usual(), short_with("late.ts", "-output_ts_offset 100 -f mpegts")] {
        let dir = Dir::new();
        let published = dir.publish(&recording, &[]);
        let (video, audio) =
            (times('v', &published.master_path())[0], times('a', &published.master_path())[0]);
        let frame = 1.0 / 30.0;
        assert!((video - audio).abs() <= frame, "video from {video} s, audio from {audio} s");
        // Frames that are shown later than they are decoded: two of them are ahead at most.
        assert!((0.0..=2.0 * frame + 0.001).contains(&video), "video from {video} s");
    }
}
