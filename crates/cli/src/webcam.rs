//! Where the webcam stands and how large it is, in the command line's words.

use anyhow::{Context as _, bail, ensure};
use snaplark_app::WebcamSettings;

const CORNERS: [(&str, u16, u16); 4] = [
    ("top-left", 0, 0),
    ("top-right", 1_000, 0),
    ("bottom-left", 0, 1_000),
    ("bottom-right", 1_000, 1_000),
];
const SIZES: [(&str, u16); 3] = [("small", 150), ("medium", 220), ("large", 320)];
/// Smaller is no face any more; larger is no corner.
const SIZE_PERCENT: std::ops::RangeInclusive<u16> = 5..=90;

pub fn place(webcam: &WebcamSettings) -> String {
    let (right, down) = (webcam.right_permille, webcam.down_permille);
    let corner = CORNERS.iter().find(|corner| (corner.1, corner.2) == (right, down));
    corner.map_or_else(|| format!("{},{}", right / 10, down / 10), |corner| corner.0.into())
}

pub fn set_place(webcam: &mut WebcamSettings, text: &str) -> anyhow::Result<()> {
    const WORDS: &str = "webcam-place is top-left, top-right, bottom-left, bottom-right, or how far \
                         to the right and down in per cent, like 50,100";
    let corner = CORNERS.iter().find(|corner| corner.0 == text);
    let free = || {
        let (right, down) = text.split_once(',')?;
        let permille = |text: &str| text.parse::<u16>().ok().filter(|percent| *percent <= 100);
        Some((permille(right)? * 10, permille(down)? * 10))
    };
    let place = corner.map(|corner| (corner.1, corner.2)).or_else(free);
    (webcam.right_permille, webcam.down_permille) = place.context(WORDS)?;
    Ok(())
}

pub fn size(webcam: &WebcamSettings) -> String {
    let named = SIZES.iter().find(|size| size.1 == webcam.height_permille);
    named.map_or_else(|| (webcam.height_permille / 10).to_string(), |size| size.0.into())
}

pub fn set_size(webcam: &mut WebcamSettings, text: &str) -> anyhow::Result<()> {
    if let Some((_, permille)) = SIZES.iter().find(|size| size.0 == text) {
        webcam.height_permille = *permille;
        return Ok(());
    }
    let Ok(percent) = text.parse() else {
        bail!("webcam-size is small, medium, large, or per cent of the picture's height");
    };
    ensure!(SIZE_PERCENT.contains(&percent), "webcam-size is 5 to 90 per cent of the height");
    webcam.height_permille = percent * 10;
    Ok(())
}
