//! SQLite and files: a folder is all there is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use snaplark_cloud::DataLocation;

#[derive(Clone)]
pub struct Backend {
    folder: PathBuf,
}

impl Backend {
    /// Honest requests beside hostile ones: see `load`.
    pub const HONEST_P99_MAX: Duration = Duration::from_millis(250);
    /// The limit on the median of ranges of a video of two hours.
    pub const RANGE_P50_MAX: Duration = Duration::from_millis(20);

    pub fn new(folder: &Path) -> Backend {
        Backend { folder: folder.to_owned() }
    }

    /// Returns a copy of all that is kept, in a folder that is not there yet. Nothing may run on it.
    pub fn copied(&self, folder: &Path) -> Backend {
        let mut copy = std::process::Command::new("cp");
        assert!(copy.arg("-a").arg(&self.folder).arg(folder).status().unwrap().success());
        Backend { folder: folder.to_owned() }
    }

    pub fn place(&self) -> DataLocation {
        DataLocation::from(&self.folder)
    }

    /// Returns the environment that points the program to this backend.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![("SNAPLARK_DATA", self.folder.to_string_lossy().into_owned())]
    }

    /// How many objects there are now.
    pub fn objects(&self) -> usize {
        files(&self.folder.join("objects"))
    }

    /// The bytes of all objects.
    pub fn contents(&self) -> Vec<u8> {
        let (mut folders, mut bytes) = (vec![self.folder.join("objects")], Vec::new());
        while let Some(folder) = folders.pop() {
            // What is deleted after it was listed has no contents: a folder as well as a file.
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => bytes.extend(std::fs::read(path).unwrap_or_default()),
                }
            }
        }
        bytes
    }

    /// The disk's doing: one byte of an object, whose key contains `named`, is another.
    pub fn rot(&self, named: &str) {
        let file = self.file(named);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }

    pub fn lose(&self, named: &str) {
        std::fs::remove_file(self.file(named)).unwrap();
    }

    /// As a disk that is not mounted.
    pub fn hide_storage(&self) {
        std::fs::rename(self.folder.join("objects"), self.folder.join("elsewhere")).unwrap();
    }

    pub fn show_storage(&self) {
        std::fs::rename(self.folder.join("elsewhere"), self.folder.join("objects")).unwrap();
    }

    fn file(&self, named: &str) -> PathBuf {
        let mut folders = vec![self.folder.join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().contains(named) {
                    return path;
                }
            }
        }
        panic!("no object is named {named}");
    }

    /// Makes the database that of the program before a migration: see `upgrade`.
    #[cfg(unix)]
    pub async fn become_earlier(&self, migration: &str) {
        use sqlx::{Connection as _, Executor as _};
        let (now, earlier) = (self.folder.join("cloud.sqlite"), self.folder.join("earlier.db"));
        let options = sqlx::sqlite::SqliteConnectOptions::new().foreign_keys(false);
        let options = options.filename(&earlier).create_if_missing(true);
        let mut db = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        crate::upgrade::migrations_before("sqlite", migration).await.run(&mut db).await.unwrap();
        let attach = sqlx::query("ATTACH DATABASE $1 AS today").bind(now.to_str().unwrap());
        attach.execute(&mut db).await.unwrap();
        let tables = "SELECT t.name, group_concat('\"' || c.name || '\"') FROM main.sqlite_schema t, \
            pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' \
            ESCAPE '\\' GROUP BY t.name";
        let tables: Vec<(String, String)> =
            sqlx::query_as(tables).fetch_all(&mut db).await.unwrap();
        for (table, columns) in tables {
            let copy = format!(
                "DELETE FROM main.{table}; \
                 INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}"
            );
            db.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
        }
        db.execute(crate::upgrade::COUNT_PARTS_ALONE).await.unwrap();
        db.close().await.unwrap();
        for end in ["-wal", "-shm"] {
            std::fs::remove_file(format!("{}{end}", now.display())).ok();
        }
        std::fs::rename(earlier, now).unwrap();
    }

    /// All bytes that the database keeps.
    pub fn dump(&self) -> Vec<u8> {
        let entries = std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            // What its processes share while they run is not kept.
            .filter(|path| path.is_file() && !path.to_string_lossy().ends_with("-shm"))
            .flat_map(|path| std::fs::read(path).unwrap())
            .collect()
    }
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 })
        .sum()
}
