//! Videos that are edited behind their link: what is kept isn't sent again, the switch is one step, links,
//! captions and chapters move along, and nothing of what was cut stays.
//!
//! Length: all of them share one film and its cuts, and each is one story.

use std::time::Duration;

use serde_json::{Value, json};
use snaplark_cloud::Limits;

use crate::backend::Backend;
use crate::browser::signed_in;
use crate::film::{
    CAPTIONS, Film, SEGMENT_MS, has, init, keep, keep_run, mark, put_captions, put_pieces, seen,
    segment, shown, silent, stored,
};
use crate::program::{Running, token};
use crate::support::{Server, User, decode};
use crate::wait;

/// Looks for bytes of what was cut in every object, row and answer.
pub async fn assert_gone(server: &Backend, user: &User, film: &Film, sessions: &[String]) {
    let cut = [mark(0), mark(3), b"SPOKEN-0".to_vec(), b"SPOKEN-2-3".to_vec()];
    let cut = [&cut[..], &[b"TITLE-0".to_vec(), b"TITLE-3".to_vec()]].concat();
    wait::until_true("what was cut to be gone from the storage", async || {
        let objects = server.contents();
        cut.iter().all(|cut| !has(&objects, cut))
    })
    .await;
    let rows = server.dump();
    for cut in &cut {
        assert!(!has(&rows, cut), "a row has {}", String::from_utf8_lossy(cut));
    }
    let mut paths = vec![film.video(), film.path()];
    for name in ["original.webm", "live", "live?after=0", "live/init.webm", "embed", "video.mp4"] {
        paths.push(format!("{}/{name}", film.path()));
    }
    for product in ["thumbnail.jpg", "preview.webp", "captions.vtt", "720.mp4", "index.json"] {
        paths.push(format!("{}/made/{product}", film.path()));
    }
    paths.extend((0..8).map(|index| format!("{}/live/{index}", film.path())));
    paths.extend((0..4).map(|version| format!("{}?v={version}", film.video())));
    for session in sessions {
        paths.push(format!("/api/v1/videos/{session}"));
        paths.push(format!("/api/v1/videos/{session}/download"));
    }
    for path in paths {
        for range in ["bytes=0-", "bytes=0-99", "bytes=-200"] {
            for (token, range) in [(false, Some(range)), (true, None)] {
                let mut request = user.http.get(format!("{}{path}", user.url));
                if let Some(range) = range {
                    request = request.header("range", range);
                }
                if token {
                    request = request.bearer_auth(&user.token);
                }
                let bytes = request.send().await.unwrap().bytes().await.unwrap();
                for cut in &cut {
                    assert!(!has(&bytes, cut), "{path}: {}", String::from_utf8_lossy(cut));
                }
            }
        }
    }
}

#[tokio::test]
async fn edit_is_shown_behind_the_same_link_and_what_was_cut_is_gone() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let can = user.get("/capabilities").await.ok();
    let videos =
        json!({"versions": true, "piecesMax": 10_000, "chaptersMax": 500, "pieceRuns": true});
    assert_eq!(can["videos"], videos);
    let film = Film::new(1);
    let first = film.publish_whole(&user).await;
    put_captions(&user, &first, CAPTIONS).await;
    let (_, headers, whole) = seen(&user, &film.video(), &[]).await;
    let old_etag = headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(shown(&whole).len(), 6);
    let (_, _, page) = seen(&user, &film.path(), &[]).await;
    assert!(has(&page, b"/video.webm?v=1\"") && has(&page, b"data-version=\"1\""));
    let sent_before = user.get("/usage").await.ok()["today"]["bytes"].clone();
    let one_stored = stored(&user).await;

    let second = film.publish_cut(&user, 2).await;
    assert_eq!(user.get("/usage").await.ok()["today"]["bytes"], sent_before, "nothing was sent");
    let (status, headers, bytes) = seen(&user, &film.video(), &[]).await;
    assert_eq!(status, 200);
    assert_eq!(shown(&bytes), [(1, 0), (2, 2_000), (4, 4_000), (5, 6_000)]);
    let told = snaplark_formats::webm::read_init(&bytes).unwrap();
    assert_eq!(told.duration_ms, Some(8_000));
    let etag = headers["etag"].to_str().unwrap().to_owned();
    assert_ne!(etag, old_etag);

    // Ranges, HEAD, and the conditions of a player that has the old version.
    let mut by_ranges = Vec::new();
    while by_ranges.len() < bytes.len() {
        let range = format!("bytes={}-{}", by_ranges.len(), by_ranges.len() + 700);
        let asked = [("range", range.as_str()), ("if-range", etag.as_str())];
        let (status, _, piece) = seen(&user, &film.video(), &asked).await;
        assert_eq!(status, 206);
        by_ranges.extend(piece);
    }
    assert!(by_ranges == bytes);
    let head = user.http.head(format!("{}{}", user.url, film.video())).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], bytes.len().to_string().as_str());
    assert_eq!(head.headers()["etag"], etag.as_str());
    let old = [("range", "bytes=100-"), ("if-range", old_etag.as_str())];
    let (status, _, piece) = seen(&user, &film.video(), &old).await;
    assert!(status == 200 && piece == bytes, "the whole new version");
    assert_eq!(seen(&user, &film.video(), &[("if-match", old_etag.as_str())]).await.0, 412);
    assert_eq!(seen(&user, &film.video(), &[("if-none-match", etag.as_str())]).await.0, 304);
    for (version, status) in [("1", 410), ("2", 200), ("3", 404), ("x", 200)] {
        let path = format!("{}?v={version}", film.video());
        assert_eq!(seen(&user, &path, &[]).await.0, status, "{version}");
    }
    // As it came is as it is shown: the parts alone have other times.
    assert!(seen(&user, &format!("{}/original.webm", film.path()), &[]).await.2 == bytes);

    // The page.
    let (_, _, page) = seen(&user, &film.path(), &[]).await;
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("data-times=\"[[2000,6000,0],[8000,12000,4000]]\""), "{page}");
    assert!(page.contains("TITLE-1") && page.contains("TITLE-4") && !page.contains("TITLE-3"));
    assert!(page.contains("href=\"?t=9\" data-seek=\"5\""), "{page}");
    let live = seen(&user, &format!("{}/live?after=4294967295", film.path()), &[]).await.2;
    let live: Value = serde_json::from_slice(&live).unwrap();
    assert_eq!((&live["version"], &live["parts"]), (&json!(2), &json!([])));
    let captions = seen(&user, &format!("{}/made/captions.vtt", film.path()), &[]).await.2;
    assert_eq!(
        String::from_utf8(captions).unwrap(),
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nSPOKEN-1\n\n00:00:04.500 --> 00:00:05.500\nSPOKEN-4\n"
    );

    assert_gone(&server.backend, &user, &film, &[first.clone(), second.clone()]).await;
    // Two copies, the part that was kept whole, and the captions.
    wait::until_true("no other object", async || server.objects() == 4).await;
    let now_stored = stored(&user).await;
    assert!(now_stored < one_stored, "{now_stored} after {one_stored}");
    user.get(&format!("/videos/{first}")).await.refused(404);
    let status = user.get(&format!("/videos/{second}")).await.ok();
    assert_eq!((&status["version"], &status["durationMs"]), (&json!(2), &json!(8_000)));
    assert_eq!(user.get("/videos").await.ok()["videos"].as_array().unwrap().len(), 1);
    let mut scrubbed = server.stop().await.start_again(|_| {}).await;
    let again = User::new(&scrubbed.url(), &user.token);
    assert!(seen(&again, &film.video(), &[]).await.2 == bytes, "after a restart");
    scrubbed = scrubbed.stop().await.start_again(|_| {}).await;
    drop(scrubbed);
}

#[tokio::test]
async fn going_back_is_another_version_with_what_is_gone_sent_again() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(2);
    film.publish_whole(&user).await;
    let whole = seen(&user, &film.video(), &[]).await.2;
    film.publish_cut(&user, 2).await;
    let edited = seen(&user, &film.video(), &[]).await.2;
    assert!(edited != whole);

    let session = film.session(&user, 3).await;
    let one = |number: usize| segment(number, number as i64 * SEGMENT_MS, 400);
    let back = json!({"fromVersion": 2, "pieces": [
        {}, keep(&one(1), 0, 0..one(1).len(), 0), keep(&one(2), 1, 0..one(2).len(), 0), {},
        keep(&film.parts[2], 2, 0..film.parts[2].len(), 0),
    ]});
    let set = put_pieces(&user, &session, &back).await.ok();
    assert_eq!(set["missingChunks"], json!([0, 3]));
    let refused = user.finalize(&session, 5).await.refused(409);
    assert_eq!(refused["missingChunks"], json!([0, 3]));
    user.chunk(&session, 0, &[init(), one(0)].concat()).await.ok();
    user.chunk(&session, 3, &one(3)).await.ok();
    user.finalize(&session, 4).await.refused(400);
    assert!(seen(&user, &film.video(), &[]).await.2 == edited, "until the switch");
    user.finalize(&session, 5).await.ok();
    assert!(seen(&user, &film.video(), &[]).await.2 == whole);
    let (_, _, page) = seen(&user, &film.path(), &[]).await;
    assert!(!has(&page, b"data-times") && !has(&page, b"class=\"chapters\""));
    wait::until_true("the objects of one version", async || server.objects() == 5).await;
}

#[tokio::test]
async fn parts_in_a_row_are_kept_by_one_piece_and_may_move_to_later_times() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(13);
    film.publish_whole(&user).await;
    let rest = &film.parts[1..];
    let session = film.session(&user, 2).await;
    let one = json!({"fromVersion": 1, "pieces": [keep_run(rest, 1, -4_000)]});
    assert_eq!(put_pieces(&user, &session, &one).await.ok()["missingChunks"], json!([]));
    user.finalize(&session, 1).await.refused(400);
    user.finalize(&session, 2).await.ok();
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(2, 0), (3, 2_000), (4, 4_000), (5, 6_000)]);
    // The next version keeps them behind something new.
    let session = film.session(&user, 3).await;
    let next = json!({"fromVersion": 2, "pieces": [{}, keep_run(rest, 0, -2_000)]});
    assert_eq!(put_pieces(&user, &session, &next).await.ok()["missingChunks"], json!([0]));
    user.chunk(&session, 0, &[init(), segment(20, 0, 400)].concat()).await.ok();
    user.finalize(&session, 3).await.ok();
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(20, 0), (2, 2_000), (3, 4_000), (4, 6_000), (5, 8_000)]);
    // Other bytes than are there: each part is asked for.
    let session = film.session(&user, 4).await;
    let mut wrong = json!({"fromVersion": 3, "pieces": [keep_run(rest, 1, 0)]});
    wrong["pieces"][0]["keep"]["sha256"] = json!("00".repeat(32));
    assert_eq!(put_pieces(&user, &session, &wrong).await.ok()["missingChunks"], json!([0, 1]));
    // Forms that are none.
    let session = film.session(&user, 5).await;
    for (field, value) in [("moreParts", json!(10_000)), ("start", json!(5))] {
        let mut wrong = json!({"fromVersion": 3, "pieces": [keep_run(rest, 1, 0)]});
        wrong["pieces"][0]["keep"][field] = value;
        put_pieces(&user, &session, &wrong).await.refused(400);
    }
    let mut many = keep_run(rest, 1, 0);
    many["keep"]["moreParts"] = json!(9_000);
    let many = json!({"fromVersion": 3, "pieces": [many.clone(), many]});
    let refused = put_pieces(&user, &session, &many).await.refused(400);
    assert!(refused["errors"]["pieces"].is_array(), "{refused}");
}

#[tokio::test]
async fn rendered_pieces_are_placed_and_the_result_plays() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film { parts: silent().stream(), ..Film::new(3) };
    film.publish_whole(&user).await;
    let count = film.parts.len();
    // Of three segments the second is rendered again: here the same bytes, which begin at zero.
    let mut rendered = silent().segments[2].clone();
    let start_ms = snaplark_formats::webm::index(&rendered).unwrap().clusters[0].start_ms;
    snaplark_formats::webm::retime(&mut rendered, 0).unwrap();
    let start = |index: usize| {
        snaplark_formats::webm::index(&film.parts[index]).unwrap().clusters[0].start_ms as i64
    };
    let shift = -start(1);
    let whole = |index: usize| keep(&film.parts[index], index, 0..film.parts[index].len(), shift);
    let pieces = vec![whole(1), json!({"shiftMs": start_ms as i64 + shift}), whole(3)];
    let session = film.session(&user, 2).await;
    let set = put_pieces(&user, &session, &json!({"fromVersion": 1, "pieces": pieces})).await.ok();
    assert_eq!(set["missingChunks"], json!([1]));
    user.chunk(&session, 1, &rendered).await.ok();
    user.finalize(&session, 3).await.ok();
    let bytes = seen(&user, &film.video(), &[]).await.2;
    decode(&bytes);
    let packets = crate::support::probe(&bytes, "packet=pts_time");
    let times: Vec<f64> =
        packets.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    assert_eq!((count, times.len()), (6, 90), "three segments of six, and every picture");
    let end = times.iter().copied().fold(0.0, f64::max);
    assert!((2.8..3.1).contains(&end), "{end}");
    let clusters = snaplark_formats::webm::index(&bytes).unwrap().clusters;
    let starts: Vec<i64> = clusters.iter().map(|it| it.start_ms as i64).collect();
    assert_eq!(starts, [0, start(2) + shift, start(3) + shift]);
}

#[tokio::test]
async fn each_request_may_be_repeated_and_a_version_never_changes() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(4);
    film.publish_whole(&user).await;
    let session = film.session(&user, 2).await;
    assert_eq!(film.session(&user, 2).await, session);
    let cut = film.cut();
    for _ in 0..2 {
        put_pieces(&user, &session, &cut).await.ok();
    }
    assert_eq!(server.objects(), 5, "the copies were made once");
    // Another publisher, who cut something else.
    let mut other = cut.clone();
    other["pieces"].as_array_mut().unwrap().pop();
    let refused = put_pieces(&user, &session, &other).await.refused(409);
    assert_eq!(refused["code"], "versionTaken");
    let answer = user.finalize(&session, 3).await.ok();
    assert_eq!(user.finalize(&session, 3).await.ok(), answer);
    assert_eq!(put_pieces(&user, &session, &cut).await.ok()["missingChunks"], json!([]));
    put_pieces(&user, &session, &other).await.refused(409);

    // Behind: what is smaller than the version that is served.
    let late = film.session(&user, 3).await;
    film.publish_from_second(&user, 4).await;
    for refused in [
        film.begin(&user, 1).await,
        film.begin(&user, 3).await,
        put_pieces(&user, &late, &cut).await,
        user.finalize(&late, 3).await,
        user.finalize(&session, 3).await,
    ] {
        assert_eq!(refused.refused(409)["code"], "newerVersion");
    }
    let other_user = server.user("b@example.com").await;
    film.begin(&other_user, 5).await.refused(409);
    put_pieces(&other_user, &session, &cut).await.refused(404);
    for version in [0, 1_000_001] {
        let refused = film.begin(&user, version).await.refused(400);
        assert!(refused["errors"]["version"].is_array(), "{refused}");
    }
}

#[tokio::test]
async fn pieces_that_the_server_lacks_are_sent() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(5);
    film.publish_whole(&user).await;
    // Other bytes than here, in a part that is kept whole and in one that isn't.
    let mut wrong = film.cut();
    for piece in [0, 2] {
        wrong["pieces"][piece]["keep"]["sha256"] = json!("00".repeat(32));
    }
    let session = film.session(&user, 2).await;
    let set = put_pieces(&user, &session, &wrong).await.ok();
    assert_eq!(set["missingChunks"], json!([0, 2]));
    // Of another version than the link shows.
    let mut other = film.cut();
    other["fromVersion"] = json!(7);
    let session = film.session(&user, 3).await;
    let set = put_pieces(&user, &session, &other).await.ok();
    assert_eq!(set["missingChunks"], json!([0, 1, 2]));
    let one = |number: usize| segment(number, number as i64 * SEGMENT_MS, 400);
    user.chunk(&session, 0, &one(1)).await.refused(415);
    user.chunk(&session, 0, &[init(), one(1)].concat()).await.ok();
    user.chunk(&session, 1, &one(2)).await.ok();
    user.chunk(&session, 2, &film.parts[2]).await.ok();
    user.finalize(&session, 3).await.ok();
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(1, 0), (2, 2_000), (4, 4_000), (5, 6_000)]);
    // Ranges that are none.
    let session = film.session(&user, 4).await;
    for (start, end, word) in [(1, 40_u64, "borders"), (0, 1_u64 << 40, "larger")] {
        let digest = "00".repeat(32);
        let range = json!({"chunkIndex": 1, "start": start, "end": end, "sha256": digest});
        let body = json!({"fromVersion": 3, "pieces": [{"keep": range}]});
        let refused = put_pieces(&user, &session, &body).await.refused(400);
        assert!(refused["errors"]["pieces.0"][0].as_str().unwrap().contains(word), "{refused}");
    }
}

#[tokio::test]
async fn part_that_rots_before_the_switch_is_sent() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(6);
    film.publish_whole(&user).await;
    let session = film.session(&user, 2).await;
    put_pieces(&user, &session, &film.cut()).await.ok();
    server.backend.rot("_chunk_2.");
    let scrubbed = snaplark_cloud::scrub(server.backend.place()).await.unwrap();
    assert_eq!(scrubbed.damages.len(), 1);
    let refused = user.finalize(&session, 3).await.refused(409);
    assert_eq!(refused["missingChunks"], json!([2]));
    user.chunk(&session, 2, &film.parts[2]).await.ok();
    user.finalize(&session, 3).await.ok();
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(1, 0), (2, 2_000), (4, 4_000), (5, 6_000)]);
    wait::until_true("the damaged one to be gone", async || server.objects() == 3).await;
}

#[tokio::test]
async fn kept_part_that_rots_is_mended_where_it_is() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(14);
    film.publish_whole(&user).await;
    let session = film.publish_cut(&user, 2).await;
    wait::until_true("three objects", async || server.objects() == 3).await;
    let whole = seen(&user, &film.video(), &[]).await.2;
    // The sweeper has marked what is kept of the first version.
    server.backend.rot("_chunk_2.");
    let scrubbed = snaplark_cloud::scrub(server.backend.place()).await.unwrap();
    let pieces: Vec<_> = scrubbed.damages.iter().map(|damage| damage.piece.as_str()).collect();
    assert_eq!((pieces, scrubbed.objects), (vec!["part 2"], 3));
    let list = user.get("/videos?damaged=true").await.ok();
    let damaged = &list["videos"][0];
    assert_eq!((&damaged["sessionId"], &damaged["damagedChunks"]), (&json!(session), &json!([2])));
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(1, 0), (2, 2_000)], "without the damaged part");
    user.chunk(&session, 2, &film.parts[1]).await.refused(400);
    user.chunk(&session, 2, &film.parts[2]).await.ok();
    assert!(seen(&user, &film.video(), &[]).await.2 == whole);
    assert!(user.get("/videos?damaged=true").await.ok()["videos"][0].is_null());
    wait::until_true("the damaged one to be gone", async || server.objects() == 3).await;
}

#[tokio::test]
async fn parts_of_several_versions_are_kept_until_no_version_names_them() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(15);
    film.publish_whole(&user).await;
    let rest = &film.parts[1..];
    let publish = async |version: u32, pieces: Value, new: &[u8], total: usize| {
        let session = film.session(&user, version).await;
        let body = json!({"fromVersion": version - 1, "pieces": pieces});
        for index in
            put_pieces(&user, &session, &body).await.ok()["missingChunks"].as_array().unwrap()
        {
            user.chunk(&session, index.as_u64().unwrap() as usize, new).await.ok();
        }
        user.finalize(&session, total).await.ok();
        session
    };
    let added = [init(), segment(20, 0, 400)].concat();
    publish(2, json!([keep_run(rest, 1, -4_000)]), &[], 2).await;
    publish(3, json!([{}, keep_run(rest, 0, -2_000)]), &added, 3).await;
    // The one that the third version has added, and the last one of the first version, at once.
    let kept = [added.clone(), film.parts[1].clone(), film.parts[2].clone()];
    let pieces = json!([keep_run(&kept[..2], 0, 0), keep(&kept[2], 2, 0..kept[2].len(), -2_000)]);
    publish(4, pieces, &[], 3).await;
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(20, 0), (2, 4_000), (3, 6_000), (4, 6_000), (5, 8_000)]);
    wait::until_true("three objects", async || server.objects() == 3).await;
    let last = keep(&kept[2], 2, 0..kept[2].len(), -8_000);
    let session = publish(5, json!([last]), &[], 1).await;
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(4, 0), (5, 2_000)]);
    wait::until_true("one object", async || server.objects() == 1).await;
    // As much counts as of a recording that never had more, but for the list.
    assert!(stored(&user).await < film.parts[2].len() as u64 + 8_000);
    user.delete(&format!("/videos/{session}")).await.ok();
    wait::until_true("nothing to be kept", async || server.objects() == 0).await;
    assert_eq!(stored(&user).await, 0);
}

#[tokio::test]
async fn viewers_read_one_version_each_while_several_are_published() {
    const VERSIONS: u32 = 6;
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(7);
    film.publish_whole(&user).await;
    let done = std::sync::atomic::AtomicBool::new(false);
    // By ranges, as a player does: each answer but the first has to be of the same version.
    let look = async {
        let mut read = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) || read == 0 {
            let (status, headers, mut bytes) =
                seen(&user, &film.video(), &[("range", "bytes=0-99")]).await;
            assert_eq!(status, 206, "there is always a video");
            let etag = headers["etag"].to_str().unwrap().to_owned();
            let total = headers["content-range"].to_str().unwrap().rsplit('/').next().unwrap();
            let total: usize = total.parse().unwrap();
            let is_whole = loop {
                if bytes.len() >= total {
                    break true;
                }
                let range = format!("bytes={}-{}", bytes.len(), bytes.len() + 999);
                let asked = [("range", range.as_str()), ("if-match", etag.as_str())];
                let request = asked.iter().fold(
                    user.http.get(format!("{}{}", user.url, film.video())),
                    |request, (name, value)| request.header(*name, *value),
                );
                let response = request.send().await.unwrap();
                if response.status() == 412 {
                    break false;
                }
                assert_eq!(response.status(), 206);
                // An answer breaks off if its object was deleted in the middle.
                match response.bytes().await {
                    Ok(piece) => bytes.extend(piece),
                    Err(_) => break false,
                }
            };
            if is_whole {
                let numbers: Vec<usize> = shown(&bytes).iter().map(|(number, _)| *number).collect();
                let all = [&[0, 1, 2, 3, 4, 5][..], &[1, 2, 4, 5], &[1, 2]];
                let sent = (2..=VERSIONS).map(|version| vec![50 + version as usize]);
                let fits =
                    all.contains(&numbers.as_slice()) || sent.into_iter().any(|it| it == numbers);
                assert!(fits, "a mixture: {numbers:?}");
                read += 1;
            }
        }
        read
    };
    let publish = async {
        film.publish_cut(&user, 2).await;
        film.publish_from_second(&user, 3).await;
        for version in 4..=VERSIONS {
            let session = film.session(&user, version).await;
            let number = 50 + version as usize;
            let part = [init(), segment(number, 0, 3_000)].concat();
            user.chunk(&session, 0, &part).await.ok();
            user.finalize(&session, 1).await.ok();
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let looked = tokio::time::timeout(Duration::from_secs(60), look);
    let (read, ()) = tokio::join!(looked, publish);
    assert!(read.unwrap() > 0);
}

#[tokio::test]
async fn greatest_of_versions_that_are_finished_at_once_is_shown() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    for round in 0..4 {
        let film = Film::new(20 + round);
        film.publish_whole(&user).await;
        let mut sessions = Vec::new();
        for version in 2..=5 {
            let session = film.session(&user, version).await;
            put_pieces(&user, &session, &film.cut()).await.ok();
            sessions.push(session);
        }
        let finished = sessions.iter().map(async |session| {
            let answer = user.finalize(session, 3).await;
            // What the first keeps of version 1, the others would have to send.
            assert!(answer.status == 200 || answer.status == 409, "{answer:?}");
            answer.status == 200
        });
        let finished = futures_util::future::join_all(finished).await;
        assert!(finished.contains(&true), "{finished:?}");
        let bytes = seen(&user, &film.video(), &[]).await.2;
        assert_eq!(shown(&bytes), [(1, 0), (2, 2_000), (4, 4_000), (5, 6_000)]);
        let greatest = finished.iter().rposition(|it| *it).unwrap() as u32 + 2;
        let path = format!("{}?v={greatest}", film.video());
        assert_eq!(seen(&user, &path, &[]).await.0, 200);
    }
}

#[tokio::test]
async fn settings_of_the_link_stay_and_hold_for_the_new_version() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(8);
    let first = film.publish_whole(&user).await;
    user.lock(&first, "open sesame").await;
    film.publish_cut(&user, 2).await;
    for path in [film.video(), format!("{}?v=2", film.video()), format!("{}?v=1", film.video())] {
        assert_eq!(seen(&user, &path, &[]).await.0, 403, "{path}");
    }
    let (status, _, page) = seen(&user, &film.path(), &[]).await;
    assert!(status == 403 && !has(&page, b"TITLE-1"));
}

#[tokio::test]
async fn deleted_video_does_not_come_back_with_a_version_that_was_on_its_way() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let film = Film::new(9);
    let first = film.publish_whole(&user).await;
    let session = film.session(&user, 2).await;
    put_pieces(&user, &session, &film.cut()).await.ok();
    let list = user.get("/videos").await.ok();
    assert_eq!(list["videos"].as_array().unwrap().len(), 1, "one video, whatever is on its way");
    user.delete(&format!("/videos/{first}")).await.ok();
    user.finalize(&session, 3).await.refused(404);
    assert_eq!(seen(&user, &film.video(), &[]).await.0, 404);
    wait::until_true("nothing to be kept", async || server.objects() == 0).await;
    assert_eq!(stored(&user).await, 0);
}

#[tokio::test]
async fn edit_fits_where_the_whole_video_was_and_is_counted_as_one() {
    let probe = Server::start().await;
    let user = probe.user("a@example.com").await;
    Film::new(10).publish_whole(&user).await;
    let taken = stored(&user).await;
    // Room for the lists, not for a second video.
    let limits = Limits { storage_bytes: Some(taken + 6_000), ..Limits::default() };
    let server = Server::with(|options| options.cloud.limits = limits).await;
    let user = server.user("a@example.com").await;
    let film = Film::new(10);
    film.publish_whole(&user).await;
    film.publish_cut(&user, 2).await;
    film.publish_from_second(&user, 3).await;
    wait::until_true("two objects", async || server.objects() == 2).await;
    // An upload that expires gives back what it had copied.
    let counted = stored(&user).await;
    let session = film.session(&user, 4).await;
    let one = segment(1, SEGMENT_MS, 400);
    let body = json!({"fromVersion": 3, "pieces": [keep(&one, 0, 0..one.len(), 0)]});
    put_pieces(&user, &session, &body).await.ok();
    user.delete(&format!("/videos/{session}")).await.ok();
    assert_eq!(stored(&user).await, counted);
    assert_eq!(seen(&user, &film.video(), &[]).await.0, 200, "the version before stays");
}

#[tokio::test]
async fn killed_after_each_request_the_old_version_or_the_new_one_is_shown_whole() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let token = token(&backend);
    let mut running = Running::start(&backend);
    let user = |running: &Running| User::new(&running.url, &token);
    let film = Film::new(11);
    let first = film.publish_whole(&user(&running)).await;
    put_captions(&user(&running), &first, CAPTIONS).await;
    let whole = seen(&user(&running), &film.video(), &[]).await.2;
    let mut session = String::new();
    for step in 0..3 {
        match step {
            0 => session = film.session(&user(&running), 2).await,
            1 => {
                put_pieces(&user(&running), &session, &film.cut()).await.ok();
            }
            _ => {
                user(&running).finalize(&session, 3).await.ok();
            }
        }
        running.kill();
        running = Running::start(&backend);
        let bytes = seen(&user(&running), &film.video(), &[]).await.2;
        match step {
            2 => assert_eq!(shown(&bytes), [(1, 0), (2, 2_000), (4, 4_000), (5, 6_000)]),
            _ => assert!(bytes == whole),
        }
    }
    assert_gone(&backend, &user(&running), &film, &[first, session]).await;
    running.kill();
}

#[tokio::test]
async fn ends_are_trimmed_in_the_library_and_nothing_is_sent() {
    let server = Server::start().await;
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    let film = Film::new(12);
    let first = film.publish_whole(&user).await;
    assert!(owner.get("/my/videos").await.html.contains("Trim…"));
    let key = owner.key("/my/videos").await;
    let trim = async |session: &str, from: &str, to: &str| {
        let fields = [("formKey", key.as_str()), ("from", from), ("to", to)];
        let seen = owner.post(&format!("/my/videos/{session}/trim"), &fields).await;
        seen.to().rsplit_once("said=").unwrap().1.to_owned()
    };
    for (from, to) in [("0", "12"), ("3", "3.5"), ("9", "2"), ("-1", "4"), ("x", "4"), ("0", "inf")]
    {
        assert_eq!(trim(&first, from, to).await, "untrimmed", "{from} {to}");
    }
    assert_eq!(trim(&first, "1", "11").await, "trimmed");
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(1, 0), (2, 2_000), (3, 4_000), (4, 6_000)]);
    assert_eq!(trim(&first, "1", "11").await, "edited", "that version is no longer there");
    wait::until_true("what was cut to be gone", async || {
        let objects = server.backend.contents();
        !has(&objects, &mark(0)) && !has(&objects, &mark(5))
    })
    .await;
    // Once more, from the version that the first trim made.
    let videos = user.get("/videos").await.ok();
    let second = videos["videos"][0]["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(trim(&second, "2", "5.9").await, "trimmed");
    let bytes = seen(&user, &film.video(), &[]).await.2;
    assert_eq!(shown(&bytes), [(2, 0)]);
    let page = String::from_utf8(seen(&user, &film.path(), &[]).await.2).unwrap();
    assert!(page.contains("data-times=\"[[4000,6000,0]]\""), "{page}");
    // Of somebody else.
    let other = signed_in(&server.url(), server.backend.place(), "b@example.com").await;
    let fields = [("formKey", other.key("/my/videos").await), ("from", "0".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let session =
        user.get("/videos").await.ok()["videos"][0]["sessionId"].as_str().unwrap().to_owned();
    let fields = [&fields[..], &[("to", "1")]].concat();
    let seen = other.post(&format!("/my/videos/{session}/trim"), &fields).await;
    assert!(seen.to().ends_with("said=gone"));
}
