//! `snaplark keep`: keeps the last minutes of the screen until Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use snaplark_app::view::{RecorderView, RingView, RingWait};
use snaplark_app::{Home, Keeps};

use snaplark_terminal::signals::Polite;

use crate::program::Program;
use crate::say::{self, Topic};

pub async fn keep(home: Home, seconds: u32) -> anyhow::Result<ExitCode> {
    let last = Duration::from_secs(seconds.into());
    let mut polite = Polite::new();
    let program = Program::open_to_keep(home, Keeps::Last(last)).await?;
    let kept = follow(&program, &mut polite).await;
    program.close().await;
    kept.map(|()| ExitCode::SUCCESS)
}

/// Shows the state until the program ends. Other commands control this program through its socket.
async fn follow(program: &Program, polite: &mut Polite) -> anyhow::Result<()> {
    let mut progress = say::Progress::default();
    let mut changes = program.app.changes();
    let mut is_told = false;
    loop {
        let snapshot = program.app.snapshot().await?;
        if say::is_json() && !is_told && snapshot.ring != RingView::Off {
            // Printed once, so that the caller knows that the last minutes are being kept, or why not.
            say::json(&serde_json::json!({ "ring": snapshot.ring }))?;
            is_told = true;
        }
        progress.show(
            Topic::Keeping,
            &match (&snapshot.recorder, &snapshot.ring) {
                (RecorderView::Idle, ring) => words(ring),
                _ => "Recording. `snaplark stop` stops it".into(),
            },
        );
        tokio::select! {
            () = polite.asked() => {
                progress.end();
                return Ok(());
            }
            changed = changes.changed() => changed.context("Snaplark ended unexpectedly")?,
        }
    }
}

fn words(ring: &RingView) -> String {
    match ring {
        RingView::Keeping { held_ms, .. } => {
            let held = say::time(*held_ms);
            format!("Keeping the last {held}. Share it with `snaplark share-last`")
        }
        RingView::Waits { reason } => match reason {
            RingWait::Recording => "Paused during a recording",
            RingWait::Locked => "Paused while the screen is locked",
            RingWait::Asleep => "Paused while the computer sleeps",
            RingWait::DiskLow => "Paused because the disk is almost full. Free some space",
            RingWait::Closing => "Closing",
        }
        .into(),
        RingView::Failed { detail } => format!("The screen can't be kept. {detail}"),
        RingView::Off => "The last minutes are not kept".into(),
    }
}
