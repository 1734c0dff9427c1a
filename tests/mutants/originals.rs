//! What mutants are made from: small recordings of each way through the program.

use std::fs;

use crate::support::recordings::make;

const PICTURES: &str = "-f lavfi -i testsrc2=rate=30:size=";
const SOUND: &str = "-f lavfi -i sine=sample_rate=48000";
const H264: &str = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -sc_threshold 0";

/// The bytes of each.
pub fn originals() -> Vec<Vec<u8>> {
    let made = [
        // Copied, and nothing else: it is smaller than every rung.
        ("alone.flv", format!("{PICTURES}320x180 {SOUND} -t 3 {H264} -bf 2 -g 30 -c:a aac -ac 2")),
        // Copied above an encoded rung.
        ("above.flv", format!("{PICTURES}480x270 {SOUND} -t 3 {H264} -bf 0 -g 60 -c:a aac -ac 2")),
        // Pictures and sound of other codecs, encoded.
        (
            "former.flv",
            format!(
                "{PICTURES}320x240 {SOUND} -t 2 -c:v flv1 -q:v 12 -g 15 -c:a libmp3lame -ar 44100"
            ),
        ),
        // One stream alone.
        ("mute.flv", format!("{PICTURES}320x180 -t 3 {H264} -bf 2 -g 60")),
        ("sound.flv", format!("{SOUND} -t 4 -c:a aac -ac 1")),
    ];
    let read = |path| fs::read(path).expect("it was just made");
    made.into_iter().map(|(name, arguments)| read(make(name, &arguments))).collect()
}
