//! The issues of a recording: non-fatal problems, stored as kind and parameters.

use std::collections::HashMap;

use rusqlite::{Row, params};
use snaplark_core::RecordingId;
use snaplark_core::capture::Issue;

use crate::rows::{recording_id, unsigned};
use crate::{Result, Store};

/// The most issues that are kept for a recording, so that rows can't fill the disk.
const ROWS_MAX: u32 = 1_000;
/// The schema version that added the column `params`.
const PARAMS_SINCE: i64 = 9;

/// An issue with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRow {
    /// The time in the recording.
    pub at_ms: u64,
    /// The problem.
    pub issue: StoredIssue,
}

/// An issue as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredIssue {
    /// An issue that this version knows.
    Known(Issue),
    /// Written by another version: before issues had parameters, or with a kind that is not known yet.
    Worded {
        /// The kind's short name.
        kind: String,
        /// An English sentence, or empty.
        words: String,
    },
}

impl StoredIssue {
    pub(crate) fn read(kind: String, words: String, params: Option<&str>) -> Self {
        let known = params.and_then(|params| serde_json::from_str(params).ok());
        known.map_or(StoredIssue::Worded { kind, words }, StoredIssue::Known)
    }

    /// Returns the columns: kind, words, parameters.
    pub(crate) fn columns(&self) -> (&str, &str, Option<String>) {
        match self {
            // An issue is plain data, so converting it to JSON never fails.
            StoredIssue::Known(issue) => (issue.kind(), "", serde_json::to_string(issue).ok()),
            StoredIssue::Worded { kind, words } => (kind, words, None),
        }
    }
}

impl Store {
    /// Adds an issue to a recording.
    pub fn note_issue(&self, recording: RecordingId, at_ms: u64, issue: &Issue) -> Result<()> {
        let issue = StoredIssue::Known(issue.clone());
        let (kind, words, params) = issue.columns();
        self.connection.execute(
            "INSERT INTO health (recording, idx, at_ms, kind, detail, params)
             SELECT ?1, count(*), ?2, ?3, ?4, ?5 FROM health WHERE recording = ?1
             HAVING count(*) < ?6",
            params![recording.to_string(), at_ms as i64, kind, words, params, ROWS_MAX],
        )?;
        self.touch(recording);
        Ok(())
    }

    /// Returns the issues of all recordings, in the order of their times in the recording.
    pub fn issues(&self) -> Result<HashMap<RecordingId, Vec<IssueRow>>> {
        let mut all: HashMap<RecordingId, Vec<IssueRow>> = HashMap::new();
        // A reader may open the store before a writer of this version has migrated it.
        let params = match self.version()? {
            ..2 => return Ok(all),
            2..PARAMS_SINCE => "NULL",
            PARAMS_SINCE.. => "params",
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT at_ms, kind, detail, {params}, recording FROM health
             ORDER BY recording, at_ms, idx"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            all.entry(recording_id(row, 4)?).or_default().push(read(row)?);
        }
        Ok(all)
    }

    /// Returns the issues of one recording, in the order of their times in it.
    pub fn issues_of(&self, recording: RecordingId) -> Result<Vec<IssueRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at_ms, kind, detail, params FROM health WHERE recording = ?1
             ORDER BY at_ms, idx",
        )?;
        let rows = statement.query_map([recording.to_string()], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<IssueRow> {
    let params: Option<String> = row.get(3)?;
    let issue = StoredIssue::read(row.get(1)?, row.get(2)?, params.as_deref());
    Ok(IssueRow { at_ms: unsigned(row, 0)?, issue })
}
