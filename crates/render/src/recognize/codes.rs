//! QR codes, by rqrr.

use rqrr::PreparedImage;

use super::Grey;

/// The most codes that are read from one picture. A page of labels has some dozens.
const CODES_MAX: usize = 100;

/// Returns the contents of the codes, from the top down. A code on a dark background is read as well.
pub(super) fn read(picture: &Grey) -> Vec<String> {
    let found = found(picture, |lightness| lightness);
    if found.is_empty() { self::found(picture, |lightness| 255 - lightness) } else { found }
}

fn found(picture: &Grey, lightness: impl Fn(u8) -> u8) -> Vec<String> {
    let width = picture.width as usize;
    let mut image =
        PreparedImage::prepare_from_greyscale(width, picture.height as usize, |x, y| {
            lightness(picture.pixels[y * width + x])
        });
    let mut codes: Vec<((i32, i32), String)> = Vec::new();
    for grid in image.detect_grids().into_iter().take(CODES_MAX) {
        if let Ok((_, content)) = grid.decode() {
            let corner = grid.bounds[0];
            codes.push(((corner.y, corner.x), content));
        }
    }
    codes.sort();
    codes.into_iter().map(|(_, content)| content).collect()
}
