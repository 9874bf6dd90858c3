//! `snaplark login` and `logout`.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::Context as _;
use snaplark_app::view::AccountKind;
use snaplark_app::{Account, AppError, BrowserSignIn, Home, Profile, Token};

use crate::program::Program;
use crate::say;

pub async fn login(
    home: Home,
    server: &str,
    profile: Profile,
    browser: bool,
) -> anyhow::Result<ExitCode> {
    let account = if browser || std::io::stdin().is_terminal() {
        match BrowserSignIn::begin(server, profile).await {
            Ok(sign_in) => with_browser(sign_in).await?,
            Err(AppError::NoBrowserSignIn { .. }) if !browser => with_token(server, profile)?,
            Err(error) => return Err(error.into()),
        }
    } else {
        with_token(server, profile)?
    };
    let name = account.server_name();
    let program = Program::open(home).await?;
    // A command ends at once: a sign-in for this session only would be none.
    let signed_in = program.app.sign_in(account, true).await;
    program.close().await?;
    signed_in?;
    say::line(&format!("Signed in to {name}. Recordings go there from now on."));
    Ok(ExitCode::SUCCESS)
}

async fn with_browser(sign_in: BrowserSignIn) -> anyhow::Result<Account> {
    say::line("Sign in with your browser, at this address:");
    say::line(&sign_in.address);
    open_browser(&sign_in.address);
    Ok(sign_in.finish().await?)
}

/// A help, no more: the address stands on the terminal.
fn open_browser(address: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = std::process::Stdio::null;
    let _ = std::process::Command::new(opener).arg(address).stdout(quiet()).stderr(quiet()).spawn();
}

fn with_token(server: &str, profile: Profile) -> anyhow::Result<Account> {
    let base_url = snaplark_app::base_url(server)
        .ok_or_else(|| AppError::BadServer { server: server.to_owned() })?;
    let token = read_token()?;
    let kind = AccountKind::OwnServer;
    Ok(Account { kind, base_url, profile, token: Some(Token::new(token)) })
}

pub async fn logout(home: Home) -> anyhow::Result<ExitCode> {
    let program = Program::open(home).await?;
    let signed_out = program.app.sign_out().await;
    program.close().await?;
    signed_out?;
    say::line("Signed out. The token is forgotten; recordings are kept.");
    Ok(ExitCode::SUCCESS)
}

fn read_token() -> anyhow::Result<String> {
    let mut token = String::new();
    if std::io::stdin().is_terminal() {
        token = rpassword::prompt_password("Token: ").context("No token was read")?;
    } else {
        std::io::stdin().read_to_string(&mut token).context("No token was read")?;
    }
    let token = token.trim();
    anyhow::ensure!(!token.is_empty(), "No token was given. It is read from standard input");
    Ok(token.to_owned())
}
