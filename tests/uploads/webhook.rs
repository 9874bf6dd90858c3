//! The webhook with a real receiver: what it is told, by whom it can be sure to be told, and that nothing that happens
//! in between keeps it from being told. The receiver's side is the one of docs/webhooks.md, in its three languages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Answer, Process, finish};
use snaplark_tests::recorder::snaplark;
use snaplark_tests::{session, wait};
use tokio::runtime::Runtime;

use crate::files::large_file;
use crate::rig::{Server, fake_recorder, runtime};

const LIMIT: Duration = Duration::from_secs(60);

/// A server of the person's. It stops with its runtime.
struct Receiver {
    url: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    status: Mutex<StatusCode>,
    received: Mutex<Vec<Received>>,
}

#[derive(Clone, Debug)]
struct Received {
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Received {
    fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Receiver {
    fn start() -> Self {
        let runtime = runtime().unwrap();
        let shared =
            Arc::new(Shared { status: Mutex::new(StatusCode::OK), received: Mutex::default() });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let url = format!("http://{}/hook?key=of-mine", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Receiver { url, shared, _runtime: runtime }
    }

    fn answers(&self, status: StatusCode) {
        *self.shared.status.lock().unwrap() = status;
    }

    fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Waits until so many requests have come, and returns them.
    fn until(&self, count: usize) -> Vec<Received> {
        let received = || Ok(Some(self.received()).filter(|all| all.len() >= count));
        wait::until("the receiver to be told", LIMIT, received).unwrap()
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let path = uri.to_string();
    shared.received.lock().unwrap().push(Received { path, headers, body });
    let status = *shared.status.lock().unwrap();
    let elsewhere = [(header::LOCATION, "/elsewhere")];
    match status.is_redirection() {
        true => (status, elsewhere).into_response(),
        false => status.into_response(),
    }
}

fn run(home: &Home, args: &[&str]) -> Answer {
    let mut command = snaplark(home, None, args).unwrap();
    command.arg("--verbose").env("SNAPLARK_LOG", "trace");
    let answer = finish(&mut command, LIMIT).unwrap();
    assert!(answer.status.success(), "{args:?}: {answer:?}");
    std::fs::write(home.log(&args.join("-").replace('/', "_")), &answer.stderr).unwrap();
    answer
}

/// Starts a program that keeps the last seconds, which can be shared at any time.
fn keeper(home: &Home, server: &Server) -> Process {
    let url = format!("http://{}", server.address);
    let more = ["--every-ms", "50", "--segments", "100000", "--keep", "30"];
    let mut keeper = fake_recorder(home, &url, &server.token, &more).unwrap();
    assert_eq!(keeper.line(LIMIT).unwrap(), "keeps");
    assert_eq!(keeper.line(LIMIT).unwrap(), "full");
    keeper
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.stdout).unwrap()
}

/// Returns the blocks of a language in docs/webhooks.md.
fn example(language: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/webhooks.md");
    let text = std::fs::read_to_string(file).unwrap();
    let begin = format!("```{language}\n");
    let (_, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no example in {language}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// Has the document's example judge a request.
fn is_valid(home: &Home, language: &str, secret: &str, received: &Received) -> bool {
    let case = serde_json::json!({
        "secret": secret, "headers": received.headers, "body": received.body
    });
    let (name, driver, program): (&str, &str, &[&str]) = match language {
        "python" => (
            "verify.py",
            "\nimport json, sys\ncase = json.load(open(sys.argv[1]))\n\
             print(verify(case['secret'], case['headers'], case['body'].encode()))\n",
            &["python3"],
        ),
        "js" => (
            "verify.mjs",
            "\nimport { readFileSync } from 'node:fs';\n\
             const one = JSON.parse(readFileSync(process.argv[2], 'utf8'));\n\
             console.log(verify(one.secret, one.headers, one.body));\n",
            &["node"],
        ),
        "php" => (
            "verify.php",
            "\n$case = json_decode(file_get_contents($argv[1]), true);\n\
             echo verify($case['secret'], $case['headers'], $case['body']) ? 'true' : 'false';\n",
            &["php"],
        ),
        other => panic!("{other}"),
    };
    let (script, input) = (home.path().join(name), home.path().join("case.json"));
    std::fs::write(&script, example(language) + driver).unwrap();
    std::fs::write(&input, case.to_string()).unwrap();
    let mut command = Command::new(program[0]);
    command.arg(&script).arg(&input);
    let answer = finish(&mut command, LIMIT).unwrap();
    std::fs::remove_file(input).unwrap();
    match answer.stdout.trim().to_lowercase().as_str() {
        "true" => true,
        "false" => false,
        _ => panic!("{language}: {answer:?}"),
    }
}

/// Returns every file below a folder that holds these bytes.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn receiver_is_told_what_is_online_and_can_be_sure_who_tells_it() {
    let mut home = Home::new().unwrap();
    let _bus = session::bus(&mut home).unwrap();
    let _keyring = session::keyring(&home).unwrap();
    let receiver = Receiver::start();
    let server = Server::start(&home).unwrap();
    let refused = finish(&mut snaplark(&home, None, &["webhook", "test"]).unwrap(), LIMIT).unwrap();
    assert!(refused.stderr.contains("There is no webhook"), "{refused:?}");
    run(&home, &["settings", "webhook", &receiver.url]);
    let secret = run(&home, &["webhook", "secret"]).stdout.trim().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    run(&home, &["webhook", "test"]);
    assert_eq!(receiver.until(1)[0].json()["type"], "webhook.test");

    let _keeper = keeper(&home, &server);
    let shared = json(&run(&home, &["share-last", "--seconds", "6", "--json"]));
    let told = receiver.until(2).remove(1);
    assert_eq!(told.path, "/hook?key=of-mine");
    let body = told.json();
    assert_eq!(body["type"], "item.uploaded", "{body}");
    let data = &body["data"];
    assert_eq!((&data["id"], &data["link"]), (&shared["id"], &shared["link"]), "{body}");
    assert_eq!(data["kind"], "recording");
    assert!(data["durationMs"].as_u64().is_some_and(|ms| ms >= 6_000), "{body}");
    assert!(data["title"].is_string(), "{body}");
    let changed = Received { body: told.body.replace("uploaded", "failed"), ..told.clone() };
    for language in ["python", "js", "php"] {
        assert!(is_valid(&home, language, &secret, &told), "{language} refuses it");
        assert!(!is_valid(&home, language, &secret, &changed), "{language} takes another body");
        assert!(!is_valid(&home, language, "whsec_AQID", &told), "{language} takes any secret");
    }
    wait::until("it to be noted", LIMIT, || {
        let state = json(&run(&home, &["webhook", "--json"]));
        let last = &state["webhook"]["events"]["last"]["outcome"];
        Ok((last == "taken").then_some(()))
    })
    .unwrap();
    // What the commands above have printed is in their logs; the secret was printed to standard output alone.
    assert_eq!(holding(home.path(), &secret), Vec::<PathBuf>::new(), "the secret is written down");
    let key = secret.strip_prefix("whsec_").unwrap();
    assert_eq!(holding(home.path(), key), Vec::<PathBuf>::new(), "the key is written down");
}

#[test]
fn event_outlives_kills_and_refusals_and_a_receiver_that_is_gone_is_left_alone() {
    let mut home = Home::new().unwrap();
    home.set("SNAPLARK_WEBHOOK_SECRET", "whsec_c2VjcmV0LW9mLXRoZS10ZXN0");
    let receiver = Receiver::start();
    let server = Server::start(&home).unwrap();
    run(&home, &["settings", "webhook", &receiver.url]);
    receiver.answers(StatusCode::SERVICE_UNAVAILABLE);
    let mut first = keeper(&home, &server);
    let shared = json(&run(&home, &["share-last", "--seconds", "6", "--json"]));
    receiver.until(1);
    first.kill().unwrap();

    let mut second = keeper(&home, &server);
    let before = receiver.received().len();
    receiver.answers(StatusCode::OK);
    let all = receiver.until(before + 1);
    assert!(all.iter().all(|one| one.id() == all[0].id()), "{all:?}");
    assert!(all.iter().all(|one| one.body == all[0].body), "{all:?}");
    assert_eq!(all[0].json()["data"]["id"], shared["id"]);
    wait::until("nothing to wait", LIMIT, || {
        let state = json(&run(&home, &["webhook", "--json"]));
        Ok((state["webhook"]["events"]["waiting"] == 0).then_some(()))
    })
    .unwrap();

    // No redirect is followed, and the next try is answered with 410.
    let before = receiver.received().len();
    receiver.answers(StatusCode::TEMPORARY_REDIRECT);
    run(&home, &["share-last", "--seconds", "6"]);
    receiver.until(before + 1);
    receiver.answers(StatusCode::GONE);
    wait::until("the webhook to be off", LIMIT, || {
        let said = run(&home, &["settings", "webhook"]);
        Ok((said.stdout.trim() == "off").then_some(()))
    })
    .unwrap();
    assert!(receiver.received().iter().all(|one| one.path == "/hook?key=of-mine"));
    let state = json(&run(&home, &["webhook", "--json"]));
    assert_eq!(state["webhook"]["events"]["last"]["outcome"], "gone", "{state}");
    let before = receiver.received().len();
    let shared = json(&run(&home, &["share-last", "--seconds", "6", "--json"]));
    wait::until("the upload to be done", LIMIT, || {
        let list = json(&run(&home, &["list", "--json"]));
        let recordings = list["recordings"].as_array().cloned().unwrap_or_default();
        let mut found = recordings.iter().filter(|recording| recording["id"] == shared["id"]);
        Ok(found.any(|recording| recording["state"]["kind"] == "done").then_some(()))
    })
    .unwrap();
    assert_eq!(receiver.received().len(), before, "it is told nothing more");
    second.kill().unwrap();
}

#[test]
fn receiver_is_told_of_files_that_are_uploaded_and_of_those_that_are_not() {
    let mut home = Home::new().unwrap();
    home.set("SNAPLARK_WEBHOOK_SECRET", "whsec_c2VjcmV0LW9mLXRoZS10ZXN0");
    let receiver = Receiver::start();
    let limits = ["--parts-per-second", "1000", "--video-size", "1MB"];
    let server = Server::start_with(&home, &limits).unwrap();
    run(&home, &["settings", "webhook", &receiver.url]);
    for (name, bytes, code) in [("vast.webm", 3_000_000, 3), ("small.webm", 100_000, 0)] {
        let path = home.path().join(name);
        large_file(&path, bytes);
        let mut upload = snaplark(&home, None, &["upload", path.to_str().unwrap()]).unwrap();
        upload.env("SNAPLARK_SERVER", format!("http://{}", server.address));
        upload.env("SNAPLARK_TOKEN", &server.token);
        let answer = finish(&mut upload, LIMIT).unwrap();
        assert_eq!(answer.status.code(), Some(code), "{answer:?}");
    }
    // The second command sends what the first had no time for.
    let [failed, uploaded] = &receiver.until(2)[..] else { panic!("two events") };
    let (failed, uploaded) = (failed.json(), uploaded.json());
    assert_eq!(failed["type"], "item.failed", "{failed}");
    assert_eq!(failed["data"]["reason"], "refused", "{failed}");
    assert_eq!(
        (&failed["data"]["kind"], &failed["data"]["title"]),
        (&"import".into(), &"vast".into())
    );
    assert_eq!(uploaded["type"], "item.uploaded", "{uploaded}");
    assert_eq!(uploaded["data"]["title"], "small", "{uploaded}");
    assert!(uploaded["data"]["link"].is_string(), "{uploaded}");
}

#[test]
fn address_without_encryption_needs_a_consent() {
    let home = Home::new().unwrap();
    let ask = |args: &[&str]| finish(&mut snaplark(&home, None, args).unwrap(), LIMIT).unwrap();
    let address = "http://hooks.example/snaplark";
    let refused = ask(&["settings", "webhook", address]);
    assert!(!refused.status.success() && refused.stderr.contains("https://"), "{refused:?}");
    assert!(ask(&["settings", "webhook-plain-http", "yes"]).status.success());
    assert!(ask(&["settings", "webhook", address]).status.success());
    assert_eq!(ask(&["settings", "webhook"]).stdout.trim(), address);
}
