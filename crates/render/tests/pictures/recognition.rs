//! Text and codes, read by the real tesseract from pictures that the real renderer made.

use qrcodegen::{QrCode, QrCodeEcc};
use snaplark_core::render::{RecognizeError, Recognized, TextLanguage};

use super::*;

const LANGUAGES: [TextLanguage; 3] =
    [TextLanguage::English, TextLanguage::German, TextLanguage::Arabic];

fn page(lines: &[(i32, &str)], dark: bool) -> Vec<u8> {
    let (paper, ink) = if dark { (30, 230) } else { (255, 20) };
    let white = RgbaImage::from_pixel(700, 300, image::Rgba([paper, paper, paper, 255]));
    let text = |(y, text): &(i32, &str)| ShapeKind::Text {
        at: point(30, *y),
        text: (*text).to_owned(),
        size_px: 26,
        color: Rgb([ink; 3]),
        plate: false,
    };
    let drawing = drawing(lines.iter().map(text).collect());
    export(&png_of(&white), &drawing, PictureFormat::Png).unwrap()
}

fn read(
    picture: &[u8],
    area: Option<Area>,
    languages: &[TextLanguage],
) -> Result<Recognized, RecognizeError> {
    SystemRender.recognize(picture, area, languages)
}

fn code(content: &str, scale: i32, dark: bool) -> RgbaImage {
    let code = QrCode::encode_text(content, QrCodeEcc::Medium).unwrap();
    let side = ((code.size() + 8) * scale) as u32;
    RgbaImage::from_fn(side, side, |x, y| {
        let at = |px: u32| px as i32 / scale - 4;
        let lightness = if code.get_module(at(x), at(y)) != dark { 15 } else { 250 };
        image::Rgba([lightness, lightness, lightness, 255])
    })
}

#[test]
fn english_text_is_read_from_light_and_dark_pictures() {
    for dark in [false, true] {
        let picture = page(&[(40, "The quick brown fox"), (90, "jumps over 42 lazy dogs")], dark);
        let read = read(&picture, None, &[TextLanguage::English]).unwrap();
        // Whether the lines are one paragraph is the engine's to decide.
        let lines: Vec<_> = read.text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["The quick brown fox", "jumps over 42 lazy dogs"], "dark: {dark}");
        assert_eq!((read.codes.len(), read.install), (0, None));
    }
}

#[test]
fn german_and_arabic_text_is_read() {
    let picture = page(&[(40, "Größe ändern und schließen")], false);
    let german = read(&picture, None, &[TextLanguage::German]).unwrap();
    assert_eq!(german.text, "Größe ändern und schließen");
    let picture = page(&[(40, "مرحبا بالعالم")], false);
    let arabic = read(&picture, None, &[TextLanguage::Arabic]).unwrap();
    assert_eq!(arabic.text, "مرحبا بالعالم");
}

#[test]
fn text_is_read_when_several_languages_are_asked_for() {
    let picture = page(&[(40, "Größe ändern, quick brown fox")], false);
    let both = [TextLanguage::English, TextLanguage::German];
    assert_eq!(read(&picture, None, &both).unwrap().text, "Größe ändern, quick brown fox");
}

#[test]
fn only_the_area_is_read() {
    let picture = page(&[(40, "first line here"), (200, "second line there")], false);
    let lower = Some(area(0, 180, 700, 400));
    assert_eq!(read(&picture, lower, &[TextLanguage::English]).unwrap().text, "second line there");
    let outside = read(&picture, Some(area(900, 0, 10, 10)), &LANGUAGES);
    assert_eq!(outside, Err(RecognizeError::Picture(RenderError::EmptyCrop)));
}

#[test]
fn empty_picture_has_neither_text_nor_codes() {
    let picture = page(&[], false);
    assert_eq!(read(&picture, None, &[TextLanguage::English]), Ok(Recognized::default()));
}

#[test]
fn codes_are_read_on_light_and_on_dark_and_from_the_top_down() {
    let link = "https://example.org/v/abc?q=1";
    for (scale, dark) in [(4, false), (4, true), (9, false)] {
        let picture = png_of(&code(link, scale, dark));
        let read = read(&picture, None, &[TextLanguage::English]).unwrap();
        assert_eq!(read.codes, [link], "scale {scale}, dark: {dark}");
    }
    let mut page = RgbaImage::from_pixel(600, 400, image::Rgba([255; 4]));
    image::imageops::replace(&mut page, &code("lower", 4, false), 20, 220);
    image::imageops::replace(&mut page, &code("upper", 4, false), 300, 20);
    let read = read(&png_of(&page), None, &[TextLanguage::English]).unwrap();
    assert_eq!(read.codes, ["upper", "lower"]);
}

#[test]
fn what_is_no_picture_is_refused() {
    let refused = read(b"hello", None, &LANGUAGES);
    let is_refused =
        matches!(refused, Err(RecognizeError::Picture(RenderError::NotAPicture { .. })));
    assert!(is_refused, "{refused:?}");
}

/// Set in the process of the test below, whose data folder is empty.
const WITHOUT_DATA: &str = "SNAPLARK_TEST_WITHOUT_DATA";

#[test]
fn packages_are_named_when_the_data_of_languages_are_missing_and_codes_are_read_anyway() {
    if std::env::var_os(WITHOUT_DATA).is_none() {
        let name = "recognition::packages_are_named_when_the_data_of_languages_are_missing_and_codes_are_read_anyway";
        let empty = tempfile::tempdir().unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(WITHOUT_DATA, "1")
            .env("TESSDATA_PREFIX", empty.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let refused = read(&page(&[(40, "some text")], false), None, &LANGUAGES).unwrap_err();
    let RecognizeError::NoEngine { install } = refused else { panic!("{refused:?}") };
    assert!(install.contains("deu") && install.contains("ara"), "{install}");
    let read = read(&png_of(&code("x", 4, false)), None, &LANGUAGES).unwrap();
    assert_eq!((read.text.as_str(), read.codes), ("", vec!["x".to_owned()]));
    assert_eq!(read.install, Some(install));
}
