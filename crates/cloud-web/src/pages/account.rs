//! The pages for signing in, consent to the app's sign-in, and tokens.

use maud::{Markup, html};

use super::icons::*;
use super::{HtmlPage, Moment, Person, SiteSection, date, form_key, icon, note, own_page};
use snaplark_cloud::secrets::PASSWORD_CHARS_MIN;
use snaplark_cloud_data::db::TokenInfo;
use snaplark_cloud_data::scopes::Scopes;

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
    pub(super) fn sentence(self) -> String {
        match self {
            FormRefusal::Wrong => {
                "Wrong e-mail address or password. Check both, and try again.".to_owned()
            }
            FormRefusal::TooMany { retry_after_s } => {
                format!("Too many attempts. Nothing is lost. Try again in {}.", wait(retry_after_s))
            }
            FormRefusal::WrongCurrent => {
                "That is not your current password. Nothing was changed.".to_owned()
            }
            FormRefusal::WrongToDelete => {
                "The e-mail address or the password is wrong. Nothing was deleted.".to_owned()
            }
            FormRefusal::NewPassword => format!(
                "The new password needs at least {PASSWORD_CHARS_MIN} characters. Nothing was changed."
            ),
            FormRefusal::Stale => {
                "This page has expired. Nothing was changed. Try again.".to_owned()
            }
        }
    }
}

fn wait(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
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
pub(super) fn secret(of: Secret<'_>) -> Markup {
    let Secret { id, name, label, is_new, is_first } = of;
    let (complete, min) = match is_new {
        true => ("new-password", Some(PASSWORD_CHARS_MIN)),
        false => ("current-password", None),
    };
    html! {
        div.secret-field {
            label for=(id) { span { (label) @if let Some(min) = min { " (at least " (min) " characters)" } } }
            div.reveal {
                input.field id=(id) type="password" name=(name) required autocomplete=(complete) autofocus[is_first]
                    minlength=[min] maxlength="1024" spellcheck="false" autocapitalize="none";
                button.plain.square type="button" data-reveal=(id) aria-pressed="false" aria-controls=(id) aria-label="Show password" title="Show password" hidden {
                    span.when-hidden { (icon(ICON_EYE)) } span.when-shown { (icon(ICON_EYE_OFF)) }
                }
            }
        }
    }
}

pub(super) fn refusal(refusal: FormRefusal) -> Markup {
    html! { p.refusal role="alert" { (icon(ICON_ALERT)) span { (refusal.sentence()) } } }
}

/// The program that a sign-in is for, according to its request.
#[derive(Clone, Debug)]
pub(crate) struct ConnectingApp {
    pub(crate) device: String,
    pub(crate) scopes: Scopes,
}

/// `next` is the page after signing in. `nobody` means that no user has a password yet.
pub(crate) fn password_page(
    next: &str,
    email: &str,
    key: &str,
    refusal: Option<FormRefusal>,
    nobody: bool,
    asking: Option<&ConnectingApp>,
) -> Markup {
    let page = HtmlPage { title: "Sign in", head: html! {}, scripts: &["page.js"], awaits: None };
    page.render_form(html! {
        form.note.form method="post" action="/sign-in" {
            span.badge data-tone="accent" { (icon(ICON_USER)) }
            h1 { "Sign in to Snaplark" }
            @if nobody {
                p { "Nobody can sign in here yet. The person who runs this server adds the first user:" }
                code { "snaplark-cloud user add you@example.com" }
            }
            @if let Some(ConnectingApp { device, scopes }) = asking {
                p { b { "Snaplark on " bdi { (device) } } " asks you to sign in. Once you agree, it can:" }
                ul.plain-list { @for scope in scopes.each() { li { (scope.words()) } } }
            }
            @if let Some(why) = refusal { (self::refusal(why)) }
            (form_key(key))
            input type="hidden" name="next" value=(next);
            label { span { "E-mail address" }
                input.field type="email" name="email" value=(email) required autocomplete="username" autofocus[email.is_empty()] maxlength="254"; }
            (secret(Secret { id: "password", name: "password", label: "Password", is_new: false, is_first: !email.is_empty() }))
            button.primary.large type="submit" { "Sign in" }
            p.links { a href="/forgot-password" { "Forgot your password?" } }
            @if !nobody { p.help { "No account yet? Ask the person who runs this server to add you. To watch a recording, you only need its link." } }
        }
    })
}

/// Asks whether the app may act for the person who is signed in. `hidden` holds the hidden fields of
/// the form.
pub(crate) fn consent(
    person: Person<'_>,
    device: &str,
    scopes: Scopes,
    hidden: &[(&str, &str)],
) -> Markup {
    let page = HtmlPage { title: "Connect the app", head: html! {}, scripts: &[], awaits: None };
    page.render_form(html! {
        form.note.form method="post" action="/oauth/authorize" {
            span.badge data-tone="accent" { (icon(ICON_MONITOR)) }
            h1 { "Connect Snaplark on " (device) "?" }
            p { "It asks to act as " b { bdi { (person.email) } } ". It can then:" }
            ul.plain-list { @for scope in scopes.each() { li { (scope.words()) } } }
            p { "It never sees your password. You can revoke access under “Devices & tokens”." }
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

/// The page for a request that can't be fulfilled.
pub(crate) fn refused(title: &str, text: &str) -> Markup {
    let page = HtmlPage { title, head: html! {}, scripts: &[], awaits: None };
    page.render_form(note(ICON_ALERT, "plain", title, text, html! {}))
}

/// `fresh` is a token that was just created. It is only shown this once.
pub(crate) fn tokens(
    person: Person<'_>,
    tokens: &[TokenInfo],
    fresh: Option<&str>,
    moment: Moment,
) -> Markup {
    own_page(
        "Devices & tokens",
        person,
        SiteSection::Tokens,
        html! {
            div.head {
                h1 { "Devices & tokens" }
                span.space {}
                form.inline method="post" action="/my/tokens" {
                    (form_key(person.form_key))
                    input.field name="name" placeholder="Name, for example build server" aria-label="Name" required maxlength="80";
                    button.primary type="submit" { (icon(ICON_KEY)) span { "Create token" } }
                }
            }
            @if let Some(token) = fresh {
                div.fresh role="status" {
                    p { b { "Copy this token now." } " It is not shown again. Only its fingerprint is stored." }
                    div.inline {
                        input.field.code readonly value=(token) aria-label="New token";
                        button.plain type="button" data-copy-text=(token) data-said="Token copied" hidden { (icon(ICON_LINK)) span { "Copy token" } }
                    }
                }
            }
            @if tokens.is_empty() {
                (note(ICON_KEY, "plain", "No devices yet", "Snaplark appears here when you sign in with it. A token lets another program upload as you.", html! {}))
            } @else {
                ul.rows {
                    @for token in tokens {
                        li {
                            span.badge { (icon(if token.name.starts_with("Snaplark on ") { ICON_MONITOR } else { ICON_KEY })) }
                            div.words {
                                strong { @if token.name.is_empty() { "Unnamed token" } @else { bdi { (token.name) } } }
                                p {
                                    "Can " (token.scopes.each().map(snaplark_cloud_data::scopes::Scope::verbs).collect::<Vec<_>>().join(", ")) " · created " (date(token.created_ms, moment)) " · "
                                    @match token.used_ms {
                                        Some(used_ms) => { "last used " (date(used_ms, moment)) }
                                        None => { "never used" }
                                    }
                                }
                            }
                            form method="post" action=(format!("/my/tokens/{}/revoke", token.id.0)) {
                                (form_key(person.form_key))
                                button.plain.danger type="submit" aria-label=(format!("Revoke {}", token.name)) { "Revoke" }
                            }
                        }
                    }
                }
            }
        },
    )
}
