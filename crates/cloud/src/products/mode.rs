//! The operator's settings of when H.264 is made, and of which heights.

use super::mp4::Mp4Height;

/// When H.264 is made of a recording, for browsers and programs that don't play its own format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mp4Mode {
    /// While the recording runs, so that it is there a few seconds after the end.
    Live,
    /// When the recording is finished.
    After,
    /// When the first viewer needs it, also while the recording runs.
    #[default]
    OnDemand,
    /// The product is never made.
    Never,
}

impl Mp4Mode {
    /// Lists all modes.
    pub const ALL: [Mp4Mode; 4] =
        [Mp4Mode::Live, Mp4Mode::After, Mp4Mode::OnDemand, Mp4Mode::Never];

    /// Returns the mode's name in the setting.
    pub const fn name(self) -> &'static str {
        match self {
            Mp4Mode::Live => "live",
            Mp4Mode::After => "after",
            Mp4Mode::OnDemand => "on-demand",
            Mp4Mode::Never => "never",
        }
    }

    /// Returns the mode with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// The heights among which players of a stream may choose. 720 lines, which the page itself plays, are always
/// among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHeights {
    also_1080: bool,
    also_480: bool,
}

impl StreamHeights {
    /// Parses a list of heights: `1080,720,480`.
    pub fn named(text: &str) -> Option<Self> {
        let mut heights = StreamHeights::default();
        for lines in text.split(',') {
            match Mp4Height::of_lines(lines.trim().parse().ok()?)? {
                Mp4Height::P1080 => heights.also_1080 = true,
                Mp4Height::P720 => {}
                Mp4Height::P480 => heights.also_480 = true,
            }
        }
        Some(heights)
    }

    /// Returns the heights, the greatest first.
    pub fn list(self) -> Vec<Mp4Height> {
        let is_listed = |height: &Mp4Height| match height {
            Mp4Height::P1080 => self.also_1080,
            Mp4Height::P720 => true,
            Mp4Height::P480 => self.also_480,
        };
        Mp4Height::ALL.into_iter().filter(is_listed).collect()
    }

    /// Returns the heights of a video of this many lines: 720, and of the others those that differ from it.
    pub fn of_video(self, lines: u32) -> Vec<Mp4Height> {
        let differs = |height: &Mp4Height| match height {
            Mp4Height::P1080 => lines > Mp4Height::P720.lines(),
            Mp4Height::P720 => true,
            Mp4Height::P480 => lines > Mp4Height::P480.lines(),
        };
        self.list().into_iter().filter(differs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mp4Height::{P480, P720, P1080};

    #[test]
    fn heights_are_those_that_were_named_and_that_a_video_has() {
        let lists = |text: &str| StreamHeights::named(text).map(StreamHeights::list);
        assert_eq!(lists("480, 1080"), Some(vec![P1080, P720, P480]));
        assert_eq!(StreamHeights::default().list(), [P720]);
        for wrong in ["", "721", "720,", "all"] {
            assert_eq!(lists(wrong), None, "{wrong}");
        }
        let all = StreamHeights::named("1080,480").unwrap();
        assert_eq!(all.of_video(1440), [P1080, P720, P480]);
        assert_eq!(all.of_video(800), [P1080, P720, P480]);
        assert_eq!(all.of_video(720), [P720, P480]);
        assert_eq!(all.of_video(200), [P720]);
        assert_eq!(StreamHeights::default().of_video(200), [P720]);
    }
}
