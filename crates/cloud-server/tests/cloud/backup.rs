//! Backed up while it is used, lost, and restored: what was there at that moment is there again.

use std::path::Path;
use std::process::Command;

use crate::backend::Backend;
use crate::program::{Running, token};
use crate::support::{User, decode, real, synthetic};
use crate::wait;

const PROGRAM: &str = env!("CARGO_BIN_EXE_snaplark-cloud");

fn run(args: &[&str], data: &Path) -> String {
    let out = Command::new(PROGRAM).args(args).arg("--data").arg(data).output().unwrap();
    assert!(out.status.success(), "{args:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

#[tokio::test]
async fn lost_and_restored() {
    let (folder, safe) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, copy) = (folder.path().join("data"), safe.path().join("copy"));
    let to = copy.to_str().unwrap();
    let backend = Backend::new(&data);
    let token = token(&backend);
    let running = Running::start(&backend);
    let user = User::new(&running.url, &token);
    let answer = user.upload(&real().stream()).await;
    let path = format!("/videos/{}", answer["videoId"].as_str().unwrap());
    let gone = user.init().await;
    user.chunk(&gone, 0, &synthetic(1, 1000).whole()).await.ok();
    let parts = real().segments.len();
    let said = run(&["backup", "--to", to], &data);
    assert!(said.starts_with(&format!("{} objects: {} copied", parts + 1, parts + 1)), "{said}");

    // Parts keep coming while it is copied once more; one upload is removed.
    user.delete(&format!("/videos/{gone}")).await.ok();
    wait::until_true("the sweeper", async || backend.objects() <= parts).await;
    let session = user.init().await;
    let half = synthetic(40, 20_000).stream();
    let (sent, said) = tokio::join!(
        async {
            for (index, part) in half.iter().enumerate() {
                user.chunk(&session, index, part).await.ok();
            }
        },
        async {
            let data = data.clone();
            let to = to.to_owned();
            tokio::task::spawn_blocking(move || run(&["backup", "--to", &to], &data)).await.unwrap()
        }
    );
    let () = sent;
    println!("{said}");
    assert!(said.ends_with("1 deleted\n"), "{said}");

    running.kill();
    std::fs::remove_dir_all(&data).unwrap();
    let copied = Command::new("cp").arg("-r").args([&copy, &data]).status().unwrap();
    assert!(copied.success());
    let said = run(&["scrub"], &data);
    assert!(said.trim_end().ends_with(": 0 damaged"), "{said}");
    let running = Running::start(&backend);
    let user = User::new(&running.url, &token);
    assert!(user.bytes(&format!("{path}/original.webm")).await == real().whole());
    decode(&user.bytes(&format!("{path}/video.webm")).await);
    // What came after that moment comes again.
    let status = user.get(&format!("/videos/{session}")).await.ok();
    println!("{} of {} parts were copied", status["receivedChunks"].as_array().unwrap().len(), 40);
    for (index, part) in half.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    user.finalize(&session, half.len()).await.ok();
    let video = status["videoId"].as_str().unwrap();
    assert!(user.bytes(&format!("/videos/{video}/original.webm")).await == half.concat());
    running.kill();
}

#[test]
fn only_folders_are_backed_up() {
    let place = snaplark_cloud::DataLocation {
        database_url: Some("postgres://localhost/x".to_owned()),
        ..snaplark_cloud::DataLocation::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(snaplark_cloud::backup(place, Path::new("nowhere"))).unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
    assert!(!Path::new("nowhere").exists());
}
