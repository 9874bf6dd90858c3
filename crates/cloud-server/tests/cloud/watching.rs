//! How far videos are watched, and downloads that an owner has switched off.

use serde_json::{Value, json};
use snaplark_cloud::watching::WatchCounter;
use snaplark_cloud_data::db::{Upload, VideoId, WATCH_STRETCHES};
use uuid::Uuid;

use crate::browser::{Browser, signed_in};
use crate::support::{Answer, Server, User, finalize_000, http, init_000, synthetic};

/// An address that nothing but the reports of these tests comes from.
const VIEWER: &str = "203.0.113.77";
const MINUTE_MS: i64 = 60_000;

struct Video {
    owner: User,
    session: String,
    id: Uuid,
    path: String,
}

impl Video {
    async fn new(server: &Server) -> Video {
        let owner = server.user("a@example.com").await;
        let id = Uuid::now_v7();
        let session = sent(&owner, id, 1).await;
        Video { owner, session, id, path: format!("/videos/{id}") }
    }

    async fn change(&self, change: &Value) -> Answer {
        let url = format!("{}/api/v1/videos/{}", self.owner.url, self.session);
        let request = self.owner.http.patch(url).bearer_auth(&self.owner.token).json(change);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Sends a report as a page's script does. Returns its status.
    async fn report(&self, from: &str, report: &Value) -> u16 {
        let request = http().post(format!("{}{}/watched", self.owner.url, self.path));
        let request = request.header("x-forwarded-for", from).json(report);
        request.send().await.unwrap().status().as_u16()
    }

    async fn watched(&self, from: &str, version: u32, stretches: &[[u32; 2]]) {
        let report = json!({"version": version, "stretches": stretches});
        assert_eq!(self.report(from, &report).await, 204);
    }

    async fn watching(&self) -> Value {
        self.owner.get(&format!("/videos/{}/watching", self.session)).await.ok()
    }

    async fn upload(&self, server: &Server) -> Upload {
        server.cloud.uploads().behind_link(VideoId(self.id)).await.unwrap().unwrap()
    }
}

async fn sent(owner: &User, id: Uuid, version: u32) -> String {
    let mut body = init_000();
    (body["recordingId"], body["version"]) = (json!(id), json!(version));
    let session = owner.post("/videos/init", &body).await.ok()["sessionId"].clone();
    let session = session.as_str().unwrap().to_owned();
    for (index, part) in synthetic(2, 300).stream().iter().enumerate() {
        owner.chunk(&session, index, part).await.ok();
    }
    owner.post("/videos/finalize", &finalize_000(&session, 2)).await.ok();
    session
}

async fn behind_a_proxy() -> Server {
    Server::with(|options| options.cloud.behind_proxy = true).await
}

/// The viewings, and how often some stretches were played.
fn counted(watching: &Value) -> (u64, [u64; 4]) {
    let plays = watching["plays"].as_array().unwrap();
    assert_eq!(plays.len(), WATCH_STRETCHES);
    let at = |stretch: usize| plays[stretch].as_u64().unwrap();
    (watching["viewings"].as_u64().unwrap(), [at(0), at(10), at(50), at(99)])
}

#[tokio::test]
async fn watching_is_counted_only_while_the_owner_wants_it_and_never_for_the_owner() {
    let server = behind_a_proxy().await;
    let video = Video::new(&server).await;
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let guest = Browser::new(&server.url());
    video.watched(VIEWER, 1, &[[0, 100]]).await;
    let off = video.watching().await;
    assert_eq!((counted(&off), &off["countsWatching"]), ((0, [0; 4]), &json!(false)));
    assert!(!guest.get(&video.path).await.html.contains("data-stretches"));
    assert!(!owner.get(&video.path).await.html.contains("How far it is watched"));

    assert_eq!(video.change(&json!({"countsWatching": true})).await.ok()["countsWatching"], true);
    let page = guest.get(&video.path).await.html;
    assert!(page.contains("data-stretches=\"100\"") && page.contains("watching is counted"));
    assert!(!page.contains("How far it is watched"), "{page}");
    video.watched(VIEWER, 1, &[[0, 11]]).await;
    video.watched(VIEWER, 1, &[[5, 51]]).await;
    video.watched("203.0.113.78", 1, &[[0, 5], [99, 100]]).await;
    assert_eq!(counted(&video.watching().await), (2, [2, 1, 1, 1]));
    // Half an hour later it is another viewing, whoever it is.
    server.pass_ms(31 * MINUTE_MS);
    video.watched(VIEWER, 1, &[[0, 1]]).await;
    assert_eq!(counted(&video.watching().await), (3, [3, 1, 1, 1]));

    let request = http().post(format!("{}{}/watched", server.url(), video.path));
    let report = json!({"version": 1, "stretches": [[0, 100]]});
    assert_eq!(owner.see(request.json(&report)).await.status, 204);
    assert_eq!(counted(&video.watching().await).0, 3, "the owner's own visits");
    let page = owner.get(&video.path).await.html;
    assert!(page.contains("Watched 3 times") && !page.contains("data-stretches"), "{page}");

    video.change(&json!({"countsWatching": false})).await.ok();
    video.change(&json!({"countsWatching": true})).await.ok();
    assert_eq!(counted(&video.watching().await), (0, [0; 4]), "switched off, it is deleted");
}

#[tokio::test]
async fn reports_of_strangers_change_nothing_else() {
    let server = behind_a_proxy().await;
    let video = Video::new(&server).await;
    video.change(&json!({"countsWatching": true})).await.ok();
    for wrong in [
        json!([]),
        json!({}),
        json!({"version": 1}),
        json!({"version": 1, "stretches": [[0]]}),
        json!({"version": 1, "stretches": [[-1, 4]]}),
        json!({"version": 1, "stretches": vec![[0, 1]; 101]}),
    ] {
        assert_eq!(video.report(VIEWER, &wrong).await, 400, "{wrong}");
    }
    for nothing in [
        json!({"version": 2, "stretches": [[0, 100]]}),
        json!({"version": 1, "stretches": []}),
        json!({"version": 1, "stretches": [[7, 7], [9, 3], [100, 4_000_000_000_u32]]}),
    ] {
        assert_eq!(video.report(VIEWER, &nothing).await, 204, "{nothing}");
    }
    assert_eq!(counted(&video.watching().await), (0, [0; 4]));
    let unknown = Video { path: format!("/videos/{}", Uuid::now_v7()), ..video };
    unknown.watched(VIEWER, 1, &[[0, 1]]).await;
    // Whoever may not see it isn't counted.
    let video = Video { path: format!("/videos/{}", unknown.id), ..unknown };
    video.change(&json!({"visibility": "members"})).await.ok();
    video.watched(VIEWER, 1, &[[0, 1]]).await;
    assert_eq!(counted(&video.watching().await), (0, [0; 4]));
}

#[tokio::test]
async fn counts_name_nobody_and_go_with_their_version_and_their_video() {
    let server = behind_a_proxy().await;
    let video = Video::new(&server).await;
    video.change(&json!({"countsWatching": true})).await.ok();
    video.watched(VIEWER, 1, &[[0, 100]]).await;
    assert_eq!(counted(&video.watching().await), (1, [1; 4]));
    if let Some(data) = &server.backend.place().data {
        let number = VIEWER.parse::<std::net::Ipv4Addr>().unwrap().octets();
        for entry in std::fs::read_dir(data).unwrap().flatten().filter(|it| it.path().is_file()) {
            let bytes = std::fs::read(entry.path()).unwrap();
            for address in [VIEWER.as_bytes(), &number] {
                let is_there = bytes.windows(address.len()).any(|it| it == address);
                assert!(!is_there, "the address is in {}", entry.path().display());
            }
        }
    }
    let counter: WatchCounter = server.cloud.uploads().watch_counter();
    let viewings = async |upload: &Upload| {
        let watching = counter.watching(upload).await.unwrap();
        assert_eq!(watching.viewings, watching.plays[0]);
        watching.viewings
    };
    let first = video.upload(&server).await;
    assert_eq!(viewings(&first).await, 1);
    let session = sent(&video.owner, video.id, 2).await;
    let video = Video { session, ..video };
    assert_eq!(viewings(&first).await, 0, "its times are not those of the new version");
    video.watched(VIEWER, 1, &[[0, 100]]).await;
    assert_eq!(counted(&video.watching().await), (0, [0; 4]), "a player of the old version");
    video.watched(VIEWER, 2, &[[0, 100]]).await;
    let second = video.upload(&server).await;
    assert_eq!(viewings(&second).await, 1);
    video.owner.delete(&format!("/videos/{}", video.session)).await.ok();
    assert_eq!(viewings(&second).await, 0);
    video.watched(VIEWER, 2, &[[0, 100]]).await;
    assert_eq!(viewings(&second).await, 0, "a player that still runs");
}

#[tokio::test]
async fn operator_decides_whether_watching_is_counted_at_all() {
    let server = Server::with(|options| options.cloud.counts_watching = false).await;
    let video = Video::new(&server).await;
    let refused = video.change(&json!({"countsWatching": true})).await.refused(400);
    assert!(refused["errors"]["countsWatching"].is_array(), "{refused}");
    video.change(&json!({"countsWatching": false})).await.ok();
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let library = owner.get("/my/videos").await.html;
    assert!(library.contains("Can download it") && !library.contains("Count how far"), "{library}");
}

#[tokio::test]
async fn owner_switches_both_in_the_library() {
    let server = Server::start().await;
    let video = Video::new(&server).await;
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let key = owner.key("/my/videos").await;
    let edit = format!("/my/videos/{}/edit", video.session);
    let status = async || {
        let status = video.owner.get(&format!("/videos/{}", video.session)).await.ok();
        (status["downloads"] == true, status["countsWatching"] == true)
    };
    assert_eq!(status().await, (true, false), "from the beginning");
    for (fields, after) in [
        (&[("switches", "downloads watching"), ("watching", "on")][..], (false, true)),
        // A form without the switches leaves them as they are.
        (&[("title", "T")], (false, true)),
        (&[("switches", "downloads watching"), ("downloads", "on")], (true, false)),
    ] {
        let fields = [&[("formKey", key.as_str()), ("visibility", "link")], fields].concat();
        assert_eq!(owner.post(&edit, &fields).await.to(), "/my/videos?said=saved");
        assert_eq!(status().await, after, "{fields:?}");
    }
}

#[tokio::test]
async fn without_downloads_the_page_offers_none_and_only_players_and_the_owner_get_bytes() {
    let server = Server::start().await;
    let video = Video::new(&server).await;
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let guest = Browser::new(&server.url());
    let downloads = ["video.webm?download", "original.webm", "made/720.mp4"];
    let statuses = async |browser: &Browser| {
        let mut statuses = Vec::new();
        for of in ["video.webm", "live/init.webm", "live/1"].iter().chain(&downloads) {
            statuses.push(browser.get(&format!("{}/{of}", video.path)).await.status);
        }
        statuses
    };
    // No ffmpeg makes an MP4 here.
    assert_eq!(statuses(&guest).await, [200, 200, 200, 200, 200, 503]);
    assert!(guest.get(&video.path).await.html.contains("?download"));
    assert_eq!(video.change(&json!({"downloads": false})).await.ok()["downloads"], false);
    assert_eq!(statuses(&guest).await, [200, 200, 200, 403, 403, 403]);
    assert_eq!(statuses(&owner).await, [200, 200, 200, 200, 200, 503]);
    for path in [video.path.clone(), format!("{}/embed", video.path)] {
        let page = guest.get(&path).await.html;
        assert!(page.contains("data-player") && !page.contains("?download"), "{page}");
    }
    assert!(owner.get(&video.path).await.html.contains("?download"));
    // An address that the owner has asked for downloads it, as it says.
    let signed = video.owner.get(&format!("/videos/{}/download", video.session)).await.ok();
    let signed = signed["url"].as_str().unwrap();
    let with = if signed.contains('?') { "&" } else { "?" };
    let answer = http().get(format!("{signed}{with}download")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    video.change(&json!({"downloads": true})).await.ok();
    assert_eq!(statuses(&guest).await, [200, 200, 200, 200, 200, 503]);
}
