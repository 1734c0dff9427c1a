//! Scaling, one size after the other: each rung's picture is made from the one above it, which costs a fraction of scaling each from the
//! source.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::{Context, Flags};
use ffmpeg_next::{color, frame};

use crate::{MediaError, ffi};

/// Makes pictures of one size, 4:2:0 with 8 bits of limited range, from whatever comes.
pub struct Scaler {
    width: u32,
    height: u32,
    format: Pixel,
    /// Makes 8 bits of more, where the range is full.
    narrow: Option<Box<Narrow>>,
    context: Option<Context>,
    output: frame::Video,
}

impl Scaler {
    /// A scaler to `width` x `height`.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        let output = frame::Video::empty();
        Self { width, height, format: Pixel::YUV420P, narrow: None, context: None, output }
    }

    /// One that makes 10 bits, and leaves the range as it is.
    pub(crate) fn ten_bit(width: u32, height: u32) -> Self {
        Self { format: Pixel::YUV420P10LE, ..Self::new(width, height) }
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
        let is_full = input.color_range() == color::Range::JPEG;
        let is_narrow = self.format == Pixel::YUV420P;
        if fits && input.format() == self.format && !(is_full && is_narrow) {
            return Ok(input);
        }
        let input = match narrower(input.format()).filter(|_| is_full && is_narrow) {
            Some(format) => self.narrow.get_or_insert_default().run(input, format)?,
            None => input,
        };
        if is_narrow {
            name_full_range(input);
        }
        let alike = self.context.take().filter(|context| is_for(context, input));
        let mut context = match alike {
            Some(context) => context,
            None => open(input, self.format, (self.width, self.height))?,
        };
        context.run(input, &mut self.output).map_err(MediaError::ffmpeg("scaling"))?;
        self.context = Some(context);
        self.output.set_color_space(input.color_space());
        self.output.set_color_primaries(input.color_primaries());
        self.output.set_color_transfer_characteristic(input.color_transfer_characteristic());
        let range = if is_narrow { color::Range::MPEG } else { input.color_range() };
        self.output.set_color_range(range);
        Ok(&mut self.output)
    }
}

/// False where the source changes its size or format in mid-file.
fn is_for(context: &Context, input: &frame::Video) -> bool {
    let of = context.input();
    (of.format, of.width, of.height) == (input.format(), input.width(), input.height())
}

fn open(
    input: &frame::Video,
    format: Pixel,
    (width, height): (u32, u32),
) -> Result<Context, MediaError> {
    // Without these two flags the bytes depend on the CPU's features.
    let flags = Flags::BICUBIC | Flags::ACCURATE_RND | Flags::BITEXACT;
    let mut context =
        Context::get(input.format(), input.width(), input.height(), format, width, height, flags)
            .map_err(MediaError::ffmpeg("preparing to scale"))?;
    if input.color_space() == color::Space::BT709 && is_rgb(input.format()) {
        ffi::make_bt709_of_rgb(&mut context);
    }
    Ok(context)
}

/// True for red, green and blue; its range needs no care, because libswscale makes limited range of it.
pub(crate) fn is_rgb(format: Pixel) -> bool {
    format.descriptor().is_some_and(ffi::is_rgb)
}

/// The 8-bit format for one with more bits; none for all others.
fn narrower(format: Pixel) -> Option<Pixel> {
    match format {
        Pixel::YUV420P10LE | Pixel::YUV420P12LE => Some(Pixel::YUV420P),
        Pixel::YUV422P10LE | Pixel::YUV422P12LE => Some(Pixel::YUV422P),
        Pixel::YUV444P10LE | Pixel::YUV444P12LE => Some(Pixel::YUV444P),
        _ => None,
    }
}

/// Makes 8-bit pictures of those with more bits, and leaves all else as it is.
#[derive(Default)]
struct Narrow {
    context: Option<Context>,
    output: Option<frame::Video>,
}

impl Narrow {
    fn run(
        &mut self,
        input: &frame::Video,
        format: Pixel,
    ) -> Result<&mut frame::Video, MediaError> {
        let size = (input.width(), input.height());
        let alike = self.context.take().filter(|context| is_for(context, input));
        let (mut context, former) = match alike {
            Some(context) => (context, self.output.take()),
            None => (open(input, format, size)?, None),
        };
        // Its format was given another name the last time.
        let mut output = former.unwrap_or_else(frame::Video::empty);
        if output.width() > 0 {
            output.set_format(format);
        }
        context.run(input, &mut output).map_err(MediaError::ffmpeg("scaling"))?;
        self.context = Some(context);
        output.set_color_range(input.color_range());
        output.set_color_space(input.color_space());
        output.set_color_primaries(input.color_primaries());
        output.set_color_transfer_characteristic(input.color_transfer_characteristic());
        Ok(self.output.insert(output))
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
