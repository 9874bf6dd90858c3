//! Sign-in, one at a time for all windows. Windows start steps with commands and learn the state by an
//! event.
//!
//! If the keyring fails, the finished account is held here, in memory only, until the person has decided,
//! so that the browser isn't needed twice. The lock is never held across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use snaplark_app::view::AccountKind;
use snaplark_app::{Account, App, AppError, BrowserSignIn, CallbackPage, Profile, Token, base_url};
use tauri::{AppHandle, Emitter, Manager};
use tokio::sync::oneshot;

use crate::commands::{self, CommandError};

/// The event with the view as its payload.
const EVENT: &str = "sign-in";

#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum SignInView {
    #[default]
    Idle,
    Waiting {
        server: String,
    },
    Failed {
        server: String,
        #[serde(flatten)]
        problem: CommandError,
    },
}

#[derive(Default)]
pub struct SigningIn(Mutex<Now>);

#[derive(Default)]
struct Now {
    view: SignInView,
    /// Grows with each attempt, so that the outcome of an earlier one is ignored.
    turn: u64,
    /// The address that was opened in the browser, to open it again.
    address: Option<String>,
    /// Dropping it ends the attempt that waits.
    attempt: Option<oneshot::Sender<()>>,
    held: Option<Account>,
    /// The server that the person allowed without encryption.
    plain_allowed: Option<String>,
}

/// The effect of a press on "Sign in".
enum Press {
    Conclude(u64, Account),
    OpenAgain(Option<String>),
    Begin(u64, oneshot::Receiver<()>),
}

impl SigningIn {
    pub fn view(&self) -> SignInView {
        self.now().view.clone()
    }

    /// A held account counts only for its own server.
    fn press(&self, server: &str) -> Press {
        let mut now = self.now();
        if let Some(account) = now.held.take_if(|account| account.base_url == server) {
            return Press::Conclude(now.begin(server).0, account);
        }
        match &now.view {
            SignInView::Waiting { server: waited } if waited == server => {
                Press::OpenAgain(now.address.clone())
            }
            SignInView::Idle | SignInView::Waiting { .. } | SignInView::Failed { .. } => {
                let (turn, replaced) = now.begin(server);
                Press::Begin(turn, replaced)
            }
        }
    }

    fn begin(&self, server: &str) -> u64 {
        self.now().begin(server).0
    }

    fn found(&self, turn: u64, address: &str) {
        let mut now = self.now();
        if now.turn == turn {
            now.address = Some(address.to_owned());
        }
    }

    /// Ends an attempt. Returns false if another attempt, or none, has taken its place.
    fn end(&self, turn: u64, view: SignInView, held: Option<Account>) -> bool {
        let mut now = self.now();
        if now.turn != turn {
            return false;
        }
        let plain_allowed = now.plain_allowed.take();
        *now = Now { view, turn, held, plain_allowed, ..Now::default() };
        true
    }

    /// Returns whether the person allowed http for this server, just now or when the account was made.
    fn allows_plain_http(&self, server: &str, current: Option<&Account>) -> bool {
        let same = current.filter(|account| account.base_url == server);
        self.now().plain_allowed.as_deref() == Some(server)
            || same.is_some_and(|account| account.plain_http_allowed)
    }

    fn leave(&self) {
        let mut now = self.now();
        *now = Now { turn: now.turn + 1, ..Now::default() };
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn begin(&mut self, server: &str) -> (u64, oneshot::Receiver<()>) {
        drop(self.attempt.take());
        let (attempt, replaced) = oneshot::channel();
        *self = Now {
            view: SignInView::Waiting { server: server.to_owned() },
            turn: self.turn + 1,
            address: None,
            attempt: Some(attempt),
            held: None,
            plain_allowed: self.plain_allowed.take(),
        };
        (self.turn, replaced)
    }
}

/// Signs in with the browser, to a server or else to the account's own. Returns true unless it failed. If
/// an attempt is waiting for the browser already, only opens the page again. `allow_http`: the person
/// allowed this server without encryption.
pub async fn with_browser(
    handle: &AppHandle,
    server: Option<String>,
    remember: bool,
    allow_http: bool,
) -> bool {
    let signing_in = handle.state::<SigningIn>();
    let current = current(handle).await;
    let server = named(server, current.as_ref());
    if allow_http {
        signing_in.now().plain_allowed = Some(server.clone());
    }
    let allowed = signing_in.allows_plain_http(&server, current.as_ref());
    match signing_in.press(&server) {
        Press::OpenAgain(None) => true,
        // The first attempt keeps waiting, whatever happens to this page.
        Press::OpenAgain(Some(address)) => commands::open_page(address).await.is_ok(),
        Press::Conclude(turn, account) => {
            tell(handle);
            conclude(handle, turn, server, account, remember, None).await
        }
        Press::Begin(turn, replaced) => {
            tell(handle);
            let profile = profile_of(&server, current.as_ref());
            let asked = tokio::select! {
                asked = ask_browser(handle, turn, &server, profile, allowed) => asked,
                _ = replaced => return true,
            };
            match asked {
                Ok((account, page)) => {
                    conclude(handle, turn, server, account, remember, Some(page)).await
                }
                Err(problem) => end(handle, turn, SignInView::Failed { server, problem }, None),
            }
        }
    }
}

/// Signs in with a token, for servers without a browser sign-in.
pub async fn with_token(handle: &AppHandle, server: String, token: Token, remember: bool) -> bool {
    let current = current(handle).await;
    let server = named(Some(server), current.as_ref());
    let turn = handle.state::<SigningIn>().begin(&server);
    tell(handle);
    match Account::at(&server, profile_of(&server, current.as_ref())) {
        Ok(account) => {
            let signing_in = handle.state::<SigningIn>();
            let allowed = signing_in.allows_plain_http(&server, current.as_ref());
            let account = account.allowing_plain_http(allowed).with_token(token);
            conclude(handle, turn, server, account, remember, None).await
        }
        Err(error) => {
            let problem = error.into();
            end(handle, turn, SignInView::Failed { server, problem }, None)
        }
    }
}

/// Ends a waiting attempt and drops a held account.
pub fn leave(handle: &AppHandle) {
    handle.state::<SigningIn>().leave();
    tell(handle);
}

async fn ask_browser(
    handle: &AppHandle,
    turn: u64,
    server: &str,
    profile: Option<Profile>,
    allow_http: bool,
) -> Result<(Account, CallbackPage), CommandError> {
    let account = Account::at(server, profile)?.allowing_plain_http(allow_http);
    let begun = BrowserSignIn::begin(account).await?;
    handle.state::<SigningIn>().found(turn, &begun.address);
    commands::open_page(begun.address.clone()).await?;
    Ok(begun.finish().await?)
}

/// Finishes a sign-in. `page` is the browser's page that waits for the outcome.
async fn conclude(
    handle: &AppHandle,
    turn: u64,
    server: String,
    account: Account,
    remember: bool,
    page: Option<CallbackPage>,
) -> bool {
    let app = handle.state::<App>().inner().clone();
    let signed_in = app.sign_in(account.clone(), remember).await;
    if let Some(page) = page {
        page.tell(signed_in.as_ref().copied()).await;
    }
    let (view, held) = match signed_in {
        Ok(()) => (SignInView::Idle, None),
        Err(error) => {
            let held = matches!(error, AppError::NoKeyring { .. }).then_some(account);
            (SignInView::Failed { server, problem: error.into() }, held)
        }
    };
    end(handle, turn, view, held)
}

fn end(handle: &AppHandle, turn: u64, view: SignInView, held: Option<Account>) -> bool {
    let failed = matches!(view, SignInView::Failed { .. });
    let counts = handle.state::<SigningIn>().end(turn, view, held);
    if counts {
        tell(handle);
    }
    !(failed && counts)
}

fn tell(handle: &AppHandle) {
    let view = handle.state::<SigningIn>().view();
    if let Err(error) = handle.emit(EVENT, view) {
        tracing::warn!(%error, "windows can't be told of the sign-in");
    }
}

/// Returns the account that uploads go to, unless it is the embedded cloud.
async fn current(handle: &AppHandle) -> Option<Account> {
    let app = handle.state::<App>().inner().clone();
    let account = app.account().await.ok().flatten();
    account.filter(|account| account.kind != AccountKind::ThisComputer)
}

/// Returns the API's address. An invalid one stays as typed, for the error message.
fn named(server: Option<String>, current: Option<&Account>) -> String {
    let server = server.or_else(|| current.map(|account| account.base_url.clone()));
    let server = server.unwrap_or_default();
    base_url(&server).unwrap_or(server)
}

/// Returns the server's current profile, which a repeated sign-in keeps.
fn profile_of(server: &str, current: Option<&Account>) -> Option<Profile> {
    let same = current.filter(|account| account.base_url == server);
    same.map(|account| account.profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "https://one.example/api/v1";

    fn account() -> Account {
        Account::at(SERVER, None).unwrap().with_token(Token::new("t"))
    }

    fn failed() -> SignInView {
        let problem = AppError::NoKeyring { reason: "none".into() }.into();
        SignInView::Failed { server: SERVER.into(), problem }
    }

    fn begun(signing_in: &SigningIn, server: &str) -> (u64, oneshot::Receiver<()>) {
        match signing_in.press(server) {
            Press::Begin(turn, replaced) => (turn, replaced),
            Press::Conclude(..) | Press::OpenAgain(_) => panic!("it does not begin"),
        }
    }

    #[test]
    fn pressed_again_it_sends_the_browser_to_the_same_page() {
        let signing_in = SigningIn::default();
        let (turn, _replaced) = begun(&signing_in, SERVER);
        signing_in.found(turn, "https://one.example/page");
        let Press::OpenAgain(Some(address)) = signing_in.press(SERVER) else { panic!() };
        assert_eq!(address, "https://one.example/page");
    }

    #[test]
    fn another_server_ends_the_attempt_that_waits() {
        let signing_in = SigningIn::default();
        let (turn, mut replaced) = begun(&signing_in, SERVER);
        begun(&signing_in, "https://two.example/api/v1");
        assert_eq!(replaced.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert!(!signing_in.end(turn, SignInView::Idle, None), "its end counts no more");
        assert!(matches!(signing_in.view(), SignInView::Waiting { .. }));
    }

    #[test]
    fn a_finished_account_is_held_for_its_server_until_it_is_answered() {
        let signing_in = SigningIn::default();
        let (turn, _replaced) = begun(&signing_in, SERVER);
        assert!(signing_in.end(turn, failed(), Some(account())));
        assert!(matches!(signing_in.press(SERVER), Press::Conclude(_, account)
            if account.base_url == SERVER));

        let turn = signing_in.begin(SERVER);
        signing_in.end(turn, failed(), Some(account()));
        signing_in.leave();
        assert!(matches!(signing_in.view(), SignInView::Idle));
        begun(&signing_in, SERVER);
    }

    #[test]
    fn windows_get_the_problem_flat_and_never_the_token() {
        let told = serde_json::to_value(failed()).unwrap();
        assert_eq!(told["phase"], "failed");
        assert_eq!(told["server"], SERVER);
        assert_eq!(told["code"], "no-keyring");
    }
}
