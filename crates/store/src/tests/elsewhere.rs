//! Segments that were written outside of their folder.

use super::*;

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
fn segments_elsewhere_are_deleted_with_a_cancelled_recording() {
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
