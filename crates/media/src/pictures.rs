//! Storyboard and poster: the keyframes that the plan names, decoded one by one, as JPEG files. It is no second decoding of the recording.

use std::path::Path;

use ffmpeg_next::frame;
use job::ladder::Size;
use job::plan::{PicturesPlan, Plan, ReadSpan, Shot, Sprite, VideoPlan};
use job::report::{PictureFiles, TakenPictures};

use crate::MediaError;
use crate::colour::Colours;
use crate::decode::VideoDecoder;
use crate::deinterlace::Deinterlacer;
use crate::input::{Event, Input};
use crate::scale::Scaler;
use crate::upright::Upright;

mod jpeg;

use jpeg::{Canvas, Matrix};

const POSTER: &str = "poster.jpg";

/// Takes the pictures of `recording` and writes them as files into `output`. `progress` hears how many of the storyboard's pictures are done.
///
/// A keyframe that cannot be decoded is counted, and the one before is shown in its place; where there is none, it is black. If none can be
/// decoded there are no pictures.
///
/// # Errors
/// If the recording cannot be read or does not fit the plan, or a library call fails.
pub fn take_pictures(
    recording: &Path,
    plan: &Plan,
    output: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<TakenPictures, MediaError> {
    let (video, pictures) = plan
        .video
        .as_ref()
        .zip(plan.pictures.as_ref())
        .ok_or_else(|| MediaError::PlanMismatch("the plan has no pictures".to_owned()))?;
    let mut keyframes = Keyframes { recording, plan, input: None };
    let mut album = Album::new(pictures, video, output);
    for shot in &pictures.shots {
        album.add(shot, keyframes.decode(&shot.read)?)?;
        progress(album.tiles.into());
    }
    Ok(album.finish())
}

/// The keyframes of a recording.
struct Keyframes<'a> {
    recording: &'a Path,
    plan: &'a Plan,
    input: Option<Input>,
}

impl Keyframes<'_> {
    /// The picture of a keyframe; none if it cannot be decoded without an error.
    fn decode(&mut self, read: &ReadSpan) -> Result<Option<frame::Video>, MediaError> {
        match self.try_decode(read) {
            Err(MediaError::Refused(_) | MediaError::PlanMismatch(_)) => Ok(None),
            result => result,
        }
    }

    fn try_decode(&mut self, read: &ReadSpan) -> Result<Option<frame::Video>, MediaError> {
        let input = match &mut self.input {
            Some(input) => {
                input.go_to(self.recording, &self.plan.clock, read)?;
                input
            }
            empty => {
                let Plan { container, clock, .. } = self.plan;
                empty.insert(Input::open_at(self.recording, *container, clock, read)?)
            }
        };
        let mut decoder = None;
        while let Some(event) = input.next_event()? {
            match event {
                Event::VideoConfig(bytes, _) => {
                    let config = bytes.to_vec();
                    decoder = Some(VideoDecoder::open(input.video_decoder(&config)?)?);
                }
                Event::Video(packet) => {
                    let Some(mut decoder) = decoder else { return Ok(None) };
                    let mut picture = None;
                    let mut take = |frame: &mut frame::Video, _| {
                        let taken = std::mem::replace(frame, frame::Video::empty());
                        picture.get_or_insert(taken);
                        Ok(())
                    };
                    decoder.decode(&packet, &mut take)?;
                    decoder.finish(&mut take)?;
                    return Ok(picture.filter(|_| decoder.errors() == 0));
                }
                Event::AudioConfig(_) | Event::Audio(_) => {}
            }
        }
        Ok(None)
    }
}

/// The files as they come about.
struct Album<'a> {
    plan: &'a PicturesPlan,
    output: &'a Path,
    tile: Sizer,
    poster: Sizer,
    colours: Colours,
    /// The last picture that could be decoded.
    held: Option<frame::Video>,
    errors: u32,
    /// Pictures in the storyboard so far.
    tiles: u32,
    /// The sprite that is not full yet.
    sheet: Option<(Sprite, Canvas)>,
    sprites: Vec<String>,
    poster_is_due: bool,
}

impl<'a> Album<'a> {
    fn new(plan: &'a PicturesPlan, video: &VideoPlan, output: &'a Path) -> Self {
        let Size { width, height } = plan.poster;
        let lying = if video.rotation % 180 == 90 { (height, width) } else { (width, height) };
        let rotation = video.rotation;
        Self {
            colours: Colours::new(video.colour, lying.0, lying.1),
            plan,
            output,
            tile: Sizer::new(plan.tile, rotation),
            poster: Sizer::new(plan.poster, rotation),
            held: None,
            errors: 0,
            tiles: 0,
            sheet: None,
            sprites: Vec::new(),
            poster_is_due: false,
        }
    }

    fn add(&mut self, shot: &Shot, decoded: Option<frame::Video>) -> Result<(), MediaError> {
        match decoded {
            Some(mut picture) => {
                Deinterlacer::default().run(&mut picture);
                self.held = Some(self.colours.apply(&mut picture)?.clone());
            }
            None => self.errors += 1,
        }
        self.poster_is_due |= shot.poster;
        if let Some(picture) = self.held.as_mut().filter(|_| self.poster_is_due) {
            let matrix = Matrix::of(picture);
            let mut canvas = Canvas::new(self.plan.poster);
            canvas.draw(self.poster.size(picture)?, matrix, (0, 0));
            write(self.output, POSTER, canvas)?;
            self.poster_is_due = false;
        }
        if shot.tiles > 0 {
            self.add_tiles(shot.tiles)?;
        }
        Ok(())
    }

    fn add_tiles(&mut self, count: u32) -> Result<(), MediaError> {
        let Self { plan, output, tile, held, tiles, sheet, sprites, .. } = self;
        let matrix = held.as_ref().map(Matrix::of);
        let picture = held.as_mut().map(|picture| tile.size(picture)).transpose()?;
        for _ in 0..count {
            let taken = sheet.take().or_else(|| empty_sheet(plan, sprites.len()));
            let Some((sprite, mut canvas)) = taken else {
                let problem = "it has more pictures than sprites for them".to_owned();
                return Err(MediaError::PlanMismatch(problem));
            };
            let number = *tiles - sprite.first_tile;
            if let (Some(picture), Some(matrix)) = (picture, matrix) {
                let (column, row) = sprite.place(number);
                canvas.draw(picture, matrix, (column * plan.tile.width, row * plan.tile.height));
            }
            *tiles += 1;
            if number + 1 < sprite.tiles {
                *sheet = Some((sprite, canvas));
            } else {
                let name = format!("sprite-{:04}.jpg", sprites.len());
                write(output, &name, canvas)?;
                sprites.push(name);
            }
        }
        Ok(())
    }

    fn finish(self) -> TakenPictures {
        // The poster is written with the first picture that is decoded, at the latest.
        let files =
            self.held.map(|_| PictureFiles { sprites: self.sprites, poster: POSTER.to_owned() });
        TakenPictures { files, errors: self.errors }
    }
}

fn empty_sheet(plan: &PicturesPlan, number: usize) -> Option<(Sprite, Canvas)> {
    plan.sprites().nth(number).map(|sprite| (sprite, Canvas::new(plan.size_of(sprite))))
}

fn write(output: &Path, name: &str, canvas: Canvas) -> Result<(), MediaError> {
    let path = output.join(name);
    std::fs::write(&path, canvas.encode()?).map_err(MediaError::file(&path))
}

/// Brings pictures to one size, upright.
enum Sizer {
    Upright(Scaler),
    Lying(Upright),
}

impl Sizer {
    fn new(Size { width, height }: Size, rotation: u16) -> Self {
        if rotation == 0 {
            Self::Upright(Scaler::new(width, height))
        } else {
            Self::Lying(Upright::new(width, height, rotation))
        }
    }

    fn size<'a>(
        &'a mut self,
        picture: &'a mut frame::Video,
    ) -> Result<&'a frame::Video, MediaError> {
        Ok(match self {
            Self::Upright(scaler) => scaler.scale(picture)?,
            Self::Lying(upright) => upright.turn(picture)?,
        })
    }
}
