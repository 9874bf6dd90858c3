//! Recordings that go up to a bucket while they run: the real client and SeaweedFS, killed in between. What was
//! confirmed is not sent again, the object is what was recorded, and no upload that costs money is left behind.

use std::time::Duration;

use serde_json::Value;
use snaplark_api::Profile;
use snaplark_core::RecordingId;
use snaplark_store::Store;
use snaplark_tests::bucket::{Bucket, KEYS};
use snaplark_tests::fake_capture::Pace;
use snaplark_tests::home::Home;
use snaplark_tests::recorder::pieces;
use snaplark_tests::wait;
use snaplark_tests::webdriver::client;

use crate::rig::{Client, account, fake_recorder, runtime};

const PART_BYTES: u64 = 5 * 1024 * 1024;
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn recording_goes_to_a_bucket_while_it_runs_and_goes_on_after_a_kill() {
    let home = Home::new().unwrap();
    let runtime = runtime().unwrap();
    let bucket = Bucket::start(runtime.handle(), &home).unwrap();
    let pace = ["--segments", "40", "--every-ms", "250", "--segment-bytes", "1500000"];
    let start = |more: &[&str]| {
        let more = [&["--profile", "s3"], more].concat();
        fake_recorder(&home, &bucket.address(), KEYS, &more).unwrap()
    };

    let mut recorder = start(&pace);
    let stored = || bucket.asked().iter().filter(|asked| asked.part().is_some()).count();
    wait::until("two parts", LIMIT, || Ok((stored() >= 2).then_some(()))).unwrap();
    recorder.kill().unwrap();
    assert_eq!(recorder.lines(), Vec::<String>::new(), "it was recording still");
    let root = home.snaplark();
    let store = Store::open_to_read(root).unwrap().unwrap();
    let rows = store.upload_rows().unwrap();
    drop(store);
    let parts = (0..).zip(&rows[0].parts);
    let acknowledged: Vec<u32> =
        parts.filter(|(_, (_, done))| *done).map(|(index, _)| index).collect();
    assert!(!acknowledged.is_empty(), "{rows:?}");
    assert_eq!(bucket.keys().unwrap(), Vec::<String>::new(), "it is not complete");
    let before = bucket.asked().len();

    let mut again = start(&[]);
    let said: Value = serde_json::from_str(&again.line(LIMIT).unwrap()).unwrap();
    let recording = &said["recordings"][0];
    for asked in &bucket.asked()[before..] {
        let is_again = asked.part().is_some_and(|part| acknowledged.contains(&part));
        assert!(!is_again, "{asked:?} was acknowledged");
    }
    let folder = root.join("recordings").join(recording["id"].as_str().unwrap());
    let whole: Vec<u8> =
        pieces(&folder).unwrap().iter().flat_map(|piece| std::fs::read(piece).unwrap()).collect();
    let [key] = &bucket.keys().unwrap()[..] else { panic!("one object") };
    assert!(bucket.object(key).unwrap() == whole, "the object is the init and all segments");
    assert_eq!(bucket.open_uploads().unwrap(), Vec::<String>::new());
    let mut sizes: Vec<(u32, u64)> =
        bucket.asked().iter().filter_map(|asked| Some((asked.part()?, asked.size_bytes))).collect();
    sizes.sort_unstable();
    let (last, others) = sizes.split_last().unwrap();
    assert!(
        others.iter().all(|(part, bytes)| *part == last.0 || *bytes == PART_BYTES),
        "{sizes:?}"
    );
    // Nobody else can read the bucket, so the link is signed.
    let link = recording["link"].as_str().unwrap();
    let shown = client().unwrap().get(link).send().unwrap();
    assert_eq!(shown.status(), 200, "{link}");
    assert!(shown.bytes().unwrap() == whole);
}

#[test]
fn upload_to_a_bucket_that_is_deleted_leaves_nothing_there() {
    let home = Home::new().unwrap();
    let runtime = runtime().unwrap();
    let bucket = Bucket::start(runtime.handle(), &home).unwrap();
    let pace = Pace { segments_max: 8, every: Duration::from_millis(50), segment_bytes: 1_500_000 };
    let account = account(&bucket.address(), KEYS, Profile::S3);
    let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
    let id: RecordingId = client.begin().unwrap();
    let is_stored =
        || bucket.asked().iter().any(|asked| asked.part() == Some(0) && asked.status == 200);
    wait::until("a part", LIMIT, || Ok(is_stored().then_some(()))).unwrap();
    client.run(client.app.pause_upload(id)).unwrap();
    client.end(id).unwrap();
    assert_eq!(bucket.open_uploads().unwrap().len(), 1);
    client.run(client.app.delete(id)).unwrap();
    let is_gone = || Ok(bucket.open_uploads()?.is_empty().then_some(()));
    wait::until("the upload to be removed", LIMIT, is_gone).unwrap();
    assert_eq!(bucket.keys().unwrap(), Vec::<String>::new());
}
