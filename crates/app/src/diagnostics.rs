//! The report that a person can copy for those who help them. It is written from facts that are known to be
//! harmless. Then every known personal name is removed again, because the log may contain some.
//!
//! On some servers the link can be derived from the recording's id, so only the ends of ids are shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::view::{AccountKind, RecordingState, Snapshot};
use crate::{Account, Home, Settings, logs};

const LOG_LINES: usize = 200;
/// Shorter names are not removed, because they occur as words in any text.
const NAME_CHARS_MIN: usize = 4;

pub(crate) fn write(
    facts: &[(&str, String)],
    snapshot: &Snapshot,
    settings: &Settings,
    account: Option<&Account>,
    home: &Home,
) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string never fails.
        let _ = writeln!(text, "{name:<12} {value}");
    };
    for (name, value) in facts {
        row(name, value);
    }
    let Settings { recording, upload, screenshots, desktop } = settings;
    let kind = match account.map(|account| account.kind) {
        None => "none",
        Some(AccountKind::ThisComputer) => "this computer",
        Some(AccountKind::Snaplark) => "Snaplark",
        Some(AccountKind::OwnServer) => "own server",
        Some(AccountKind::Bucket) => "bucket",
        Some(AccountKind::Folder) => "folder",
    };
    let (reach, waits) = snapshot.account.as_ref().map_or(("", false), |account| {
        (
            if account.reach == crate::view::Reach::Online { ", online" } else { "" },
            account.needs_sign_in,
        )
    });
    row("cloud", &format!("{kind}{reach}{}", if waits { ", needs a sign-in" } else { "" }));
    row("recordings", &states(snapshot));
    row("disk", &format!("{} MB free", snapshot.disk_free_bytes / 1_000_000));
    let microphone = match recording.microphone {
        crate::Microphone::Off => "off",
        crate::Microphone::Default => "default",
        crate::Microphone::Named(_) => "named",
    };
    row(
        "recording",
        &format!(
            "{} fps, {:?}, pointer {}, microphone {microphone}, system sound {}, countdown {} s",
            u32::from(recording.fps),
            recording.quality,
            recording.pointer,
            recording.system_sound,
            recording.countdown_seconds,
        ),
    );
    row(
        "upload",
        &format!(
            "limit {:?}, waits on metered {}, keeps {:?} days",
            upload.bytes_per_second_max, upload.wait_on_metered, upload.keep_local_days
        ),
    );
    row(
        "screenshots",
        &format!(
            "{} in the library, {:?}, then {:?}",
            snapshot.pictures.len(),
            screenshots.format,
            screenshots.after
        ),
    );
    row("desktop", &format!("{:?}, {:?}", desktop.theme, desktop.language));
    if let Some(crash) = logs::crash(home) {
        let _ = write!(text, "\nStopped at\n{crash}");
    }
    let _ = write!(text, "\nLog\n{}\n", logs::last_lines(home, LOG_LINES));
    without_ids(&without_names(&text, snapshot, settings, account, home))
}

fn states(snapshot: &Snapshot) -> String {
    let mut counts = BTreeMap::new();
    for recording in &snapshot.recordings {
        let name = match &recording.state {
            RecordingState::Recording => "recording",
            RecordingState::Uploading => "uploading",
            RecordingState::Waits { .. } => "waiting",
            RecordingState::NeedsYou { .. } => "need someone",
            RecordingState::Done => "done",
            RecordingState::Local => "only here",
        };
        *counts.entry(name).or_insert(0) += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if counts.is_empty() { "none".into() } else { counts.join(", ") }
}

fn without_names(
    text: &str,
    snapshot: &Snapshot,
    settings: &Settings,
    account: Option<&Account>,
    home: &Home,
) -> String {
    let mut names: Vec<String> = Vec::new();
    let chosen = settings.recording.save_folder.as_deref();
    for recording in &snapshot.recordings {
        names.extend([Some(recording.title.clone()), recording.link.clone()].into_iter().flatten());
        names.extend(recording.file.iter().flat_map(|file| named(Path::new(file))));
    }
    for picture in &snapshot.pictures {
        names.extend([Some(picture.title.clone()), picture.link.clone()].into_iter().flatten());
    }
    names.extend(chosen.into_iter().flat_map(named));
    names.extend(settings.screenshots.save_folder.iter().flat_map(|folder| named(folder)));
    // Only whole paths are hidden: the last components of these folders are Snaplark's own names.
    let folders = [&home.root, &home.save_folder].map(|folder| folder.display().to_string());
    names.extend(folders.iter().map(|folder| logs::without_home(folder)));
    names.extend(folders);
    if let crate::Microphone::Named(name) = &settings.recording.microphone {
        names.push(name.clone());
    }
    if let crate::Camera::Named(name) = &settings.recording.webcam.camera {
        names.push(name.clone());
    }
    if let Some(account) = account {
        names.extend(account.token.as_ref().map(|token| token.reveal().to_owned()));
        match account.kind {
            AccountKind::OwnServer | AccountKind::Bucket => names.push(account.server_name()),
            AccountKind::Folder => names.extend(named(Path::new(&account.server_name()))),
            AccountKind::ThisComputer | AccountKind::Snaplark => {}
        }
    }
    names.retain(|name| name.chars().count() >= NAME_CHARS_MIN);
    // The longest first, since one name may contain another.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let clean = names.iter().fold(text.to_owned(), |text, name| text.replace(name, "(hidden)"));
    logs::without_home(&clean)
}

/// Returns the forms of a path that the person named: whole, as the log writes it, and its last component.
fn named(path: &Path) -> Vec<String> {
    let whole = path.display().to_string();
    let last = path.file_name().map(|name| name.to_string_lossy().into_owned());
    [Some(logs::without_home(&whole)), Some(whole), last].into_iter().flatten().collect()
}

fn without_ids(text: &str) -> String {
    const ID_CHARS: usize = 36;
    let is_id = |word: &str| {
        word.len() == ID_CHARS
            && word.char_indices().all(|(at, letter)| match at {
                8 | 13 | 18 | 23 => letter == '-',
                _ => letter.is_ascii_hexdigit(),
            })
    };
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..ID_CHARS).filter(|word| is_id(word)) {
            Some(id) => {
                let _ = write!(clean, "{}…{}", &id[..4], &id[ID_CHARS - 4..]);
                rest = &rest[ID_CHARS..];
            }
            None => {
                clean.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::view::{RecorderView, RecordingView, RingView};
    use crate::{Microphone, Token};

    const ID: &str = "0198c0de-0000-7000-8000-0000000000c1";

    fn recording() -> RecordingView {
        RecordingView {
            is_imported: false,
            id: ID.into(),
            title: "Salaries of the board".into(),
            started_unix_ms: 0,
            duration_ms: 0,
            size_bytes: 0,
            segments: 1,
            state: RecordingState::Local,
            link_reach: None,
            link: Some(format!("https://video.example/videos/{ID}")),
            file: Some("/videos/Salaries.webm".into()),
            file_problem: None,
            here: true,
            frames: 0,
            dropped: 0,
            issues: Vec::new(),
            end_detail: None,
            end: None,
            upload: None,
            uploads: Vec::new(),
        }
    }

    #[test]
    fn nothing_of_the_persons_is_in_it_whatever_the_log_holds() {
        let person = dirs::home_dir().unwrap();
        let root =
            std::env::temp_dir().join(format!("snaplark-diagnostics-{}", std::process::id()));
        let home = Home { save_folder: person.join("Videos/Snaplark"), root: root.clone() };
        let account = Account::at("https://video.example", None).unwrap();
        let account = account.with_token(Token::new("sl_t0ken-of-the-person"));
        let mut settings = Settings::default();
        settings.recording.save_folder = Some(person.join("Secret plans"));
        settings.recording.microphone = Microphone::Named("Anna's headset".into());
        let snapshot = Snapshot {
            change: 1,
            since: 0,
            version: 1,
            gone: Vec::new(),
            deleted: None,
            rebuilt: None,
            recorder: RecorderView::Idle,
            webcam: crate::WebcamState::Off,
            sound: crate::view::SoundView::default(),
            ring: RingView::Off,
            recordings: vec![recording()],
            pictures: Vec::new(),
            toasts: Vec::new(),
            jobs: Vec::new(),
            warnings: Vec::new(),
            cloud_problem: None,
            local_network: crate::LocalNetworkView::Off,
            account: None,
            other_servers: Vec::new(),
            disk_free_bytes: 5_000_000_000,
            space_seconds: 0,
        };
        let secrets = [
            "sl_t0ken-of-the-person".to_owned(),
            "Salaries of the board".to_owned(),
            "Anna's headset".to_owned(),
            "video.example".to_owned(),
            "Secret plans".to_owned(),
            "Salaries.webm".to_owned(),
            ID.to_owned(),
            person.display().to_string(),
            root.display().to_string(),
        ];
        // A log as no code should ever write it.
        let mut log = logs::LogFile::below(&home);
        for secret in &secrets {
            writeln!(log, "WARN it was {secret}, near {}/{secret}", person.display()).unwrap();
        }
        writeln!(log, "INFO a file at {} of https://video.example/videos/{ID}", root.display())
            .unwrap();

        let facts = [("version", "1.2.3".to_owned())];
        let text = write(&facts, &snapshot, &settings, Some(&account), &home);
        for secret in &secrets {
            assert!(!text.contains(secret), "'{secret}' is in\n{text}");
        }
        for part in
            ["1.2.3", "own server", "1 only here", "5000 MB free", "microphone named", "0198…00c1"]
        {
            assert!(text.contains(part), "no '{part}' in\n{text}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
}
