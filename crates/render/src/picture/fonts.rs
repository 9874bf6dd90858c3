//! The fonts of drawn texts: Inter from assets, and the system's fonts for what it lacks.
//!
//! The system's fonts are read when a text first needs them: that takes some ten to hundred milliseconds, and
//! most texts never do.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use resvg::usvg::fontdb::{
    Database, FaceInfo, Family, ID, Language, Query, Source, Stretch, Style, Weight,
};
use resvg::usvg::{FontResolver, Options};

use super::tools::EMOJI_FAMILIES;

/// Inter, as the windows use it.
const INTER: &[u8] = include_bytes!("../../../../assets/fonts/Inter-SemiBold.otf");
/// The weight of the bundled file.
const WEIGHT: u16 = 600;
/// The most fonts of a system that are compared for one character. It bounds the time on a system with thousands.
const CANDIDATES_MAX: usize = 48;

static BUNDLED: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    // The file has no PostScript name, without which the database would not read its properties.
    fonts.push_face_info(FaceInfo {
        id: ID::dummy(),
        source: Source::Binary(Arc::new(INTER)),
        index: 0,
        families: vec![("Inter".to_owned(), Language::English_UnitedStates)],
        post_script_name: "Inter-SemiBold".to_owned(),
        style: Style::Normal,
        weight: Weight(WEIGHT),
        stretch: Stretch::Normal,
        monospaced: false,
    });
    Arc::new(fonts)
});

/// The bundled font and then the system's, so that the bundled one has the same id in both.
static WITH_SYSTEM: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::clone(&BUNDLED);
    fonts.load_system_fonts();
    Arc::new(fonts)
});

/// The font that was chosen for a character that Inter lacks.
static CHOSEN: Mutex<Option<HashMap<char, Option<ID>>>> = Mutex::new(None);

/// Returns the options with which a shape's SVG is read.
pub(super) fn options() -> Options<'static> {
    Options {
        fontdb: Arc::clone(&BUNDLED),
        font_resolver: FontResolver {
            select_font: Box::new(|font, fonts| {
                let wants_emoji = font
                    .families()
                    .iter()
                    .any(|family| EMOJI_FAMILIES.contains(&family.to_string().trim_matches('"')));
                if wants_emoji {
                    *fonts = Arc::clone(&WITH_SYSTEM);
                }
                wants_emoji.then(|| emoji_font(fonts)).flatten().or_else(|| bundled_font(fonts))
            }),
            select_fallback: Box::new(|letter, used, fonts| {
                *fonts = Arc::clone(&WITH_SYSTEM);
                fallback(letter, used, fonts)
            }),
        },
        ..Options::default()
    }
}

fn bundled_font(fonts: &Database) -> Option<ID> {
    fonts.faces().next().map(|face| face.id)
}

fn emoji_font(fonts: &Database) -> Option<ID> {
    let families = EMOJI_FAMILIES.map(Family::Name);
    fonts.query(&Query { families: &families, ..Query::default() })
}

/// Returns the font for a character: a color emoji font for an emoji, else the one that looks most like Inter.
fn fallback(letter: char, used: &[ID], fonts: &mut Arc<Database>) -> Option<ID> {
    let mut chosen = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    let chosen = chosen.get_or_insert_default();
    let best = match chosen.get(&letter) {
        Some(best) => *best,
        None => {
            let best = best_font(letter, fonts);
            chosen.insert(letter, best);
            best
        }
    };
    best.filter(|best| !used.contains(best))
}

fn best_font(letter: char, fonts: &mut Arc<Database>) -> Option<ID> {
    let next = FontResolver::default_fallback_selector();
    let mut seen: Vec<ID> = bundled_font(fonts).into_iter().collect();
    if seen.is_empty() {
        return None;
    }
    while seen.len() <= CANDIDATES_MAX {
        match next(letter, &seen, fonts) {
            Some(font) => seen.push(font),
            None => break,
        }
    }
    seen[1..].iter().copied().min_by_key(|font| unlikeness(letter, *font, fonts))
}

/// Returns how little a font fits, for comparing: the family first, then slant, then weight.
fn unlikeness(letter: char, font: ID, fonts: &Database) -> (u8, u8, u16) {
    let Some(face) = fonts.face(font) else { return (u8::MAX, u8::MAX, u16::MAX) };
    let family = face.families.first().map_or("", |(name, _)| name.as_str());
    let is_emoji_font = EMOJI_FAMILIES.contains(&family);
    let family = match (is_emoji(letter) == is_emoji_font, family) {
        (false, _) => 3,
        (true, name) if name.contains("Mono") || name.contains("Serif") => 2,
        (true, name) if name.contains("Sans") || is_emoji_font => 0,
        (true, _) => 1,
    };
    let slant = u8::from(face.style != Style::Normal);
    (family, slant, face.weight.0.abs_diff(Weight(WEIGHT).0))
}

fn is_emoji(letter: char) -> bool {
    matches!(u32::from(letter), 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0x1F000..=0x1FAFF)
}

#[cfg(test)]
mod tests {
    use resvg::usvg::Tree;

    use super::*;

    #[test]
    fn text_is_set_in_the_bundled_font() {
        let document = r#"<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><text x="10" y="50">Hello</text></svg>"#;
        let tree = Tree::from_str(document, &options()).unwrap();
        assert_eq!(tree.root().children().len(), 1);
        assert_eq!(BUNDLED.faces().count(), 1);
    }
}
