//! Styles, scripts and the font of the pages, compiled into the program. Their URLs contain a hash of
//! all of them, so browsers may cache them forever, and they can refer to one another. Scripts are below the
//! language of the page that loads them, where `words.js` has what they say.
//!
//! Text is sent with gzip, which is made once. Pages aren't compressed: they contain keys of forms, whose
//! length under compression would tell others what is in them (BREACH).

use std::io::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::words::{PageLanguage, SCRIPT_WORDS};
use snaplark_api::hex;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset { name: $name, kind: $kind, bytes: include_bytes!(concat!("../assets/", $name)) }
    };
}

static ASSETS: [Asset; 13] = [
    asset!("page.css", "text/css; charset=utf-8"),
    asset!("page.js", "text/javascript; charset=utf-8"),
    asset!("own.js", "text/javascript; charset=utf-8"),
    asset!("player.js", "text/javascript; charset=utf-8"),
    asset!("beside.js", "text/javascript; charset=utf-8"),
    asset!("watched.js", "text/javascript; charset=utf-8"),
    asset!("picture.js", "text/javascript; charset=utf-8"),
    asset!("live.js", "text/javascript; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
    asset!("inter-latin.woff2", "font/woff2"),
    asset!("inter-latin-ext.woff2", "font/woff2"),
    asset!("inter-LICENSE.txt", "text/plain; charset=utf-8"),
    asset!("lucide-LICENSE.txt", "text/plain; charset=utf-8"),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    ASSETS.iter().for_each(|asset| hash.update(asset.bytes));
    SCRIPT_WORDS.iter().for_each(|words| hash.update(words));
    hex(&hash.finalize()[..6])
});

/// The compressed assets, in the order of `ASSETS`. `None`: it is compressed already.
static COMPRESSED: LazyLock<Vec<Option<Vec<u8>>>> =
    LazyLock::new(|| ASSETS.iter().map(compressed).collect());

fn compressed(asset: &Asset) -> Option<Vec<u8>> {
    if asset.kind.starts_with("font/") { None } else { gzip(asset.bytes).ok() }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

const SCRIPT_KIND: &str = "text/javascript; charset=utf-8";
const WORDS: &str = "words.js";

/// The words of the scripts, as a module for each language, plain and compressed.
static SCRIPTS_OF_WORDS: LazyLock<[(String, Option<Vec<u8>>); PageLanguage::ALL.len()]> =
    LazyLock::new(|| {
        PageLanguage::ALL.map(|language| {
            let (tag, words) = (language.tag(), SCRIPT_WORDS[language as usize]);
            let text =
                format!("export const language = \"{tag}\";\nexport const words = {words};\n");
            let compressed = gzip(text.as_bytes()).ok();
            (text, compressed)
        })
    });

/// The shape of a picture for which `page.css` is written.
const USUAL_SHAPE: f64 = 16.0 / 9.0;
/// Taller pictures get bars beside them.
const SHAPE_MIN: f64 = 0.75;
/// The difference of two shapes that nobody sees.
const SHAPE_STEP: f64 = 0.000_5;
const LENGTH_MAX: u32 = 100_000;

fn shape(width: u32, height: u32) -> Option<f64> {
    let is_length = |length| (1..=LENGTH_MAX).contains(&length);
    (is_length(width) && is_length(height)).then(|| f64::from(width) / f64::from(height))
}

/// Returns whether the card takes the shape of a picture of this size.
pub(crate) fn fits(width: u32, height: u32) -> bool {
    shape(width, height).is_some_and(|shape| shape >= SHAPE_MIN)
}

/// Returns the path of the style sheet that gives the card the shape of a picture of this size, if it isn't
/// the usual one.
pub(crate) fn shape_path(width: u32, height: u32) -> Option<String> {
    let shape = shape(width, height)?;
    let is_usual = (shape - USUAL_SHAPE).abs() < SHAPE_STEP;
    (!is_usual).then(|| path(&format!("shape-{width}x{height}.css")))
}

/// Returns the style sheet with this name, if it is one of a shape.
fn shape_style(name: &str) -> Option<String> {
    let size = name.strip_prefix("shape-")?.strip_suffix(".css")?;
    let (width, height) = size.split_once('x')?;
    let shape = shape(width.parse().ok()?, height.parse().ok()?)?.max(SHAPE_MIN);
    Some(format!(":root{{--shape:{shape:.4}}}"))
}

/// Returns the path of an asset.
pub(crate) fn path(name: &str) -> String {
    format!("/static/{}/{name}", *VERSION)
}

/// Returns the path of a script for a page in this language. It imports others, and its words, from beside it.
pub(crate) fn script_path(name: &str, language: PageLanguage) -> String {
    path(&format!("{}/{name}", language.tag()))
}

/// Returns the path of the scripts' words in this language.
pub(crate) fn words_path(language: PageLanguage) -> String {
    script_path(WORDS, language)
}

pub(crate) async fn serve(
    Path((version, name)): Path<(String, String)>,
    asked: HeaderMap,
) -> Response {
    if let Some(style) = shape_style(&name) {
        return (headers(&version, "text/css; charset=utf-8"), style).into_response();
    }
    match ASSETS.iter().zip(COMPRESSED.iter()).find(|(asset, _)| asset.name == name) {
        Some((asset, compressed)) => {
            let headers = headers(&version, asset.kind);
            sent(headers, asset.bytes, compressed.as_deref(), &asked)
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Serves a script for pages in a language. All but its words is the same for each.
pub(crate) async fn serve_script(
    Path((version, language, name)): Path<(String, String, String)>,
    asked: HeaderMap,
) -> Response {
    let Some(language) = PageLanguage::of_tag(&language).filter(|_| name.ends_with(".js")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if name != WORDS {
        return serve(Path((version, name)), asked).await;
    }
    let (text, compressed) = &SCRIPTS_OF_WORDS[language as usize];
    sent(headers(&version, SCRIPT_KIND), text.as_bytes(), compressed.as_deref(), &asked)
}

type Headers = [(header::HeaderName, HeaderValue); 3];

fn headers(version: &str, kind: &'static str) -> Headers {
    // A page from before an update asks for old assets. It gets the new ones, but may not cache them.
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ]
}

fn sent(
    headers: Headers,
    bytes: &'static [u8],
    compressed: Option<&'static [u8]>,
    asked: &HeaderMap,
) -> Response {
    match compressed.filter(|_| takes_gzip(asked)) {
        Some(bytes) => {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            (headers, encoding, bytes).into_response()
        }
        None => (headers, bytes).into_response(),
    }
}

/// Returns whether the client takes gzip (RFC 9110, 12.5.3). One that refuses it by weight gets plain text.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|it| {
        let (name, weight) = it.split_once(';').unwrap_or((it, ""));
        let weight: String = weight.chars().filter(|letter| !letter.is_whitespace()).collect();
        let is_refused = weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f64));
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_has_a_style_sheet_unless_it_is_the_usual_one() {
        assert_eq!(shape_path(1920, 1080), None);
        assert_eq!(shape_path(0, 1080), None);
        assert!(shape_path(1920, 1200).is_some_and(|path| path.ends_with("/shape-1920x1200.css")));
        assert_eq!(shape_style("shape-1920x1200.css").as_deref(), Some(":root{--shape:1.6000}"));
        assert_eq!(shape_style("shape-390x844.css").as_deref(), Some(":root{--shape:0.7500}"));
        for name in
            ["shape-0x1.css", "shape-1x1", "shape-1x1;}x{.css", "shape--1x2.css", "page.css"]
        {
            assert_eq!(shape_style(name), None, "{name}");
        }
        assert!(fits(1920, 1080) && !fits(390, 844) && !fits(0, 0));
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let asked =
            |text: &str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, text.parse().unwrap())]);
        assert!(takes_gzip(&asked("br, gzip;q=0.5")) && takes_gzip(&asked("GZIP")));
        assert!(!takes_gzip(&asked("gzip; q=0, br")) && !takes_gzip(&asked("identity")));
        assert!(!takes_gzip(&HeaderMap::new()));
        let css = ASSETS.iter().position(|asset| asset.name == "page.css").unwrap();
        let sent = COMPRESSED[css].as_ref().unwrap();
        assert!(sent.len() * 3 < ASSETS[css].bytes.len(), "{} bytes", sent.len());
    }
}
