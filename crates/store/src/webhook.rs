//! Events for webhooks. An event's row is written in the transaction of the upload's change, so none is
//! lost with the program, and none is told of a change that wasn't committed.
//!
//! The database is the only place of events: after a rebuild there are none.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use snaplark_api::untrusted::is_web_link;
use snaplark_core::upload::UploadChange;
use snaplark_core::{ItemId, RecordingId};

use crate::rows::{conversion, unsigned};
use crate::{Result, Store};

/// The first version of the schema that has events.
const EVENTS_SINCE: i64 = 16;

/// An event of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEventType {
    /// It is online for the first time.
    Uploaded,
    /// Its link shows another version.
    Edited,
    /// Its upload stopped until a person acts.
    Failed,
}

/// An event that is not told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Its number, in the order in which events have happened.
    pub number: i64,
    /// The id by which the receiver recognizes it.
    pub id: String,
    /// The item that the event is about.
    pub item: ItemId,
    /// The event.
    pub event_type: WebhookEventType,
    /// The kind of a failed upload's stop.
    pub reason: Option<String>,
    /// When it has happened.
    pub happened_unix_ms: i64,
    /// The body of its request, from the first try on.
    pub body: Option<String>,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_unix_ms: i64,
}

/// The item as a webhook describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSubject {
    /// The name of its kind.
    pub kind: String,
    /// The title.
    pub title: String,
    /// The link, if it is known.
    pub link: Option<String>,
    /// How long the version is that is behind the link; `None` for pictures.
    pub duration_ms: Option<u64>,
}

/// How many events are not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookEventCounts {
    /// Those that wait for a try.
    pub waiting: u32,
    /// Those that are not tried any more.
    pub given_up: u32,
}

impl WebhookEventType {
    const ALL: [WebhookEventType; 3] =
        [WebhookEventType::Uploaded, WebhookEventType::Edited, WebhookEventType::Failed];

    /// Returns its name in rows and requests.
    pub fn name(self) -> &'static str {
        match self {
            WebhookEventType::Uploaded => "item.uploaded",
            WebhookEventType::Edited => "item.edited",
            WebhookEventType::Failed => "item.failed",
        }
    }
}

impl Store {
    /// Sets whether events are kept from now on. Without a webhook, those that wait are dropped.
    pub fn keep_webhook_events(&self, kept: bool) -> Result<()> {
        self.keeps_webhook_events.set(kept);
        if !kept {
            self.connection.execute("DELETE FROM webhook_events", [])?;
        }
        Ok(())
    }

    /// Returns the event that is to be tried first.
    pub fn next_webhook_event(&self) -> Result<Option<WebhookEvent>> {
        let query =
            "SELECT number, id, item, type, reason, happened_unix_ms, body, tries, next_unix_ms
                     FROM webhook_events WHERE next_unix_ms IS NOT NULL
                     ORDER BY next_unix_ms, number LIMIT 1";
        Ok(self.connection.query_row(query, [], read_event).optional()?)
    }

    /// Returns how many events are not told.
    pub fn webhook_event_counts(&self) -> Result<WebhookEventCounts> {
        if self.version()? < EVENTS_SINCE {
            return Ok(WebhookEventCounts::default());
        }
        let query =
            "SELECT count(next_unix_ms), count(*) - count(next_unix_ms) FROM webhook_events";
        Ok(self.connection.query_row(query, [], |row| {
            Ok(WebhookEventCounts { waiting: row.get(0)?, given_up: row.get(1)? })
        })?)
    }

    /// Returns what is told of an item; `None` if it is gone.
    pub fn webhook_subject(&self, item: ItemId) -> Result<Option<WebhookSubject>> {
        let query = "SELECT r.kind, r.title, u.link, CASE r.kind WHEN 'recording' THEN coalesce(
                         (SELECT json_extract(v.pieces, '$.durationMs') FROM versions v
                          WHERE v.item = r.id AND v.number = u.version),
                         (SELECT max(start_ms + duration_ms) FROM segments WHERE recording = r.id)) END
                     FROM recordings r LEFT JOIN uploads u ON u.recording = r.id WHERE r.id = ?1";
        let read = |row: &Row<'_>| {
            Ok(WebhookSubject {
                kind: row.get(0)?,
                title: row.get(1)?,
                link: row.get::<_, Option<String>>(2)?.filter(|link| is_web_link(link)),
                duration_ms: row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs),
            })
        };
        Ok(self.connection.query_row(query, [item.to_string()], read).optional()?)
    }

    /// Keeps the body of an event before its first try.
    pub fn set_webhook_body(&self, number: i64, body: &str) -> Result<()> {
        let query = "UPDATE webhook_events SET body = ?2 WHERE number = ?1";
        self.connection.execute(query, params![number, body])?;
        Ok(())
    }

    /// Deletes an event that the server has taken.
    pub fn webhook_event_told(&self, number: i64) -> Result<()> {
        self.connection.execute("DELETE FROM webhook_events WHERE number = ?1", [number])?;
        Ok(())
    }

    /// Notes a try that failed, and when the next one is. `None`: there is none.
    pub fn webhook_event_failed(&self, number: i64, next_unix_ms: Option<i64>) -> Result<()> {
        let query =
            "UPDATE webhook_events SET tries = tries + 1, next_unix_ms = ?2 WHERE number = ?1";
        self.connection.execute(query, params![number, next_unix_ms])?;
        Ok(())
    }
}

/// Writes the event of a change that is about to be applied, if it is one.
pub(crate) fn note(to: &Transaction<'_>, change: &UploadChange) -> Result<()> {
    let (recording, event_type, reason) = match change {
        UploadChange::Finished { recording, .. } => {
            let Some(event_type) = finished(to, *recording)? else { return Ok(()) };
            (recording, event_type, None)
        }
        UploadChange::Stopped { recording, stop: Some(stop) } => {
            let stop = serde_json::to_value(stop).unwrap_or_default();
            let reason = stop["kind"].as_str().map(str::to_owned);
            (recording, WebhookEventType::Failed, reason)
        }
        _ => return Ok(()),
    };
    to.execute(
        "INSERT INTO webhook_events (id, item, type, reason, happened_unix_ms, next_unix_ms)
         SELECT 'msg_' || lower(hex(randomblob(16))), ?1, ?2, ?3, now, now
         FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now)
         WHERE EXISTS (SELECT 1 FROM recordings WHERE id = ?1)",
        params![recording.to_string(), event_type.name(), reason],
    )?;
    Ok(())
}

/// Returns what the end of an upload means. The end of one that has only sent damaged parts again means nothing.
fn finished(to: &Transaction<'_>, recording: RecordingId) -> Result<Option<WebhookEventType>> {
    let query = "SELECT u.mending, coalesce(u.version, 0), r.kind = 'recording'
                 FROM uploads u JOIN recordings r ON r.id = u.recording WHERE u.recording = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found: Option<(bool, u32, bool)> =
        to.query_row(query, [recording.to_string()], read).optional()?;
    Ok(match found {
        None | Some((true, ..)) => None,
        // The first version of a picture is the picture; a recording has none before it is edited.
        Some((false, 0, _) | (false, 1, false)) => Some(WebhookEventType::Uploaded),
        Some((false, ..)) => Some(WebhookEventType::Edited),
    })
}

fn read_event(row: &Row<'_>) -> rusqlite::Result<WebhookEvent> {
    let (item, name): (String, String) = (row.get(2)?, row.get(3)?);
    let event_type = WebhookEventType::ALL.into_iter().find(|it| it.name() == name);
    let unknown = || conversion(3, std::io::Error::other(format!("'{name}' is no type")));
    Ok(WebhookEvent {
        number: row.get(0)?,
        id: row.get(1)?,
        item: item.parse().map_err(|error| conversion(2, error))?,
        event_type: event_type.ok_or_else(unknown)?,
        reason: row.get(4)?,
        happened_unix_ms: row.get(5)?,
        body: row.get(6)?,
        tries: unsigned(row, 7)? as u32,
        next_unix_ms: row.get(8)?,
    })
}
