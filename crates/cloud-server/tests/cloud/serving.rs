//! The video as players fetch it: whole, seekable, in ranges, and while it still comes in.

use std::time::Instant;

use reqwest::{Response, StatusCode, header};
use serde_json::json;

use crate::support::{Server, User, decode, long_parts, probe, real, synthetic};

struct Watched {
    server: Server,
    user: User,
    path: String,
    bytes: Vec<u8>,
}

async fn watched(parts: &[Vec<u8>]) -> Watched {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let answer = user.upload(parts).await;
    let path = format!("/{}", answer["key"].as_str().unwrap());
    let bytes = user.bytes(&path).await;
    Watched { server, user, path, bytes }
}

impl Watched {
    async fn ask(&self, headers: &[(header::HeaderName, &str)]) -> Response {
        let mut request = self.user.http.get(format!("{}{}", self.server.url(), self.path));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn either_framing_becomes_a_seekable_video_that_decodes_without_a_complaint() {
    let recording = real();
    let stream = watched(&recording.stream()).await;
    let standalone = watched(&recording.standalone()).await;
    assert!(stream.bytes == standalone.bytes);
    decode(&stream.bytes);
    let duration: f64 = probe(&stream.bytes, "format=duration").parse().unwrap();
    assert!((5.9..6.2).contains(&duration), "{duration}");
    let streams = probe(&stream.bytes, "stream=codec_name,width,height");
    assert_eq!(streams, "vp9,320,180\nopus");
    let packets = probe(&stream.bytes, "packet=pts_time").lines().count();
    assert_eq!(packets, probe(&recording.whole(), "packet=pts_time").lines().count());
    assert!(
        snaplark_formats::webm::index(&stream.bytes).unwrap().init.unwrap().duration_ms.is_some()
    );

    // As it came, for the stream framing, is one valid WebM, too.
    let original = stream.user.bytes(&stream.path.replace("video.webm", "original.webm")).await;
    assert!(original == recording.whole());
    let original =
        standalone.user.bytes(&standalone.path.replace("video.webm", "original.webm")).await;
    assert!(original == recording.standalone().concat());
}

#[tokio::test]
async fn every_range_is_that_range_of_the_whole() {
    let recording = synthetic(5, 300);
    let video = watched(&recording.stream()).await;
    let len = video.bytes.len();
    let mut ranges = vec![(0, 0), (0, len - 1), (len - 1, len - 1), (len - 10, len + 100)];
    // Over every border between head, clusters and Cues.
    let index = snaplark_formats::webm::index(&video.bytes).unwrap();
    for cluster in &index.clusters {
        let start = cluster.offset as usize;
        ranges.extend([(start - 3, start + 3), (start, start + cluster.size as usize - 1)]);
    }
    for (first, last) in ranges {
        let response = video.ask(&[(header::RANGE, &format!("bytes={first}-{last}"))]).await;
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        let end = last.min(len - 1);
        assert_eq!(response.headers()[header::CONTENT_RANGE], format!("bytes {first}-{end}/{len}"));
        assert_eq!(response.headers()[header::CONTENT_LENGTH], (end - first + 1).to_string());
        assert!(response.bytes().await.unwrap() == video.bytes[first..=end], "{first}-{last}");
    }
    let response = video.ask(&[(header::RANGE, "bytes=-7")]).await;
    assert!(response.bytes().await.unwrap() == video.bytes[len - 7..]);
    let response = video.ask(&[(header::RANGE, &format!("bytes={len}-"))]).await;
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(response.headers()[header::CONTENT_RANGE], format!("bytes */{len}"));
}

#[tokio::test]
async fn etags_hold_ranges_together() {
    let video = watched(&synthetic(2, 300).stream()).await;
    let response = video.ask(&[]).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "video/webm");
    assert_eq!(response.headers()[header::ACCEPT_RANGES], "bytes");
    let etag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "a strong one: {etag}");
    let range = (header::RANGE, "bytes=5-9");
    let same = video.ask(&[range.clone(), (header::IF_RANGE, &etag)]).await;
    assert_eq!(same.status(), StatusCode::PARTIAL_CONTENT);
    let other = video.ask(&[range, (header::IF_RANGE, "\"other\"")]).await;
    assert_eq!(other.status(), StatusCode::OK);
    assert!(other.bytes().await.unwrap() == video.bytes);
    let known = video.ask(&[(header::IF_NONE_MATCH, &etag)]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert!(known.bytes().await.unwrap().is_empty());
    let other = watched(&synthetic(3, 300).stream()).await;
    assert_ne!(other.ask(&[]).await.headers()[header::ETAG], etag.as_str());
}

#[tokio::test]
async fn head_is_get_without_the_bytes() {
    let video = watched(&synthetic(2, 300).stream()).await;
    let url = format!("{}{}", video.server.url(), video.path);
    let response = video.user.http.head(&url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_LENGTH], video.bytes.len().to_string());
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_here_can_be_watched_while_the_rest_still_comes() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let recording = real();
    let parts = recording.stream();
    let session = user.init().await;
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let base = format!("/videos/{}", status["videoId"].as_str().unwrap());
    for index in [0, 1, 3] {
        user.chunk(&session, index, &parts[index]).await.ok();
    }
    let now = user.bytes(&format!("{base}/video.webm")).await;
    assert!(now == parts[..2].concat(), "as far as there is no gap");
    decode(&now);
    user.chunk(&session, 2, &parts[2]).await.ok();
    let later = user.bytes(&format!("{base}/video.webm")).await;
    assert!(later.starts_with(&now), "it only gets longer");
    assert!(later == parts[..4].concat());

    // And as a live player asks for it.
    let live = |after: usize| {
        let url = format!("{}{base}/live?after={after}", server.url());
        let http = user.http.clone();
        async move { http.get(url).send().await.unwrap().json::<serde_json::Value>().await.unwrap() }
    };
    let answer = live(0).await;
    assert_eq!(answer["state"], "live");
    assert_eq!(answer["parts"].as_array().unwrap().len(), 4);
    assert_eq!(live(3).await["parts"].as_array().unwrap().len(), 1);
    let mut fetched = user.bytes(&format!("{base}/live/init.webm")).await;
    assert!(fetched == recording.init);
    for index in 0..4 {
        fetched.extend(user.bytes(&format!("{base}/live/{index}")).await);
    }
    assert!(fetched == later);
    for (index, part) in parts.iter().enumerate().skip(4) {
        user.chunk(&session, index, part).await.ok();
    }
    user.finalize(&session, parts.len()).await.ok();
    assert_eq!(live(4).await["state"], "finished");
    assert_eq!(live(4).await["parts"].as_array().unwrap().len(), parts.len() - 4);
}

#[tokio::test]
async fn several_segments_in_a_part_are_told_apart() {
    let recording = real();
    let grouped: Vec<_> = recording.stream().chunks(4).map(<[Vec<u8>]>::concat).collect();
    assert!(grouped.len() > 1);
    let video = watched(&grouped).await;
    assert!(video.bytes == watched(&recording.stream()).await.bytes);
}

/// A long video takes no longer than a minute: nothing is copied.
#[tokio::test]
async fn finalize_takes_the_same_time_for_30_parts_and_for_many() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut took = Vec::new();
    for count in [30, long_parts()] {
        let session = user.init().await;
        let mut sends = tokio::task::JoinSet::new();
        for (index, part) in synthetic(count, 20).stream().into_iter().enumerate() {
            while sends.len() >= 8 {
                sends.join_next().await.unwrap().unwrap();
            }
            let (user, session) = (user.clone(), session.clone());
            sends.spawn(async move {
                user.chunk(&session, index, &part).await.ok();
            });
        }
        sends.join_all().await;
        let begin = Instant::now();
        let answer = user.finalize(&session, count).await.ok();
        took.push(begin.elapsed());
        let status = user.get(&format!("/videos/{session}")).await.ok();
        assert_eq!(status["durationMs"], json!(count * 2000));
        let video = user.bytes(&format!("/{}", answer["key"].as_str().unwrap())).await;
        let clusters = snaplark_formats::webm::index(&video).unwrap().clusters;
        assert_eq!(clusters.len(), count);
    }
    eprintln!("finalize: 30 parts {:?}, {} parts {:?}", took[0], long_parts(), took[1]);
    assert!(took[1] < took[0] + std::time::Duration::from_millis(1500), "{took:?}");
}
