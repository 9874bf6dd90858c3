//! A folder as a destination: on this computer, mounted, or one that a sync client watches.
//!
//! ```text
//! Shared/
//!   Checkout.webm            whole files only have these names
//!   Standup.webm.part        grows in order while it is recorded
//!   .snaplark/folder         the folder's identity
//!   .snaplark/0193ab…        what was written of one item (`record`)
//! ```
//! - A file appears under its name when it is whole and synced, and never replaces one that isn't its own earlier
//!   version.
//! - Nothing is written unless the folder has its identity: where a disk was unmounted, the empty mount point hasn't.
//!   Only [`Folder::prepare`], which a person asks for, makes the hidden folder. Each path leads through it and out again
//!   (`.snaplark/../Checkout.webm`), so that a disk that vanishes between the check and the write takes the way along.
//! - A part that was acknowledged is never written twice, also after the client was killed.
//! - A full disk, a missing folder and missing rights are failures that pass: the upload waits.
//!
//! Length: the order of writes, on which all of that rests, is in one place.

mod address;
mod record;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use snaplark_api::untrusted::plain_line;
use snaplark_api::{Capabilities, Profile, ScreenshotCapabilities, hex};
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_core::{SessionId, policy};
use uuid::Uuid;

use self::record::{ItemRecord, WrittenPart};
use crate::{
    Completion, Destination, Offers, OpenedUpload, Opening, OutgoingPart, OutgoingPicture,
    ReceivedParts,
};

pub use self::address::{FolderAddress, FolderAddressError};

/// The hidden folder in the folder.
const HIDDEN: &str = ".snaplark";
/// The file in it that has the folder's identity.
const MARKER: &str = "folder";
const PART_SUFFIX: &str = ".part";
/// The longest name without ending and number: file systems take 255 bytes.
const STEM_BYTES_MAX: usize = 180;
/// How many files of one name are looked past. Nobody has as many.
const NUMBERED_MAX: u32 = 10_000;

/// A folder that items go to.
#[derive(Clone)]
pub struct Folder {
    place: Arc<FolderFiles>,
    /// Held by whoever reads or writes there. A folder that hangs, as a network's may, keeps one thread only.
    turn: Turn,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

/// The turns of all folders of this program, since an account that changes makes its destination anew.
static TURNS: LazyLock<Mutex<BTreeMap<PathBuf, Turn>>> = LazyLock::new(Mutex::default);

/// The folder as files.
struct FolderFiles {
    address: FolderAddress,
}

impl Folder {
    /// Returns the folder at an address. Touches nothing yet.
    pub fn new(address: &str) -> Result<Self, FolderAddressError> {
        let address = FolderAddress::parse(address)?;
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(address.path().to_owned()).or_default().clone();
        Ok(Folder { place: Arc::new(FolderFiles { address }), turn })
    }

    /// Makes a folder one that items go to, because the person asks for it, and returns its address with its
    /// identity. A folder that has one keeps it.
    pub async fn prepare(address: &str) -> Result<String, Failure> {
        let refused = |error: FolderAddressError| Failure::Refused { detail: error.to_string() };
        let folder = Folder::new(address).map_err(refused)?;
        folder.turn(0, |place| place.prepare().map(|address| address.to_string())).await
    }

    /// Does something with files, on a thread that may block, and waits for a bounded time.
    async fn turn<T: Send + 'static>(
        &self,
        size_bytes: u64,
        act: impl FnOnce(&FolderFiles) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (place, turn) = (self.place.clone(), self.turn.clone());
        let done = async move {
            let turn = turn.lock_owned().await;
            let act = move || {
                let _turn = turn;
                act(&place)
            };
            tokio::task::spawn_blocking(act).await
        };
        let wait = Duration::from_millis(policy::deadline_ms(size_bytes));
        match tokio::time::timeout(wait, done).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(Failure::Unreachable { detail: error.to_string() }),
            Err(_) => Err(Failure::Unreachable { detail: "the folder doesn't answer".into() }),
        }
    }
}

#[async_trait]
impl Destination for Folder {
    fn offers(&self) -> Offers {
        let profile = Profile::Folder;
        Offers {
            framing: profile.framing(),
            part_size: profile.part_size(),
            parts_in_flight_max: profile.parts_in_flight_max(),
            link_known_beforehand: false,
            lists_parts: true,
            reports_damage: false,
            takes_titles: false,
            file_bytes_max: None,
        }
    }

    async fn probe(&self) -> ProbeVerdict {
        match self.turn(0, FolderFiles::check_identity).await {
            Ok(()) => ProbeVerdict::Online { capabilities: Some(capabilities()) },
            Err(failure) => ProbeVerdict::Offline { detail: failure.to_string() },
        }
    }

    async fn check(&self) -> Result<(), Failure> {
        self.turn(0, FolderFiles::check_rights).await
    }

    async fn open(&self, opening: &Opening) -> Result<OpenedUpload, Failure> {
        if let Some(version) = opening.picture {
            let session = SessionId(format!("picture-{version}"));
            return Ok(OpenedUpload { session, link: None });
        }
        if opening.version.is_some_and(|version| version > 1) {
            let detail = "a folder has no versions of videos".into();
            return Err(Failure::Refused { detail });
        }
        let filename = match &opening.file {
            Some(file) => &file.filename,
            None => &opening.media.filename,
        };
        let name = file_name(opening.title.as_deref(), filename);
        let item = opening.item;
        self.turn(0, move |place| place.open(item, &name)).await?;
        Ok(OpenedUpload { session: SessionId(item.to_string()), link: None })
    }

    async fn send(&self, session: &SessionId, part: OutgoingPart) -> Result<Receipt, Failure> {
        if let Some(picture) = part.picture.clone() {
            let size_bytes = part.size_bytes;
            return self.turn(size_bytes, move |place| place.put_picture(&part, &picture)).await;
        }
        let item = item_of(session)?;
        self.turn(part.size_bytes, move |place| place.write(item, &part)).await
    }

    async fn received(&self, session: &SessionId) -> Result<ReceivedParts, Failure> {
        let item = item_of(session)?;
        self.turn(0, move |place| place.received(item)).await
    }

    async fn finish(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        if end.picture.is_some() {
            return Ok(end.receipts.first().map(|Receipt(link)| link.clone()));
        }
        let item = item_of(session)?;
        let parts = end.receipts.len();
        self.turn(0, move |place| place.finish(item, parts).map(Some)).await
    }

    async fn damaged(&self) -> Result<Vec<(SessionId, Vec<u32>)>, Failure> {
        Ok(Vec::new())
    }

    async fn rename(&self, _session: &SessionId, _title: &str) -> Result<(), Failure> {
        Ok(())
    }
}

impl FolderFiles {
    fn prepare(&self) -> Result<FolderAddress, Failure> {
        if !self.address.path().is_dir() {
            return Err(missing());
        }
        let hidden = self.address.path().join(HIDDEN);
        match std::fs::create_dir(&hidden) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failure(&error)),
            Ok(()) | Err(_) => {}
        }
        let marker = hidden.join(MARKER);
        let known = std::fs::read_to_string(&marker).ok();
        if let Some(id) = known.and_then(|text| text.trim().parse().ok()) {
            return Ok(self.address.clone().with_id(id));
        }
        let id = self.address.id().unwrap_or_else(Uuid::new_v4);
        record::replace(&marker, &format!("{id}\n")).map_err(|error| failure(&error))?;
        sync_folder(&hidden);
        Ok(self.address.clone().with_id(id))
    }

    /// Fails if the folder isn't there, or another one is in its place.
    fn check_identity(&self) -> Result<(), Failure> {
        let text = match std::fs::read_to_string(self.hidden(MARKER)) {
            Ok(text) => text,
            Err(error) if is_missing(&error) => return Err(missing()),
            Err(error) => return Err(failure(&error)),
        };
        let id: Option<Uuid> = text.trim().parse().ok();
        match id.is_some() && (self.address.id().is_none() || self.address.id() == id) {
            true => Ok(()),
            false => Err(missing()),
        }
    }

    /// Writes a small file, reads it and deletes it.
    fn check_rights(&self) -> Result<(), Failure> {
        self.check_identity()?;
        let file = self.visible(&format!(".snaplark-check-{}", std::process::id()));
        let written = std::fs::write(&file, MARKER).and_then(|()| std::fs::read_to_string(&file));
        let deleted = std::fs::remove_file(&file);
        let read = written.and_then(|text| deleted.map(|()| text));
        match read.map_err(|error| failure(&error))? == MARKER {
            true => Ok(()),
            false => Err(Failure::NotTheApi { detail: "the folder returns other bytes".into() }),
        }
    }

    /// Begins a file, or finds the one that was begun.
    fn open(&self, item: Uuid, name: &str) -> Result<(), Failure> {
        self.check_identity()?;
        let path = self.record_path(item);
        match ItemRecord::read(path.clone()) {
            Ok(record) if self.is_there(&record) => return Ok(()),
            Ok(record) => record.remove().map_err(|error| failure(&error))?,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                std::fs::remove_file(&path).map_err(|error| failure(&error))?;
            }
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(failure(&error)),
        }
        for number in 1..NUMBERED_MAX {
            let name = numbered(name, number);
            let partial = self.visible(&format!("{name}{PART_SUFFIX}"));
            if exists(&self.visible(&name)) || exists(&partial) {
                continue;
            }
            // The record is first, so that a partial always has one.
            let record = ItemRecord::create(path.clone(), name).map_err(|error| failure(&error))?;
            match OpenOptions::new().write(true).create_new(true).open(&partial) {
                Ok(_) => {
                    sync_folder(&self.visible(""));
                    sync_folder(&self.hidden(""));
                    return Ok(());
                }
                Err(error) => {
                    record.remove().map_err(|error| failure(&error))?;
                    if error.kind() != ErrorKind::AlreadyExists {
                        return Err(failure(&error));
                    }
                }
            }
        }
        Err(Failure::Refused { detail: "the folder has too many files of this name".into() })
    }

    /// Appends a part. One that is there is not written again; one with other bytes takes the place of the one before,
    /// and of all that follow.
    fn write(&self, item: Uuid, part: &OutgoingPart) -> Result<Receipt, Failure> {
        self.check_identity()?;
        let mut record = self.record(item)?;
        let sha256 = hex(&part.sha256);
        let index = part.index as usize;
        if record.parts.get(index).is_some_and(|written| written.sha256 == sha256) {
            part.sent.fetch_add(part.size_bytes, Ordering::Relaxed);
            return Ok(Receipt(sha256));
        }
        let partial = self.partial(&record);
        if index > record.parts.len() || !exists(&partial) {
            // The file is whole and other bytes are to follow, or parts of it are gone: it begins anew.
            record.remove().map_err(|error| failure(&error))?;
            return Err(Failure::SessionUnknown);
        }
        record.truncate(index).map_err(|error| failure(&error))?;
        let start = record.written();
        let written = append(&partial, start, part);
        if let Err(error) = written {
            if let Ok(file) = OpenOptions::new().write(true).open(&partial) {
                let _ = file.set_len(start);
            }
            return Err(match is_missing(&error) {
                true => Failure::SessionUnknown,
                false => failure(&error),
            });
        }
        let written = WrittenPart { end: start + part.size_bytes, sha256: sha256.clone() };
        record.push(written).map_err(|error| failure(&error))?;
        Ok(Receipt(sha256))
    }

    fn received(&self, item: Uuid) -> Result<ReceivedParts, Failure> {
        self.check_identity()?;
        let record = self.record(item)?;
        let finished = record.done.is_some() && !exists(&self.partial(&record));
        let receipts = record.parts.into_iter().map(|part| Receipt(part.sha256));
        Ok(ReceivedParts { parts: (0..).zip(receipts).collect(), finished })
    }

    /// Gives the whole file its name, which nothing has yet, and returns its link.
    fn finish(&self, item: Uuid, parts: usize) -> Result<String, Failure> {
        self.check_identity()?;
        let mut record = self.record(item)?;
        let lacks =
            |from: usize| Failure::PartsMissing { indices: (from as u32..parts as u32).collect() };
        if record.parts.len() < parts {
            return Err(lacks(record.parts.len()));
        }
        let partial = self.partial(&record);
        if !exists(&partial)
            && let Some(done) = &record.done
        {
            return Ok(self.address.link(done));
        }
        // Parts above the last number were struck.
        record.truncate(parts).map_err(|error| failure(&error))?;
        let file =
            OpenOptions::new().write(true).open(&partial).map_err(|error| failure(&error))?;
        file.set_len(record.written())
            .and_then(|()| file.sync_all())
            .map_err(|error| failure(&error))?;
        drop(file);
        for number in 1..NUMBERED_MAX {
            let name = numbered(&record.file, number);
            let place = self.visible(&name);
            // Before a crash it had the name already.
            let is_own = record.done.as_ref() == Some(&name) && is_same_file(&partial, &place);
            if !is_own {
                if exists(&place) {
                    continue;
                }
                record.finish(&name).map_err(|error| failure(&error))?;
                match give_name(&partial, &place) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                    given => given.map_err(|error| failure(&error))?,
                }
            }
            match std::fs::remove_file(&partial) {
                Err(error) if !is_missing(&error) => return Err(failure(&error)),
                Ok(()) | Err(_) => {}
            }
            sync_folder(&self.visible(""));
            return Ok(self.address.link(&name));
        }
        Err(Failure::Refused { detail: "the folder has too many files of this name".into() })
    }

    /// Writes a version of a picture. It replaces the one before, unless somebody has changed that file.
    fn put_picture(
        &self,
        part: &OutgoingPart,
        picture: &OutgoingPicture,
    ) -> Result<Receipt, Failure> {
        self.check_identity()?;
        let key = picture.address.as_ref().map(|address| address.id.to_string());
        let path = self.hidden(&format!("{}.picture", key.unwrap_or_else(|| hex(&part.sha256))));
        let before = PictureRecord::read(&path).map_err(|error| failure(&error))?;
        let sha256 = hex(&part.sha256);
        let mut record = PictureRecord {
            version: picture.version,
            sha256: sha256.clone(),
            before: String::new(),
            name: file_name(picture.title.as_deref(), &picture.filename),
        };
        let mut is_own = false;
        if let Some(before) = before {
            let is_older = before.version > record.version;
            if is_older || (before.version == record.version && before.sha256 != sha256) {
                let (served, detail) = (Some(before.version), "a newer version is there".into());
                return Err(Failure::NewerVersion { served, detail });
            }
            let there = sha256_of(&self.visible(&before.name));
            is_own = there.is_some()
                && (there.as_ref() == Some(&before.sha256)
                    || there.as_ref() == Some(&before.before));
            if is_own {
                record.before = there.clone().unwrap_or_default();
                record.name = before.name;
            }
            if is_own && there.as_ref() == Some(&sha256) {
                record.write(&path).map_err(|error| failure(&error))?;
                return Ok(Receipt(self.address.link(&record.name)));
            }
        }
        let partial = self.hidden(&format!("{}{PART_SUFFIX}", Uuid::new_v4()));
        let placed = (|| {
            File::create_new(&partial)?;
            append(&partial, 0, part)?;
            if is_own {
                record.write(&path)?;
                return std::fs::rename(&partial, self.visible(&record.name));
            }
            for number in 1..NUMBERED_MAX {
                let named =
                    PictureRecord { name: numbered(&record.name, number), ..record.clone() };
                let place = self.visible(&named.name);
                if exists(&place) {
                    continue;
                }
                named.write(&path)?;
                match give_name(&partial, &place) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    given => {
                        record = named;
                        return given;
                    }
                }
            }
            Err(ErrorKind::AlreadyExists.into())
        })();
        let _ = std::fs::remove_file(&partial);
        placed.map_err(|error| failure(&error))?;
        sync_folder(&self.visible(""));
        Ok(Receipt(self.address.link(&record.name)))
    }

    /// Returns whether the file that a record describes is there, whole or in part.
    fn is_there(&self, record: &ItemRecord) -> bool {
        let done = record.done.as_ref().is_some_and(|done| exists(&self.visible(done)));
        let partial = std::fs::metadata(self.partial(record));
        done || partial.is_ok_and(|partial| partial.len() >= record.written())
    }

    fn record(&self, item: Uuid) -> Result<ItemRecord, Failure> {
        match ItemRecord::read(self.record_path(item)) {
            Ok(record) if self.is_there(&record) => Ok(record),
            Ok(_) => Err(Failure::SessionUnknown),
            Err(error) if is_missing(&error) || error.kind() == ErrorKind::InvalidData => {
                Err(Failure::SessionUnknown)
            }
            Err(error) => Err(failure(&error)),
        }
    }

    fn record_path(&self, item: Uuid) -> PathBuf {
        self.hidden(&item.to_string())
    }

    fn partial(&self, record: &ItemRecord) -> PathBuf {
        self.visible(&format!("{}{PART_SUFFIX}", record.file))
    }

    fn hidden(&self, name: &str) -> PathBuf {
        self.address.path().join(HIDDEN).join(name)
    }

    /// Returns the path of a file that people see, by a way that exists only in the prepared folder.
    fn visible(&self, name: &str) -> PathBuf {
        self.address.path().join(HIDDEN).join("..").join(name)
    }
}

/// The version of a picture that is in the folder, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PictureRecord {
    version: u32,
    sha256: String,
    /// The hash of the version before, which is there until this one has taken its place; empty if there was none.
    before: String,
    name: String,
}

impl PictureRecord {
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut lines = text.lines();
        let version = lines.next().and_then(|line| line.parse().ok());
        let mut line = || lines.next().map(str::to_owned);
        let (sha256, before, name) = (line(), line(), line());
        Ok(match (version, sha256, before, name) {
            (Some(version), Some(sha256), Some(before), Some(name)) => {
                Some(PictureRecord { version, sha256, before, name })
            }
            _ => None,
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let PictureRecord { version, sha256, before, name } = self;
        record::replace(path, &format!("{version}\n{sha256}\n{before}\n{name}\n"))
    }
}

fn capabilities() -> Capabilities {
    let screenshots = ScreenshotCapabilities {
        claims: true,
        versions: true,
        bytes_max: u64::MAX,
        link_template: None,
    };
    Capabilities {
        server: Capabilities::SERVER.into(),
        version: String::new(),
        framings: vec![Profile::Folder.framing()],
        part_bytes_max: u64::MAX,
        parts_in_flight_max: 1,
        parts_cut_anywhere: true,
        link_template: None,
        sign_in: None,
        screenshots: Some(screenshots),
        videos: None,
    }
}

fn item_of(session: &SessionId) -> Result<Uuid, Failure> {
    session.0.parse().map_err(|_| Failure::SessionUnknown)
}

/// Writes a part's bytes at a position, where the file ends then.
fn append(file: &Path, start: u64, part: &OutgoingPart) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(file)?;
    file.set_len(start)?;
    file.seek(SeekFrom::Start(start))?;
    for piece in &part.pieces {
        file.write_all(piece)?;
        part.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    file.sync_all()
}

/// Gives a whole file its name, unless something has it. Where there are no hard links, another program that takes the
/// name at the same moment loses.
fn give_name(partial: &Path, name: &Path) -> io::Result<()> {
    match std::fs::hard_link(partial, name) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) if exists(name) => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(partial, name),
        Ok(()) => std::fs::remove_file(partial),
    }
}

/// Returns whether two names are of one file, as far as can be told on every system.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) else {
        return false;
    };
    one.len() == other.len() && one.modified().ok() == other.modified().ok()
}

/// Returns a file's name: the title, or else the name that it has, with the ending of that.
fn file_name(title: Option<&str>, filename: &str) -> String {
    let (stem, ending) = filename.rsplit_once('.').unwrap_or((filename, ""));
    let titled = [title.unwrap_or_default(), stem].map(clean).into_iter().find(|it| !it.is_empty());
    let stem = titled.unwrap_or_else(|| "Item".into());
    let ending = clean(ending);
    // A title may be the file's own name.
    let stem = stem.strip_suffix(&format!(".{ending}")).unwrap_or(&stem).to_owned();
    match ending.is_empty() {
        true => stem,
        false => format!("{stem}.{ending}"),
    }
}

/// Removes what Windows, macOS or Linux refuse in names, and what hides or reorders a name.
fn clean(name: &str) -> String {
    let replaced = plain_line(name, usize::MAX / 8)
        .replace(['/', '\\', ':', '*', '?', '"', '<', '>', '|'], "-");
    let mut end = replaced.len().min(STEM_BYTES_MAX);
    while !replaced.is_char_boundary(end) {
        end -= 1;
    }
    // A leading dot hides a file, and Windows drops dots and spaces at the end.
    replaced[..end].trim_matches(|c: char| c == '.' || c.is_whitespace()).to_owned()
}

/// Returns the name with ` (2)`, ` (3)` and so on before the ending.
fn numbered(name: &str, number: u32) -> String {
    match (number, name.rsplit_once('.')) {
        (1, _) => name.to_owned(),
        (number, Some((stem, ending))) => format!("{stem} ({number}).{ending}"),
        (number, None) => format!("{name} ({number})"),
    }
}

/// Returns whether something has the name, also a link that leads nowhere.
fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

fn sha256_of(file: &Path) -> Option<String> {
    // A picture, whose new version is in memory as well.
    Some(hex(&Sha256::digest(std::fs::read(file).ok()?)))
}

/// Syncs a folder where the system can.
fn sync_folder(folder: &Path) {
    // Windows has no such thing, and some network folders refuse it.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn missing() -> Failure {
    Failure::Unreachable { detail: "the folder is missing, or another one is in its place".into() }
}

/// Returns what an error of the file system means. None is for ever but that the file is too large for it.
fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Failure::StorageFull,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Failure::AccessDenied,
        ErrorKind::FileTooLarge => Failure::Refused {
            detail: "the folder's file system takes no file of this size".into(),
        },
        _ => Failure::Unreachable { detail: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_named_after_its_title_without_what_no_system_takes() {
        let name = |title| file_name(title, "recording_2026.webm");
        assert_eq!(name(Some("Checkout")), "Checkout.webm");
        assert_eq!(name(Some("../a\u{202E}b:c")), "-ab-c.webm", "no way out of the folder");
        assert_eq!(name(Some(" .. ")), "recording_2026.webm");
        assert_eq!(name(None), "recording_2026.webm");
        assert_eq!(name(Some("talk.webm")), "talk.webm");
        let long = name(Some(&"ش".repeat(200)));
        assert!(long.len() <= STEM_BYTES_MAX + 5 && long.ends_with("ش.webm"), "{long}");
        assert_eq!(numbered("a.b.webm", 2), "a.b (2).webm");
    }
}
