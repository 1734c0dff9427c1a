//! The multivariant playlist as text.

use super::VERSION;
use super::media::line;
use super::rendition::{Rendition, Renditions, VideoRendition};
use super::session_data;
use crate::bandwidth::Bandwidth;
use crate::names::{IFRAME_PLAYLIST, MEDIA_PLAYLIST, PartNames};
use crate::plan::{FrameRate, Plan, RungBits};

/// Average rate in bits per second of the variant that a player should start with on Wi-Fi (HLS Authoring Specification 1.32).
pub const FIRST_VARIANT_RATE: u64 = 2_000_000;

/// The multivariant playlist of a part. The first variant is the one whose average rate is nearest to [`FIRST_VARIANT_RATE`], because
/// players start with the first; the others follow from the largest to the smallest. Without video the audio is the only variant.
#[must_use]
pub fn master(plan: &Plan, renditions: &Renditions, names: &PartNames, title: &str) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    session_data::write(&mut text, plan, renditions, names, title);
    let writer = Writer { plan, renditions, names };
    if let (Some(audio), true) = (&renditions.audio, renditions.video.is_empty()) {
        writer.audio_variant(&mut text, audio);
        return text;
    }
    if let Some(audio) = &renditions.audio {
        writer.audio_group(&mut text, audio);
    }
    for video in writer.variants_in_order() {
        writer.variant(&mut text, video);
    }
    for video in &renditions.video {
        writer.iframe_variant(&mut text, video);
    }
    text
}

struct Writer<'a> {
    plan: &'a Plan,
    renditions: &'a Renditions,
    names: &'a PartNames,
}

impl<'a> Writer<'a> {
    /// What a player must fetch to play a variant.
    fn bandwidth(&self, video: &VideoRendition) -> Bandwidth {
        let target = self.plan.target_duration;
        let audio = self.renditions.audio.as_ref().map(|audio| audio.bandwidth(target));
        video.rendition.bandwidth(target) + audio.unwrap_or_default()
    }

    fn variants_in_order(&self) -> impl Iterator<Item = &'a VideoRendition> {
        let all = &self.renditions.video;
        let distance =
            |video: &&VideoRendition| self.bandwidth(video).average.abs_diff(FIRST_VARIANT_RATE);
        let first = all.iter().min_by_key(distance);
        let others =
            all.iter().filter(move |video| first.is_none_or(|first| !std::ptr::eq(first, *video)));
        first.into_iter().chain(others)
    }

    fn audio_group(&self, text: &mut String, audio: &Rendition) {
        let uri = self.names.from_master(&audio.name, MEDIA_PLAYLIST);
        line(
            text,
            format_args!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",LANGUAGE=\"und\",\
                 DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"{uri}\""
            ),
        );
    }

    fn variant(&self, text: &mut String, video: &VideoRendition) {
        let Bandwidth { peak, average } = self.bandwidth(video);
        let codec = &video.rendition.codec;
        let audio = self.renditions.audio.as_ref();
        let audio_codec = audio.map_or(String::new(), |audio| format!(",{}", audio.codec.codecs));
        let group = if audio.is_some() { ",AUDIO=\"audio\"" } else { "" };
        line(
            text,
            format_args!(
                "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},\
                 CODECS=\"{}{audio_codec}\",RESOLUTION={}x{}{}{}{group}",
                codec.codecs,
                codec.width,
                codec.height,
                self.frame_rate(video),
                self.closed_captions(),
            ),
        );
        let uri = self.names.from_master(&video.rendition.name, MEDIA_PLAYLIST);
        line(text, format_args!("{uri}"));
    }

    fn frame_rate(&self, video: &VideoRendition) -> String {
        let Some(plan) = &self.plan.video else {
            return String::new();
        };
        let rate = rung_rate_thousandths(plan.frame_rate, video.rung.keep_every);
        format!(",FRAME-RATE={}.{:03}", rate / 1000, rate % 1000)
    }

    /// The encoder writes no captions. A copied source may carry some that nobody looked for, and `NONE` must stand on all variants or
    /// on none (RFC 8216 4.3.4.2), so that a copy among them leaves the question open.
    fn closed_captions(&self) -> &'static str {
        let copied = |video: &VideoRendition| video.rung.bits == RungBits::Source;
        if self.renditions.video.iter().any(copied) { "" } else { ",CLOSED-CAPTIONS=NONE" }
    }

    fn iframe_variant(&self, text: &mut String, video: &VideoRendition) {
        let Bandwidth { peak, average } =
            video.rendition.iframe_bandwidth(self.plan.target_duration);
        let codec = &video.rendition.codec;
        let uri = self.names.from_master(&video.rendition.name, IFRAME_PLAYLIST);
        line(
            text,
            format_args!(
                "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},\
                 CODECS=\"{}\",RESOLUTION={}x{},URI=\"{uri}\"",
                codec.codecs, codec.width, codec.height,
            ),
        );
    }

    fn audio_variant(&self, text: &mut String, audio: &Rendition) {
        let Bandwidth { peak, average } = audio.bandwidth(self.plan.target_duration);
        let uri = self.names.from_master(&audio.name, MEDIA_PLAYLIST);
        line(
            text,
            format_args!(
                "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},\
                 CODECS=\"{}\"\n{uri}",
                audio.codec.codecs,
            ),
        );
    }
}

/// Frames per 1000 seconds of a rung that keeps one of `keep_every` frames, rounded to the nearest.
fn rung_rate_thousandths(rate: FrameRate, keep_every: u32) -> u64 {
    let denominator = (u64::from(rate.denominator) * u64::from(keep_every)).max(1);
    (u64::from(rate.numerator) * 1000 + denominator / 2) / denominator
}
