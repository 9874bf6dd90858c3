//! Background work, as the windows show it.

use serde::Serialize;
use ts_rs::TS;

use crate::ErrorCode;

/// Background work that a person may wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct JobView {
    /// The number by which it is cancelled or dismissed.
    #[ts(type = "number")]
    pub id: u64,
    /// The kind of the work.
    pub kind: JobKind,
    /// The item that the work is about; `None` if it makes one.
    pub item: Option<String>,
    /// The file that the work writes; once it is done, the file that it has written.
    pub target: Option<String>,
    /// The finished share.
    pub thousandths: u16,
    /// When it began to run; `None` if it waits, or was begun by an earlier run of the program.
    #[ts(type = "number | null")]
    pub started_unix_ms: Option<i64>,
    /// `None` while it can't be estimated.
    #[ts(type = "number | null")]
    pub seconds_left: Option<u64>,
    /// Where it stands.
    pub state: JobStateView,
}

impl JobView {
    /// Returns whether the end of the program would interrupt it for good.
    pub(crate) fn is_lost_at_quit(&self) -> bool {
        match (self.kind, &self.state) {
            (JobKind::Export | JobKind::Publish, JobStateView::Waiting | JobStateView::Running) => {
                true
            }
            (JobKind::Export | JobKind::Publish | JobKind::OwnFile | JobKind::MoveFile, _) => false,
        }
    }
}

/// Where background work stands. A cancelled job is no longer shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum JobStateView {
    /// Others of its kind go first.
    Waiting,
    /// It runs.
    Running,
    /// It was cancelled and ends at its next step.
    Cancelling,
    /// It is finished.
    Done,
    /// It could not be finished.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// Why.
        code: ErrorCode,
        /// The cause as others put it.
        reason: String,
    },
    /// The program ended before it did.
    Interrupted,
}

/// The kinds of background work that people see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum JobKind {
    /// Writes the person's own file of a recording.
    OwnFile,
    /// Moves that file to another place.
    MoveFile,
    /// Writes an item as a file of another format.
    Export,
    /// Renders what is at the cuts of a recording before it is published.
    Publish,
}

impl JobKind {
    const ALL: [JobKind; 4] =
        [JobKind::OwnFile, JobKind::MoveFile, JobKind::Export, JobKind::Publish];

    /// Returns its name in rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            JobKind::OwnFile => "own-file",
            JobKind::MoveFile => "move-file",
            JobKind::Export => "export",
            JobKind::Publish => "publish",
        }
    }

    /// Returns the kind with that name. `None` if a later version of the program wrote it.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns whether only a few jobs of the kind run at once, because each keeps the processor busy.
    pub(crate) fn takes_turns(self) -> bool {
        match self {
            // Publishing renders a few seconds, which nobody waits for behind exports of hours.
            JobKind::OwnFile | JobKind::MoveFile | JobKind::Publish => false,
            JobKind::Export => true,
        }
    }
}
