//! Waits for an upload by asking for its state again and again. The upload may be another program's, which sends no
//! changes.

use std::time::Duration;

use snaplark_terminal::signals::Polite;

use crate::say::{Progress, Topic};

/// Asks until `shown` returns `None` for an answer, or until the person interrupts; returns that answer. Until then
/// `shown` returns what the progress line says.
pub async fn until_settled<T>(
    polite: &mut Polite,
    line: &mut Progress,
    every: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<T>,
    mut shown: impl FnMut(&T) -> Option<(Topic, String)>,
) -> anyhow::Result<T> {
    loop {
        let now = ask().await?;
        let Some((topic, words)) = shown(&now).filter(|_| !polite.is_asked()) else {
            line.end();
            return Ok(now);
        };
        line.show(topic, &words);
        tokio::select! {
            () = polite.asked() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}
