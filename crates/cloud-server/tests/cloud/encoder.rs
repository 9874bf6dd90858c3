//! The choice of the encoder of H.264. No hardware is needed: a program in ffmpeg's place claims some, and is
//! ffmpeg's own software under another name, or fails.

use snaplark_cloud::products::{HardwareEncoder, Mp4Encoder};

use crate::hls::{Playlist, silent, upload};
use crate::jobs::in_ffmpegs_place;
use crate::support::Server;

/// Encodes what was meant for a graphics card by software, and leaves a mark in what it writes. `GROUP` is how many
/// pictures there are between two keyframes.
const CARD: &str = r#"case "$*" in *h264_vaapi*) ;; *) exec ffmpeg "$@" ;; esac
exec bash -c '
    for word; do
        case $word in
            -vaapi_device | -idr_interval) skip=1; continue ;;
            h264_vaapi) words+=(libx264 -preset ultrafast -sc_threshold 0 -pix_fmt yuv420p
                -metadata comment=by-the-card) ;;
            *,hwupload) words+=("${word%,format=nv12,hwupload}") ;;
            60) words+=(GROUP) ;;
            *) [ "$skip" ] || words+=("$word") ;;
        esac
        skip=
    done
    exec ffmpeg "${words[@]}"' bash "$@""#;
const MARK: &[u8] = b"by-the-card";

/// Has a stream made with this program in ffmpeg's place. Returns whether the card has encoded it.
async fn is_by_card(line: &str, choice: Mp4Encoder) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let program = in_ffmpegs_place(folder.path(), line);
    let server = Server::with(|options| {
        options.cloud.ffmpeg = program;
        options.cloud.mp4_encoder = choice;
    })
    .await;
    let user = server.user("a@example.com").await;
    let (_, path) = upload(&user, &silent().stream()).await;
    let playlist = Playlist::whole(&user, &path).await;
    let bytes = playlist.bytes(&user, &path).await;
    bytes.windows(MARK.len()).any(|it| it == MARK)
}

fn vaapi() -> Mp4Encoder {
    Mp4Encoder::Hardware(HardwareEncoder::Vaapi)
}

#[tokio::test]
async fn card_whose_trial_succeeds_encodes_unless_software_is_chosen() {
    let card = CARD.replace("GROUP", "60");
    assert!(is_by_card(&card, vaapi()).await);
    assert!(!is_by_card(&card, Mp4Encoder::Software).await);
}

#[tokio::test]
async fn software_encodes_where_the_trial_fails() {
    let fails = "case \"$*\" in *h264_vaapi*) echo 'No VA display' >&2; exit 1;; esac\n\
                 exec ffmpeg \"$@\"";
    assert!(!is_by_card(fails, vaapi()).await);
    // A card that begins its groups elsewhere makes no stream.
    assert!(!is_by_card(&CARD.replace("GROUP", "45"), vaapi()).await);
}

#[tokio::test]
async fn software_makes_the_video_that_the_card_failed_on() {
    let card = CARD.replace("GROUP", "60");
    let fails = format!(
        "case \"$*\" in *pipe:0*h264_vaapi*) echo 'device lost' >&2; exit 1;; esac\n{card}"
    );
    assert!(!is_by_card(&fails, vaapi()).await);
}
