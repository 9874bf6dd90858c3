//! `snaplark login` and `logout`.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::Context as _;
use snaplark_app::{
    Account, AppError, BrowserSignIn, CallbackPage, Home, NewPlace, PlaceOptions, Token, control,
    is_web_link,
};

use snaplark_terminal::output;

use crate::program::Program;
use crate::say;

pub async fn login(home: Home, account: Account, browser: bool) -> anyhow::Result<ExitCode> {
    // Checked before the person is asked for a token.
    account.check_way()?;
    let is_plain = account.is_plain_http();
    let needs_token = account.needs_token();
    let (account, page) = if !needs_token {
        (account, None)
    } else if browser || std::io::stdin().is_terminal() {
        match BrowserSignIn::begin(account.clone()).await {
            Ok(sign_in) => {
                let (account, page) = with_browser(sign_in).await?;
                (account, Some(page))
            }
            Err(AppError::NoBrowserSignIn { .. }) if !browser => {
                (account.with_token(read_token()?), None)
            }
            Err(error) => return Err(error.into()),
        }
    } else {
        (account.with_token(read_token()?), None)
    };
    let name = account.server_name();
    // The token is always stored, since the command ends at once and a sign-in for this session only would
    // be lost.
    Program::with(home, async |program| {
        let signed_in = program.app.sign_in(account, true).await;
        if let Some(page) = page {
            page.tell(signed_in.as_ref().copied()).await;
        }
        Ok(signed_in?)
    })
    .await?;
    if say::is_json() {
        say::json(&serde_json::json!({ "account": { "server": name } }))?;
    }
    say::line(&match needs_token {
        true => format!("Signed in to {name}. New recordings are uploaded there."),
        false => format!("New recordings go to {name}."),
    });
    if is_plain {
        say::line(
            "Warning: the connection is not encrypted (http), as you allowed for this server.",
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn with_browser(sign_in: BrowserSignIn) -> anyhow::Result<(Account, CallbackPage)> {
    // Printed even with `--quiet` or `--json`: without the address nobody can sign in.
    output::say("Sign in at this address in your browser:");
    output::say(&sign_in.address);
    open_browser(&sign_in.address);
    Ok(sign_in.finish().await?)
}

/// Tries to open the browser. Errors are ignored, since the address is on the terminal.
fn open_browser(address: &str) {
    if !is_web_link(address) {
        return;
    }
    let (opener, before): (_, &[&str]) = if cfg!(windows) {
        // Not `cmd /c start`, which would read the address as part of a command.
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else {
        ("xdg-open", &[])
    };
    let quiet = std::process::Stdio::null;
    let mut command = std::process::Command::new(opener);
    let _ = command.args(before).arg(address).stdout(quiet()).stderr(quiet()).spawn();
}

pub async fn logout(home: Home) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        Account::from_env()?.is_none(),
        "SNAPLARK_SERVER overrides the stored account. Unset it to sign out of the stored account"
    );
    match control::sign_out(&home).await {
        Err(AppError::NotRunning) => {
            Program::with(home, async |program| Ok(program.app.sign_out(None).await?)).await?;
        }
        signed_out => signed_out?,
    }
    if say::is_json() {
        say::json(&serde_json::json!({ "account": null }))?;
    }
    say::line("Signed out. New recordings stay on this computer; nothing was deleted.");
    Ok(ExitCode::SUCCESS)
}

/// Signs out of another server than the current one.
pub async fn logout_at(home: Home, server: &str) -> anyhow::Result<ExitCode> {
    // An address, or the path of a folder; the program knows its accounts by either.
    let typed = NewPlace::of_text(server, None, &PlaceOptions::default());
    let address = typed.map_or_else(|_| server.to_owned(), |account| account.base_url);
    match control::sign_out_at(&home, &address).await {
        Err(AppError::NotRunning) => {
            Program::with(home, async |program| Ok(program.app.sign_out_at(&address).await?))
                .await?;
        }
        signed_out => signed_out?,
    }
    if say::is_json() {
        say::json(&serde_json::json!({ "signedOut": { "server": server } }))?;
    }
    say::line(&format!("Signed out of {server}. Nothing was deleted."));
    Ok(ExitCode::SUCCESS)
}

fn read_token() -> anyhow::Result<Token> {
    let mut token = String::new();
    if std::io::stdin().is_terminal() {
        token = rpassword::prompt_password("Token: ").context("The token can't be read")?;
    } else {
        std::io::stdin().read_to_string(&mut token).context("The token can't be read")?;
    }
    let token = token.trim();
    anyhow::ensure!(!token.is_empty(), "Standard input has no token");
    Ok(Token::new(token))
}
