//! `presentation.json` and `done.json`: what a presentation consists of and that a part of it is complete.

use serde::{Deserialize, Serialize};

use crate::bandwidth::Bandwidth;
use crate::names::{PICTURES, PartNames, PlanId, STORYBOARD};
use crate::plan::{Plan, Rung};
use crate::playlist::{Rendition, Renditions};
use crate::report::Reports;
use crate::source::Defect;

/// Version of the two schemas.
pub const SCHEMA: u32 = 1;

/// `presentation.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presentation {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// The parts, by number.
    pub parts: Vec<Part>,
}

/// One part of a presentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// The plan that it was published under.
    pub plan: PlanId,
    /// How far it is.
    pub state: PartState,
    /// Its length in milliseconds, rounded down.
    pub duration_ms: u64,
    /// Video frames presented, or AAC frames if there is no video.
    pub frames: u64,
    /// What a person should know, one sentence each.
    pub warnings: Vec<String>,
    /// Its pictures, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Pictures>,
}

/// The pictures of a part, by their URIs from the multivariant playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pictures {
    /// The poster, a JPEG file.
    pub poster: String,
    /// The storyboard, `WebVTT`.
    pub storyboard: String,
}

/// How far a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Its master can be played.
    Published,
}

/// `done.json`: created once, after the master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// The plan.
    pub plan: PlanId,
    /// Length in milliseconds, rounded down.
    pub duration_ms: u64,
    /// What the master names.
    pub renditions: Vec<DoneRendition>,
    /// As in [`Part::warnings`].
    pub warnings: Vec<String>,
    /// As in [`Part::pictures`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Pictures>,
}

/// A published rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneRendition {
    /// Its name.
    pub name: String,
    /// Its rates without those of other renditions.
    #[serde(flatten)]
    pub bandwidth: Bandwidth,
}

impl Presentation {
    /// Sets a part; one of the same number is replaced.
    pub fn set(&mut self, part: Part) {
        self.parts.retain(|other| other.number != part.number);
        self.parts.push(part);
        self.parts.sort_by_key(|part| part.number);
    }
}

impl Default for Presentation {
    fn default() -> Self {
        Self { schema: SCHEMA, parts: Vec::new() }
    }
}

impl Pictures {
    /// The pictures of what is published under `names`, if it has any.
    #[must_use]
    pub fn published(renditions: &Renditions, names: &PartNames) -> Option<Self> {
        let pictures = renditions.pictures.as_ref()?;
        Some(Self {
            poster: names.from_master(PICTURES, &pictures.poster.name),
            storyboard: names.from_master(PICTURES, STORYBOARD),
        })
    }
}

impl Part {
    /// A part that was published.
    #[must_use]
    pub fn published(
        number: u32,
        plan: &Plan,
        pictures: Option<Pictures>,
        warnings: Vec<String>,
    ) -> Self {
        let frames = match (&plan.video, &plan.audio) {
            (Some(video), _) => video.frames,
            (None, Some(audio)) => audio.frames(),
            (None, None) => 0,
        };
        Self {
            number,
            plan: plan.id.clone(),
            state: PartState::Published,
            duration_ms: plan.duration_ms(),
            frames,
            warnings,
            pictures,
        }
    }
}

impl Done {
    /// The marker of a plan whose `renditions` are published.
    #[must_use]
    pub fn new(
        plan: &Plan,
        renditions: &Renditions,
        pictures: Option<Pictures>,
        warnings: Vec<String>,
    ) -> Self {
        let done = |rendition: &Rendition| DoneRendition {
            name: rendition.name.clone(),
            bandwidth: rendition.bandwidth(plan.target_duration),
        };
        let video = renditions.video.iter().map(|video| &video.rendition);
        Self {
            schema: SCHEMA,
            plan: plan.id.clone(),
            duration_ms: plan.duration_ms(),
            renditions: video.chain(&renditions.audio).map(done).collect(),
            warnings,
            pictures,
        }
    }
}

/// What a person should know about a publication: the recording's defects, what decoding met, audio that was filled or cut, pictures that
/// could not be taken, rungs that were left out.
#[must_use]
pub fn warnings(
    defects: &[Defect],
    plan: &Plan,
    reports: &Reports,
    published: &Renditions,
) -> Vec<String> {
    let mut warnings: Vec<String> = defects.iter().map(|found| defect(found, plan)).collect();
    let errors: u64 = reports.chunks.iter().map(|chunk| u64::from(chunk.decoding.errors)).sum();
    if errors > 0 {
        warnings.push(format!("decoding the video met {errors} errors"));
    }
    if let (Some(audio), Some(report)) = (&plan.audio, &reports.audio) {
        let milliseconds =
            |samples: u64| u128::from(samples) * 1000 / u128::from(audio.sample_rate.max(1));
        let fit = report.fit;
        for (count, what) in [
            (milliseconds(fit.silence), "ms of silence stand where the recording has no audio"),
            (milliseconds(fit.cut), "ms of audio lie outside of the video and were left out"),
            (milliseconds(fit.overlap), "ms of audio lie where other audio is and were left out"),
            (u128::from(fit.errors), "audio packets could not be decoded"),
        ] {
            if count > 0 {
                warnings.push(format!("{count} {what}"));
            }
        }
    }
    warnings.extend(reports.pictures.iter().flat_map(|pictures| pictures.warnings.clone()));
    warnings.extend(left_out(plan, published));
    warnings
}

fn left_out(plan: &Plan, published: &Renditions) -> impl Iterator<Item = String> {
    let rungs = plan.video.iter().flat_map(|video| &video.rungs);
    rungs.filter(|rung| published.video.iter().all(|kept| kept.rung.name != rung.name)).map(
        |Rung { name, .. }| {
            format!(
                "the rendition {name} was left out: it costs about as many bits as the one above it"
            )
        },
    )
}

/// What is wrong with a recording, as a sentence with times from the start of what is published.
#[must_use]
pub fn defect(found: &Defect, plan: &Plan) -> String {
    match found {
        Defect::CutAtEnd { offset } => {
            format!("the recording is cut in the unit that starts at byte {offset}")
        }
        Defect::GarbageFrom { offset } => {
            format!("the recording cannot be read from byte {offset} on; the rest was left out")
        }
        Defect::ConfigurationChange { configurations } => {
            format!(
                "the recording has {configurations} codec configurations; all of it has one size now"
            )
        }
        Defect::FramesBeforeKeyframe { frames } => {
            format!("{frames} frames before the first keyframe were left out")
        }
        Defect::ClockSet { offset, by } => {
            let (seconds, where_to) =
                (by.unsigned_abs() / 1000, if *by < 0 { "back" } else { "ahead" });
            format!(
                "the recording's clock was set {where_to} by {seconds} s at byte {offset}; the presentation goes on there"
            )
        }
        Defect::VideoGap { after, length } => {
            let (origin, timescale) =
                plan.video.as_ref().map_or((0, 1000), |v| (v.origin, v.timescale.get()));
            let milliseconds = |ticks: i128| ticks * 1000 / i128::from(timescale);
            format!(
                "no frame is presented for {} ms from {} ms on",
                milliseconds(i128::from(*length)),
                milliseconds(i128::from(*after) - i128::from(origin)),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::fixture::{audio, index, profile, publish, video};
    use crate::report::AudioFit;

    #[test]
    fn a_person_is_told_what_was_wrong() {
        let source = index(Some(video(30, 600, &[0, 200, 400])), Some(audio(20_000)));
        let mut published = publish(&source, &profile(true));
        published.reports.chunks[0].decoding.errors = 3;
        published.reports.pictures.as_mut().unwrap().warnings.push("no pictures".to_owned());
        published.reports.audio.as_mut().unwrap().fit =
            AudioFit { silence: 44_100, cut: 22_050, overlap: 88_200, errors: 7 };
        let renditions = Renditions::published(&published.plan, &published.reports).unwrap();
        let defects = [Defect::VideoGap { after: 3000, length: 500 }];
        let told = warnings(&defects, &published.plan, &published.reports, &renditions);
        assert_eq!(
            told,
            [
                "no frame is presented for 500 ms from 3000 ms on",
                "decoding the video met 3 errors",
                "1000 ms of silence stand where the recording has no audio",
                "500 ms of audio lie outside of the video and were left out",
                "2000 ms of audio lie where other audio is and were left out",
                "7 audio packets could not be decoded",
                "no pictures",
            ]
        );
        let pictures = Pictures::published(&renditions, &published.names);
        let storyboard = pictures.as_ref().map(|pictures| pictures.storyboard.as_str());
        assert!(storyboard.unwrap().ends_with("/pictures/storyboard.vtt"));
        let done = Done::new(&published.plan, &renditions, pictures, told);
        let names: Vec<&str> = done.renditions.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["source", "v480", "v234", "audio"]);
        let json = serde_json::to_string(&done).unwrap();
        assert_eq!(serde_json::from_str::<Done>(&json).unwrap(), done);
    }

    #[test]
    fn a_part_of_the_same_number_is_replaced() {
        let published = publish(&index(None, Some(audio(20_000))), &profile(false));
        let mut presentation = Presentation::default();
        for number in [2, 1, 2] {
            presentation.set(Part::published(number, &published.plan, None, Vec::new()));
        }
        let numbers: Vec<u32> = presentation.parts.iter().map(|part| part.number).collect();
        assert_eq!(numbers, [1, 2]);
    }
}
