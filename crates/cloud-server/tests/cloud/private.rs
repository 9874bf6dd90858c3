//! The server's files are readable by their owner alone, whatever umask it was started with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::token;
use crate::support::{User, real};

const PROGRAM: &str = env!("CARGO_BIN_EXE_snaplark-cloud");

/// Everything below a folder, and the folder, with what others may do to it.
fn loose(folder: &Path) -> Vec<(PathBuf, u32)> {
    let (mut loose, mut left, mut seen) = (Vec::new(), vec![folder.to_owned()], 0);
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        seen += 1;
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            loose.push((path.clone(), mode));
        }
        if meta.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > 5, "{} holds next to nothing", folder.display());
    loose
}

fn shell(umask: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), PROGRAM]).args(args);
    command
}

#[tokio::test]
async fn a_server_and_its_backup_leave_nothing_that_others_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    // Somebody made both folders beforehand, open as folders are.
    for made in [&data, &copy] {
        fs::create_dir(made).unwrap();
        fs::set_permissions(made, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut child = shell("000", &["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let out = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    let url = line.strip_prefix("listening on ").expect(&line).trim().to_owned();
    let user = User::new(&url, &token(&crate::backend::Backend::new(&data)));
    user.upload(&real().stream()).await;
    let done = shell("000", &["backup", "--data"]).arg(&data).arg("--to").arg(&copy).status();
    assert!(done.unwrap().success());
    let found = [loose(&data), loose(&copy)].concat();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found.is_empty(), "others can read {found:?}");
}

/// As in the app, whose process has the umask that the person's session has.
#[tokio::test]
async fn a_server_inside_another_program_leaves_nothing_that_others_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = |data: &Path| {
        let mut options =
            snaplark_cloud_server::ServerOptions::new(data, "127.0.0.1:0".parse().unwrap());
        options.cloud.ffmpeg = "no-ffmpeg-here".into();
        options
    };
    let cloud = snaplark_cloud_server::start(options(&data)).await.unwrap().cloud;
    let token = cloud.issue_token("a@example.com").await.unwrap();
    User::new(cloud.url(), &token).upload(&real().stream()).await;
    let found = loose(&data);
    cloud.shutdown().await.unwrap();
    assert!(found.is_empty(), "others can read {found:?}");
}

#[tokio::test]
async fn the_cloud_of_this_computer_closes_what_earlier_versions_left_open() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    let started = snaplark_cloud_web::start_embedded(&data).await.unwrap();
    let user = User::new(started.cloud.url(), &started.token);
    user.upload(&real().stream()).await;
    let snaplark_cloud_web::Embedded { cloud, .. } = started;
    cloud.shutdown().await.unwrap();
    Command::new("chmod").args(["-R", "go+rX"]).arg(&data).status().unwrap();
    assert!(!loose(&data).is_empty());
    let started = snaplark_cloud_web::start_embedded(&data).await.unwrap();
    let found = loose(&data);
    let snaplark_cloud_web::Embedded { cloud, .. } = started;
    cloud.shutdown().await.unwrap();
    assert!(found.is_empty(), "others can read {found:?}");
}

#[test]
fn a_loose_data_folder_is_refused_with_the_command_that_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("it's data");
    let add = || {
        let mut command = shell("022", &["token", "--user", "a@example.com", "--data"]);
        command.arg(&data).output().unwrap()
    };
    assert!(add().status.success());
    Command::new("chmod").args(["-R", "go+rX"]).arg(&data).status().unwrap();
    let out = add();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success() && out.stdout.is_empty(), "{said}");
    let command = said.trim().rsplit_once("start again: ").expect(&said).1;
    assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
    assert!(add().status.success(), "it is mended by {command}");
    assert!(loose_few(&data).is_empty());
}

fn loose_few(folder: &Path) -> Vec<PathBuf> {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    let inside = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    inside.chain([folder.to_owned()]).filter(|path| mode(path) & 0o077 != 0).collect()
}
