//! Shortcuts assigned by the desktop through `org.freedesktop.portal.GlobalShortcuts`, for Wayland, where
//! no program sees keys pressed in another. The desktop asks the person once, stores the keys, reports what
//! they are, and tells when they are pressed.
//!
//! A session lasts as long as the portal and the program behind it. If one of them ends, everything is
//! requested again; a person who agreed before doesn't see that.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::time::Duration;

use ashpd::AppID;
use ashpd::desktop::ResponseError;
use ashpd::desktop::global_shortcuts::{
    GlobalShortcuts, NewShortcut, Shortcut as Given, ShortcutsChanged,
};
use futures_util::{Stream, StreamExt as _};
use snaplark_app::Shortcut;
use tokio::sync::Notify;
use zbus::Connection;
use zbus::fdo::{DBusProxy, NameOwnerChanged};

/// The app id that owns the shortcuts. It must be the name of the installed desktop entry, or newer portals
/// refuse.
const APP_ID: &str = "com.snaplark.desktop";
/// The timeout for answers that need no person.
const ANSWER: Duration = Duration::from_secs(5);
/// The timeout for a person's answer.
const ASKED: Duration = Duration::from_secs(5 * 60);
/// The pause before asking again, for a portal that crashes at each request.
const AGAIN: Duration = Duration::from_secs(1);
/// The bus names of the portal and of its backends, one for each desktop environment.
const PORTALS: [&str; 2] =
    ["org.freedesktop.portal.Desktop", "org.freedesktop.impl.portal.desktop."];

pub struct ShortcutRequest {
    pub shortcut: Shortcut,
    /// The description that the desktop shows to the person.
    pub words: Cow<'static, str>,
    /// The keys that the desktop may propose, such as `Alt+R`.
    pub keys: String,
}

pub enum PortalEvent {
    /// The person wants to be asked again.
    Asked,
    /// All current shortcuts, each with the desktop's description of its keys.
    Given(Vec<(Shortcut, String)>),
    Pressed(Shortcut),
    /// The person declined.
    Declined,
    /// There are none: no portal, a portal without shortcuts, or one that doesn't answer.
    Missing,
}

/// Follows the desktop's shortcuts for as long as the program runs. `again` asks the person once more after
/// a refusal.
pub async fn follow(wanted: Vec<ShortcutRequest>, again: &Notify, tell: impl Fn(PortalEvent)) {
    let heard = async {
        let bus = Connection::session().await?;
        let names = DBusProxy::new(&bus).await?;
        let changes = names.receive_name_owner_changed().await?;
        Ok::<_, zbus::Error>((bus, changes))
    };
    let (bus, changes) = match answered(heard).await {
        Ok(heard) => heard,
        Err(end) => {
            tracing::warn!(%end, "there is no bus, so the desktop can't be asked for shortcuts");
            return tell(PortalEvent::Missing);
        }
    };
    let mut changes = pin!(changes.filter(|change| ready(is_portal(change))));
    loop {
        let Err(end) = hear(&bus, &wanted, changes.as_mut(), &tell).await;
        tracing::info!(%end, "the desktop gives no shortcuts");
        let news = match end {
            SessionEnd::Lost(_) => None,
            SessionEnd::Declined => Some(PortalEvent::Declined),
            SessionEnd::Missing(_) => Some(PortalEvent::Missing),
        };
        if let Some(news) = news {
            tell(news);
            tokio::select! {
                _ = changes.next() => {}
                () = again.notified() => tell(PortalEvent::Asked),
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Requests the shortcuts, then reports events until the session ends.
async fn hear(
    bus: &Connection,
    wanted: &[ShortcutRequest],
    mut changes: impl Stream<Item = NameOwnerChanged> + Unpin,
    tell: &impl Fn(PortalEvent),
) -> Result<Infallible, SessionEnd> {
    // Older portals don't know this call and look at how the program was started.
    let named = ashpd::register_host_app_with_connection(bus.clone(), app_id());
    if let Err(end) = answered(named).await {
        tracing::debug!(%end, "the portal takes no name");
    }
    let portal = answered(GlobalShortcuts::with_connection(bus.clone())).await?;
    let mut pressed = pin!(answered(portal.receive_activated()).await?);
    let mut changed = pin!(answered(portal.receive_shortcuts_changed()).await?);
    let session = answered(portal.create_session(Default::default())).await?;
    let mut closed = pin!(answered(session.receive_closed()).await?);
    let asked = async {
        let new: Vec<NewShortcut> = wanted.iter().map(ShortcutRequest::asked).collect();
        portal.bind_shortcuts(&session, &new, None, Default::default()).await?.response()
    };
    let given = within(ASKED, asked).await;
    let given = match given.and_then(|given| known(given.shortcuts())) {
        Ok(given) => given,
        Err(end) => {
            // Withdraws a question that is still on the screen.
            let _ = answered(session.close()).await;
            return Err(end);
        }
    };
    tell(PortalEvent::Given(given));
    loop {
        tokio::select! {
            Some(activated) = pressed.next() => {
                let shortcut = Shortcut::ALL.into_iter().find(|it| id(*it) == activated.shortcut_id());
                shortcut.into_iter().for_each(|shortcut| tell(PortalEvent::Pressed(shortcut)));
            }
            Some(now) = changed.next() => {
                tell(PortalEvent::Given(known(ShortcutsChanged::shortcuts(&now)).unwrap_or_default()));
            }
            // The change may be of another session's program.
            Some(_) = changes.next() => {
                let listed = async {
                    portal.list_shortcuts(&session, Default::default()).await?.response()
                };
                if let Err(end) = answered(listed).await.and_then(|now| known(now.shortcuts())) {
                    let _ = answered(session.close()).await;
                    return Err(SessionEnd::Lost(end.to_string()));
                }
            }
            _ = closed.next() => return Err(SessionEnd::Lost("its session was closed".to_owned())),
        }
    }
}

fn is_portal(change: &NameOwnerChanged) -> bool {
    let args = change.args();
    args.is_ok_and(|args| PORTALS.iter().any(|portal| args.name.as_str().starts_with(portal)))
}

/// Maps the desktop's shortcuts to ours. Portals from before the interface was final return none at all.
fn known(given: &[Given]) -> Result<Vec<(Shortcut, String)>, SessionEnd> {
    let known = |given: &Given| {
        let shortcut = Shortcut::ALL.into_iter().find(|it| id(*it) == given.id())?;
        Some((shortcut, given.trigger_description().to_owned()))
    };
    let known: Vec<_> = given.iter().filter_map(known).collect();
    if known.is_empty() {
        return Err(SessionEnd::Missing("it gave none".to_owned()));
    }
    Ok(known)
}

impl ShortcutRequest {
    fn asked(&self) -> NewShortcut {
        let trigger = trigger(&self.keys);
        NewShortcut::new(id(self.shortcut), &*self.words).preferred_trigger(trigger.as_deref())
    }
}

/// Returns the id under which the desktop stores the keys. These ids never change.
fn id(shortcut: Shortcut) -> &'static str {
    match shortcut {
        Shortcut::Record => "record",
        Shortcut::ChooseArea => "choose-area",
        Shortcut::Microphone => "microphone",
        Shortcut::Webcam => "webcam",
        Shortcut::QuickMenu => "quick-menu",
        Shortcut::Pause => "pause",
        Shortcut::Strike => "strike",
        Shortcut::ShareLast => "share-last",
        Shortcut::Library => "library",
        Shortcut::Screenshot => "screenshot",
    }
}

/// Converts our `Alt+R` into freedesktop's shortcut syntax: modifiers in capitals, keys by their xkbcommon
/// names.
fn trigger(keys: &str) -> Option<String> {
    let part = |part: &str| match part {
        "Ctrl" => "CTRL".to_owned(),
        "Alt" => "ALT".to_owned(),
        "Shift" => "SHIFT".to_owned(),
        "Super" => "LOGO".to_owned(),
        "Space" => "space".to_owned(),
        "PageUp" => "Prior".to_owned(),
        "PageDown" => "Next".to_owned(),
        "PrintScreen" => "Print".to_owned(),
        letter if letter.len() == 1 => letter.to_lowercase(),
        named => named.to_owned(),
    };
    let parts: Vec<String> = keys.split('+').map(|key| part(key.trim())).collect();
    (!keys.is_empty()).then(|| parts.join("+"))
}

fn app_id() -> AppID {
    APP_ID.parse().expect("it is one")
}

/// Why there are no shortcuts any more.
enum SessionEnd {
    Declined,
    Missing(String),
    /// They were assigned and the session ended; request them again at once.
    Lost(String),
}

impl std::fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SessionEnd::Declined => f.write_str("the person said no"),
            SessionEnd::Missing(reason) | SessionEnd::Lost(reason) => f.write_str(reason),
        }
    }
}

impl From<ashpd::Error> for SessionEnd {
    fn from(error: ashpd::Error) -> Self {
        match error {
            ashpd::Error::Response(ResponseError::Cancelled) => SessionEnd::Declined,
            other => SessionEnd::Missing(other.to_string()),
        }
    }
}

async fn answered<T, E: Into<ashpd::Error>>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, SessionEnd> {
    within(ANSWER, answer).await
}

async fn within<T, E: Into<ashpd::Error>>(
    limit: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, SessionEnd> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| SessionEnd::from(error.into())),
        Err(_) => Err(SessionEnd::Missing("it does not answer".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_proposed_in_the_desktops_words() {
        for (keys, wanted) in [
            ("Alt+R", "ALT+r"),
            ("Ctrl+Alt+9", "CTRL+ALT+9"),
            ("Super+Shift+PageUp", "LOGO+SHIFT+Prior"),
            ("Alt+PrintScreen", "ALT+Print"),
            ("F9", "F9"),
        ] {
            assert_eq!(trigger(keys).as_deref(), Some(wanted));
        }
        assert_eq!(trigger(""), None);
        assert_eq!(app_id().as_ref(), APP_ID);
    }
}
