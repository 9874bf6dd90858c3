//! An address that was made before its upload began, and that somebody else took meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use snaplark_api::{hex, recording_id_of};
use snaplark_store::Store;
use snaplark_tests::fake_capture::Pace;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::webdriver::client;

use crate::rig::Rig;

const LIMIT: Duration = Duration::from_secs(60);
const PACE: Pace = Pace { every: Duration::from_millis(20), segments_max: 3, segment_bytes: 0 };

#[test]
fn taken_address_is_replaced_by_another_and_said() {
    let rig = Rig::start(PACE);
    rig.proxy.close();
    let id = rig.record();
    let mut token = command(&rig.home, program("snaplark-cloud").unwrap());
    token.args(["token", "--user", "somebody-else@example.org", "--data"]).arg(rig.server.data());
    let token = output(token, LIMIT).unwrap();
    let server = format!("http://{}", rig.server.address);
    let (mut taken, mut session) = (String::new(), String::new());
    let rig = rig.restart_client(PACE, |root| {
        // Only the app has the secret. Here somebody found it.
        let secret = Store::open(root).unwrap().secret(id).unwrap().expect("it was made for it");
        taken = recording_id_of(&secret).to_string();
        let hex = hex(&secret);
        let init = json!({
            "filename": "theirs.webm", "timestamp": "2026-11-29T10:00:00Z", "fps": 30,
            "codec": "video/webm;codecs=vp9", "bitrate": 1_000_000,
            "resolution": {"width": 640, "height": 480},
            "recordingId": taken, "recordingSecret": hex,
        });
        let request = client().unwrap().post(format!("{server}/api/v1/videos/init"));
        let answer = request.bearer_auth(token.trim()).json(&init).send().unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let answer: Value = answer.json().unwrap();
        session = answer["sessionId"].as_str().unwrap().to_owned();
    });
    rig.runtime.block_on(rig.proxy.reopen()).unwrap();
    let done = rig.client.done(id, LIMIT).unwrap();
    let link = done.link.unwrap();
    assert!(!link.contains(&taken), "{link} is theirs");
    let said = done.issues.iter().filter(|issue| issue.kind == "link-changed").count();
    assert_eq!(said, 1, "{:?}", done.issues);
    let theirs = client().unwrap().get(format!("{server}/api/v1/videos/{session}"));
    let theirs: Value = theirs.bearer_auth(token.trim()).send().unwrap().json().unwrap();
    assert_eq!(theirs["videoId"], taken, "theirs is as it was: {theirs}");
    assert_eq!(theirs["receivedChunks"], json!([]), "{theirs}");
    let answer = client().unwrap().get(format!("{link}/original.webm")).send().unwrap();
    assert!(answer.status().is_success() && !answer.bytes().unwrap().is_empty());
}
