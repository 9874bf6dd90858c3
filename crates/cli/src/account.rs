//! `snaplark login` and `logout`.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::Context as _;
use snaplark_app::view::AccountKind;
use snaplark_app::{Account, AppError, Home, Profile, Token};

use crate::program::Program;
use crate::say;

pub async fn login(home: Home, server: &str, profile: Profile) -> anyhow::Result<ExitCode> {
    let base_url = snaplark_app::base_url(server)
        .ok_or_else(|| AppError::BadServer { server: server.to_owned() })?;
    let token = read_token()?;
    let kind = AccountKind::OwnServer;
    let account = Account { kind, base_url, profile, token: Some(Token::new(token)) };
    let name = account.server_name();
    let program = Program::open(home).await?;
    // A command ends at once: a sign-in for this session only would be none.
    let signed_in = program.app.sign_in(account, true).await;
    program.close().await?;
    signed_in?;
    say::line(&format!("Signed in to {name}. Recordings go there from now on."));
    Ok(ExitCode::SUCCESS)
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
