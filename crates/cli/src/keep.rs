//! `snaplark keep`: the last minutes of the screen, until Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use snaplark_app::view::{RecorderView, RingView, RingWait};
use snaplark_app::{Home, Keeps};

use crate::program::{Program, asked_to_end};
use crate::say;

pub async fn keep(home: Home, seconds: u32) -> anyhow::Result<ExitCode> {
    let last = Duration::from_secs(seconds.into());
    let program = Program::open_to_keep(home, Keeps::Last(last)).await?;
    let kept = follow(&program).await;
    program.close().await?;
    kept.map(|()| ExitCode::SUCCESS)
}

/// Other commands tell this program what is to become of it.
async fn follow(program: &Program) -> anyhow::Result<()> {
    let mut progress = say::Progress::default();
    let mut changes = program.app.changes();
    let stop = asked_to_end();
    tokio::pin!(stop);
    loop {
        let snapshot = program.app.snapshot().await?;
        progress.show(&match (&snapshot.recorder, &snapshot.ring) {
            (RecorderView::Idle, ring) => words(ring),
            _ => "Recording; `snaplark stop` ends it".into(),
        });
        tokio::select! {
            asked = &mut stop => {
                progress.end();
                return asked;
            }
            changed = changes.changed() => changed.context("Snaplark ended by itself")?,
        }
    }
}

fn words(ring: &RingView) -> String {
    match ring {
        RingView::Keeping { held_ms, .. } => {
            let held = say::time(*held_ms);
            format!("The last {held} are kept. `snaplark share-last` makes a recording of them")
        }
        RingView::Waits { reason } => match reason {
            RingWait::Recording => "Nothing is kept while something is recorded",
            RingWait::Locked => "Nothing is kept while the session is locked",
            RingWait::Asleep => "Nothing is kept while the computer sleeps",
            RingWait::DiskLow => "The disk is nearly full, so nothing is kept. Free some space",
            RingWait::Closing => "Closing",
        }
        .into(),
        RingView::Failed { detail } => format!("Nothing is kept. {detail}"),
        RingView::Off => "Nothing is kept".into(),
    }
}
