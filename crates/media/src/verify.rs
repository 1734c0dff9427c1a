//! What a published presentation really holds: playlists, boxes and pictures, read from the published objects alone. The bar itself is
//! [`job::conformance`].

use std::collections::BTreeSet;

use ffmpeg_next::codec::Id;
use flv::{AudioSpecificConfig, AvcConfig, Sps, contains_idr};
use job::conformance::{
    Decoded, Facts, Fragment, InitFacts, MASTER, Media, ObjectFacts, Picture, SegmentContents,
};
use job::playlist::{
    Master, MediaPlaylist, Playlist, SessionValue, parse, parse_storyboard, resolve, session_data,
};

use crate::MediaError;
use crate::cmaf::{self, Init, read_init, read_segment};
use crate::codec::decoder_context;
use crate::decode::{AudioDecoder, VideoDecoder};
use crate::input::{AudioPacket, VideoPacket};

/// A published object as a reader gets it.
pub struct PublishedObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// `Content-Type`, where there is one.
    pub content_type: Option<String>,
}

/// Reads published objects by their URI as seen from the multivariant playlist.
pub trait Published {
    /// The object; none if there is none.
    ///
    /// # Errors
    /// If it cannot be known whether there is one.
    fn read(&self, uri: &str) -> Result<Option<PublishedObject>, MediaError>;
}

/// Collects the facts of a presentation. `decode` says whether every segment and every I-frame is decoded as well; `progress` hears
/// of each segment that is done, and how many there are.
///
/// # Errors
/// [`MediaError::NoPresentation`] if there is no multivariant playlist; others if objects cannot be read. What else is missing or
/// damaged is not an error but a fact.
pub fn collect(
    published: &dyn Published,
    decode: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Facts, MediaError> {
    let mut collector = Collector { published, decode, facts: Facts::default() };
    let Some(master) = collector.text(MASTER)? else {
        return Err(MediaError::NoPresentation(MASTER.to_owned()));
    };
    collector.facts.master.clone_from(&master);
    let Ok(Playlist::Master(master)) = parse(&master) else { return Ok(collector.facts) };
    let mut playlists = Vec::new();
    for uri in playlist_uris(&master) {
        let Some(text) = collector.text(&uri)? else { continue };
        if let Ok(Playlist::Media(playlist)) = parse(&text) {
            playlists.push((uri.clone(), playlist));
        }
        collector.facts.playlists.insert(uri, text);
    }
    collector.session_data(&master)?;
    let total = playlists.iter().map(|(_, playlist)| playlist.segments.len()).sum();
    let mut done = 0;
    for (uri, playlist) in &playlists {
        collector.rendition(uri, playlist, &mut || {
            done += 1;
            progress(done, total);
        })?;
    }
    Ok(collector.facts)
}

fn playlist_uris(master: &Master) -> BTreeSet<String> {
    let variants = master.variants.iter().map(|variant| &variant.uri);
    let iframes = master.iframes.iter().map(|variant| &variant.uri);
    let audio = master.audio.iter().filter_map(|group| group.uri.as_ref());
    variants.chain(iframes).chain(audio).map(|uri| resolve(MASTER, uri)).collect()
}

struct Collector<'a> {
    published: &'a dyn Published,
    decode: bool,
    facts: Facts,
}

impl Collector<'_> {
    fn object(&mut self, uri: &str) -> Result<Option<Vec<u8>>, MediaError> {
        let Some(object) = self.published.read(uri)? else { return Ok(None) };
        let facts =
            ObjectFacts { size: object.bytes.len() as u64, content_type: object.content_type };
        self.facts.objects.insert(uri.to_owned(), facts);
        Ok(Some(object.bytes))
    }

    fn text(&mut self, uri: &str) -> Result<Option<String>, MediaError> {
        let bytes = self.object(uri)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Reads what session data names, poster and storyboard with its sprites above all.
    fn session_data(&mut self, master: &Master) -> Result<(), MediaError> {
        for data in &master.session_data {
            if let SessionValue::Uri(uri) = &data.value {
                self.object(uri)?;
            }
        }
        if let Some(poster) = master.session_value(session_data::POSTER) {
            self.object(poster)?;
        }
        let Some(uri) = master.session_value(session_data::STORYBOARD) else { return Ok(()) };
        let Some(text) = self.text(uri)? else { return Ok(()) };
        let cues = parse_storyboard(&text).unwrap_or_default();
        let sprites: BTreeSet<String> = cues.iter().map(|cue| resolve(uri, &cue.sprite)).collect();
        self.facts.storyboards.insert(uri.to_owned(), text);
        for sprite in sprites {
            self.object(&sprite)?;
        }
        Ok(())
    }

    /// Reads the segments of one playlist, those that another playlist led to before excepted (I-frame playlists point into the
    /// segments of media playlists).
    fn rendition(
        &mut self,
        playlist_uri: &str,
        playlist: &MediaPlaylist,
        done: &mut dyn FnMut(),
    ) -> Result<(), MediaError> {
        let mut init: Option<(String, Init)> = None;
        for segment in &playlist.segments {
            if let Some(map) = segment.map.as_ref().map(|map| resolve(playlist_uri, map))
                && init.as_ref().is_none_or(|(uri, _)| *uri != map)
            {
                init = self.init(&map)?.map(|init| (map, init));
            }
            let uri = resolve(playlist_uri, &segment.uri);
            if !self.facts.segments.contains_key(&uri)
                && let Some((_, init)) = &init
                && let Some(bytes) = self.object(&uri)?
                && let Some(contents) = contents(&bytes, init, self.decode)?
            {
                self.facts.segments.insert(uri, contents);
            }
            done();
        }
        Ok(())
    }

    fn init(&mut self, uri: &str) -> Result<Option<Init>, MediaError> {
        let Some(bytes) = self.object(uri)? else { return Ok(None) };
        let Ok(init) = read_init(&bytes) else { return Ok(None) };
        if let Some(facts) = init_facts(&init) {
            self.facts.inits.insert(uri.to_owned(), facts);
        }
        Ok(Some(init))
    }
}

fn init_facts(init: &Init) -> Option<InitFacts> {
    let (codecs, media) = match &init.media {
        cmaf::Media::Video(entry) => {
            let config = AvcConfig::parse(&entry.avcc).ok()?;
            let sps = config.sps().first().and_then(|unit| Sps::parse(unit).ok())?;
            let aspect = sps
                .sample_aspect_ratio()
                .map_or((1, 1), |ratio| (u32::from(ratio.width), u32::from(ratio.height)));
            let picture = Picture {
                width: sps.width,
                height: sps.height,
                chroma_format_idc: Some(sps.chroma_format_idc),
                bit_depth: Some(sps.bit_depth_luma),
                progressive: Some(sps.frame_mbs_only),
                pixel_aspect: Some(aspect),
            };
            // RFC 6381: the sample entry's four characters come first, and avc1 is not avc3.
            let codecs = config.rfc6381().replacen("avc1", &entry.fourcc.to_string(), 1);
            (codecs, Media::Video(picture))
        }
        cmaf::Media::Audio(entry) => {
            let config = AudioSpecificConfig::parse(&entry.audio_specific_config).ok()?;
            (config.rfc6381(), Media::Audio { channels: entry.channels })
        }
    };
    // The reader refuses more than one track.
    Some(InitFacts { codecs, timescale: init.timescale, tracks: 1, media })
}

/// What is in a segment; none if its boxes cannot be read.
fn contents(
    bytes: &[u8],
    init: &Init,
    decode: bool,
) -> Result<Option<SegmentContents>, MediaError> {
    let Ok(fragments) = read_segment(bytes, init) else { return Ok(None) };
    let samples: Vec<&cmaf::FragmentSample> = fragments.iter().flat_map(|f| &f.samples).collect();
    let Some(first) = samples.first() else { return Ok(None) };
    let starts = samples.iter().map(|sample| sample.presentation_time);
    let ends = samples.iter().map(|s| s.presentation_time.saturating_add(i64::from(s.duration)));
    let decoded = decode.then(|| decode_samples(bytes, init, &samples)).transpose()?;
    let mut described = Vec::new();
    for fragment in &fragments {
        described.push(fragment_facts(bytes, init, fragment, decode)?);
    }
    Ok(Some(SegmentContents {
        tfdt: first.decode_time,
        duration: samples.iter().map(|sample| u64::from(sample.duration)).sum(),
        gaps: gaps(&samples),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        starts_with_idr: is_idr(bytes, init, first),
        first_presentation: starts.min().unwrap_or(0),
        end_presentation: ends.max().unwrap_or(0),
        fragments: described,
        decoded,
    }))
}

/// How much longer than the usual duration those samples last, in all, that last more than one and a half times as long.
fn gaps(samples: &[&cmaf::FragmentSample]) -> u64 {
    let mut durations: Vec<u64> = samples.iter().map(|sample| u64::from(sample.duration)).collect();
    let middle = durations.len() / 2;
    let Some((_, usual, _)) =
        (!durations.is_empty()).then(|| durations.select_nth_unstable(middle))
    else {
        return 0;
    };
    let usual = *usual;
    let excess = durations.iter().map(|duration| duration - usual.min(*duration));
    excess.filter(|excess| *excess > usual / 2).sum()
}

fn fragment_facts(
    bytes: &[u8],
    init: &Init,
    fragment: &cmaf::Fragment,
    decode: bool,
) -> Result<Fragment, MediaError> {
    let starts_with_idr = fragment.samples.first().is_some_and(|first| is_idr(bytes, init, first));
    // Only I-frames are asked for alone.
    let alone = decode && starts_with_idr && matches!(init.media, cmaf::Media::Video(_));
    let samples: Vec<&cmaf::FragmentSample> = fragment.samples.iter().collect();
    Ok(Fragment {
        offset: fragment.bytes.start as u64,
        size: fragment.bytes.len() as u64,
        tfdt: fragment.base_media_decode_time,
        duration: Some(samples.iter().map(|sample| u64::from(sample.duration)).sum()),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        starts_with_idr,
        decoded: alone.then(|| decode_samples(bytes, init, &samples)).transpose()?,
    })
}

fn is_idr(bytes: &[u8], init: &Init, sample: &cmaf::FragmentSample) -> bool {
    let cmaf::Media::Video(entry) = &init.media else { return true };
    let Ok(config) = AvcConfig::parse(&entry.avcc) else { return false };
    let data = bytes.get(sample.data.clone()).unwrap_or_default();
    sample.sync && contains_idr(data, config.nal_length_size())
}

/// Decodes samples alone, with nothing before them but the configuration.
fn decode_samples(
    bytes: &[u8],
    init: &Init,
    samples: &[&cmaf::FragmentSample],
) -> Result<Decoded, MediaError> {
    match &init.media {
        cmaf::Media::Video(entry) => decode_video(bytes, &entry.avcc, samples),
        cmaf::Media::Audio(entry) => decode_audio(bytes, &entry.audio_specific_config, samples),
    }
}

fn decode_video(
    bytes: &[u8],
    config: &[u8],
    samples: &[&cmaf::FragmentSample],
) -> Result<Decoded, MediaError> {
    let mut frames = 0;
    let mut decoder = match VideoDecoder::open(decoder_context(Id::H264, config)?) {
        Ok(decoder) => decoder,
        Err(error) if error.is_refusal() => return Ok(Decoded { frames: 0, errors: 1 }),
        Err(error) => return Err(error),
    };
    let mut count = |_: &mut ffmpeg_next::frame::Video, _| {
        frames += 1;
        Ok(())
    };
    for sample in samples {
        let packet = VideoPacket {
            pts: sample.presentation_time,
            dts: i64::try_from(sample.decode_time).unwrap_or(i64::MAX),
            offset: 0,
            sync: sample.sync,
            recovery_frames: None,
            is_reference: true,
            hidden: false,
            data: bytes.get(sample.data.clone()).unwrap_or_default(),
        };
        decoder.decode(&packet, &mut count)?;
    }
    decoder.finish(&mut count)?;
    Ok(Decoded { frames, errors: decoder.errors() })
}

fn decode_audio(
    bytes: &[u8],
    config: &[u8],
    samples: &[&cmaf::FragmentSample],
) -> Result<Decoded, MediaError> {
    let Ok(mut decoder) = AudioDecoder::open(decoder_context(Id::AAC, config)?) else {
        return Ok(Decoded { frames: 0, errors: 1 });
    };
    let mut frames = 0;
    let mut count = |_: &mut ffmpeg_next::frame::Audio, _| {
        frames += 1;
        Ok(())
    };
    for sample in samples {
        let data = bytes.get(sample.data.clone()).unwrap_or_default();
        let packet = AudioPacket { pts: sample.presentation_time, data };
        decoder.decode(Some(&packet), &mut count)?;
    }
    decoder.decode(None, &mut count)?;
    Ok(Decoded { frames, errors: u32::try_from(decoder.errors()).unwrap_or(u32::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Published for Nothing {
        fn read(&self, _: &str) -> Result<Option<PublishedObject>, MediaError> {
            Ok(None)
        }
    }

    #[test]
    fn where_nothing_is_published_there_is_no_presentation() {
        let collected = collect(&Nothing, true, &mut |_, _| {});
        assert!(matches!(collected, Err(MediaError::NoPresentation(_))), "{collected:?}");
    }

    #[test]
    fn an_audio_decoder_that_does_not_open_is_a_fact() {
        crate::init().unwrap();
        // AAC scalable (audio object type 6), which no decoder of FFmpeg's knows; and AAC-LC, 44.1 kHz, stereo.
        let opens = |config: &[u8]| decode_audio(&[], config, &[]).unwrap();
        assert_eq!(opens(&[0x32, 0x10]), Decoded { frames: 0, errors: 1 });
        assert_eq!(opens(&[0x12, 0x10]), Decoded { frames: 0, errors: 0 });
    }
}
