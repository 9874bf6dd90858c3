//! Signing in, agreeing to the app's sign-in, and tokens.

use maud::{Markup, html};

use super::icons::*;
use super::{Moment, Page, Person, Place, date, form_key, icon, note, own_page};
use crate::db::Token;

/// Why the form is shown again.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    Wrong,
    TooMany {
        retry_after_s: u64,
    },
    /// The form is from another session, or not ours.
    Stale,
}

impl Refusal {
    pub fn sentence(self) -> String {
        match self {
            Refusal::Wrong => {
                "That e-mail address and password don't belong together. Check both, and try again."
                    .to_owned()
            }
            Refusal::TooMany { retry_after_s } => format!(
                "There were too many tries. Nothing is lost; try again in {}.",
                wait(retry_after_s)
            ),
            Refusal::Stale => {
                "This page was open for too long, or in another browser. Send it once more."
                    .to_owned()
            }
        }
    }
}

fn wait(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// `next`: where it goes on after. `nobody`: no user has a password yet.
pub fn password_page(
    next: &str,
    email: &str,
    key: &str,
    refusal: Option<Refusal>,
    nobody: bool,
) -> Markup {
    let page = Page { title: "Sign in", head: html! {}, scripts: &["page.js"], awaits: None };
    page.render(html! {
        form.note.form method="post" action="/sign-in" {
            span.badge data-tone="accent" { (icon(ICON_USER)) }
            h1 { "Sign in to Snaplark" }
            @if nobody {
                p { "Nobody can sign in here yet. Whoever runs this server adds the first user:" }
                code { "snaplark-cloud user add you@example.com" }
            }
            @if let Some(refusal) = refusal { p.refusal role="alert" { (icon(ICON_ALERT)) span { (refusal.sentence()) } } }
            (form_key(key))
            input type="hidden" name="next" value=(next);
            label { span { "E-mail address" }
                input.field type="email" name="email" value=(email) required autocomplete="username" autofocus[email.is_empty()] maxlength="254"; }
            label { span { "Password" }
                input.field type="password" name="password" required autocomplete="current-password" autofocus[!email.is_empty()]; }
            button.primary.large type="submit" { "Sign in" }
        }
    })
}

/// Asks whether the app may act for whoever is signed in. `hidden`: what the form sends along.
pub fn consent(person: Person<'_>, device: &str, hidden: &[(&str, &str)]) -> Markup {
    let page = Page { title: "Connect the app", head: html! {}, scripts: &[], awaits: None };
    page.render(html! {
        form.note.form method="post" action="/oauth/authorize" {
            span.badge data-tone="accent" { (icon(ICON_MONITOR)) }
            h1 { "Connect Snaplark on " (device) "?" }
            p { "It can then upload recordings as " b { (person.email) } ", and list, rename and delete them. It never sees your password." }
            p.hint { "Agree only if you have just chosen “Sign in” in Snaplark on this computer." }
            (form_key(person.form_key))
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            div.two {
                button.plain.large type="submit" name="answer" value="no" { "Cancel" }
                button.primary.large type="submit" name="answer" value="yes" autofocus { "Connect" }
            }
        }
    })
}

/// A request that can't be gone along with.
pub fn refused(title: &str, text: &str) -> Markup {
    let page = Page { title, head: html! {}, scripts: &[], awaits: None };
    page.render(note(ICON_ALERT, "plain", title, text, html! {}))
}

/// `fresh`: a token that was made just now, shown this once.
pub fn tokens(person: Person<'_>, tokens: &[Token], fresh: Option<&str>, moment: Moment) -> Markup {
    own_page(
        "Tokens",
        person,
        Place::Tokens,
        html! {
            div.head {
                h1 { "Tokens" }
                span.space {}
                form.inline method="post" action="/my/tokens" {
                    (form_key(person.form_key))
                    input.field name="name" placeholder="Name, for example build server" aria-label="Name" required maxlength="80";
                    button.primary type="submit" { (icon(ICON_KEY)) span { "Create token" } }
                }
            }
            @if let Some(token) = fresh {
                div.fresh role="status" {
                    p { b { "Copy it now: it is not shown again." } " Only a fingerprint of it is kept." }
                    div.inline {
                        input.field.code readonly value=(token) aria-label="New token";
                        button.plain type="button" data-copy-text=(token) data-said="Token copied" hidden { (icon(ICON_LINK)) span { "Copy token" } }
                    }
                }
            }
            @if tokens.is_empty() {
                (note(ICON_KEY, "plain", "No tokens", "A token lets a program upload as you. The app makes its own when you sign in with it.", html! {}))
            } @else {
                ul.rows {
                    @for token in tokens {
                        li {
                            span.badge { (icon(ICON_KEY)) }
                            div.words {
                                strong { @if token.name.is_empty() { "Made by an older version" } @else { (token.name) } }
                                p {
                                    "Created " (date(token.created_ms, moment)) " · "
                                    @match token.used_ms {
                                        Some(used_ms) => { "last used " (date(used_ms, moment)) }
                                        None => { "never used" }
                                    }
                                }
                            }
                            form method="post" action=(format!("/my/tokens/{}/revoke", token.id.0)) {
                                (form_key(person.form_key))
                                button.plain.danger type="submit" { "Revoke" }
                            }
                        }
                    }
                }
            }
        },
    )
}
