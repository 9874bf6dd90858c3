//! The view of one recording, from its rows and its upload's status.

use snaplark_core::upload::{Phase, Stop, UploadStatus, Wait};
use snaplark_store::{ImportedFile, IssueRow, Recording};

use crate::LinkReach;
use crate::account::server_name;
use crate::view::{
    FileProblem, IssueView, NeedReason, RecordingState, RecordingView, UploadProgress, WaitReason,
};

pub(crate) fn of_recording(
    recording: Recording,
    issues: Vec<IssueRow>,
    status: Option<UploadStatus>,
    is_online: bool,
    file_problem: Option<FileProblem>,
) -> RecordingView {
    let state = state_of(&recording, status.as_ref());
    let has_file = || recording.file.as_ref().is_some_and(|file| file.is_file());
    let is_imported = recording.imported.is_some();
    let here = (!recording.cleared && !is_imported) || has_file();
    RecordingView {
        id: recording.id.to_string(),
        is_imported,
        title: recording.title,
        started_unix_ms: recording.started_unix_ms,
        duration_ms: recording.duration_ms,
        size_bytes: recording.init_bytes + recording.size_bytes,
        segments: recording.segments,
        link_reach: status.as_ref().and_then(|status| status.link.as_deref().map(LinkReach::of)),
        link: status.as_ref().and_then(|status| status.link.clone()),
        file: recording.file.map(|file| file.to_string_lossy().into_owned()),
        file_problem,
        here,
        frames: recording.counts.encoded,
        dropped: recording.counts.dropped,
        issues: issues.into_iter().map(IssueView::of).collect(),
        end_detail: recording.end.as_ref().map(ToString::to_string),
        end: recording.end.map(|end| IssueView::of_end(recording.duration_ms, end)),
        upload: status.map(|status| of_progress(&status, is_online)),
        uploads: Vec::new(),
        state,
    }
}

fn state_of(recording: &Recording, status: Option<&UploadStatus>) -> RecordingState {
    if let Some(file) = &recording.imported {
        return state_of_import(file, status);
    }
    match recording.running {
        true => RecordingState::Recording,
        false => state_of_ended(status, recording.missing_detail.as_ref()),
    }
}

/// Returns the state of a video that was brought in. One that waits for an account is offline like any other.
fn state_of_import(file: &ImportedFile, status: Option<&UploadStatus>) -> RecordingState {
    match state_of_ended(status, None) {
        RecordingState::Local if file.is_wanted => {
            RecordingState::Waits { reason: WaitReason::Offline }
        }
        RecordingState::NeedsYou { reason: NeedReason::FilesMissing, detail } => {
            RecordingState::NeedsYou { reason: NeedReason::FileMissing, detail }
        }
        other => other,
    }
}

pub(crate) fn state_of_ended(
    status: Option<&UploadStatus>,
    missing_detail: Option<&String>,
) -> RecordingState {
    let Some(status) = status else { return RecordingState::Local };
    let waits = |reason| RecordingState::Waits { reason };
    let needs = |reason, detail: &str| RecordingState::NeedsYou { reason, detail: detail.into() };
    match (&status.phase, missing_detail) {
        (Phase::Finished, _) => RecordingState::Done,
        (_, Some(detail)) => needs(NeedReason::FilesMissing, detail),
        (Phase::Sending, None) => RecordingState::Uploading,
        (Phase::Waits { wait, .. }, None) => waits(match wait {
            Wait::Offline => WaitReason::Offline,
            Wait::FolderMissing => WaitReason::FolderMissing,
            Wait::StorageFull => WaitReason::StorageFull,
            Wait::AccessDenied => WaitReason::AccessDenied,
            Wait::ServerTrouble => WaitReason::ServerTrouble,
            Wait::RateLimited => WaitReason::RateLimited,
            Wait::Queue => WaitReason::Queue,
            Wait::Paused => WaitReason::Paused,
            Wait::Metered => WaitReason::Metered,
        }),
        (Phase::NeedsSignIn, None) => needs(NeedReason::SignIn, ""),
        (Phase::Stopped(stop), None) => match stop {
            Stop::Refused { detail } | Stop::NewerVersion { detail, .. } => {
                needs(NeedReason::Refused, detail)
            }
            Stop::NoVersions => needs(NeedReason::NewLink, ""),
            Stop::FilesMissing { detail } => needs(NeedReason::FilesMissing, detail),
            Stop::FileChanged => needs(NeedReason::FileChanged, ""),
            Stop::TooLarge { bytes_max } => needs(NeedReason::TooLarge, &bytes_max.to_string()),
            Stop::DamagedOnServer { detail } => needs(NeedReason::DamagedOnServer, detail),
            Stop::OtherServer { server } => needs(NeedReason::OtherServer, &server_name(server)),
        },
    }
}

pub(super) fn of_progress(status: &UploadStatus, is_online: bool) -> UploadProgress {
    let percentage = match (&status.phase, status.total_bytes) {
        (Phase::Finished, _) => 100,
        (_, 0) => 0,
        // The last per cent is the server's confirmation.
        (_, total) => (status.sent_bytes * 100 / total).min(99) as u8,
    };
    UploadProgress {
        uploaded: status.uploaded,
        pending: status.pending,
        failed: status.failed,
        total: status.uploaded + status.pending,
        percentage,
        is_online,
        other_server: None,
        has_session: status.has_session,
        sent_bytes: status.sent_bytes,
        total_bytes: status.total_bytes,
        bytes_per_second: 0,
        seconds_left: None,
    }
}
