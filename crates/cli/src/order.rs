//! `snaplark start`, `stop`, `toggle`, `pause`, `resume`, `cancel`, `restart`: to the program that
//! runs here.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use snaplark_app::{Home, Order, give_order};

use crate::say;

/// Answers when it is carried out. The desktop may have asked the person meanwhile.
pub async fn order(home: Home, order: Order) -> anyhow::Result<ExitCode> {
    tokio::task::spawn_blocking(move || give_order(&home, order)).await??;
    Ok(ExitCode::SUCCESS)
}

/// What is recorded goes with it: at a terminal, a person is asked.
pub async fn order_deletion(home: Home, deletion: Order, yes: bool) -> anyhow::Result<ExitCode> {
    if !yes && std::io::stdin().is_terminal() {
        say::line("What is being recorded will be deleted. Type yes to go on.");
        let mut said = String::new();
        std::io::stdin().lock().read_line(&mut said).context("No answer was read")?;
        if said.trim() != "yes" {
            say::line("Nothing was changed; the recording goes on.");
            return Ok(ExitCode::from(crate::FAILED));
        }
    }
    order(home, deletion).await
}
