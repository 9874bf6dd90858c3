//! A browser's own recorder as the client: its blobs, cut wherever it cuts, sent as parts.

use std::time::Duration;

use serde_json::{Value, json};
use snaplark_tests::browser::{Browser, play};
use snaplark_tests::cloud::{Cloud, fetch};
use snaplark_tests::home::Home;
use snaplark_tests::{media, wait};

const SECONDS: u64 = 7;
const SOON: Duration = Duration::from_secs(60);

/// Records a canvas that moves and a tone, and sends each blob when it comes.
const RECORD: &str = "const [token, kind, seconds] = arguments;
    const headers = {authorization: `Bearer ${token}`};
    const api = (path, body) => fetch(`/api/v1${path}`, body instanceof FormData
        ? {method: 'POST', headers, body}
        : {method: 'POST', headers: {...headers, 'content-type': 'application/json'}, body: JSON.stringify(body)}
    ).then(async (r) => { if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`); return r.json(); });
    window.recorded = null;
    (async () => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [640, 360];
        const g = canvas.getContext('2d');
        const paint = (t) => {
            g.fillStyle = `hsl(${t / 20 % 360} 70% 40%)`;
            g.fillRect(0, 0, 640, 360);
            g.fillStyle = 'white';
            g.fillRect(t / 5 % 600, 150, 40, 60);
        };
        const painter = setInterval(() => paint(performance.now()), 33);
        const sound = new AudioContext();
        const tone = new OscillatorNode(sound);
        const ear = new MediaStreamAudioDestinationNode(sound);
        tone.connect(ear);
        tone.start();
        const stream = new MediaStream([...canvas.captureStream(30).getTracks(), ...ear.stream.getTracks()]);
        const recorder = new MediaRecorder(stream, {mimeType: kind, videoBitsPerSecond: 1_500_000});
        const {sessionId} = await api('/videos/init', {filename: 'recording-1234567890.webm',
            timestamp: Date.now(), fps: 30, codec: kind, bitrate: 1_500_000, resolution: '640x360'});
        const sends = [];
        recorder.ondataavailable = ({data}) => {
            if (data.size === 0) return;
            const form = new FormData();
            form.append('sessionId', sessionId);
            form.append('chunkIndex', String(sends.length));
            form.append('chunk', data, `chunk_${sends.length}.webm`);
            sends.push(api('/videos/chunk', form));
        };
        const stopped = new Promise((done) => { recorder.onstop = done; });
        recorder.start(350);
        setTimeout(() => recorder.stop(), seconds * 1000);
        await stopped;
        clearInterval(painter);
        await Promise.all(sends);
        const answer = await api('/videos/finalize', {sessionId, totalChunks: sends.length,
            uploadedChunks: [...sends.keys()], duration: seconds});
        return {...answer, parts: sends.length};
    })().then((answer) => { window.recorded = answer; }, (e) => { window.recorded = {error: String(e)}; });";

fn record(kind: &str, codec: &str) {
    let home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let browser = Browser::chromium(&home).unwrap();
    browser.session.go(&cloud.address).unwrap();
    browser.session.run(RECORD, &[json!(cloud.token), json!(kind), json!(SECONDS)]).unwrap();
    let limit = Duration::from_secs(SECONDS) + SOON;
    let answer: Value =
        browser.session.until("the recorder", limit, "return window.recorded;").unwrap();
    assert_eq!(answer["error"], Value::Null, "{answer}");
    assert!(answer["parts"].as_u64() > Some(5), "{answer}");
    let session = answer["sessionId"].as_str().unwrap();
    wait::until("the index", SOON, || {
        let (_, status) = cloud.ask(&format!("/videos/{session}"))?;
        let jobs = status["jobs"].as_array().cloned().unwrap_or_default();
        let index = jobs.iter().find(|job| job["product"] == "index.json").cloned();
        let index = index.unwrap_or_default();
        assert_ne!(index["state"], "failed", "{index}");
        Ok((index["state"] == "done").then_some(()))
    })
    .unwrap();

    // Before it came, this was bytes without a length; now it is a file as any other.
    let file = home.path().join("joined.webm");
    std::fs::write(&file, fetch(answer["url"].as_str().unwrap()).unwrap()).unwrap();
    let probe = media::probe(file.to_str().unwrap()).unwrap();
    assert_eq!((probe.codec.as_str(), probe.width, probe.height), (codec, 640, 360));
    let long_s = probe.duration_s.expect("it says how long it is");
    assert!((long_s - SECONDS as f64).abs() < 1.5, "{long_s}");
    media::decode(file.to_str().unwrap()).unwrap();
    let played = play(&browser.session, answer["videoUrl"].as_str().unwrap()).unwrap();
    assert!((played.duration_s - long_s).abs() < 0.2, "{played:?} of {long_s}");
    assert!(played.frames > 0, "{played:?}");
}

#[test]
fn browser_recording_in_vp9_and_opus_becomes_a_seekable_video() {
    record("video/webm;codecs=vp9,opus", "vp9");
}

#[test]
fn browser_recording_in_vp8_and_opus_becomes_a_seekable_video() {
    record("video/webm;codecs=vp8,opus", "vp8");
}
