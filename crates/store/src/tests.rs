//! Tests of the store through successive programs.
//!
//! Length: only tests, which share one set of helpers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use snaplark_api::Profile;
use snaplark_core::capture::{FrameCounts, Trouble};
use snaplark_core::upload::{Change, Part, Stop};
use snaplark_core::{INIT_FILE, RecordingId, STILL_FILE, SessionId, segment_file};

use crate::{Elsewhere, Health, Judged, NewRecording, SIDECAR_FILE, Segment, Store, StoreError};

pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("snaplark-store-{}", uuid::Uuid::new_v4()));
        Folder(path)
    }

    pub fn open(&self) -> Store {
        Store::open(&self.0).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn id(n: u128) -> RecordingId {
    RecordingId(uuid::Uuid::from_u128(n))
}

pub(crate) fn new_recording(n: u128) -> NewRecording {
    NewRecording {
        id: id(n),
        title: "A recording".into(),
        started_text: "2024-01-15T10-30-45".into(),
        started_unix_ms: 1,
        fps: 30,
        bitrate_bits: 2_500_000,
    }
}

pub(crate) fn begin(store: &Store, n: u128) -> PathBuf {
    let folder = store.begin(&new_recording(n)).unwrap();
    std::fs::write(folder.join(INIT_FILE), b"init").unwrap();
    store.note_started(id(n), 64, 36).unwrap();
    folder
}

pub(crate) fn seal(store: &Store, n: u128, index: u32) {
    std::fs::write(store.folder(id(n)).join(segment_file(index)), b"whole").unwrap();
    store.commit_segment(id(n), &segment(index)).unwrap();
}

pub(crate) fn segment(index: u32) -> Segment {
    Segment {
        index,
        size_bytes: 5,
        start_ms: u64::from(index) * 2_000,
        duration_ms: 2_000,
        sha256: [index as u8; 32],
    }
}

/// In these tests a file is a complete segment if its text begins with "whole".
fn judge(bytes: &[u8]) -> Option<Judged> {
    let judged = Judged { start_ms: 0, duration_ms: 2_000, sha256: [0; 32] };
    bytes.starts_with(b"whole").then_some(judged)
}

/// In these tests a file contains its own time.
fn retime(bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
    let (_, time) = bytes.split_last_chunk_mut::<6>()?;
    time.copy_from_slice(format!("{start_ms:06}").as_bytes());
    judge(bytes)
}

fn size(init: &[u8]) -> Option<(u32, u32)> {
    init.starts_with(b"init").then_some((64, 36))
}

/// A format of short texts, in which a placeholder describes what it replaces.
pub(crate) struct Texts;

impl crate::Format for Texts {
    fn judge(&self, bytes: &[u8]) -> Option<Judged> {
        judge(bytes)
    }

    fn size(&self, init: &[u8]) -> Option<(u32, u32)> {
        size(init)
    }

    fn retime(&self, bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
        retime(bytes, start_ms)
    }

    fn placeholder(&self, _: &[u8], start_ms: u64, ms: u64, _: u64) -> Option<Vec<u8>> {
        Some(format!("whole placeholder, {ms} ms at {start_ms}").into_bytes())
    }

    fn names(&self, started_unix_ms: i64) -> (String, String) {
        (format!("At {started_unix_ms}"), "2024-01-15T10-30-45".to_owned())
    }
}

#[test]
fn one_program_writes_and_others_read() {
    let folder = Folder::new();
    assert!(Store::open_to_read(&folder.0).unwrap().is_none());
    let store = folder.open();
    assert!(matches!(Store::open(&folder.0), Err(StoreError::InUse(_))));
    begin(&store, 1);
    let reader = Store::open_to_read(&folder.0).unwrap().unwrap();
    assert_eq!(reader.recordings().unwrap().len(), 1);
    assert!(reader.rename(id(1), "other").is_err());
    drop(store);
    folder.open();
}

#[test]
fn an_interrupted_recording_keeps_every_whole_segment() {
    let folder = Folder::new();
    let store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    seal(&store, 1, 1);
    std::fs::write(files.join("000002.webm"), b"whole, without a row").unwrap();
    std::fs::write(files.join("000003.webm.part"), b"whole, not renamed").unwrap();
    std::fs::write(files.join("000004.webm.part"), b"torn").unwrap();
    drop(store);

    let mut store = folder.open();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.recovered, [id(1)]);
    assert_eq!(recovery.segments_adopted, 2);
    assert_eq!(recovery.files_set_aside, [files.join("000004.webm.torn")]);
    let recording = store.recording(id(1)).unwrap();
    assert_eq!((recording.segments, recording.running), (4, false));
    assert!(files.join("000003.webm").is_file());
    assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
}

#[test]
fn folder_whose_only_sealed_segment_is_damaged_is_set_aside() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    std::fs::write(files.join("000000.webm"), b"torn").unwrap();
    // An unfinished segment is no loss.
    let unfinished = begin(&store, 2);
    std::fs::write(unfinished.join("000000.webm.part"), b"torn").unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.empty, [id(2), id(1)]);
    let aside = files.with_file_name(format!("{}.torn", id(1))).join("000000.webm.torn");
    assert!(recovery.files_set_aside.contains(&aside), "{recovery:?}");
    assert_eq!(std::fs::read(aside).unwrap(), b"torn");
    assert!(!files.exists() && !unfinished.exists());
    assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
}

#[test]
fn a_segment_behind_a_gap_is_set_aside() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    std::fs::write(files.join("000002.webm"), b"whole").unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.files_set_aside, [files.join("000002.webm.torn")]);
    assert_eq!(store.recording(id(1)).unwrap().segments, 1);
}

/// A program died after its first segment, and before the row of its first frame. The next program then
/// announced a video of 0x0 to the server, and was refused permanently.
#[test]
fn a_start_without_its_row_is_read_from_the_init() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = store.begin(&new_recording(1)).unwrap();
    std::fs::write(files.join(INIT_FILE), b"init").unwrap();
    std::fs::write(files.join(segment_file(0)), b"whole").unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.recovered, [id(1)]);
    let recording = store.recording(id(1)).unwrap();
    assert_eq!((recording.width, recording.height, recording.init_bytes), (64, 36, 4));
}

#[test]
fn a_recording_without_a_segment_is_nothing() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.empty, [id(1)]);
    assert!(!files.exists());
}

#[test]
fn recording_that_ended_without_a_segment_is_taken_back() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.empty, [id(1)]);
    assert!(!files.exists());
    assert_eq!(store.recordings().unwrap(), []);
}

#[test]
fn a_lost_file_is_said() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    seal(&store, 1, 1);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    std::fs::remove_file(files.join("000001.webm")).unwrap();
    let recovery = store.recover(&Texts).unwrap();
    assert_eq!(recovery.damaged, [(id(1), vec![1])].into());
}

#[test]
fn the_machines_changes_come_back_as_its_rows() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin(&store, 1);
    seal(&store, 1, 0);
    seal(&store, 1, 1);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    let recording = id(1);
    let part = |first| Part { first_segment: first, segment_count: 1, size_bytes: 5 };
    let session = SessionId("s".into());
    let link = "http://host/videos/1".to_owned();
    store
        .apply(&[
            Change::UploadWanted {
                recording,
                server: "http://a".into(),
                profile: Profile::SpecStandalone,
            },
            Change::SessionSet { recording, session: Some(session.clone()) },
            Change::PartPlanned { recording, index: 0, part: part(0) },
            Change::PartPlanned { recording, index: 1, part: part(1) },
            Change::PartAcknowledged { recording, index: 1 },
            Change::PartBytesLearned { recording, part_bytes_max: 77 },
            Change::LinkKnown { recording, link: link.clone() },
            Change::Stopped { recording, stop: Some(Stop::Refused { detail: "no".into() }) },
        ])
        .unwrap();
    drop(store);

    let mut store = folder.open();
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!(rows.profile, Profile::SpecStandalone);
    assert_eq!(rows.session, Some(session));
    assert_eq!(rows.parts, [(part(0), false), (part(1), true)]);
    assert_eq!(rows.part_bytes_max, Some(77));
    assert_eq!(rows.stop, Some(Stop::Refused { detail: "no".into() }));
    assert_eq!((rows.init_bytes, rows.segment_bytes), (4, vec![5, 5]));
    assert_eq!(rows.duration_ms, Some(4_000));

    store.apply(&[Change::SessionSet { recording, session: None }]).unwrap();
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!(rows.parts, [(part(0), false), (part(1), false)]);

    store.apply(&[Change::Finished { recording, link: Some(link.clone()) }]).unwrap();
    assert_eq!(store.links().unwrap()[&recording], (link, true));
}

#[test]
fn a_step_is_committed_whole_or_not_at_all() {
    let folder = Folder::new();
    let mut store = folder.open();
    begin(&store, 1);
    let recording = id(1);
    let wanted =
        Change::UploadWanted { recording, server: "http://a".into(), profile: Profile::Spec };
    let orphan = Change::PartPlanned {
        recording: id(2),
        index: 0,
        part: Part { first_segment: 0, segment_count: 1, size_bytes: 1 },
    };
    assert!(store.apply(&[wanted, orphan]).is_err());
    assert!(store.upload_rows().unwrap().is_empty());
}

#[test]
fn confirmed_segments_can_go_and_the_recording_stays() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    let recording = id(1);
    let server = "http://a".to_owned();
    let link = Some("http://a/1".to_owned());
    store
        .apply(&[
            Change::UploadWanted { recording, server, profile: Profile::Spec },
            Change::Finished { recording, link },
        ])
        .unwrap();
    assert!(store.confirmed().unwrap().is_empty(), "the person has no file yet");
    store.set_file(recording, std::path::Path::new("/saved/1.webm")).unwrap();
    assert_eq!(store.confirmed().unwrap()[0].0, recording);

    std::fs::write(files.join(STILL_FILE), "still").unwrap();
    store.clear_segments(recording).unwrap();
    let left: BTreeSet<_> =
        std::fs::read_dir(&files).unwrap().map(|e| e.unwrap().file_name()).collect();
    let expected = [STILL_FILE, SIDECAR_FILE].map(Into::into);
    assert_eq!(left, expected.into(), "the card goes on showing it, and its copy stays");
    assert!(store.confirmed().unwrap().is_empty());
    assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
    let row = store.recording(recording).unwrap();
    assert_eq!((row.cleared, row.duration_ms, row.missing_detail), (true, 2_000, None));
}

fn health_of(store: &Store, n: u128) -> Vec<Health> {
    store.health().unwrap().remove(&id(n)).unwrap_or_default()
}

#[test]
fn trouble_is_kept_with_its_recording_and_goes_with_it() {
    let folder = Folder::new();
    let store = folder.open();
    begin(&store, 1);
    begin(&store, 2);
    let lost = Trouble::SourceLost;
    let dropped = Trouble::FramesDropped { count: 3 };
    store.note_trouble(id(1), 2_500, &lost).unwrap();
    store.note_trouble(id(1), 4_000, &dropped).unwrap();
    let kept = health_of(&store, 1);
    let told: Vec<_> = kept.iter().map(|health| (health.at_ms, health.kind.as_str())).collect();
    assert_eq!(told, [(2_500, "source-lost"), (4_000, "frames-dropped")]);
    assert_eq!(kept[1].detail, dropped.to_string());
    assert_eq!(health_of(&store, 2), []);
    store.delete(id(1)).unwrap();
    assert_eq!(health_of(&store, 1), []);
    for at_ms in 0..1_100 {
        store.note_trouble(id(2), at_ms, &lost).unwrap();
    }
    assert_eq!(health_of(&store, 2).len(), 1_000);
}

#[test]
fn a_folder_of_the_first_version_is_read_and_then_brought_up() {
    let folder = Folder::new();
    let store = folder.open();
    begin(&store, 1);
    store
        .connection
        .execute_batch(
            "DROP TABLE health; DROP TABLE deleted; DROP TABLE elsewhere; DROP TABLE damage;
             ALTER TABLE uploads DROP COLUMN mending; ALTER TABLE uploads DROP COLUMN rebuilt;
             ALTER TABLE recordings DROP COLUMN init;
             ALTER TABLE recordings DROP COLUMN cloud_title;
             ALTER TABLE recordings DROP COLUMN secret;
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(store);
    let reader = Store::open_to_read(&folder.0).unwrap().unwrap();
    assert_eq!(health_of(&reader, 1), []);
    let store = folder.open();
    store.note_trouble(id(1), 0, &Trouble::SourceLost).unwrap();
    assert_eq!(health_of(&reader, 1).len(), 1);
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    assert!(matches!(Store::open(&folder.0), Err(StoreError::Newer { found: 99 })));
}

#[test]
fn what_is_deleted_is_out_of_sight_and_can_be_had_back() {
    let folder = Folder::new();
    let mut store = folder.open();
    for n in 1..=4 {
        begin(&store, n);
    }
    let ids = |store: &Store| -> Vec<RecordingId> {
        store.recordings().unwrap().into_iter().map(|recording| recording.id).collect()
    };
    store.set_deleted(&[id(1), id(2)], 1_000).unwrap();
    store.set_deleted(&[id(3)], 2_000).unwrap();
    assert_eq!(ids(&store), [id(4)]);
    assert!(store.visible(id(1)).unwrap().is_none());
    assert!(store.folder(id(1)).exists(), "it is all there");

    drop(store);
    let mut store = folder.open();
    assert_eq!(store.restore_deleted().unwrap(), [id(3)], "what was deleted last");
    assert_eq!(ids(&store), [id(4), id(3)]);
    assert_eq!(store.restore_deleted().unwrap(), [id(1), id(2)]);
    assert!(store.restore_deleted().unwrap().is_empty());

    store.set_deleted(&[id(1)], 3_000).unwrap();
    store.delete(id(1)).unwrap();
    assert!(store.deleted().unwrap().is_empty(), "nothing is left of it");
    assert!(matches!(
        store.set_deleted(&[id(2), id(9)], 4_000),
        Err(StoreError::NoSuchRecording(missing)) if missing == id(9)
    ));
    assert!(store.deleted().unwrap().is_empty(), "all of them or none");
}

#[test]
fn settings_change_together_or_not_at_all() {
    let folder = Folder::new();
    let store = folder.open();
    store.set_settings(&[("a", "1"), ("b", "1")]).unwrap();
    store
        .connection
        .execute_batch(
            "CREATE TEMP TRIGGER refuse BEFORE INSERT ON settings WHEN new.key = 'b'
             BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    assert!(store.set_settings(&[("a", "2"), ("b", "2")]).is_err());
    assert_eq!(store.setting("a").unwrap().as_deref(), Some("1"));
}

/// Makes a recording whose capture writes segments 5, 6 and 7 of a ring, which are its 0, 1 and 2.
fn taken_over(store: &Store) -> Elsewhere {
    let there = Elsewhere { folder: store.ring_folder("1"), first_index: 5 };
    std::fs::create_dir_all(&there.folder).unwrap();
    std::fs::write(there.folder.join(INIT_FILE), b"init").unwrap();
    for index in 5..8 {
        let whole = format!("whole {index} at {:06}", index * 2_000);
        std::fs::write(there.folder.join(segment_file(index)), whole).unwrap();
    }
    store.begin(&new_recording(1)).unwrap();
    store.expect_elsewhere(id(1), &there).unwrap();
    there
}

fn bring(store: &Store, there: &Elsewhere, index: u32) -> Segment {
    let segment = Segment { size_bytes: 17, ..segment(index) };
    store.bring_home(id(1), &segment, &there.segment(index), &retime).unwrap()
}

fn hold_brought(store: &Store, there: &Elsewhere) {
    let rows = store.segments(id(1)).unwrap();
    let times: Vec<_> = rows.iter().map(|segment| (segment.index, segment.start_ms)).collect();
    assert_eq!(times, [(0, 0), (1, 2_000), (2, 4_000)]);
    for (index, at) in
        ["whole 5 at 000000", "whole 6 at 002000", "whole 7 at 004000"].iter().enumerate()
    {
        let file = store.folder(id(1)).join(segment_file(index as u32));
        assert_eq!(std::fs::read_to_string(file).unwrap(), *at);
    }
    assert!(!there.folder.exists());
    assert_eq!(store.elsewhere(id(1)).unwrap(), []);
    assert_eq!(store.recording(id(1)).unwrap().init_bytes, 4);
}

/// Kills the program after each step of a takeover: the next one finishes it.
#[test]
fn what_lies_elsewhere_comes_home_after_a_crash_at_any_step() {
    type Step<'a> = &'a dyn Fn(&Store, &Elsewhere);
    let steps: [Step<'_>; 7] = [
        &|_, _| {},
        &|store, there| store.bring_init(id(1), &there.segment(0)).unwrap(),
        &|store, _| store.note_started(id(1), 64, 36).unwrap(),
        &|store, there| assert_eq!(bring(store, there, 0).start_ms, 0),
        &|store, there| store.commit_segment(id(1), &bring(store, there, 0)).unwrap(),
        // Its time is written, but it is not renamed.
        &|_, there| std::fs::write(there.segment(1), "whole 6 at 002000").unwrap(),
        &|_, there| {
            let whole = there.segment(2);
            std::fs::rename(&whole, whole.with_extension("webm.part")).unwrap();
        },
    ];
    for died_after in 0..steps.len() {
        let folder = Folder::new();
        let store = folder.open();
        let there = taken_over(&store);
        steps[..=died_after].iter().for_each(|step| step(&store, &there));
        drop(store);
        let mut store = folder.open();
        let recovery = store.recover(&Texts).unwrap();
        assert_eq!(recovery.recovered, [id(1)], "after step {died_after}");
        hold_brought(&store, &there);
        assert_eq!(store.recover(&Texts).unwrap(), crate::Recovery::default());
    }
}

#[test]
fn what_the_ring_still_holds_is_copied_and_the_rest_is_moved() {
    let folder = Folder::new();
    let store = folder.open();
    let there = taken_over(&store);
    let kept = store.ring_folder("kept.webm");
    std::fs::hard_link(there.segment(0), &kept).unwrap();
    for index in 0..3 {
        // Repeated, as when the row could not be written in between.
        bring(&store, &there, index);
        store.commit_segment(id(1), &bring(&store, &there, index)).unwrap();
    }
    store.note_started(id(1), 64, 36).unwrap();
    store.close(id(1), FrameCounts::default(), None).unwrap();
    hold_brought(&store, &there);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "whole 5 at 010000");
    store.sweep_rings(|_| false).unwrap();
    assert!(!kept.exists());
}

#[test]
fn nothing_is_brought_to_where_the_recordings_were() {
    let folder = Folder::new();
    let store = folder.open();
    let there = taken_over(&store);
    let recordings = folder.0.join("recordings");
    let away = folder.0.join("away");
    std::fs::rename(&recordings, &away).unwrap();
    let from = there.segment(0);
    let failed = store.bring_home(id(1), &segment(0), &from, &retime).unwrap_err();
    assert!(failed.may_pass(), "{failed}");
    assert!(!recordings.exists() && from.is_file());
    std::fs::rename(&away, &recordings).unwrap();
    bring(&store, &there, 0);
    // If only its own folder is missing, it is created again.
    std::fs::remove_dir_all(store.folder(id(1))).unwrap();
    bring(&store, &there, 1);
    assert!(store.folder(id(1)).join(INIT_FILE).is_file());
}

#[test]
fn what_was_cancelled_is_gone_elsewhere_too() {
    let folder = Folder::new();
    let mut store = folder.open();
    let there = taken_over(&store);
    store.delete(id(1)).unwrap();
    assert!(!there.folder.exists());
    // The program dies between the row and the folder.
    let there = taken_over(&store);
    std::fs::rename(store.folder(id(1)), store.folder(id(1)).with_extension("deleted")).unwrap();
    store.recover(&Texts).unwrap();
    assert!(!there.folder.exists());
    assert_eq!(store.elsewhere(id(1)).unwrap(), []);
}

#[cfg(unix)]
#[test]
fn home_is_narrowed_to_its_owner_when_an_earlier_program_left_it_open() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let store = folder.open();
    let files = begin(&store, 1);
    seal(&store, 1, 0);
    let ring = store.make_ring("r").unwrap();
    drop(store);
    let (ours, cloud) = (folder.0.join("logs"), folder.0.join("cloud"));
    std::fs::create_dir_all(&ours).unwrap();
    std::fs::create_dir_all(&cloud).unwrap();
    std::fs::write(ours.join("snaplark.log"), "x").unwrap();
    let elsewhere = Folder::new();
    std::fs::create_dir_all(&elsewhere.0).unwrap();
    std::os::unix::fs::symlink(&elsewhere.0, folder.0.join("saved")).unwrap();
    let loose = |path: &PathBuf, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let mode = |path: &PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
    let segment = files.join(segment_file(0));
    let database = folder.0.join("snaplark.db");
    for path in [&folder.0, &files, &ring, &ours, &cloud, &elsewhere.0] {
        loose(path, 0o755);
    }
    for path in [&segment, &database, &ours.join("snaplark.log")] {
        loose(path, 0o644);
    }
    drop(folder.open());
    for path in [&folder.0, &files, &ring, &ours] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    for path in [&segment, &database, &ours.join("snaplark.log")] {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&elsewhere.0), 0o755, "what a link leads to is left alone");
    assert_eq!(mode(&cloud), 0o755, "the cloud cares for its own");
}

#[cfg(unix)]
#[test]
fn shared_folder_stays_shared_when_it_is_made_a_home() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    set_permissions(&folder.0, Permissions::from_mode(0o1777)).unwrap();
    std::fs::write(folder.0.join("anothers"), "x").unwrap();
    set_permissions(folder.0.join("anothers"), Permissions::from_mode(0o644)).unwrap();
    drop(folder.open());
    drop(folder.open());
    let mode = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(folder.0.clone()), 0o1777);
    assert_eq!(mode(folder.0.join("anothers")), 0o644);
    assert_eq!(mode(folder.0.join("recordings")), 0o700);
    assert_eq!(mode(folder.0.join("snaplark.db")), 0o600);
}

#[test]
fn secret_of_a_recording_outlives_its_database() {
    let folder = Folder::new();
    let mut store = folder.open();
    let files = begin(&store, 1);
    begin(&store, 2);
    assert_eq!(store.secret(id(1)).unwrap(), None);
    store.set_secret(id(1), &[7; 32]).unwrap();
    let profile = Profile::Spec;
    let wanted = |n| Change::UploadWanted { recording: id(n), server: "s".into(), profile };
    store.apply(&[wanted(1), wanted(2)]).unwrap();
    let claims = |store: &Store| {
        let mut rows = store.upload_rows().unwrap();
        rows.sort_by_key(|row| row.recording);
        rows.iter().map(|row| row.claim).collect::<Vec<_>>()
    };
    let claim = snaplark_api::recording_id_of(&[7; 32]);
    assert_eq!(claims(&store), [Some(claim), None]);
    let kept = std::fs::read_to_string(files.join(SIDECAR_FILE)).unwrap();
    assert!(kept.contains(&"07".repeat(32)), "{kept}");
    drop(store);

    std::fs::write(folder.0.join("snaplark.db"), b"This is a text.\n").unwrap();
    let (store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert_eq!(store.secret(id(1)).unwrap(), Some([7; 32]));
    assert_eq!(store.secret(id(2)).unwrap(), None);
}
