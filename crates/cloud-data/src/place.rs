//! The place of a server's data: a folder, or a database and a bucket. Opening it creates what is
//! missing and makes it private to this account.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::db::Db;
use crate::private;
use crate::storage::Storage;

/// The name of the database in a data folder.
pub const DATABASE_FILE: &str = "cloud.sqlite";
/// The name of the folder of objects in a data folder.
pub const OBJECTS_FOLDER: &str = "objects";

/// The place where the server keeps its data. A folder is enough. With a separate database and a
/// separate storage, several nodes can share the data.
#[derive(Clone, Debug, Default)]
pub struct DataLocation {
    /// The folder for the database and the files, unless the other fields name other places. It is
    /// created if it is missing.
    pub data: Option<PathBuf>,
    /// `postgres://user:password@host/database`
    pub database_url: Option<String>,
    /// `s3://bucket/prefix?endpoint=…&region=…`
    pub storage_url: Option<String>,
    /// Access key id and secret, used if the environment has none.
    pub storage_keys: Option<(String, String)>,
}

impl<P: AsRef<Path> + ?Sized> From<&P> for DataLocation {
    fn from(data: &P) -> Self {
        DataLocation { data: Some(data.as_ref().to_owned()), ..DataLocation::default() }
    }
}

/// An error of opening or copying a server's data.
#[derive(Debug, Error)]
pub enum DataError {
    /// The folder is missing or can't be written.
    #[error("The data folder {} can't be used: {reason}. Choose another with --data.", path.display())]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// Why not, without a full stop.
        reason: String,
    },
    /// Other users of the computer can read the folder.
    #[error(
        "Other users of this computer can read {}, where recordings and keys are kept. Nothing was changed. Restrict access and start again: chmod -R go= {}",
        .0.display(), quoted(.0)
    )]
    LooseFolder(PathBuf),
    /// The database does not open.
    #[error("The database {at} can't be used: {source}.")]
    Database {
        /// Where it is, with its preposition. No password is in it.
        at: String,
        /// The database's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The storage does not open.
    #[error("The storage can't be used: {0}.")]
    Storage(String),
    /// Neither a folder nor both URLs were given.
    #[error(
        "No place for the data was given. Use --data for a folder, or --database-url and --storage-url for a database and a bucket."
    )]
    NoPlace,
    /// Some files could not be copied.
    #[error("The backup is incomplete: {0}. What was backed up before is unchanged. Try again.")]
    Backup(String),
    /// The data is not in a folder.
    #[error(
        "This command backs up data folders only. Use pg_dump for a PostgreSQL database, and the storage's own tools for a bucket."
    )]
    BackupPlace,
}

/// Opens the database and the storage.
pub async fn open(place: &DataLocation) -> Result<(Db, Storage), DataError> {
    let db = open_database(place).await?;
    let storage = match &place.storage_url {
        Some(url) => Storage::remote(url, place.storage_keys.as_ref()),
        None => {
            let data = place.data.as_deref().ok_or(DataError::NoPlace)?;
            let objects = data.join(OBJECTS_FOLDER);
            private::make_folder(&objects)
                .and_then(|()| private::close(&objects))
                .map_err(|e| unusable(data, &plain(&e)))?;
            Storage::local(&objects)
        }
    };
    Ok((db, storage.map_err(|error| DataError::Storage(error.to_string()))?))
}

/// Opens the database alone.
pub async fn open_database(place: &DataLocation) -> Result<Db, DataError> {
    if let Some(url) = &place.database_url {
        // The URL holds a password, so the message names only the host.
        let host = url.rsplit('@').next().unwrap_or_default().split(['/', '?']).next();
        let at = format!("at {}", host.unwrap_or_default());
        return Db::connect(url)
            .await
            .map_err(|source| DataError::Database { at, source: source.into() });
    }
    let data = place.data.as_deref().ok_or(DataError::NoPlace)?;
    if !private::admit(data).map_err(|e| unusable(data, &plain(&e)))? {
        return Err(DataError::LooseFolder(data.to_owned()));
    }
    let file = data.join(DATABASE_FILE);
    // SQLite's own message for this is no help, so try the file here. SQLite gives its other files
    // the mode of this one.
    let probe = private::options().create(true).append(true).open(&file);
    probe.and_then(|_| close_database(&file)).map_err(|e| unusable(data, &plain(&e)))?;
    let at = format!("in {}", file.display());
    Db::open(&file).await.map_err(|source| DataError::Database { at, source: source.into() })
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn unusable(data: &Path, reason: &str) -> DataError {
    DataError::DataFolder { path: data.to_owned(), reason: reason.to_owned() }
}

/// Makes a database, and the files that SQLite keeps beside it, private to this account.
fn close_database(file: &Path) -> std::io::Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        match private::close(Path::new(&name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            closed => closed?,
        }
    }
    Ok(())
}

/// Describes a failure of the file system in the words of the program's messages, without a full stop.
pub fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "this account may not write there".to_owned(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "there is a file in its place".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "it is on a disk that can't be written to".to_owned(),
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}
