//! One pass over all packets of a recording: what is in it, frame by frame. Headers and metadata are not believed.

use std::num::NonZeroU32;
use std::path::Path;

use flv::{AudioSpecificConfig, End};
use job::source::{
    AudioCodec, AudioSource, Clock, Defect, Frame, H264Source, SourceIndex, VideoSource,
};

use crate::MediaError;
use crate::audio::timeline::Timeline;
use crate::container::sniff;
use crate::input::{AudioStream, Event, Input, VideoPacket, VideoStream};

mod picture;
mod recovery;

use picture::picture;
use recovery::RecoveryPoints;

mod clock;

/// A video frame that comes this much before the one read before it is no jitter: the recording's clock was set back.
const LARGEST_STEP_BACK_SECONDS: i64 = 1;
/// A pause longer than this is no pause but a wrong timestamp; publishing it would make output out of nothing.
const LONGEST_PAUSE_SECONDS: i64 = 600;
/// Different codec configurations that are told apart; no encoder has so many, and every one is looked up among them.
const MOST_CONFIGURATIONS: usize = 1000;
/// Times that a clock may be set. More are damage, or made to do harm: each costs memory and a place in the plan.
const MOST_JUMPS: usize = 1000;
/// A pause between frames that is worth telling.
const GAP_SECONDS: i64 = 1;

/// Indexes a recording.
///
/// # Errors
/// [`MediaError::Refused`] if it is none that can be published, with the reason; other errors if it cannot be read.
pub fn index(path: &Path) -> Result<SourceIndex, MediaError> {
    let container = sniff(path)?;
    let byte_length = std::fs::metadata(path).map_err(MediaError::file(path))?.len();
    let mut input = Input::open(path, container, &Clock::default())?;
    let mut seen = Seen::default();
    while let Some(event) = input.next_event()? {
        seen.take(&event);
    }
    let mut defects = Vec::new();
    let mut clock = Clock::default();
    if let Input::Flv(flv) = &input {
        defects.extend(flv.end().and_then(end_defect));
        let (followed, jumps) = clock::follow(&mut seen.video.frames, &mut seen.audio.packets);
        if jumps.len() > MOST_JUMPS || followed.steps() > 10 * MOST_JUMPS {
            return Err(MediaError::Refused(
                "the recording's timestamps jump thousands of times: they are damaged beyond repair"
                    .to_owned(),
            ));
        }
        clock = followed;
        defects.extend(jumps);
    }
    let video = match input.video() {
        Some(stream) => seen.video.finish(stream, &input, path, &mut defects)?,
        None => None,
    };
    let audio = match input.audio() {
        Some(stream) => seen.audio.finish(stream, video.is_none())?,
        None => None,
    };
    if video.is_none() && audio.is_none() {
        return Err(MediaError::Refused(
            "the recording holds no frame: its publisher left before sending any".to_owned(),
        ));
    }
    Ok(SourceIndex { container, byte_length, video, audio, clock, defects })
}

fn end_defect(end: End) -> Option<Defect> {
    match end {
        End::Clean => None,
        End::CutTag { offset, .. } => Some(Defect::CutAtEnd { offset }),
        End::Garbage { offset } => Some(Defect::GarbageFrom { offset }),
    }
}

#[derive(Default)]
struct Seen {
    video: SeenVideo,
    audio: SeenAudio,
}

impl Seen {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::VideoConfig(bytes, offset) => self.video.configs.take(bytes, *offset),
            Event::Video(packet) => {
                let frame = Frame {
                    pts: packet.pts,
                    dts: packet.dts,
                    offset: packet.offset,
                    size: u32::try_from(packet.data.len()).unwrap_or(u32::MAX),
                    sync: packet.sync,
                };
                self.video.take(frame, packet);
            }
            Event::AudioConfig(bytes) => self.audio.configure(bytes),
            Event::Audio(packet) => self.audio.packets.push((packet.offset, packet.pts)),
        }
    }
}

#[derive(Default)]
struct SeenVideo {
    frames: Vec<Frame>,
    before_keyframe: u64,
    recovery_points: RecoveryPoints,
    configs: Configs,
    /// True if the container hides some frames.
    hidden: bool,
    /// The earliest that it does not hide.
    shown_from: Option<i64>,
}

/// The codec configurations of the video in file order, repeats left out.
#[derive(Default)]
struct Configs {
    offsets: Vec<u64>,
    /// Each different configuration once, with how many frames used it.
    distinct: Vec<(Vec<u8>, u64)>,
    current: usize,
}

impl Configs {
    fn take(&mut self, bytes: &[u8], offset: u64) {
        self.offsets.push(offset);
        let known = self.distinct.iter().position(|(known, _)| known == bytes);
        self.current = known.unwrap_or_else(|| {
            if self.distinct.len() < MOST_CONFIGURATIONS {
                self.distinct.push((bytes.to_vec(), 0));
            }
            self.distinct.len() - 1
        });
    }

    fn count_frame(&mut self) {
        if let Some((_, frames)) = self.distinct.get_mut(self.current) {
            *frames += 1;
        }
    }

    fn most_used(&self) -> &[u8] {
        self.distinct.iter().max_by_key(|(_, frames)| *frames).map_or(&[], |(bytes, _)| bytes)
    }
}

impl SeenVideo {
    fn take(&mut self, frame: Frame, packet: &VideoPacket<'_>) {
        if self.frames.is_empty() && !frame.sync && packet.recovery_frames.is_none() {
            self.before_keyframe += 1;
            return;
        }
        self.configs.count_frame();
        self.recovery_points.take(self.frames.len(), packet);
        self.hidden |= packet.hidden;
        if !packet.hidden {
            self.shown_from = Some(self.shown_from.map_or(frame.pts, |from| from.min(frame.pts)));
        }
        self.frames.push(frame);
    }

    fn finish(
        mut self,
        stream: VideoStream,
        input: &Input,
        path: &Path,
        defects: &mut Vec<Defect>,
    ) -> Result<Option<VideoSource>, MediaError> {
        let (recovery_points, unusable) = self.recovery_points.finish(&mut self.frames);
        self.before_keyframe += unusable;
        if self.frames.is_empty() && self.before_keyframe > 0 {
            return Err(MediaError::Refused(format!(
                "decoding can start at none of the recording's {} video frames: none is an IDR picture or a keyframe, and none begins a \
                 recovery that is completed",
                self.before_keyframe
            )));
        }
        if self.before_keyframe > 0 {
            defects.push(Defect::FramesBeforeKeyframe { frames: self.before_keyframe });
        }
        if self.frames.is_empty() {
            return Ok(None);
        }
        let timescale = timescale(stream.timescale)?;
        refuse_steps_back(&self.frames, timescale)?;
        refuse_leaps(&self.frames, timescale)?;
        defects.extend(gaps(&self.frames, timescale));
        let configurations = u32::try_from(self.configs.distinct.len()).unwrap_or(u32::MAX);
        if configurations > 1 {
            defects.push(Defect::ConfigurationChange { configurations });
        }
        let picture = picture(stream, &self.configs, &self.frames, input, path)?;
        let h264 = picture.sps.as_ref().map(|sps| H264Source {
            profile_idc: sps.profile_idc,
            level_idc: sps.level_idc,
            chroma_format_idc: sps.chroma_format_idc,
            bit_depth: sps.bit_depth_luma.max(sps.bit_depth_chroma),
            progressive: sps.frame_mbs_only,
            one_configuration: configurations == 1,
            closed_gops: has_closed_gops(&self.frames),
        });
        Ok(Some(VideoSource {
            codec: stream.codec,
            timescale,
            width: picture.width,
            height: picture.height,
            pixel_aspect: picture.aspect,
            rotation: picture.rotation,
            colour: picture.colour,
            h264,
            config_offsets: self.configs.offsets,
            shown_from: self.hidden.then_some(self.shown_from).flatten(),
            frames: self.frames,
            recovery_points,
        }))
    }
}

fn timescale(ticks: u32) -> Result<NonZeroU32, MediaError> {
    NonZeroU32::new(ticks)
        .ok_or_else(|| MediaError::Refused("the recording's time base is zero".to_owned()))
}

fn refuse_steps_back(frames: &[Frame], timescale: NonZeroU32) -> Result<(), MediaError> {
    let ticks = i64::from(timescale.get());
    let back = frames
        .windows(2)
        .find(|pair| pair[1].dts < pair[0].dts.saturating_sub(LARGEST_STEP_BACK_SECONDS * ticks));
    match back {
        None => Ok(()),
        Some(pair) => Err(MediaError::Refused(format!(
            "the recording's clock is set back by {} s at byte {}: publish its parts apart",
            pair[0].dts.saturating_sub(pair[1].dts) / ticks,
            pair[1].offset
        ))),
    }
}

fn refuse_leaps(frames: &[Frame], timescale: NonZeroU32) -> Result<(), MediaError> {
    let ticks = i64::from(timescale.get());
    let leap = frames.windows(2).find(|pair| {
        pair[1].dts.saturating_sub(pair[0].dts) > LONGEST_PAUSE_SECONDS.saturating_mul(ticks)
    });
    match leap {
        None => Ok(()),
        Some(pair) => Err(MediaError::Refused(format!(
            "the recording's clock leaps ahead by {} s at byte {}: publish its parts apart",
            pair[1].dts.saturating_sub(pair[0].dts) / ticks,
            pair[1].offset
        ))),
    }
}

fn gaps(frames: &[Frame], timescale: NonZeroU32) -> Vec<Defect> {
    let longest = GAP_SECONDS * i64::from(timescale.get());
    let mut times: Vec<i64> = frames.iter().map(|frame| frame.pts).collect();
    times.sort_unstable();
    times
        .windows(2)
        .map(|pair| (pair[0], pair[1].saturating_sub(pair[0])))
        .filter(|(_, length)| *length > longest)
        .map(|(after, length)| Defect::VideoGap { after, length })
        .collect()
}

/// True if no frame is presented before the IDR picture that it follows in the file, or at or after the next one.
fn has_closed_gops(frames: &[Frame]) -> bool {
    let mut former_last = i64::MIN;
    for gop in frames.chunk_by(|_, next| !next.sync) {
        let first = gop.first().map_or(i64::MIN, |frame| frame.pts);
        let least = gop.iter().map(|frame| frame.pts).min().unwrap_or(first);
        if least < first || first <= former_last {
            return false;
        }
        former_last = gop.iter().map(|frame| frame.pts).max().unwrap_or(first);
    }
    true
}

#[derive(Default)]
struct SeenAudio {
    /// Byte offset and time of each packet.
    packets: Vec<(u64, i64)>,
    configs: Vec<AudioSpecificConfig>,
}

impl SeenAudio {
    fn configure(&mut self, bytes: &[u8]) {
        // Whether there is one alone is all that matters.
        if self.configs.len() < 2
            && let Ok(config) = AudioSpecificConfig::parse(bytes)
            && !self.configs.contains(&config)
        {
            self.configs.push(config);
        }
    }

    /// `alone` says that there is no video, whose times would count.
    fn finish(self, stream: AudioStream, alone: bool) -> Result<Option<AudioSource>, MediaError> {
        let Some(timescale) = NonZeroU32::new(stream.timescale) else { return Ok(None) };
        let times: Vec<i64> = self.packets.iter().map(|(_, time)| *time).collect();
        let times = believed(&times, stream);
        let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
            return Ok(None);
        };
        if stream.sample_rate == 0 {
            return Ok(None);
        }
        if alone {
            refuse_jumps(&times, timescale)?;
        }
        // Frames of 1024 samples can be copied only if one configuration holds throughout and nothing is hidden in it.
        let copyable = match self.configs.as_slice() {
            [config] if stream.codec == AudioCodec::Aac && config.samples_per_frame() == 1024 => {
                Some(config.object_type())
            }
            _ => None,
        };
        let frame = i64::from(timescale.get()) * 1024 / i64::from(stream.sample_rate);
        Ok(Some(AudioSource {
            codec: stream.codec,
            sample_rate: stream.sample_rate,
            channels: stream.channels,
            aac_object_type: copyable,
            timescale,
            start: *first,
            end: last.saturating_add(frame.max(1)),
            frames: self.packets.len() as u64,
        }))
    }
}

/// The times that the audio's own timeline will believe: one wrong time would otherwise stretch the recording by hours.
fn believed(times: &[i64], stream: AudioStream) -> Vec<i64> {
    let sample = |time: i64| {
        let samples = i128::from(time) * i128::from(stream.sample_rate);
        let samples = samples.div_euclid(i128::from(stream.timescale.max(1)));
        i64::try_from(samples).unwrap_or(if samples < 0 { i64::MIN } else { i64::MAX })
    };
    let mut timeline = Timeline::new(stream.sample_rate);
    let mut placed: Vec<(i64, i64)> = Vec::with_capacity(times.len());
    for time in times {
        placed.extend(timeline.push(Some(sample(*time)), 1024, *time));
    }
    placed.extend(timeline.finish());
    let believed = placed.into_iter().filter(|(place, time)| *place == sample(*time));
    believed.map(|(_, time)| time).collect()
}

/// As for video: what no pause and no jitter explains is two recordings in one.
fn refuse_jumps(times: &[i64], timescale: NonZeroU32) -> Result<(), MediaError> {
    let ticks = i64::from(timescale.get());
    for pair in times.windows(2) {
        let seconds = pair[1].saturating_sub(pair[0]) / ticks;
        let how = if seconds > LONGEST_PAUSE_SECONDS {
            "leaps ahead"
        } else if seconds < -LARGEST_STEP_BACK_SECONDS {
            "is set back"
        } else {
            continue;
        };
        return Err(MediaError::Refused(format!(
            "the clock of the recording's audio {how} by {} s: publish its parts apart",
            seconds.unsigned_abs()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(times: &[(i64, i64, bool)]) -> Vec<Frame> {
        let frame = |(pts, dts, sync): &(i64, i64, bool)| Frame {
            pts: *pts,
            dts: *dts,
            offset: 0,
            size: 1,
            sync: *sync,
        };
        times.iter().map(frame).collect()
    }

    #[test]
    fn gops_are_closed_if_no_frame_is_presented_across_an_idr() {
        let closed = [(0, 0, true), (99, 33, false), (33, 66, false), (132, 99, true)];
        assert!(has_closed_gops(&frames(&closed)));
        let leading = [(0, 0, true), (99, 33, true), (66, 66, false)];
        assert!(!has_closed_gops(&frames(&leading)), "presented before its IDR");
        let trailing = [(0, 0, true), (132, 33, false), (99, 66, true)];
        assert!(!has_closed_gops(&frames(&trailing)), "presented after the next IDR");
    }

    fn seen(times: &[i64]) -> Result<(i64, i64), String> {
        let stream = AudioStream {
            codec: AudioCodec::Aac,
            sample_rate: 48_000,
            channels: 2,
            timescale: 1000,
        };
        let packets = times.iter().map(|time| (0, *time)).collect();
        let seen = SeenAudio { packets, configs: Vec::new() };
        match seen.finish(stream, true) {
            Ok(audio) => Ok(audio.map(|audio| (audio.start, audio.end)).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn one_wrong_time_of_the_audio_adds_no_hours() {
        for wrong in [16_000_000, -16_000_000, i64::MAX, i64::MIN] {
            assert_eq!(seen(&[0, 21, wrong, 64, 85]), Ok((0, 106)));
            assert_eq!(seen(&[wrong, 21, 43, 64]), Ok((21, 85)));
            assert_eq!(seen(&[0, 21, 43, wrong]), Ok((0, 64)));
        }
        assert_eq!(seen(&[500_000, 500_021]), Ok((500_000, 500_042)));
    }

    #[test]
    fn audio_alone_whose_clock_jumps_is_refused_with_the_seconds() {
        let ahead = seen(&[0, 21, 3_600_021, 3_600_043]).unwrap_err();
        assert!(ahead.contains("leaps ahead by 3600 s"), "{ahead}");
        let back = seen(&[9000, 9021, 0, 21]).unwrap_err();
        assert!(back.contains("is set back by 9 s"), "{back}");
        assert_eq!(seen(&[0, 21, 60_000, 60_021]), Ok((0, 60_042)), "a pause");
    }

    #[test]
    fn a_clock_that_is_set_back_is_refused_with_the_place() {
        let timescale = NonZeroU32::new(1000).unwrap();
        assert!(refuse_steps_back(&frames(&[(0, 0, true), (33, 33, false)]), timescale).is_ok());
        let error = refuse_steps_back(&frames(&[(9000, 9000, true), (33, 33, true)]), timescale);
        assert!(error.unwrap_err().to_string().contains("set back by 8 s"));
    }
}
