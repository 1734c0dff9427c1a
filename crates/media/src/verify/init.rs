//! What an initialisation segment says of its track.

use flv::{AudioSpecificConfig, AvcConfig, Sps};
use job::conformance::{InitFacts, Media, Picture};

use crate::cmaf::{self, AudioEntry, Init, VideoEntry};

/// None if the decoder's configuration cannot be read.
pub(super) fn facts(init: &Init) -> Option<InitFacts> {
    let (codecs, media) = match &init.media {
        cmaf::Media::Video(entry) => video(entry)?,
        cmaf::Media::Audio(entry) => audio(entry)?,
    };
    Some(InitFacts {
        codecs,
        timescale: init.timescale,
        // The reader refuses more than one track.
        tracks: 1,
        loudness: Some(init.states_loudness),
        media,
    })
}

/// By the sequence parameter set itself, not by what the configuration record repeats of it.
fn video(entry: &VideoEntry) -> Option<(String, Media)> {
    let config = AvcConfig::parse(&entry.avcc).ok()?;
    let sps = config.sps().first().and_then(|unit| Sps::parse(unit).ok())?;
    let stated = sps.sample_aspect_ratio();
    let aspect = stated.map_or((1, 1), |ratio| (u32::from(ratio.width), u32::from(ratio.height)));
    let picture = Picture {
        width: sps.width,
        height: sps.height,
        chroma_format_idc: Some(sps.chroma_format_idc),
        bit_depth: Some(sps.bit_depth_luma.max(sps.bit_depth_chroma)),
        progressive: Some(sps.frame_mbs_only),
        pixel_aspect: Some(entry.pixel_aspect_ratio.unwrap_or(aspect)),
        container_size: Some((entry.width.into(), entry.height.into())),
    };
    // RFC 6381: the sample entry's four characters come first, and avc1 is not avc3.
    let codecs = format!(
        "{}.{:02X}{:02X}{:02X}",
        entry.fourcc, sps.profile_idc, sps.constraint_flags, sps.level_idc
    );
    Some((codecs, Media::Video(picture)))
}

fn audio(entry: &AudioEntry) -> Option<(String, Media)> {
    let config = AudioSpecificConfig::parse(&entry.audio_specific_config).ok()?;
    let channels = match config.channels() {
        // Parametric stereo makes two of one.
        Some(1) if config.has_parametric_stereo() => 2,
        Some(channels) => channels.into(),
        None => entry.channels,
    };
    Some((config.rfc6381(), Media::Audio { channels }))
}
