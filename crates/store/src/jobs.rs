//! The app's background work: exports, imports, publishing.
//!
//! A job's row is written before the work begins and stays until whoever began it has seen its end. A job whose
//! program died is interrupted: the next start says so. The database is the only place of jobs: after a rebuild
//! there are none, and what they would have made can be asked for again.

use std::io;

use rusqlite::{OptionalExtension as _, Row, params};
use snaplark_core::ItemId;

use crate::items::ITEMS_SINCE;
use crate::rows::conversion;
use crate::{Result, Store};

/// The number of a job, in the order of their beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

/// A job before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// The item that it is about. The job is deleted with it. `None` if it makes an item.
    pub item: Option<ItemId>,
    /// The kind of work, by its name.
    pub kind: String,
    /// The parameters of the work, as JSON.
    pub params: String,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its number.
    pub id: JobId,
    /// The kind of work.
    pub work: NewJob,
    /// Where it stands.
    pub progress: JobProgress,
    /// When that was noted.
    pub changed_unix_ms: i64,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobProgress {
    /// It has not begun.
    Waiting,
    /// It runs.
    Running {
        /// The finished share.
        thousandths: u16,
    },
    /// It is finished.
    Done,
    /// It could not be finished.
    Failed {
        /// The reason, as JSON: code and parameters.
        error: String,
    },
    /// A person cancelled it.
    Cancelled,
    /// The program ended before the job did.
    Interrupted,
}

/// The error of a failed job that was interrupted. It has no state of its own, so that programs of earlier
/// versions can read it.
const INTERRUPTED: &str = r#"{"code":"interrupted"}"#;
const JOB: &str =
    "SELECT id, item, kind, params, state, progress, error, changed_unix_ms FROM jobs";

impl Store {
    /// Adds a job, which waits.
    pub fn add_job(&self, job: &NewJob, now_unix_ms: i64) -> Result<JobId> {
        let query = "INSERT INTO jobs (item, kind, params, changed_unix_ms) VALUES (?1, ?2, ?3, ?4)
                     RETURNING id";
        let item = job.item.map(|item| item.to_string());
        let params = params![item, job.kind, job.params, now_unix_ms];
        Ok(JobId(self.connection.query_row(query, params, |row| row.get(0))?))
    }

    /// Notes where a job stands. Does nothing to a job that has ended: whoever ends it first is right.
    pub fn note_job(&self, job: JobId, progress: &JobProgress, now_unix_ms: i64) -> Result<bool> {
        let (state, thousandths, error) = match progress {
            JobProgress::Waiting => ("waiting", 0, None),
            JobProgress::Running { thousandths } => ("running", *thousandths, None),
            JobProgress::Done => ("done", 1_000, None),
            JobProgress::Failed { error } => ("failed", 0, Some(error.as_str())),
            JobProgress::Interrupted => ("failed", 0, Some(INTERRUPTED)),
            JobProgress::Cancelled => ("cancelled", 0, None),
        };
        let changed = self.connection.execute(
            "UPDATE jobs SET state = ?2, progress = ?3, error = ?4, changed_unix_ms = ?5
             WHERE id = ?1 AND state IN ('waiting', 'running')",
            params![job.0, state, thousandths, error, now_unix_ms],
        )?;
        Ok(changed > 0)
    }

    /// Returns a job.
    pub fn job(&self, job: JobId) -> Result<Option<JobRow>> {
        if self.version()? < ITEMS_SINCE {
            return Ok(None);
        }
        let query = format!("{JOB} WHERE id = ?1");
        Ok(self.connection.query_row(&query, [job.0], read_job).optional()?)
    }

    /// Returns the jobs that wait or run, in the order of their beginnings.
    pub fn open_jobs(&self) -> Result<Vec<JobRow>> {
        if self.version()? < ITEMS_SINCE {
            return Ok(Vec::new());
        }
        self.jobs("state IN ('waiting', 'running')")
    }

    /// Returns the jobs that have ended and were not forgotten, in the order of their beginnings.
    pub fn ended_jobs(&self) -> Result<Vec<JobRow>> {
        self.jobs("state NOT IN ('waiting', 'running')")
    }

    fn jobs(&self, condition: &str) -> Result<Vec<JobRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{JOB} WHERE {condition} ORDER BY id"))?;
        let rows = statement.query_map([], read_job)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Changes what a job's work needs to know, such as the file that it has written.
    pub fn set_job_params(&self, job: JobId, params: &str) -> Result<()> {
        let query = "UPDATE jobs SET params = ?2 WHERE id = ?1";
        self.connection.execute(query, params![job.0, params])?;
        Ok(())
    }

    /// Deletes a job's row.
    pub fn forget_job(&self, job: JobId) -> Result<()> {
        self.connection.execute("DELETE FROM jobs WHERE id = ?1", [job.0])?;
        Ok(())
    }

    /// Notes that the jobs were interrupted that waited or ran when the program ended.
    pub(crate) fn recover_jobs(&self) -> Result<()> {
        let query = "UPDATE jobs SET state = 'failed', progress = 0, error = ?1
                     WHERE state IN ('waiting', 'running')";
        self.connection.execute(query, [INTERRUPTED])?;
        Ok(())
    }
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let item: Option<String> = row.get(1)?;
    let item = item.map(|id| id.parse().map_err(|error| conversion(1, error))).transpose()?;
    let state: String = row.get(4)?;
    let progress = match state.as_str() {
        "waiting" => JobProgress::Waiting,
        "running" => JobProgress::Running { thousandths: row.get(5)? },
        "done" => JobProgress::Done,
        "failed" => match row.get::<_, Option<String>>(6)?.unwrap_or_default() {
            error if error == INTERRUPTED => JobProgress::Interrupted,
            error => JobProgress::Failed { error },
        },
        "cancelled" => JobProgress::Cancelled,
        _ => {
            return Err(conversion(4, io::Error::other(format!("'{state}' is no state of a job"))));
        }
    };
    Ok(JobRow {
        id: JobId(row.get(0)?),
        work: NewJob { item, kind: row.get(2)?, params: row.get(3)? },
        progress,
        changed_unix_ms: row.get(7)?,
    })
}
