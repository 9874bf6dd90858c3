//! Describes what a version of a video consists of, and where the times of the recording are shown in it. Pure.
//!
//! All versions speak of times of the recording ("source"), so captions, chapters and links to a moment
//! stay right from version to version without knowing the ones between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use snaplark_api::{PiecesRequest, ShownStretch};
use uuid::Uuid;

use snaplark_cloud_data::db::SessionId;

/// The list of pieces of a version, as its row stores it in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VersionEdit {
    /// The request of the client, without the chapters that were cut.
    pub asked: PiecesRequest,
    /// The version whose parts are kept. `None` if the link showed another one.
    from: Option<Uuid>,
    /// The header of that version, in Base64.
    init: Option<String>,
}

/// A chapter of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownChapter {
    /// When it begins in the version.
    pub at_ms: u64,
    /// When it begins in the recording.
    pub source_ms: u64,
    /// Its title.
    pub title: String,
}

impl VersionEdit {
    /// Makes the edit of a request. Chapters that begin in what was cut are dropped here, so that their
    /// titles are stored nowhere.
    pub fn new(mut asked: PiecesRequest) -> Self {
        let times = ShownTimes(std::mem::take(&mut asked.times));
        asked.chapters.retain(|chapter| times.shown_ms(chapter.source_ms).is_some());
        asked.times = times.0;
        VersionEdit { asked, from: None, init: None }
    }

    /// Keeps pieces of that version, which has this header.
    #[must_use]
    pub fn keeping(self, from: SessionId, init: &[u8]) -> Self {
        VersionEdit { from: Some(from.0), init: Some(STANDARD.encode(init)), ..self }
    }

    /// Returns the version whose parts are kept.
    pub fn from(&self) -> Option<SessionId> {
        self.from.map(SessionId)
    }

    /// Returns the header of the version whose parts are kept.
    pub fn init(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.init.as_ref()?).ok()
    }

    /// Returns the stored form.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses the stored form. Returns `None` if another version of this program wrote it.
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Returns where the times of the recording are shown.
    pub fn times(&self) -> ShownTimes {
        ShownTimes(self.asked.times.clone())
    }

    /// Returns the chapters in the order in which they are shown.
    pub fn chapters(&self) -> Vec<ShownChapter> {
        let times = self.times();
        let mut chapters: Vec<_> = self
            .asked
            .chapters
            .iter()
            .filter_map(|chapter| {
                let at_ms = times.shown_ms(chapter.source_ms)?;
                let title = chapter.title.clone();
                Some(ShownChapter { at_ms, source_ms: chapter.source_ms, title })
            })
            .collect();
        chapters.sort_by_key(|chapter| chapter.at_ms);
        chapters
    }
}

/// Where the times of a recording are shown in a version of it. Without a stretch, all times stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownTimes(pub Vec<ShownStretch>);

impl ShownTimes {
    /// Returns when a moment of the recording is shown, or `None` if it was cut.
    pub fn shown_ms(&self, source_ms: u64) -> Option<u64> {
        if self.0.is_empty() {
            return Some(source_ms);
        }
        let holds = |it: &&ShownStretch| (it.from_ms..it.to_ms).contains(&source_ms);
        self.0.iter().find(holds).map(|it| it.at_ms + (source_ms - it.from_ms))
    }

    /// Returns where the times are shown in a version that begins at `from_ms` of this one and ends at `to_ms`.
    pub fn within(&self, from_ms: u64, to_ms: u64) -> Vec<ShownStretch> {
        if self.0.is_empty() {
            return vec![ShownStretch { from_ms, to_ms, at_ms: 0 }];
        }
        let stretches = self.0.iter().filter_map(|it| {
            let end_ms = it.at_ms + (it.to_ms - it.from_ms);
            let (begins_ms, ends_ms) = (from_ms.max(it.at_ms), to_ms.min(end_ms));
            let source = |ms: u64| it.from_ms + (ms - it.at_ms);
            (begins_ms < ends_ms).then(|| ShownStretch {
                from_ms: source(begins_ms),
                to_ms: source(ends_ms),
                at_ms: begins_ms - from_ms,
            })
        });
        stretches.collect()
    }

    /// Returns the stretches of the recording that are shown in this stretch of the version.
    fn sources(&self, from_ms: u64, to_ms: u64) -> Vec<(u64, u64)> {
        if self.0.is_empty() {
            return vec![(from_ms, to_ms)];
        }
        let shown = self.0.iter().filter_map(|it| {
            let end_ms = it.at_ms + (it.to_ms - it.from_ms);
            let (from_ms, to_ms) = (from_ms.max(it.at_ms), to_ms.min(end_ms));
            let source = |ms: u64| it.from_ms + (ms - it.at_ms);
            (from_ms < to_ms).then(|| (source(from_ms), source(to_ms)))
        });
        shown.collect()
    }

    /// Returns when a stretch of the recording is shown, if none of it was cut.
    fn shown_whole(&self, from_ms: u64, to_ms: u64) -> Option<(u64, u64)> {
        let begins_ms = self.shown_ms(from_ms)?;
        let mut at_ms = from_ms;
        while at_ms < to_ms {
            let holds = |it: &&ShownStretch| (it.from_ms..it.to_ms).contains(&at_ms);
            at_ms = match self.0.iter().find(holds) {
                Some(it) => it.to_ms,
                None if self.0.is_empty() => to_ms,
                None => return None,
            };
        }
        let ends_ms = self.shown_ms(to_ms.checked_sub(1)?)? + 1;
        (begins_ms < ends_ms).then_some((begins_ms, ends_ms))
    }
}

/// Returns the captions of one version as captions of another: each cue at its new time, and without the
/// cues that reach into what was cut, since their words may be of what was cut. `end_ms` is the length of
/// the version that has the captions. Comments are dropped, too: nothing says where they belong.
pub fn moved_captions(webvtt: &str, from: &ShownTimes, end_ms: u64, to: &ShownTimes) -> String {
    let text = webvtt.replace("\r\n", "\n").replace('\r', "\n");
    let mut moved = String::from("WEBVTT\n");
    for block in text.split("\n\n").map(|block| block.trim_matches('\n')) {
        let lines: Vec<&str> = block.lines().collect();
        let is_style = lines.first().is_some_and(|first| {
            ["STYLE", "REGION"].contains(&first.trim_end()) && !block.contains("-->")
        });
        if is_style {
            moved.push_str(&format!("\n{block}\n"));
            continue;
        }
        let Some(timing) = lines.iter().position(|line| line.contains("-->")) else { continue };
        let Some((begins, rest)) = lines[timing].split_once("-->") else { continue };
        let (ends, settings) =
            rest.trim().split_once([' ', '\t']).map_or((rest.trim(), ""), |(a, b)| (a, b.trim()));
        let (Some(begins_ms), Some(ends_ms)) = (time_ms(begins), time_ms(ends)) else { continue };
        let sources = from.sources(begins_ms, ends_ms.min(end_ms));
        let shown: Option<Vec<_>> =
            sources.iter().map(|(from_ms, to_ms)| to.shown_whole(*from_ms, *to_ms)).collect();
        let Some(shown) = shown.filter(|shown| !shown.is_empty()) else { continue };
        let begins_ms = shown.iter().map(|(begins, _)| *begins).min().unwrap_or_default();
        let ends_ms = shown.iter().map(|(_, ends)| *ends).max().unwrap_or_default();
        moved.push_str(&format!("\n{} --> {}", time_text(begins_ms), time_text(ends_ms)));
        if !settings.is_empty() {
            moved.push_str(&format!(" {settings}"));
        }
        for line in &lines[timing + 1..] {
            moved.push('\n');
            moved.push_str(&without_times(line));
        }
        moved.push('\n');
    }
    moved
}

/// Parses `01:02:03.004` or `02:03.004`.
fn time_ms(text: &str) -> Option<u64> {
    let (rest, fraction) = text.trim().split_once('.')?;
    let mut whole_s = 0_u64;
    for part in rest.split(':') {
        whole_s = whole_s.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let is_fraction = fraction.len() == 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u64 = if is_fraction { fraction.parse().ok()? } else { return None };
    whole_s.checked_mul(1000)?.checked_add(fraction)
}

fn time_text(ms: u64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Removes the times inside of a cue (`<00:01.500>`), which would be those of the other version.
fn without_times(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        match tag.split_once('>') {
            Some((inner, after)) if time_ms(inner).is_some() => rest = after,
            Some(_) | None => {
                plain.push('<');
                rest = tag;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use snaplark_api::VersionChapter;

    fn times(stretches: &[(u64, u64, u64)]) -> ShownTimes {
        let stretch = |&(from_ms, to_ms, at_ms)| ShownStretch { from_ms, to_ms, at_ms };
        ShownTimes(stretches.iter().map(stretch).collect())
    }

    #[test]
    fn moment_is_shown_where_its_stretch_is() {
        let cut = times(&[(5_000, 10_000, 0), (20_000, 30_000, 5_000)]);
        for (source_ms, shown_ms) in [
            (0, None),
            (5_000, Some(0)),
            (9_999, Some(4_999)),
            (10_000, None),
            (20_000, Some(5_000)),
            (30_000, None),
        ] {
            assert_eq!(cut.shown_ms(source_ms), shown_ms, "{source_ms}");
        }
        assert_eq!(ShownTimes::default().shown_ms(7), Some(7));
        let trimmed = ShownTimes(cut.within(2_000, 7_000));
        assert_eq!(trimmed, times(&[(7_000, 10_000, 0), (20_000, 22_000, 3_000)]));
        assert_eq!(ShownTimes::default().within(2_000, 7_000), times(&[(2_000, 7_000, 0)]).0);
    }

    #[test]
    fn chapters_that_were_cut_are_not_kept() {
        let chapter =
            |source_ms, title: &str| VersionChapter { source_ms, title: title.to_owned() };
        let asked = PiecesRequest {
            times: times(&[(20_000, 30_000, 0), (5_000, 10_000, 10_000)]).0,
            chapters: vec![
                chapter(0, "secret"),
                chapter(6_000, "second"),
                chapter(21_000, "first"),
            ],
            ..PiecesRequest::default()
        };
        let edit = VersionEdit::new(asked);
        assert!(!edit.to_json().contains("secret"));
        let shown: Vec<_> = edit.chapters().into_iter().map(|it| (it.at_ms, it.title)).collect();
        assert_eq!(shown, [(1_000, "first".to_owned()), (11_000, "second".to_owned())]);
        assert_eq!(VersionEdit::read(&edit.to_json()), Some(edit));
    }

    const CAPTIONS: &str = "WEBVTT - made by hand\nKind: captions\n\nNOTE said 0:12\n\nSTYLE\n::cue { color: red }\n\n\
        1\n00:01.000 --> 00:02.000\nbefore\n\n00:04.500 --> 00:05.500\nover the border\n\n\
        00:00:06.000 --> 00:00:07.000 line:0 align:start\n<v Ann>kept <00:06.500>line\nand another\n\n\
        00:00:09.000 --> 00:00:21.000\nover the cut\n\n00:22.000 --> 00:40.000\nlast\n";

    #[test]
    fn captions_move_and_those_of_what_was_cut_are_gone() {
        let cut = times(&[(5_000, 10_000, 0), (20_000, 30_000, 5_000)]);
        let moved = moved_captions(CAPTIONS, &ShownTimes::default(), 30_000, &cut);
        assert_eq!(
            moved,
            "WEBVTT\n\nSTYLE\n::cue { color: red }\n\n00:00:01.000 --> 00:00:02.000 line:0 align:start\n\
             <v Ann>kept line\nand another\n\n00:00:07.000 --> 00:00:15.000\nlast\n"
        );
        // From that version to another one: less is kept, and what is kept is where it was in the recording.
        let other = times(&[(20_000, 30_000, 0)]);
        let again = moved_captions(&moved, &cut, 15_000, &other);
        assert!(again.ends_with("\n00:00:02.000 --> 00:00:10.000\nlast\n"), "{again}");
        assert!(!again.contains("kept"), "{again}");
        let back = moved_captions(&moved, &cut, 15_000, &ShownTimes::default());
        assert!(back.contains("00:00:06.000 --> 00:00:07.000"), "{back}");
        assert!(back.contains("00:00:22.000 --> 00:00:30.000"), "{back}");
    }

    #[test]
    fn captions_of_any_form_are_read_without_harm() {
        for text in [
            "",
            "WEBVTT",
            "-->",
            "a --> b\n\nx",
            "\u{feff}WEBVTT\n\n99999999999999999999:00.000 --> 1\nx",
        ] {
            let moved = moved_captions(text, &ShownTimes::default(), 1_000, &times(&[(0, 10, 0)]));
            assert_eq!(moved, "WEBVTT\n");
        }
        assert_eq!(without_times("a <b>c</b> < 1 <00:01.000>d"), "a <b>c</b> < 1 d");
    }
}
