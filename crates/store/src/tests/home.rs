//! One program writes, others read, and nobody else may.

use super::*;

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
    // What earlier versions left here with the umask.
    let pictures = ["drag", "screenshots"].map(|name| folder.0.join(name));
    for own in &pictures {
        std::fs::create_dir(own).unwrap();
        std::fs::write(own.join("a.png"), "x").unwrap();
        set_permissions(own, Permissions::from_mode(0o755)).unwrap();
        set_permissions(own.join("a.png"), Permissions::from_mode(0o644)).unwrap();
    }
    drop(folder.open());
    let mode = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o7777;
    for own in pictures {
        assert_eq!((mode(own.clone()), mode(own.join("a.png"))), (0o700, 0o600), "{own:?}");
    }
    assert_eq!(mode(folder.0.clone()), 0o1777);
    assert_eq!(mode(folder.0.join("anothers")), 0o644);
    assert_eq!(mode(folder.0.join("recordings")), 0o700);
    assert_eq!(mode(folder.0.join("snaplark.db")), 0o600);
}
