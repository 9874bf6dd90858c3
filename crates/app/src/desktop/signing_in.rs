//! Sign-in, one at a time for all windows. Windows start steps with commands and learn the state from the shell,
//! which sends it to all of them.
//!
//! If the keyring fails, the finished account is held here, in memory only, until the person has decided,
//! so that the browser isn't needed twice. The lock is never held across an await.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::oneshot;
use ts_rs::TS;

use super::{Controller, DesktopWindow, Shell};
use crate::account::kind_of;
use crate::view::AccountKind;
use crate::{
    Account, AppError, BrowserSignIn, CallbackPage, CommandError, NewPlace, Profile, Token,
    base_url,
};

/// The state of a sign-in, the same for all windows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "phase", rename_all = "kebab-case")]
#[ts(export)]
#[expect(missing_docs, reason = "the names say it")]
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

/// The sign-in of this program.
#[derive(Default)]
pub(super) struct SigningIn(Mutex<SignInState>);

#[derive(Default)]
struct SignInState {
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
enum PressEffect {
    Conclude(u64, Account),
    OpenAgain(Option<String>),
    Begin(u64, oneshot::Receiver<()>),
}

impl SigningIn {
    fn view(&self) -> SignInView {
        self.now().view.clone()
    }

    /// A held account counts only for its own server.
    fn press(&self, server: &str) -> PressEffect {
        let mut now = self.now();
        if let Some(account) = now.held.take_if(|account| account.base_url == server) {
            return PressEffect::Conclude(now.begin(server).0, account);
        }
        match &now.view {
            SignInView::Waiting { server: waited } if waited == server => {
                PressEffect::OpenAgain(now.address.clone())
            }
            SignInView::Idle | SignInView::Waiting { .. } | SignInView::Failed { .. } => {
                let (turn, replaced) = now.begin(server);
                PressEffect::Begin(turn, replaced)
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
        *now = SignInState { view, turn, held, plain_allowed, ..SignInState::default() };
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
        *now = SignInState { turn: now.turn + 1, ..SignInState::default() };
    }

    fn now(&self) -> MutexGuard<'_, SignInState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SignInState {
    fn begin(&mut self, server: &str) -> (u64, oneshot::Receiver<()>) {
        drop(self.attempt.take());
        let (attempt, replaced) = oneshot::channel();
        *self = SignInState {
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

impl<S: Shell> Controller<S> {
    /// Returns the state of the sign-in.
    pub fn sign_in_view(&self) -> SignInView {
        self.signing_in.view()
    }

    /// Signs in with the browser, to a server or else to the account's own, and returns when it is known whether
    /// that worked. If an attempt is waiting for the browser already, this only opens the page again.
    /// `allow_http`: the person allowed this server without encryption. An error is shown by the windows; a toast
    /// has no room for it, so the library opens.
    pub async fn sign_in(
        &self,
        server: Option<String>,
        remember: bool,
        allow_http: bool,
        from_toast: bool,
    ) {
        let signed_in = self.sign_in_with_browser(server, remember, allow_http).await;
        if !signed_in
            && from_toast
            && let Err(error) = self.shell.open_window(DesktopWindow::Library).await
        {
            tracing::warn!(%error, "the library can't be opened");
        }
    }

    /// Returns true unless it failed.
    async fn sign_in_with_browser(
        &self,
        server: Option<String>,
        remember: bool,
        allow_http: bool,
    ) -> bool {
        let current = self.current_account().await;
        let server = named(server, current.as_ref());
        if kind_of(&server) == Some(AccountKind::Folder) {
            // Nobody signs in to a folder: it is only looked at again.
            let account = Account::at(&server, None);
            return self.sign_in_without_browser(server, account, remember).await;
        }
        if allow_http {
            self.signing_in.now().plain_allowed = Some(server.clone());
        }
        let allowed = self.signing_in.allows_plain_http(&server, current.as_ref());
        match self.signing_in.press(&server) {
            PressEffect::OpenAgain(None) => true,
            // The first attempt keeps waiting, whatever happens to this page.
            PressEffect::OpenAgain(Some(address)) => self.open_page(address).await.is_ok(),
            PressEffect::Conclude(turn, account) => {
                self.show_sign_in();
                self.conclude(turn, server, account, remember, None).await
            }
            PressEffect::Begin(turn, replaced) => {
                self.show_sign_in();
                let profile = profile_of(&server, current.as_ref());
                let asked = tokio::select! {
                    asked = self.ask_browser(turn, &server, profile, allowed) => asked,
                    _ = replaced => return true,
                };
                match asked {
                    Ok((account, page)) => {
                        self.conclude(turn, server, account, remember, Some(page)).await
                    }
                    Err(problem) => {
                        let problem = problem.into();
                        self.end_sign_in(turn, SignInView::Failed { server, problem }, None)
                    }
                }
            }
        }
    }

    /// Signs in with a token, for servers without a browser sign-in. Returns true unless it failed.
    pub async fn sign_in_with_token(&self, server: String, token: Token, remember: bool) -> bool {
        let current = self.current_account().await;
        let server = named(Some(server), current.as_ref());
        let account = Account::at(&server, profile_of(&server, current.as_ref()));
        let allowed = self.signing_in.allows_plain_http(&server, current.as_ref());
        let account = account.map(|it| it.allowing_plain_http(allowed).with_token(token));
        self.sign_in_without_browser(server, account, remember).await
    }

    /// Sends new items to the place that a person described, once it has proven that it takes them. `allow_http`: the
    /// person allowed this place without encryption. Returns true unless it failed.
    pub async fn add_place(&self, place: NewPlace, remember: bool, allow_http: bool) -> bool {
        let typed = place.typed().to_owned();
        let account = place.account().map(|account| account.allowing_plain_http(allow_http));
        let server = account.as_ref().map_or(typed, |account| account.base_url.clone());
        self.sign_in_without_browser(server, account, remember).await
    }

    async fn sign_in_without_browser(
        &self,
        server: String,
        account: Result<Account, AppError>,
        remember: bool,
    ) -> bool {
        let turn = self.signing_in.begin(&server);
        self.show_sign_in();
        match account {
            Ok(account) => self.conclude(turn, server, account, remember, None).await,
            Err(error) => {
                let problem = error.into();
                self.end_sign_in(turn, SignInView::Failed { server, problem }, None)
            }
        }
    }

    /// Ends a waiting attempt and drops a held account.
    pub fn leave_sign_in(&self) {
        self.signing_in.leave();
        self.show_sign_in();
    }

    async fn ask_browser(
        &self,
        turn: u64,
        server: &str,
        profile: Option<Profile>,
        allow_http: bool,
    ) -> Result<(Account, CallbackPage), AppError> {
        let account = Account::at(server, profile)?.allowing_plain_http(allow_http);
        let begun = BrowserSignIn::begin(account).await?;
        self.signing_in.found(turn, &begun.address);
        self.open_page(begun.address.clone()).await?;
        begun.finish().await
    }

    /// Finishes a sign-in. `page` is the browser's page that waits for the outcome.
    async fn conclude(
        &self,
        turn: u64,
        server: String,
        account: Account,
        remember: bool,
        page: Option<CallbackPage>,
    ) -> bool {
        let signed_in = self.app.sign_in(account.clone(), remember).await;
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
        self.end_sign_in(turn, view, held)
    }

    fn end_sign_in(&self, turn: u64, view: SignInView, held: Option<Account>) -> bool {
        let failed = matches!(view, SignInView::Failed { .. });
        let counts = self.signing_in.end(turn, view, held);
        if counts {
            self.show_sign_in();
        }
        !(failed && counts)
    }

    fn show_sign_in(&self) {
        self.shell.show_sign_in(self.signing_in.view());
    }

    /// Returns the account that uploads go to, unless it is the embedded cloud.
    async fn current_account(&self) -> Option<Account> {
        let account = self.app.account().await.ok().flatten();
        account.filter(|account| account.kind != AccountKind::ThisComputer)
    }
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
    use super::super::fake::{DesktopRig, ShellCall};
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
            PressEffect::Begin(turn, replaced) => (turn, replaced),
            PressEffect::Conclude(..) | PressEffect::OpenAgain(_) => panic!("it does not begin"),
        }
    }

    #[test]
    fn pressed_again_it_sends_the_browser_to_the_same_page() {
        let signing_in = SigningIn::default();
        let (turn, _replaced) = begun(&signing_in, SERVER);
        signing_in.found(turn, "https://one.example/page");
        let PressEffect::OpenAgain(Some(address)) = signing_in.press(SERVER) else { panic!() };
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
        assert!(matches!(signing_in.press(SERVER), PressEffect::Conclude(_, account)
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

    #[tokio::test]
    async fn failed_sign_in_from_a_toast_opens_the_library_and_windows_learn_why() {
        let rig = DesktopRig::open().await;
        // Nothing listens on this port.
        let server = "http://127.0.0.1:1/api/v1";
        rig.controller.sign_in(Some(server.to_owned()), false, false, true).await;
        let mut asked = rig.shell().taken();
        assert_eq!(asked.pop(), Some(ShellCall::OpenWindow(DesktopWindow::Library)));
        let Some(ShellCall::SignIn(SignInView::Failed { server: failed, .. })) = asked.pop() else {
            panic!("windows don't learn that it failed");
        };
        assert_eq!(failed, server);
        let waiting = SignInView::Waiting { server: server.to_owned() };
        assert_eq!(asked, [ShellCall::SignIn(waiting)]);
        rig.controller.leave_sign_in();
        assert_eq!(rig.shell().taken(), [ShellCall::SignIn(SignInView::Idle)]);
        assert_eq!(rig.controller.sign_in_view(), SignInView::Idle);
        rig.close().await;
    }

    #[tokio::test]
    async fn token_that_no_server_takes_is_not_kept() {
        let rig = DesktopRig::open().await;
        let server = "http://127.0.0.1:1/api/v1".to_owned();
        let signed_in = rig.controller.sign_in_with_token(server, Token::new("t"), true).await;
        assert!(!signed_in);
        assert!(matches!(rig.controller.sign_in_view(), SignInView::Failed { .. }));
        assert!(rig.app.account().await.unwrap().is_none());
        rig.close().await;
    }

    #[tokio::test]
    async fn folder_is_used_without_a_browser_and_without_a_keyring() {
        let (rig, folder) = (DesktopRig::open().await, tempfile::tempdir().unwrap());
        let place = |path: &std::path::Path| NewPlace::Folder {
            path: path.to_string_lossy().into_owned(),
            public: String::new(),
        };
        assert!(!rig.controller.add_place(place(&folder.path().join("none")), true, false).await);
        let failed = serde_json::to_value(rig.controller.sign_in_view()).unwrap();
        assert_eq!(failed["code"], "server-unreachable");
        assert!(rig.app.account().await.unwrap().is_none(), "nothing has changed");

        assert!(rig.controller.add_place(place(folder.path()), true, false).await);
        let account = rig.app.account().await.unwrap().unwrap();
        assert_eq!(account.kind, AccountKind::Folder);
        assert!(account.base_url.contains("?id="), "{}", account.base_url);
        assert!(folder.path().join(".snaplark/folder").is_file());
        // It is looked at again without a browser, too.
        rig.controller.sign_in(None, true, false, false).await;
        assert_eq!(rig.controller.sign_in_view(), SignInView::Idle);
        assert_eq!(rig.app.account().await.unwrap().unwrap().base_url, account.base_url);
        rig.close().await;
    }
}
