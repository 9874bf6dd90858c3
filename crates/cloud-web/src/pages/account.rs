//! The pages for signing in, consent to the app's sign-in, and tokens.

use maud::{Markup, html};

use super::icons::*;
use super::{HtmlPage, Moment, Person, SiteSection, date, form_key, icon, note, own_page};
use crate::words::PageWords;
use snaplark_cloud::secrets::PASSWORD_CHARS_MIN;
use snaplark_cloud_data::db::TokenInfo;
use snaplark_cloud_data::scopes::{Scope, Scopes};

/// The reason why a form is shown again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FormRefusal {
    Wrong,
    TooMany {
        retry_after_s: u64,
    },
    /// The form belongs to another session, or to another site.
    Stale,
    /// The current password, which the form asks for again, is wrong.
    WrongCurrent,
    /// The e-mail address typed as confirmation, or the password, is wrong.
    WrongToDelete,
    NewPassword,
}

impl FormRefusal {
    pub(super) fn sentence(self, words: PageWords) -> String {
        match self {
            FormRefusal::Wrong => words.refused_sign_in().to_owned(),
            FormRefusal::TooMany { retry_after_s } if retry_after_s < 60 => {
                words.refused_seconds(retry_after_s).text()
            }
            FormRefusal::TooMany { retry_after_s } => {
                words.refused_minutes(retry_after_s.div_ceil(60)).text()
            }
            FormRefusal::WrongCurrent => words.refused_current().to_owned(),
            FormRefusal::WrongToDelete => words.refused_delete().to_owned(),
            FormRefusal::NewPassword => words.refused_new_password(PASSWORD_CHARS_MIN).text(),
            FormRefusal::Stale => words.refused_stale().to_owned(),
        }
    }
}

/// Returns what a program can do.
fn scope_words(words: PageWords, scope: Scope) -> &'static str {
    match scope {
        Scope::Upload => words.scope_upload(),
        Scope::Read => words.scope_read(),
        Scope::Account => words.scope_account(),
    }
}

/// Returns the same as verbs, for a list of tokens.
fn scope_verbs(words: PageWords, scopes: Scopes) -> String {
    let verbs = scopes.each().map(|scope| match scope {
        Scope::Upload => words.may_upload(),
        Scope::Read => words.may_read(),
        Scope::Account => words.may_account(),
    });
    verbs.collect::<Vec<_>>().join(words.list_comma())
}

/// A password field with a button that reveals the text.
pub(super) struct Secret<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    pub(crate) is_new: bool,
    pub(crate) is_first: bool,
}

/// Renders the field. The button stays hidden without scripts.
pub(super) fn secret(words: PageWords, of: Secret<'_>) -> Markup {
    let Secret { id, name, label, is_new, is_first } = of;
    let (complete, min) = match is_new {
        true => ("new-password", Some(PASSWORD_CHARS_MIN)),
        false => ("current-password", None),
    };
    html! {
        div.secret-field {
            label for=(id) { span { @match min { Some(min) => (words.password_at_least(label, min)), None => (label) } } }
            div.reveal {
                input.field id=(id) type="password" name=(name) required autocomplete=(complete) autofocus[is_first]
                    minlength=[min] maxlength="1024" spellcheck="false" autocapitalize="none";
                button.plain.square type="button" data-reveal=(id) aria-pressed="false" aria-controls=(id) aria-label=(words.show_password()) title=(words.show_password()) hidden {
                    span.when-hidden { (icon(ICON_EYE)) } span.when-shown { (icon(ICON_EYE_OFF)) }
                }
            }
        }
    }
}

pub(super) fn refusal(words: PageWords, refusal: FormRefusal) -> Markup {
    html! { p.refusal role="alert" { (icon(ICON_ALERT)) span { (refusal.sentence(words)) } } }
}

/// The program that a sign-in is for, according to its request.
#[derive(Clone, Debug)]
pub(crate) struct ConnectingApp {
    pub(crate) device: String,
    pub(crate) scopes: Scopes,
}

/// `next` is the page after signing in. `nobody` means that no user has a password yet.
pub(crate) fn password_page(
    words: PageWords,
    next: &str,
    email: &str,
    key: &str,
    refusal: Option<FormRefusal>,
    nobody: bool,
    asking: Option<&ConnectingApp>,
) -> Markup {
    let plain = HtmlPage::plain(words, words.sign_in());
    let page = HtmlPage { scripts: &["page.js"], ..plain };
    page.render_form(html! {
        form.note.form method="post" action="/sign-in" {
            span.badge data-tone="accent" { (icon(ICON_USER)) }
            h1 { (words.sign_in_heading()) }
            @if nobody {
                p { (words.sign_in_nobody()) }
                code dir="ltr" { "snaplark-cloud user add you@example.com" }
            }
            @if let Some(ConnectingApp { device, scopes }) = asking {
                p { (words.sign_in_asked(html! { b { (words.snaplark_on(html! { bdi { (device) } })) } })) }
                ul.plain-list { @for scope in scopes.each() { li { (scope_words(words, scope)) } } }
            }
            @if let Some(why) = refusal { (self::refusal(words, why)) }
            (form_key(key))
            input type="hidden" name="next" value=(next);
            label { span { (words.email_address()) }
                input.field type="email" name="email" value=(email) required autocomplete="username" autofocus[email.is_empty()] maxlength="254"; }
            (secret(words, Secret { id: "password", name: "password", label: words.password(), is_new: false, is_first: !email.is_empty() }))
            button.primary.large type="submit" { (words.sign_in()) }
            p.links { a href="/forgot-password" { (words.forgot_password()) } }
            @if !nobody { p.help { (words.no_account()) } }
        }
    })
}

/// Asks whether the app may act for the person who is signed in. The form is sent to `action`, with the
/// hidden fields.
pub(crate) fn consent(
    person: Person<'_>,
    device: &str,
    scopes: Scopes,
    (action, hidden): (&str, &[(&str, &str)]),
) -> Markup {
    let words = person.words;
    HtmlPage::plain(words, words.connect_app()).render_form(html! {
        form.note.form method="post" action=(action) {
            span.badge data-tone="accent" { (icon(ICON_MONITOR)) }
            h1 { (words.connect_heading(device)) }
            p { (words.connect_as(html! { b { bdi { (person.email) } } })) }
            ul.plain-list { @for scope in scopes.each() { li { (scope_words(words, scope)) } } }
            p { (words.connect_hint()) }
            p.hint { (words.connect_warning()) }
            (form_key(person.form_key))
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            div.two {
                button.plain.large type="submit" name="answer" value="no" { (words.cancel()) }
                button.primary.large type="submit" name="answer" value="yes" autofocus { (words.connect()) }
            }
        }
    })
}

/// The page for a request that can't be fulfilled.
pub(crate) fn refused(words: PageWords, title: &str, text: &str) -> Markup {
    HtmlPage::plain(words, title).render_form(note(ICON_ALERT, "plain", title, text, html! {}))
}

/// `fresh` is a token that was just created. It is only shown this once.
pub(crate) fn tokens(
    person: Person<'_>,
    tokens: &[TokenInfo],
    fresh: Option<&str>,
    moment: Moment,
) -> Markup {
    let words = person.words;
    own_page(
        words.devices_and_tokens(),
        person,
        SiteSection::Tokens,
        html! {
            div.head {
                h1 { (words.devices_and_tokens()) }
                span.space {}
                form.inline method="post" action="/my/tokens" {
                    (form_key(person.form_key))
                    input.field name="name" placeholder=(words.token_name_hint()) aria-label=(words.token_name()) required maxlength="80";
                    button.primary type="submit" { (icon(ICON_KEY)) span { (words.token_create()) } }
                }
            }
            @if let Some(token) = fresh {
                div.fresh role="status" {
                    p { b { (words.token_copy_now()) } " " (words.token_once()) }
                    div.inline {
                        input.field.code readonly value=(token) aria-label=(words.token_new());
                        button.plain type="button" data-copy-text=(token) data-said=(words.token_copied()) hidden { (icon(ICON_LINK)) span { (words.token_copy()) } }
                    }
                }
            }
            @if tokens.is_empty() {
                (note(ICON_KEY, "plain", words.no_devices(), words.no_devices_hint(), html! {}))
            } @else {
                ul.rows {
                    @for token in tokens {
                        li {
                            span.badge { (icon(if token.name.starts_with("Snaplark on ") { ICON_MONITOR } else { ICON_KEY })) }
                            div.words {
                                strong { @if token.name.is_empty() { (words.token_unnamed()) } @else { bdi { (token.name) } } }
                                p {
                                    (words.token_can(scope_verbs(words, token.scopes))) " · " (words.token_created(date(token.created_ms, moment))) " · "
                                    @match token.used_ms {
                                        Some(used_ms) => { (words.token_used(date(used_ms, moment))) }
                                        None => { (words.token_unused()) }
                                    }
                                }
                            }
                            form method="post" action=(format!("/my/tokens/{}/revoke", token.id.0)) {
                                (form_key(person.form_key))
                                button.plain.danger type="submit" aria-label=(words.token_revoke_of(token.name.as_str())) { (words.token_revoke()) }
                            }
                        }
                    }
                }
            }
        },
    )
}
