//! Writes and renames that a power cut can't tear.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::{create, options};

/// The end of a file's name while it is written.
pub const PART_SUFFIX: &str = ".part";

/// The names of files that are being written in a person's folder: `snaplark-PROCESS-NUMBER.part`. They
/// hold nothing of the final name, which may be as long as the system allows already.
const BESIDE_PREFIX: &str = "snaplark-";
/// The age from which the next write in a person's folder removes a file that a crash left there: nothing has
/// been written to it for this long. Another computer may be writing into the same folder.
const BESIDE_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How many names are tried. Each is this process' own, so one that is taken is an accident.
const BESIDE_TRIES_MAX: u32 = 100;

/// Writes a private file that is whole under its name or absent. Any file of that name is replaced, and so is
/// any `NAME.part`: only for folders whose files are all our own. See [`write_beside`].
pub fn write_durably(to: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = with_suffix(to, PART_SUFFIX);
    let mut file = create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // Windows renames no file that is open.
    drop(file);
    rename_durably(&part, to)
}

/// Writes a private file into a folder that has a person's own files: whole under its name or absent. A file
/// of that name is replaced, and no other is touched.
pub fn write_beside(to: &Path, bytes: &[u8]) -> io::Result<()> {
    let (part, mut file) = create_beside(to)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let renamed = written.and_then(|()| rename_durably(&part, to));
    if renamed.is_err() {
        let _ = fs::remove_file(&part);
    }
    renamed
}

/// Creates a private file in the same folder as `to`, to be renamed to it, under a name that nothing has.
pub fn create_beside(to: &Path) -> io::Result<(PathBuf, File)> {
    make_beside(to, |part| options().write(true).create_new(true).open(part))
}

/// Returns a new name in the same folder as `to` and what `make` has made there. `make` fails with
/// `AlreadyExists` where there is something of that name, which is left alone.
pub fn make_beside<T>(
    to: &Path,
    mut make: impl FnMut(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    remove_left_beside(to);
    let mut tries = 0;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{BESIDE_PREFIX}{}-{number}{PART_SUFFIX}", std::process::id());
        let part = to.with_file_name(name);
        match make(&part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < BESIDE_TRIES_MAX => {
                tries += 1;
            }
            made => return made.map(|made| (part, made)),
        }
    }
}

/// Removes what a crash left in the folder of `to`. It costs disk space and nothing else, so errors are
/// ignored.
fn remove_left_beside(to: &Path) {
    let folder = to.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| is_beside(&entry.file_name().to_string_lossy())) {
        let written = entry.metadata().and_then(|found| found.modified());
        let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > BESIDE_AGE_MAX) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Returns whether this is a name that [`make_beside`] gives.
fn is_beside(name: &str) -> bool {
    let inner = name.strip_prefix(BESIDE_PREFIX).and_then(|name| name.strip_suffix(PART_SUFFIX));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    inner
        .and_then(|inner| inner.split_once('-'))
        .is_some_and(|(process, number)| is_number(process) && is_number(number))
}

/// Renames a file, which the caller has synced, and syncs the folder.
pub fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent() {
        Some(folder) if folder == Path::new("") => sync_folder(Path::new(".")),
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Renames a file to a name that does not exist yet: with `suffix`, or `suffix-2` and so on. Returns
/// the new path, or `None` if there is no such file.
pub fn set_aside(path: &Path, suffix: &str) -> io::Result<Option<PathBuf>> {
    let suffixes = std::iter::once(suffix.to_owned()).chain((2..).map(|n| format!("{suffix}-{n}")));
    for aside in suffixes.map(|suffix| with_suffix(path, &suffix)) {
        if !aside.try_exists()? {
            return match rename_durably(path, &aside) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                renamed => renamed.map(|()| Some(aside)),
            };
        }
    }
    Ok(None)
}

/// Makes the names in a folder durable: without it a power cut may undo a rename. Windows has no such
/// call, and needs none.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder)?.sync_all()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_durably_replaces_a_file_and_leaves_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        for bytes in [b"one".as_slice(), b"two"] {
            write_durably(&file, bytes).unwrap();
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn file_beside_a_persons_own_replaces_its_name_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.png");
        let others = ["a.png.part", "a.part", ".a.png.part", "snaplark-mine-1.part"];
        for name in others {
            fs::write(folder.path().join(name), name).unwrap();
        }
        for bytes in [b"a longer one".as_slice(), b"two"] {
            write_beside(&file, bytes).unwrap();
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
        for name in others {
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), name);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), others.len() + 1);
        // The longest name that there is.
        write_beside(&folder.path().join("a".repeat(255)), b"long").unwrap();
        // It can't take the place of a folder, and leaves nothing then.
        fs::create_dir(folder.path().join("folder")).unwrap();
        assert!(write_beside(&folder.path().join("folder"), b"file").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), others.len() + 3);
    }

    #[cfg(unix)]
    #[test]
    fn file_beside_is_private_whatever_lay_in_its_way() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.png");
        for name in ["a.png", "a.png.part"] {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        write_beside(&file, b"x").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn part_that_a_crash_left_beside_goes_after_a_day_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let day_ago = SystemTime::now() - BESIDE_AGE_MAX - Duration::from_secs(60);
        for name in ["snaplark-1-0.part", "snaplark-1-x.part", "b.png.part"] {
            let file = File::create_new(folder.path().join(name)).unwrap();
            file.set_modified(day_ago).unwrap();
        }
        File::create_new(folder.path().join("snaplark-2-0.part")).unwrap();
        write_beside(&folder.path().join("a.png"), b"x").unwrap();
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a.png", "b.png.part", "snaplark-1-x.part", "snaplark-2-0.part"]);
    }

    #[test]
    fn name_that_is_taken_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut tries = 0;
        let (part, ()) = make_beside(&folder.path().join("a"), |_| {
            tries += 1;
            if tries < 3 { Err(ErrorKind::AlreadyExists.into()) } else { Ok(()) }
        })
        .unwrap();
        assert!(tries == 3 && part.parent() == Some(folder.path()), "{}", part.display());
        let full = make_beside::<()>(&part, |_| Err(ErrorKind::StorageFull.into()));
        assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn set_aside_takes_the_first_free_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.webm");
        assert_eq!(set_aside(&file, ".torn").unwrap(), None);
        for name in ["a.webm.torn", "a.webm.torn-2", "a.webm.torn-3"] {
            fs::write(&file, name).unwrap();
            let aside = folder.path().join(name);
            assert_eq!(set_aside(&file, ".torn").unwrap().as_deref(), Some(&*aside));
            assert_eq!(fs::read_to_string(aside).unwrap(), name);
        }
    }
}
