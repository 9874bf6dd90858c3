//! How far a video is watched, as its owner sees it below the video.

use maud::{Markup, html};

use super::clock;
use crate::words::PageWords;
use snaplark_cloud_data::db::{WATCH_STRETCHES, Watching};

/// The height of the bars in the picture's own units.
const TALLEST: u64 = 40;
/// The rows of the table: each has so many stretches.
const STRETCHES_A_ROW: usize = 10;

/// Renders the bars over the timeline, with a sentence and a table that say the same.
pub(super) fn watching(words: PageWords, watching: &Watching, duration_ms: u64) -> Markup {
    let Watching { viewings, plays } = watching;
    let most = plays.iter().copied().max().unwrap_or(0).max(*viewings).max(1);
    let at = |stretch: usize| clock(duration_ms * stretch as u64 / WATCH_STRETCHES as u64);
    let sentence = sentence(words, watching, duration_ms);
    html! {
        section.watching aria-labelledby="watching" {
            h2 id="watching" { (words.watched_heading()) }
            p { (sentence) }
            @if *viewings > 0 {
                svg viewBox={ "0 0 " (WATCH_STRETCHES) " " (TALLEST) } preserveAspectRatio="none" role="img" aria-label=(words.watched_bars()) {
                    @for (stretch, plays) in plays.iter().enumerate() {
                        @let height = (plays * TALLEST).div_ceil(most);
                        @if height > 0 { rect x=(stretch) y=(TALLEST - height) width="1" height=(height) {} }
                    }
                }
                div.ends dir="ltr" aria-hidden="true" { span { (clock(0)) } span { (clock(duration_ms)) } }
                details {
                    summary { (words.watched_table()) }
                    table {
                        thead { tr { th scope="col" { (words.watched_from()) } th scope="col" { (words.watched_to()) } th scope="col" { (words.watched_played()) } } }
                        tbody {
                            @for (row, plays) in plays.chunks(STRETCHES_A_ROW).enumerate() {
                                @let first = row * STRETCHES_A_ROW;
                                tr { td { (at(first)) } td { (at(first + plays.len())) } td { (average(plays)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Says what the bars show.
fn sentence(words: PageWords, watching: &Watching, duration_ms: u64) -> String {
    let Watching { viewings, plays } = watching;
    if *viewings == 0 {
        return words.watched_by_nobody().to_owned();
    }
    let half = plays.iter().rposition(|plays| plays * 2 >= *viewings).map_or(0, |last| last + 1);
    let end = plays[WATCH_STRETCHES - 1];
    let until = duration_ms * half as u64 / WATCH_STRETCHES as u64;
    let (times, ends) = (words.times(*viewings), words.times(end));
    let said = match (half, end) {
        (WATCH_STRETCHES, _) => words.watched_whole(times, ends),
        (_, 0) => words.watched_never_whole(times, clock(until)),
        (_, _) => words.watched_half(times, clock(until), ends),
    };
    said.text()
}

fn average(plays: &[u64]) -> u64 {
    let count = (plays.len() as u64).max(1);
    (plays.iter().sum::<u64>() + count / 2) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each viewing plays so many stretches from the beginning.
    fn watched(far: &[usize]) -> Watching {
        let mut watching = Watching { viewings: far.len() as u64, plays: [0; WATCH_STRETCHES] };
        for far in far {
            watching.plays[..*far].iter_mut().for_each(|plays| *plays += 1);
        }
        watching
    }

    #[test]
    fn sentence_says_how_far_half_of_the_viewings_went_and_how_many_ended() {
        let said = |far: &[usize]| sentence(PageWords::default(), &watched(far), 100_000);
        assert!(said(&[]).starts_with("Nobody has watched it"));
        assert_eq!(said(&[30]), "Watched once: half of the time until 0:30, never to the end.");
        assert_eq!(said(&[100]), "Watched once, and to the end once.");
        assert_eq!(
            said(&[10, 20, 70, 100]),
            "Watched 4 times: half of the time until 1:10, and to the end once."
        );
    }

    #[test]
    fn bars_are_as_tall_as_their_share_and_a_table_has_the_numbers() {
        let page = watching(PageWords::default(), &watched(&[100, 50]), 100_000).into_string();
        assert_eq!(page.matches("<rect").count(), 100);
        assert_eq!(page.matches("height=\"40\"").count(), 50);
        assert_eq!(page.matches("height=\"20\"").count(), 50);
        assert!(page.contains("<td>0:40</td><td>0:50</td><td>2</td>"), "{page}");
        assert!(page.contains("<td>0:50</td><td>1:00</td><td>1</td>"), "{page}");
        assert!(
            !watching(PageWords::default(), &watched(&[]), 100_000).into_string().contains("<svg")
        );
    }
}
