//! What was done with an account, for its owner.

use jiff::Timestamp;
use maud::{Markup, html};

use super::icons::*;
use super::{Moment, Person, Place, icon, note, own_page};
use crate::db::Noted;

pub fn activity(person: Person<'_>, noted: &[Noted], moment: Moment) -> Markup {
    own_page(
        "Activity",
        person,
        Place::Activity,
        html! {
            div.head { h1 { "Activity" } }
            @if noted.is_empty() {
                (note(ICON_CLOCK, "plain", "Nothing yet", "Sign-ins, tokens, and what happens to your recordings are listed here for a year.", html! {}))
            } @else {
                ul.rows {
                    @for deed in noted {
                        li {
                            span.badge { (icon(picture(&deed.action))) }
                            div.words {
                                strong { (sentence(&deed.action)) @if !deed.detail.is_empty() { ": " (deed.detail) } }
                                p { (at(deed.at_ms, moment)) " · " (deed.address) @if !deed.subject.is_empty() { " · " (deed.subject) } }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// To the second: whether it was oneself is what one wants to know.
fn at(at_ms: i64, moment: Moment) -> Markup {
    let at = Timestamp::from_millisecond(at_ms.min(moment.now_ms)).unwrap_or_default();
    html! { time datetime=(at.to_string()) title=(at.to_string()) { (at.strftime("%-d %B %Y, %H:%M UTC")) } }
}

/// `sign-in refused` -> `Sign-in refused`.
fn sentence(action: &str) -> String {
    let mut letters = action.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn picture(action: &str) -> &'static str {
    match action.split([' ', '-']).next().unwrap_or_default() {
        "sign" | "password" => ICON_USER,
        "token" | "app" => ICON_KEY,
        "link" | "visibility" => ICON_LOCK,
        "upload" | "limits" => ICON_ALERT,
        _ => ICON_VIDEO,
    }
}
