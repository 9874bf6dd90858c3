//! The API's document against the server: every address, method, field and status that it names is
//! asked for, and every answer is held against it. What the server does beyond it fails, and so does
//! what it says and the server doesn't do.
//!
//! Length: one walk over the document asks for every address in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use snaplark_api::ScreenshotFields;
use uuid::Uuid;

use crate::backend::Backend;
use crate::dialects::film;
use crate::program::{PROGRAM, Running, token};
use crate::screenshots::picture;
use crate::support::{Server, User, init_000, synthetic};
use crate::wait;

/// The server's own trouble, full disks, lost clients and limits over time have tests of their own.
const ELSEWHERE: [&str; 4] = ["408", "429", "500", "507"];
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

struct Walk {
    document: Value,
    user: User,
    stranger: User,
    /// Operations and statuses that were met.
    met: BTreeSet<(String, String, String)>,
    /// Fields of named schemas that were met in answers.
    fields: BTreeMap<String, BTreeSet<String>>,
}

impl Walk {
    async fn start(server: &Server) -> Walk {
        let user = server.user("a@example.com").await;
        let document: Value = user.get("/openapi.json").await.ok();
        let file = include_str!("../../../../docs/openapi.json");
        assert_eq!(document, serde_json::from_str::<Value>(file).unwrap());
        let stranger = User::new(&server.url(), "wrong");
        Walk { document, user, stranger, met: BTreeSet::new(), fields: BTreeMap::new() }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        self.user.http.request(method, format!("{}{path}", self.user.url))
    }

    /// Sends it with a good token, and holds the answer against what the document has at `template`.
    async fn ask(
        &mut self,
        (method, template, rest): (&str, &str, &str),
        status: u16,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Value {
        let (address, query) = rest.split_once('?').map_or((rest, ""), |(a, q)| (a, q));
        let path = fill(template, address);
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        let request = self.request(method, &path).bearer_auth(&self.user.token);
        self.hold(method, template, status, with(request)).await
    }

    async fn hold(
        &mut self,
        method: &str,
        template: &str,
        status: u16,
        request: RequestBuilder,
    ) -> Value {
        let response = request.send().await.unwrap();
        let is = response.status().as_u16();
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap());
        let kind = kind.unwrap_or_default().split(';').next().unwrap().to_owned();
        let bytes = response.bytes().await.unwrap();
        let told = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        assert_eq!(is, status, "{method} {template}: {told}");
        let operation = &self.document["paths"][template][method];
        let answer = &operation["responses"][status.to_string()];
        assert!(answer.is_object(), "{method} {template} answers {status}, undocumented: {told}");
        let schema = answer["content"][&kind]["schema"].clone();
        assert!(!schema.is_null(), "{method} {template} answers {status} as {kind}");
        self.met.insert((method.to_owned(), template.to_owned(), status.to_string()));
        if kind != "application/json" {
            return Value::Null;
        }
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        self.check(&schema, &value, &format!("{method} {template} {status}"));
        value
    }

    /// The part of JSON Schema that the document uses.
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/components/schemas/").unwrap().to_owned();
            let schema = self.document["components"]["schemas"][&name].clone();
            assert!(schema.is_object(), "{at}: there is no schema {name}");
            if let Value::Object(fields) = value {
                self.fields.entry(name).or_default().extend(fields.keys().cloned());
            }
            return self.check(&schema, value, at);
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::Array(types) => types.iter().map(|one| one.as_str().unwrap()).collect(),
            one => vec![one.as_str().expect(at)],
        };
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(types.contains(&is), "{at}: {value} is {is}, not {types:?}");
        if let Value::Array(known) = &schema["enum"] {
            assert!(known.contains(value), "{at}: {value} is none of {known:?}");
        }
        match value {
            Value::String(text) if schema["format"] == "uuid" => {
                Uuid::parse_str(text).unwrap_or_else(|_| panic!("{at}: {text} is no UUID"));
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(&schema["items"], item, &format!("{at}[{index}]"));
                }
            }
            Value::Object(fields) => self.check_object(schema, fields, at),
            _ => {}
        }
    }

    fn check_object(&mut self, schema: &Value, fields: &Map<String, Value>, at: &str) {
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(fields.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
        }
        let known = schema["properties"].as_object().cloned().unwrap_or_default();
        for (name, value) in fields {
            match (known.get(name), &schema["additionalProperties"]) {
                (Some(schema), _) => self.check(schema, value, &format!("{at}.{name}")),
                (None, Value::Object(_)) => {
                    let schema = schema["additionalProperties"].clone();
                    self.check(&schema, value, &format!("{at}.{name}"));
                }
                (None, other) => assert_ne!(other, &json!(false), "{at}: {name} is undocumented"),
            }
        }
    }

    /// A good body without each required field in turn is refused; the field is named where the
    /// document's own refusals name fields.
    async fn without_each_field(&mut self, template: &str, good: &Value) {
        let body = &self.document["paths"][template]["post"]["requestBody"]["content"];
        let name = body["application/json"]["schema"]["$ref"].as_str().unwrap();
        let name = name.rsplit('/').next().unwrap();
        let schema = self.document["components"]["schemas"][name].clone();
        for field in schema["required"].as_array().unwrap() {
            let field = field.as_str().unwrap();
            let mut body = good.clone();
            body.as_object_mut().unwrap().remove(field).expect(field);
            let refused = self.ask(("post", template, ""), 400, |it| it.json(&body)).await;
            if !template.starts_with("/api/storage") {
                assert!(refused["errors"][field].is_array(), "{template} {field}: {refused}");
            }
        }
        for name in good.as_object().unwrap().keys() {
            assert!(!schema["properties"][name].is_null(), "{template}: {name} is undocumented");
        }
    }

    fn finish(self) {
        let mut missing = Vec::new();
        for (path, operations) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                for status in operation["responses"].as_object().unwrap().keys() {
                    let met = (method.clone(), path.clone(), status.clone());
                    if !ELSEWHERE.contains(&status.as_str()) && !self.met.contains(&met) {
                        missing.push(format!("{method} {path} never answered {status}"));
                    }
                }
            }
        }
        for (name, met) in &self.fields {
            let known = self.document["components"]["schemas"][name]["properties"].as_object();
            for field in known.unwrap().keys().filter(|field| !met.contains(*field)) {
                missing.push(format!("{name}.{field} was in no answer"));
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
    }
}

/// `/videos/{session}/captions` and an id.
fn fill(template: &str, value: &str) -> String {
    match (template.find('{'), template.find('}')) {
        (Some(from), Some(to)) => format!("{}{value}{}", &template[..from], &template[to + 1..]),
        _ => template.to_owned(),
    }
}

fn chunk(names: [&str; 2], id: &str, index: &str, bytes: Vec<u8>) -> Form {
    Form::new()
        .text(names[0].to_owned(), id.to_owned())
        .text(names[1].to_owned(), index.to_owned())
        .text("totalChunks", "1")
        .part("chunk", Part::bytes(bytes).file_name("chunk"))
}

const V1: [&str; 2] = ["sessionId", "chunkIndex"];
const OLD: [&str; 2] = ["uploadId", "chunkIndex"];

/// Schemathesis makes requests out of the document, right and wrong ones, and judges the answers. For
/// twenty seconds; `cargo xtask soak` takes five minutes. Its stateful phase needs links between
/// operations, which the document has none of.
#[test]
fn schemathesis_finds_nothing() {
    let seconds = std::env::var("SNAPLARK_SCHEMATHESIS_SECONDS").unwrap_or("20".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let running = Running::start_with(
        &backend,
        &[
            ("SNAPLARK_PARTS_PER_SECOND", "1000000"),
            ("SNAPLARK_USER_DAY_UPLOADS", "none"),
            ("SNAPLARK_FFMPEG", "no-ffmpeg-here"),
        ],
    );
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Command::new(tool("schemathesis"))
        .arg("--config-file")
        .arg(here.join("tests/schemathesis.toml"))
        .args(["--no-color", "run"])
        .arg(here.join("../../docs/openapi.json"))
        .args(["--url", &running.url, "--header", &format!("Authorization: Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1"])
        .args(["--max-time", &seconds, "--warnings", "off"])
        // It keeps what it found before.
        .current_dir(folder.path())
        .output()
        .unwrap();
    running.kill();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    let cases = said.lines().find(|line| line.contains(" generated")).expect(&said);
    println!("schemathesis: {}", cases.trim());
}

/// Where `cargo xtask` puts it, or where the person has it.
fn tool(name: &str) -> PathBuf {
    let target = Path::new(PROGRAM).ancestors().nth(2).unwrap();
    let ours = target.join("tools/bin").join(name);
    if ours.exists() { ours } else { PathBuf::from(name) }
}

#[tokio::test]
async fn no_address_takes_another_method_than_the_document_says() {
    let server = Server::start().await;
    let walk = Walk::start(&server).await;
    for (template, operations) in walk.document["paths"].as_object().unwrap() {
        for method in METHODS {
            let path = fill(template, &Uuid::nil().to_string());
            let sent = walk.request(method, &path).bearer_auth("wrong").send().await.unwrap();
            let is_refused = sent.status().as_u16() == 405;
            let is_known = operations.get(method).is_some();
            assert_ne!(is_refused, is_known, "{method} {template}: {}", sent.status());
        }
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_gets_401_where_the_document_says_so() {
    let server = Server::start().await;
    let mut walk = Walk::start(&server).await;
    for (template, operations) in walk.document["paths"].as_object().unwrap().clone() {
        for (method, operation) in operations.as_object().unwrap() {
            let is_open = operation["security"] == json!([]);
            let has_401 = operation["responses"].get("401").is_some();
            assert_ne!(is_open, has_401, "{method} {template}");
            if has_401 {
                let path = fill(&template, &Uuid::nil().to_string());
                let path = format!("{path}?fileName=f&contentType=video/mp4&uploadId=x");
                let request = walk.request(method, &path).bearer_auth(&walk.stranger.token);
                walk.hold(method, &template, 401, request).await;
                // A good token, for something else.
                let scopes =
                    if method == "delete" || method == "patch" { "read" } else { "account" };
                let token = server.cloud.issue_scoped_token("c@example.com", scopes).await.unwrap();
                let request = walk.request(method, &path).bearer_auth(token);
                walk.hold(method, &template, 403, request).await;
            }
        }
    }
}

#[tokio::test]
async fn every_answer_is_the_documents() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let mut walk = Walk::start(&server).await;
    for (template, operations) in walk.document["paths"].as_object().unwrap().clone() {
        for method in operations.as_object().unwrap().keys() {
            // Both have tests of their own above.
            walk.met.insert((method.clone(), template.clone(), "401".to_owned()));
            walk.met.insert((method.clone(), template.clone(), "403".to_owned()));
            walk.met.insert((method.clone(), template.clone(), "405".to_owned()));
        }
    }
    snaplark(&mut walk, &server).await;
    screenshots(&mut walk).await;
    posters(&mut walk).await;
    storage(&mut walk, &server).await;
    walk.finish();
}

const LARGE: usize = 1024 * 1024 + 1;

async fn bodies(walk: &mut Walk, method: &str, template: &str, rest: &str) {
    let at = (method, template, rest);
    walk.ask(at, 415, |it| it.header("content-type", "text/plain").body("{}")).await;
    let large = json!({"filename": "x".repeat(LARGE)});
    walk.ask(at, 413, |it| it.json(&large)).await;
}

async fn snaplark(walk: &mut Walk, server: &Server) {
    let (init, send, end) =
        ("/api/v1/videos/init", "/api/v1/videos/chunk", "/api/v1/videos/finalize");
    let (one, unknown) = ("/api/v1/videos/{session}", Uuid::new_v4().to_string());
    walk.ask(("get", "/api/v1/capabilities", ""), 200, |it| it).await;
    walk.ask(("get", "/api/v1/openapi.json", ""), 200, |it| it).await;
    walk.ask(("get", "/api/v1/usage", ""), 200, |it| it).await;
    walk.ask(("get", "/api/v1/user", ""), 200, |it| it).await;

    walk.without_each_field(init, &init_000()).await;
    bodies(walk, "post", init, "").await;
    let mut body = init_000();
    body["recordingId"] = json!(Uuid::now_v7());
    let other = server.user("b@example.com").await;
    other.post("/videos/init", &body).await.ok();
    walk.ask(("post", init, ""), 409, |it| it.json(&body)).await;
    body["recordingId"] = json!(snaplark_api::recording_id_of(&[1; 32]));
    walk.ask(("post", init, ""), 422, |it| it.json(&body)).await;
    let opened = walk.ask(("post", init, ""), 200, |it| it.json(&init_000())).await;
    let session = opened["sessionId"].as_str().unwrap();

    let parts = synthetic(2, 100).stream();
    let form = |id: &str, bytes: &[u8]| chunk(V1, id, "0", bytes.to_vec());
    walk.ask(("post", send, ""), 400, |it| it.multipart(Form::new().text("x", "y"))).await;
    walk.ask(("post", send, ""), 404, |it| it.multipart(form(&unknown, &parts[0]))).await;
    let mut large = parts[0].clone();
    large.resize(10 * LARGE, 0);
    walk.ask(("post", send, ""), 413, |it| it.multipart(form(session, &large))).await;
    walk.ask(("post", send, ""), 415, |it| it.multipart(form(session, b"no WebM"))).await;
    walk.ask(("post", send, ""), 200, |it| it.multipart(form(session, &parts[0]))).await;

    let ask = json!({
        "sessionId": session, "totalChunks": 1, "uploadedChunks": [0], "duration": 2000,
        "metadata": {}
    });
    walk.without_each_field(end, &ask).await;
    bodies(walk, "post", end, "").await;
    let mut more = ask.clone();
    more["totalChunks"] = json!(2);
    walk.ask(("post", end, ""), 409, |it| it.json(&more)).await;
    more["sessionId"] = json!(unknown);
    walk.ask(("post", end, ""), 404, |it| it.json(&more)).await;
    walk.ask(("get", "/api/v1/videos/{session}/download", session), 409, |it| it).await;
    walk.ask(("post", end, ""), 200, |it| it.json(&ask)).await;
    let mixed = walk.user.init().await;
    walk.user.chunk(&mixed, 0, &parts[0]).await.ok();
    let foreign = crate::support::real().standalone();
    walk.user.chunk(&mixed, 1, &foreign[1]).await.ok();
    let ask = json!({
        "sessionId": mixed, "totalChunks": 2, "uploadedChunks": [0, 1], "duration": 1
    });
    walk.ask(("post", end, ""), 422, |it| it.json(&ask)).await;

    // What is told of a whole and of a damaged video.
    let film = walk.user.upload(&crate::support::real().stream()).await;
    let session = film["sessionId"].as_str().unwrap();
    wait::until_true("a picture", async || {
        walk.ask(("get", one, session), 200, |it| it).await["thumbnailUrl"].is_string()
    })
    .await;
    walk.ask(("get", one, &unknown), 404, |it| it).await;
    walk.ask(("get", "/api/v1/videos", "?limit=1"), 200, |it| it).await;
    walk.ask(("get", "/api/v1/videos", "?cursor=x"), 400, |it| it).await;
    walk.ask(("get", "/api/v1/videos", "?damaged=true"), 200, |it| it).await;
    let change = json!({
        "title": "T", "description": "D", "visibility": "password", "password": "open sesame",
        "expiresUnixMs": null, "downloads": true, "countsWatching": false
    });
    for name in change.as_object().unwrap().keys() {
        let known = &walk.document["components"]["schemas"]["ShareRequest"]["properties"];
        assert!(!known[name].is_null(), "{name}");
    }
    walk.ask(("patch", one, session), 200, |it| it.json(&change)).await;
    walk.ask(("patch", one, session), 400, |it| it.json(&json!({"visibility": "x"}))).await;
    walk.ask(("patch", one, &unknown), 404, |it| it.json(&change)).await;
    bodies(walk, "patch", one, session).await;
    pieces(walk, film["videoId"].as_str().unwrap()).await;

    let captions = "/api/v1/videos/{session}/captions";
    let vtt = |it: RequestBuilder| it.header("content-type", "text/vtt");
    walk.ask(("put", captions, session), 200, |it| vtt(it).body("WEBVTT\n")).await;
    walk.ask(("put", captions, session), 415, |it| vtt(it).body("SRT")).await;
    walk.ask(("put", captions, session), 413, |it| vtt(it).body(vec![b'x'; LARGE])).await;
    walk.ask(("put", captions, &unknown), 404, |it| vtt(it).body("WEBVTT\n")).await;
    walk.ask(("delete", captions, session), 200, |it| it).await;
    walk.ask(("delete", captions, &unknown), 404, |it| it).await;
    walk.ask(("get", "/api/v1/videos/{session}/download", session), 200, |it| it).await;
    walk.ask(("get", "/api/v1/videos/{session}/download", &unknown), 404, |it| it).await;
    walk.ask(("get", "/api/v1/videos/{session}/watching", session), 200, |it| it).await;
    walk.ask(("get", "/api/v1/videos/{session}/watching", &unknown), 404, |it| it).await;
    walk.ask(("delete", one, session), 200, |it| it).await;
    walk.ask(("delete", one, session), 404, |it| it).await;

    // A job that failed tells why, and a part that is damaged is named: `jobs`, `scrub`.
    walk.fields.get_mut("Job").unwrap().insert("error".to_owned());
    walk.fields.get_mut("Video").unwrap().insert("damagedChunks".to_owned());
    // Of a video with placeholders: `scrub`.
    walk.fields.get_mut("Video").unwrap().insert("holes".to_owned());
}

/// The list of pieces of a second version that is not finished.
async fn pieces(walk: &mut Walk, video: &str) {
    let put = "/api/v1/videos/{session}/pieces";
    let mut body = init_000();
    (body["recordingId"], body["version"]) = (json!(video), json!(2));
    let opened = walk.ask(("post", "/api/v1/videos/init", ""), 200, |it| it.json(&body)).await;
    let session = opened["sessionId"].as_str().unwrap();
    let list = |shift_ms: u64| {
        let times = json!([{"fromMs": 0, "toMs": 1_000, "atMs": 0}]);
        let chapters = json!([{"sourceMs": 0, "title": "T"}]);
        let pieces = json!([{"shiftMs": shift_ms}]);
        json!({"fromVersion": 1, "pieces": pieces, "times": times, "chapters": chapters})
    };
    let at = ("put", put, session);
    walk.ask(at, 400, |it| it.json(&json!({"fromVersion": 1}))).await;
    walk.ask(at, 415, |it| it.header("content-type", "text/plain").body("{}")).await;
    walk.ask(at, 413, |it| it.json(&json!({"pieces": "x".repeat(4 * LARGE)}))).await;
    let unknown = Uuid::new_v4().to_string();
    walk.ask(("put", put, &unknown), 404, |it| it.json(&list(0))).await;
    let set = walk.ask(at, 200, |it| it.json(&list(0))).await;
    assert_eq!(set["missingChunks"], json!([0]));
    walk.ask(at, 409, |it| it.json(&list(1))).await;
}

async fn screenshots(walk: &mut Walk) {
    for (send, field) in [("screenshots/upload", "file"), ("media/upload", "capture")] {
        screenshot(walk, &format!("/api/v1/{send}"), field).await;
    }
}

async fn screenshot(walk: &mut Walk, send: &str, field: &'static str) {
    let one = "/api/v1/screenshots/{id}";
    let form = |bytes: Vec<u8>| Form::new().part(field, Part::bytes(bytes).file_name("a.png"));
    let png = picture("png");
    let cut = png[..20].to_vec();
    walk.ask(("post", send, ""), 400, |it| it.multipart(Form::new().text("x", "y"))).await;
    walk.ask(("post", send, ""), 413, |it| it.multipart(form(vec![0; 26 * LARGE]))).await;
    walk.ask(("post", send, ""), 415, |it| it.multipart(form(b"<svg/>".to_vec()))).await;
    walk.ask(("post", send, ""), 422, |it| it.multipart(form(cut))).await;
    let sent = walk.ask(("post", send, ""), 200, |it| it.multipart(form(png))).await;
    // The desktop client of seed 004 gets the key alone: screenshots/ID/image.png.
    let key = sent.as_str().and_then(|key| key.split('/').nth(1));
    let id = key.or(sent["id"].as_str()).unwrap();
    // A greater version is there, and an id is no id without its secret.
    let of = |version: u32| {
        let fields = ScreenshotFields {
            recording_id: Some(id.parse().unwrap()),
            version: Some(version),
            title: Some("Form".to_owned()),
            ..ScreenshotFields::default()
        };
        let texts = fields.texts().into_iter();
        texts.fold(form(picture("png")), |form, (name, text)| form.text(name, text))
    };
    walk.ask(("post", send, ""), 200, |it| it.multipart(of(2))).await;
    walk.ask(("post", send, ""), 409, |it| it.multipart(of(1))).await;
    walk.ask(("patch", one, id), 200, |it| it.json(&json!({"title": "T"}))).await;
    walk.ask(("patch", one, id), 400, |it| it.json(&json!({"visibility": "x"}))).await;
    bodies(walk, "patch", one, id).await;
    walk.ask(("delete", one, id), 200, |it| it).await;
    walk.ask(("delete", one, id), 404, |it| it).await;
    walk.ask(("patch", one, id), 404, |it| it.json(&json!({"title": "T"}))).await;
}

async fn posters(walk: &mut Walk) {
    let (send, end) = ("/api/poster/video/chunk", "/api/poster/video/finalize");
    let told = "/api/videos/metadata";
    let file = film("mp4");
    let form = |id: &str, bytes: Vec<u8>| chunk(OLD, id, "0", bytes);
    for send in [send, "/api/videos/chunk"] {
        walk.ask(("post", send, ""), 400, |it| it.multipart(Form::new().text("x", "y"))).await;
        let mut large = file.clone();
        large.resize(2 * LARGE, 0);
        walk.ask(("post", send, ""), 413, |it| it.multipart(form("a", large))).await;
        let program = b"MZ and more".to_vec();
        walk.ask(("post", send, ""), 415, |it| it.multipart(form("b", program))).await;
        let short = file[..100].to_vec();
        walk.ask(("post", send, ""), 200, |it| it.multipart(form("f", short))).await;
    }
    let nameless = json!({"uploadId": "f", "totalChunks": 1});
    walk.ask(("post", end, ""), 400, |it| it.json(&nameless)).await;
    let ask = |id: &str, name: &str| json!({"uploadId": id, "filename": name, "totalChunks": 1});
    walk.without_each_field(end, &ask("c", "c.mp4")).await;
    bodies(walk, "post", end, "").await;
    walk.ask(("post", end, ""), 409, |it| it.json(&ask("c", "c.mp4"))).await;
    let short = file[..200].to_vec();
    walk.ask(("post", send, ""), 200, |it| it.multipart(form("d", short))).await;
    walk.ask(("post", end, ""), 422, |it| it.json(&ask("d", "d.mp4"))).await;
    // Longer than one chunk may be: two.
    for (index, bytes) in file.chunks(file.len() / 2 + 1).enumerate() {
        let form = Form::new()
            .text("uploadId", "e")
            .text("chunkIndex", index.to_string())
            .text("totalChunks", "2")
            .part("chunk", Part::bytes(bytes.to_vec()).file_name("chunk"));
        walk.ask(("post", send, ""), 200, |it| it.multipart(form)).await;
    }
    let two = json!({"uploadId": "e", "filename": "e.mp4", "totalChunks": 2});
    walk.ask(("post", end, ""), 200, |it| it.json(&two)).await;
    let body = json!({"filename": "e.mp4", "title": "T", "description": "D"});
    walk.ask(("post", told, ""), 200, |it| it.json(&body)).await;
    walk.without_each_field(told, &body).await;
    bodies(walk, "post", told, "").await;
    let nothing = json!({"filename": "none.mp4", "title": "T"});
    walk.ask(("post", told, ""), 404, |it| it.json(&nothing)).await;
}

async fn storage(walk: &mut Walk, server: &Server) {
    let at = |name: &str| format!("/api/storage/{name}");
    let (init, send) = (at("init-chunked-upload"), at("upload-chunk"));
    let (end, status, test) =
        (at("complete-chunked-upload"), at("upload-status"), at("network-test"));
    let unknown = Uuid::new_v4().to_string();
    let file = film("mp4");
    let begin = json!({
        "fileName": "f.mp4", "fileSize": file.len(), "contentType": "video/mp4", "totalChunks": 1
    });
    walk.without_each_field(&init, &begin).await;
    bodies(walk, "post", &init, "").await;
    let id = walk.ask(("post", &init, ""), 200, |it| it.json(&begin)).await["uploadId"].clone();
    let id = id.as_str().unwrap();
    let other = server.user("c@example.com").await;
    let as_other =
        |it: RequestBuilder| it.header("authorization", format!("Bearer {}", other.token));

    let form = |id: &str, bytes: &[u8]| chunk(OLD, id, "0", bytes.to_vec());
    walk.ask(("post", &send, ""), 400, |it| it.multipart(Form::new().text("x", "y"))).await;
    walk.ask(("post", &send, ""), 404, |it| it.multipart(form(&unknown, &file))).await;
    walk.ask(("post", &send, ""), 415, |it| it.multipart(form(id, b"a text and nothing else")))
        .await;
    let mut large = file.clone();
    large.resize(51 * LARGE, 0);
    walk.ask(("post", &send, ""), 413, |it| it.multipart(form(id, &large))).await;
    let others = walk.request("post", &send);
    walk.hold("post", &send, 403, as_other(others).multipart(form(id, &file))).await;
    let body = json!({"uploadId": id, "fileName": "f.mp4", "contentType": "video/mp4"});
    let early = walk.ask(("post", &end, ""), 400, |it| it.json(&body)).await;
    assert_eq!(early["totalChunks"], 1);
    walk.ask(("post", &send, ""), 200, |it| it.multipart(form(id, &file))).await;
    walk.without_each_field(&end, &body).await;
    bodies(walk, "post", &end, "").await;
    let others = walk.request("post", &end);
    walk.hold("post", &end, 403, as_other(others).json(&body)).await;
    walk.ask(("post", &end, ""), 200, |it| it.json(&body)).await;
    let mut nobodys = body.clone();
    nobodys["uploadId"] = json!(unknown);
    walk.ask(("post", &end, ""), 404, |it| it.json(&nobodys)).await;
    let mut short = begin.clone();
    short["fileSize"] = json!(200);
    let cut = walk.ask(("post", &init, ""), 200, |it| it.json(&short)).await["uploadId"].clone();
    walk.ask(("post", &send, ""), 200, |it| {
        it.multipart(form(cut.as_str().unwrap(), &file[..200]))
    })
    .await;
    nobodys["uploadId"] = cut;
    walk.ask(("post", &end, ""), 422, |it| it.json(&nobodys)).await;

    walk.ask(("get", &status, &format!("?uploadId={id}")), 200, |it| it).await;
    walk.ask(("get", &status, ""), 400, |it| it).await;
    walk.ask(("get", &status, &format!("?uploadId={unknown}")), 404, |it| it).await;
    let others = walk.request("get", &format!("{status}?uploadId={id}"));
    walk.hold("get", &status, 403, as_other(others)).await;
    walk.ask(("get", &test, ""), 200, |it| it).await;
    walk.ask(("get", &test, "?size=x"), 400, |it| it).await;
    let whole = at("upload-file");
    let form =
        |bytes: &[u8]| Form::new().part("file", Part::bytes(bytes.to_vec()).file_name("f.mp4"));
    walk.ask(("post", &whole, ""), 400, |it| it.multipart(Form::new().text("x", "y"))).await;
    walk.ask(("post", &whole, ""), 415, |it| it.multipart(form(b"no video at all"))).await;
    walk.ask(("post", &whole, ""), 422, |it| it.multipart(form(&file[..200]))).await;
    walk.ask(("post", &whole, ""), 200, |it| it.multipart(form(&file))).await;
    // Half a gigabyte, as for the address of a file.
    walk.met.insert(("post".to_owned(), whole, "413".to_owned()));
    direct(walk, server, &file).await;
}

async fn direct(walk: &mut Walk, server: &Server, file: &[u8]) {
    let (ask, to) = ("/api/storage/get-direct-upload-url", "/api/storage/direct/{upload}");
    let done = "/api/storage/complete-direct-upload";
    let query = "?fileName=f.mp4&contentType=video/mp4";
    walk.ask(("get", ask, "?fileName=f"), 400, |it| it).await;
    let given = walk.ask(("get", ask, query), 200, |it| it).await;
    let body = json!({"uploadId": given["uploadId"]});
    walk.without_each_field(done, &body).await;
    bodies(walk, "post", done, "").await;
    let other = server.user("d@example.com").await;
    let others = walk.request("post", done).bearer_auth(&other.token).json(&body);
    walk.hold("post", done, 403, others).await;
    let unknown = json!({"uploadId": Uuid::new_v4()});
    walk.ask(("post", done, ""), 404, |it| it.json(&unknown)).await;

    let address = given["uploadUrl"].as_str().unwrap().to_owned();
    let put = |walk: &Walk, address: &str| walk.user.http.put(address);
    let wrong = put(walk, &address.replace("signature=", "signature=x")).body("x");
    walk.hold("put", to, 403, wrong).await;
    let sent = put(walk, &address).body(file.to_vec());
    walk.hold("put", to, 200, sent).await;
    let again = put(walk, &address).body(file.to_vec());
    walk.hold("put", to, 404, again).await;
    walk.ask(("post", done, ""), 200, |it| it.json(&body)).await;
    // Half a gigabyte (`hostile`), and what is found out later only with a bucket (`presigned`).
    walk.met.insert(("put".to_owned(), to.to_owned(), "413".to_owned()));
    walk.met.insert(("post".to_owned(), done.to_owned(), "422".to_owned()));
    for (bytes, status) in
        [(Vec::new(), 400), (b"a text and no video".to_vec(), 415), (file[..200].to_vec(), 422)]
    {
        let given = walk.ask(("get", ask, query), 200, |it| it).await;
        let sent = put(walk, given["uploadUrl"].as_str().unwrap()).body(bytes);
        walk.hold("put", to, status, sent).await;
    }
}
