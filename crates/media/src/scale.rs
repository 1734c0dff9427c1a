//! Scaling, one size after the other: each rung's picture is made from the one above it, which costs a fraction of scaling each from the
//! source.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::{Context, Flags};
use ffmpeg_next::{color, frame};

use crate::MediaError;

/// Makes pictures of one size, 8-bit 4:2:0, from whatever comes.
pub struct Scaler {
    width: u32,
    height: u32,
    context: Option<Context>,
    output: frame::Video,
}

impl Scaler {
    /// A scaler to `width` x `height`.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, context: None, output: frame::Video::empty() }
    }

    /// The picture in this scaler's size: `input` itself where it fits already.
    ///
    /// # Errors
    /// If libswscale cannot convert such a picture.
    pub fn scale<'a>(
        &'a mut self,
        input: &'a mut frame::Video,
    ) -> Result<&'a mut frame::Video, MediaError> {
        let fits = (input.width(), input.height()) == (self.width, self.height);
        if fits && input.format() == Pixel::YUV420P && input.color_range() != color::Range::JPEG {
            return Ok(input);
        }
        name_full_range(input);
        let mut context = self.context_for(input)?;
        context.run(input, &mut self.output).map_err(MediaError::ffmpeg("scaling"))?;
        self.context = Some(context);
        self.output.set_color_space(input.color_space());
        self.output.set_color_primaries(input.color_primaries());
        self.output.set_color_transfer_characteristic(input.color_transfer_characteristic());
        self.output.set_color_range(color::Range::MPEG);
        Ok(&mut self.output)
    }

    /// The context for pictures like `input`; a new one where the source changes its size or format in mid-file.
    fn context_for(&mut self, input: &frame::Video) -> Result<Context, MediaError> {
        let alike = |context: &Context| {
            let of = context.input();
            (of.format, of.width, of.height) == (input.format(), input.width(), input.height())
        };
        if let Some(context) = self.context.take().filter(alike) {
            return Ok(context);
        }
        // Without these two flags the bytes depend on the CPU's features.
        let flags = Flags::BICUBIC | Flags::ACCURATE_RND | Flags::BITEXACT;
        Context::get(
            input.format(),
            input.width(),
            input.height(),
            Pixel::YUV420P,
            self.width,
            self.height,
            flags,
        )
        .map_err(MediaError::ffmpeg("preparing to scale"))
    }
}

/// Gives a picture of full range (black is 0 and white 255, instead of 16 and 235, which players expect) the pixel format that says so:
/// libswscale converts by the format's name, not by the frame's label. Only 8-bit formats have such a name.
fn name_full_range(picture: &mut frame::Video) {
    if picture.color_range() != color::Range::JPEG {
        return;
    }
    match picture.format() {
        Pixel::YUV420P => picture.set_format(Pixel::YUVJ420P),
        Pixel::YUV422P => picture.set_format(Pixel::YUVJ422P),
        Pixel::YUV444P => picture.set_format(Pixel::YUVJ444P),
        _ => {}
    }
}
