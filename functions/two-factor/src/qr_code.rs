//! A QR code as a picture.

use doorward_http::Error;
use fast_qr::{ECL, QRBuilder};
use png::{BitDepth, ColorType, Compression, Encoder};

/// Pixels a module: with one bit each, a module is a byte of its lines.
const SCALE: usize = 8;
/// Modules of white around the code (ISO/IEC 18004 §5.3.8).
const QUIET: usize = 4;

/// The QR code of a text, as a PNG in black and white.
pub fn png_of(text: &str) -> Result<Vec<u8>, Error> {
    // The longest names that may be fit only at the lower level.
    let drawn = |level| QRBuilder::new(text).ecl(level).build();
    let code = drawn(ECL::M).or_else(|_| drawn(ECL::L)).map_err(|error| Error::Unavailable(error.into()))?;
    let modules = code.size;
    let places = modules + 2 * QUIET;
    // White is one.
    let byte = |x: usize, y: usize| {
        let module = |place: usize| place.checked_sub(QUIET).filter(|module| *module < modules);
        match (module(x), module(y)) {
            (Some(x), Some(y)) if code[y][x].value() => 0x00,
            _ => 0xff,
        }
    };
    let line = |y: usize| (0..places).map(|x| byte(x, y)).collect::<Vec<u8>>();
    let pixels = (0..places).map(|y| line(y).repeat(SCALE)).collect::<Vec<_>>().concat();

    let fault = |error: png::EncodingError| Error::Unavailable(error.into());
    let side = u32::try_from(places * SCALE).map_err(|error| Error::Unavailable(error.into()))?;
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    // Each line is eight times the same: more than the fast way finds would not show.
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(fault)?;
    writer.write_image_data(&pixels).and_then(|()| writer.finish()).map_err(fault)?;
    Ok(png)
}
