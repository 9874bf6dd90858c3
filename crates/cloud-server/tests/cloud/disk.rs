//! A disk that is full: it is said, nothing acknowledged is lost, and it goes on when there is room.
//!
//! A few megabytes of memory are the disk, mounted where only the server sees it (Linux, in a
//! namespace of its own, so that nobody has to be root).
//!
//! It found that a transaction that a full disk had ended left the one connection that writes unusable
//! until the next start.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::{User, http, synthetic};

const PROGRAM: &str = env!("CARGO_BIN_EXE_snaplark-cloud");
const DISK: &str = "size=24m";

struct Small {
    child: Child,
    user: User,
    /// The server's disk, as this process sees it.
    disk: PathBuf,
}

impl Small {
    fn start(folder: &Path) -> Small {
        let disk = folder.join("disk");
        std::fs::create_dir(&disk).unwrap();
        let script = format!(
            "mount -t tmpfs -o {DISK} none \"$0\" && \
             \"$1\" token --user a@example.com --data \"$0\" && \
             exec \"$1\" serve --listen 127.0.0.1:0 --parts-per-second 1000 --ffmpeg none --data \"$0\""
        );
        let mut child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .arg(&disk)
            .arg(PROGRAM)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            line.trim().to_owned()
        };
        let token = line();
        // Ubuntu's AppArmor forbids it: sysctl kernel.apparmor_restrict_unprivileged_userns=0
        assert!(!token.is_empty(), "this system lets nobody make a namespace of their own");
        let url = line().strip_prefix("listening on ").expect("a server").to_owned();
        let inside = format!("/proc/{}/root{}", child.id(), disk.display());
        Small { user: User::new(&url, &token), child, disk: PathBuf::from(inside) }
    }

    /// To the last byte.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.disk.join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.disk.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_lived_through() {
    let folder = tempfile::tempdir().unwrap();
    let small = Small::start(folder.path());
    let user = &small.user;
    let parts = synthetic(4, 200_000).stream();
    let session = user.init().await;
    user.chunk(&session, 0, &parts[0]).await.ok();
    small.fill();
    for index in [1, 2, 1] {
        let answer = user.chunk(&session, index, &parts[index]).await.refused(507);
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("disk is full. Confirmed uploads are safe"), "{message}");
    }
    // The database's own turn.
    let mut full = false;
    for _ in 0..500 {
        let answer = user.post("/videos/init", &crate::support::init_000()).await;
        full = answer.status == 507;
        if full {
            break;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert!(full, "an init is never refused on a full disk");
    // What is there is served all the same.
    let status = user.get(&format!("/videos/{session}")).await.ok();
    assert_eq!(status["receivedChunks"], json!([0]));
    let video = status["videoId"].as_str().unwrap();
    assert!(user.bytes(&format!("/videos/{video}/original.webm")).await == parts[0]);
    let ready = http().get(format!("{}/readyz", user.url)).send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 200, "it can still be watched");

    small.make_room();
    for (index, part) in parts.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    user.finalize(&session, parts.len()).await.ok();
    assert!(user.bytes(&format!("/videos/{video}/original.webm")).await == parts.concat());
    let stored = parts.iter().map(Vec::len).sum::<usize>();
    let counted = user.get("/usage").await.ok()["storedBytes"].as_u64().unwrap() as usize;
    let rows = 4096 + 512 * parts.len();
    assert!((stored + rows..stored + 2 * rows).contains(&counted), "{counted}, {stored} sent");
    let objects = small.disk.join("objects");
    let left = Command::new("find").arg(objects).args(["-type", "f"]).output().unwrap();
    let left = String::from_utf8(left.stdout).unwrap();
    assert_eq!(left.lines().count(), parts.len(), "what was refused left nothing:\n{left}");
}
