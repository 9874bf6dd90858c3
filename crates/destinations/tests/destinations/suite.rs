//! The tests that every destination has to pass.

use sha2::{Digest as _, Sha256};
use snaplark_api::{KeptBytes, PiecesRequest, VersionPiece, hex, run_digest};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_destinations::fake::Faults;

use crate::rig::{Rig, bytes_of};

/// Makes a module with one test for each behaviour, for the rig that the expression makes. `items`: only of those that
/// every destination has. Without it, of those too that only servers of the API have: they see damage and show versions.
#[macro_export]
macro_rules! suite {
    ($name:ident, $rig:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::{Profile, rig};

            $crate::suite!(@videos $rig);
            $crate::suite!(@pictures $rig);
            $crate::suite!(@tests $rig,
                session_that_was_lost_is_unknown,
                repeated_part_is_confirmed_after_the_end,
                damaged_part_is_reported_and_replaced,
                title_is_changed_after_the_end,
                version_of_a_video_keeps_what_is_there_and_replaces_it_behind_its_link,
                version_keeps_parts_in_a_row_as_one_piece,
                version_that_is_not_the_newest_is_told_so,
            );
        }
    };
    // The destination keeps videos and pictures, and changes nothing of them later.
    (items $name:ident, $rig:expr) => {
        mod $name {
            use super::rig;

            $crate::suite!(@videos $rig);
            $crate::suite!(@pictures $rig);
            $crate::suite!(@tests $rig, session_that_was_lost_is_unknown,);
        }
    };
    // The destination keeps nothing but videos, as they are. The tests of what else it offers are named.
    ($name:ident, $rig:expr, videos alone $(, $more:ident)*) => {
        mod $name {
            use super::rig;

            $crate::suite!(@videos $rig);
            $crate::suite!(@tests $rig, $($more,)*);
        }
    };
    (@videos $rig:expr) => {
        $crate::suite!(@tests $rig,
            parts_become_one_item_when_they_arrive_in_any_allowed_order,
            upload_resumes_when_the_client_was_restarted,
            repeated_part_counts_once,
            part_above_the_limit_is_too_large,
            refusal_keeps_the_reason,
            signed_out_client_is_told_so_by_every_request,
            unreachable_destination_is_told_from_a_refusal,
            cut_reply_is_repaired_by_sending_again,
            second_finish_returns_the_same_link,
            finish_names_the_parts_that_are_missing,
        );
    };
    (@pictures $rig:expr) => {
        $crate::suite!(@tests $rig,
            new_version_of_a_picture_replaces_the_one_before_behind_its_link,
            picture_that_is_sent_again_is_the_same_one,
            picture_is_refused_with_the_reason_when_it_is_too_large_or_unwanted,
            picture_waits_for_a_sign_in_and_for_a_connection,
        );
    };
    (@tests $rig:expr, $($test:ident,)*) => {
        $(#[tokio::test]
        async fn $test() {
            $crate::suite::$test($rig).await;
        })*
    };
}

pub async fn parts_become_one_item_when_they_arrive_in_any_allowed_order(rig: Rig) {
    let session = rig.open_of(3).await.unwrap();
    let in_any_order = rig.destination.offers().parts_in_flight_max > 1;
    let order = if in_any_order { [2, 0, 1] } else { [0, 1, 2] };
    let mut receipts = vec![Receipt::default(); 3];
    for index in order {
        receipts[index as usize] = rig.send(&session, index).await.unwrap();
    }
    let link = rig.finish(&session, &receipts).await.unwrap();
    assert!(link.is_some_and(|link| link.starts_with("https://")), "it has a link");
    assert!(
        rig.content(&session).await == Some(rig.whole(3)),
        "its bytes are those that were sent"
    );
}

pub async fn upload_resumes_when_the_client_was_restarted(mut rig: Rig) {
    let session = rig.open().await.unwrap();
    let first = rig.send(&session, 0).await.unwrap();
    rig.restart();
    if rig.finds_sessions {
        assert_eq!(rig.open().await.unwrap(), session, "the same address, the same session");
    }
    let lists_parts = rig.destination.offers().lists_parts;
    if lists_parts {
        let received = rig.destination.received(&session).await.unwrap();
        assert_eq!(received.parts, [(0, first.clone())]);
        assert!(!received.finished);
    }
    let second = rig.send(&session, 1).await.unwrap();
    rig.finish(&session, &[first, second]).await.unwrap();
    assert!(rig.content(&session).await == Some(rig.whole(2)));
    if lists_parts {
        assert!(rig.destination.received(&session).await.unwrap().finished);
    }
}

pub async fn repeated_part_counts_once(rig: Rig) {
    let session = rig.open_of(1).await.unwrap();
    let first = rig.send(&session, 0).await.unwrap();
    assert_eq!(rig.send(&session, 0).await.unwrap(), first);
    rig.finish(&session, &[first]).await.unwrap();
    assert!(rig.content(&session).await == Some(rig.whole(1)));
}

pub async fn repeated_part_is_confirmed_after_the_end(rig: Rig) {
    let session = rig.open().await.unwrap();
    let first = rig.send(&session, 0).await.unwrap();
    rig.finish(&session, std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(rig.send(&session, 0).await.unwrap(), first);
    assert!(rig.content(&session).await == Some(rig.whole(1)));
}

pub async fn session_that_was_lost_is_unknown(rig: Rig) {
    let session = rig.open().await.unwrap();
    let receipt = rig.send(&session, 0).await.unwrap();
    rig.lose_sessions().await;
    assert_eq!(rig.send(&session, 1).await, Err(Failure::SessionUnknown));
    assert_eq!(rig.finish(&session, &[receipt]).await, Err(Failure::SessionUnknown));
    assert_eq!(rig.destination.received(&session).await, Err(Failure::SessionUnknown));
    rig.open().await.unwrap();
}

pub async fn part_above_the_limit_is_too_large(rig: Rig) {
    let session = rig.open().await.unwrap();
    rig.server.set_faults(Faults { part_bytes_max: Some(1_000), ..Faults::default() });
    assert_eq!(rig.send(&session, 0).await, Err(Failure::PartTooLarge));
}

pub async fn refusal_keeps_the_reason(rig: Rig) {
    rig.server.set_faults(Faults { refuses: true, ..Faults::default() });
    // Where opening is no request, the first part is refused.
    let failure = match rig.open().await {
        Ok(session) => rig.send(&session, 0).await.unwrap_err(),
        Err(failure) => failure,
    };
    assert!(
        matches!(&failure, Failure::Refused { detail } if detail.contains("no space left")),
        "{failure:?}"
    );
}

pub async fn signed_out_client_is_told_so_by_every_request(rig: Rig) {
    let session = rig.open().await.unwrap();
    rig.server.set_faults(Faults { is_signed_out: true, ..Faults::default() });
    let destination = &rig.destination;
    let offers = destination.offers();
    if rig.opens_by_request {
        assert_eq!(rig.open().await, Err(Failure::SignedOut));
    }
    assert_eq!(rig.send(&session, 0).await, Err(Failure::SignedOut));
    assert_eq!(rig.finish(&session, &[]).await, Err(Failure::SignedOut));
    if offers.lists_parts {
        assert_eq!(destination.received(&session).await, Err(Failure::SignedOut));
    }
    if offers.reports_damage {
        assert_eq!(destination.damaged().await, Err(Failure::SignedOut));
    }
    if offers.takes_titles {
        assert_eq!(destination.rename(&session, "t").await, Err(Failure::SignedOut));
    }
    rig.server.set_faults(Faults::default());
    rig.send(&session, 0).await.expect("the session outlives a sign-out");
}

pub async fn unreachable_destination_is_told_from_a_refusal(rig: Rig) {
    assert!(matches!(rig.destination.probe().await, ProbeVerdict::Online { .. }));
    let session = rig.open().await.unwrap();
    rig.go_offline();
    let probed = rig.destination.probe().await;
    assert!(matches!(probed, ProbeVerdict::Offline { .. }), "{probed:?}");
    let mut failures = vec![
        rig.send(&session, 0).await.unwrap_err(),
        rig.finish(&session, &[]).await.unwrap_err(),
    ];
    if rig.opens_by_request {
        failures.push(rig.open().await.unwrap_err());
    }
    for failure in failures {
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
    }
}

pub async fn cut_reply_is_repaired_by_sending_again(rig: Rig) {
    let cut = || rig.server.set_faults(Faults { replies_cut: 1, ..Faults::default() });
    let is_lost = |failure: Failure| {
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
    };
    if rig.opens_by_request {
        cut();
        is_lost(rig.open_of(1).await.unwrap_err());
    }
    let session = rig.open_of(1).await.unwrap();
    cut();
    is_lost(rig.send(&session, 0).await.unwrap_err());
    let receipt = rig.send(&session, 0).await.unwrap();
    cut();
    is_lost(rig.finish(&session, std::slice::from_ref(&receipt)).await.unwrap_err());
    assert!(rig.finish(&session, &[receipt]).await.unwrap().is_some());
    assert_eq!(rig.completed().await, 1, "one item, not two");
    assert!(rig.content(&session).await == Some(rig.whole(1)));
}

pub async fn second_finish_returns_the_same_link(rig: Rig) {
    let (session, receipts) = finished(&rig).await;
    let link = rig.finish(&session, &receipts).await.unwrap();
    assert!(link.is_some());
    assert_eq!(rig.finish(&session, &receipts).await.unwrap(), link);
}

pub async fn finish_names_the_parts_that_are_missing(rig: Rig) {
    let session = rig.open_of(3).await.unwrap();
    let first = rig.send(&session, 0).await.unwrap();
    let receipts = [first, Receipt::default(), Receipt::default()];
    let failure = rig.finish(&session, &receipts).await;
    assert_eq!(failure, Err(Failure::PartsMissing { indices: vec![1, 2] }));
    assert_eq!(rig.content(&session).await, None, "nothing is completed with a gap");
}

pub async fn damaged_part_is_reported_and_replaced(rig: Rig) {
    let (session, receipts) = finished(&rig).await;
    assert_eq!(rig.destination.damaged().await.unwrap(), []);
    rig.server.damage(&session, 1);
    assert_eq!(rig.destination.damaged().await.unwrap(), [(session.clone(), vec![1])]);
    let received = rig.destination.received(&session).await.unwrap();
    assert_eq!(received.parts, [(0, receipts[0].clone())]);
    rig.send(&session, 1).await.unwrap();
    assert_eq!(rig.destination.damaged().await.unwrap(), []);
}

pub async fn title_is_changed_after_the_end(rig: Rig) {
    let (session, _) = finished(&rig).await;
    rig.destination.rename(&session, "Monday").await.unwrap();
    assert_eq!(rig.server.title(&session).as_deref(), Some("Monday"));
    let gone = SessionId("gone".into());
    rig.destination.rename(&gone, "Tuesday").await.expect("a retry would change nothing");
}

/// Returns a version of three pieces: the second part of version 1, something new, and bytes that nobody has.
fn pieces() -> PiecesRequest {
    let kept = |bytes: &[u8]| KeptBytes {
        chunk_index: 1,
        start: 0,
        end: bytes.len() as u64,
        sha256: hex(&Sha256::digest(bytes)),
        more_parts: 0,
    };
    let piece = |keep| VersionPiece { keep, shift_ms: 0 };
    let pieces =
        vec![piece(Some(kept(&bytes_of(1)))), piece(None), piece(Some(kept(&bytes_of(9))))];
    PiecesRequest { from_version: 1, pieces, ..PiecesRequest::default() }
}

pub async fn version_of_a_video_keeps_what_is_there_and_replaces_it_behind_its_link(rig: Rig) {
    rig.destination.probe().await;
    let (first, receipts) = finished(&rig).await;
    let link = rig.finish(&first, &receipts).await.unwrap();
    let session = rig.open_version(2).await.unwrap();
    assert_ne!(session, first, "each version is an upload of its own");
    let missing = rig.destination.list_pieces(&session, &pieces()).await;
    assert_eq!(missing, Ok(vec![1, 2]), "what it has is not sent");
    let again = rig.destination.list_pieces(&session, &pieces()).await;
    assert_eq!(again, Ok(vec![1, 2]), "the same list, the same answer");
    rig.send(&session, 1).await.unwrap();
    assert_eq!(rig.destination.list_pieces(&session, &pieces()).await, Ok(vec![2]));
    rig.send(&session, 2).await.unwrap();
    let parts = rig.destination.received(&session).await.unwrap().parts;
    let receipts: Vec<Receipt> = parts.into_iter().map(|(_, receipt)| receipt).collect();
    assert_eq!(rig.finish(&session, &receipts).await.unwrap(), link, "behind the same link");
    let shown = [bytes_of(1), bytes_of(1), bytes_of(2)].concat();
    assert!(rig.server.content(&session) == Some(shown));
    assert_eq!(rig.server.content(&first), None, "nothing of the first version is left");
}

pub async fn version_keeps_parts_in_a_row_as_one_piece(rig: Rig) {
    rig.destination.probe().await;
    let (first, _) = finished(&rig).await;
    let parts = [bytes_of(0), bytes_of(1)];
    let digests = parts.each_ref().map(|part| Sha256::digest(part).into());
    let list = |digest: [u8; 32]| {
        let keep = KeptBytes {
            chunk_index: 0,
            start: 0,
            end: parts.iter().map(|part| part.len() as u64).sum(),
            sha256: hex(&digest),
            more_parts: 1,
        };
        let pieces = vec![VersionPiece { keep: Some(keep), shift_ms: 0 }];
        PiecesRequest { from_version: 1, pieces, ..PiecesRequest::default() }
    };
    let other = rig.open_version(2).await.unwrap();
    let missing = rig.destination.list_pieces(&other, &list([0; 32])).await;
    assert_eq!(missing, Ok(vec![0, 1]), "other bytes than are there");
    let session = rig.open_version(3).await.unwrap();
    let list = list(run_digest(&digests));
    assert_eq!(rig.destination.list_pieces(&session, &list).await, Ok(Vec::new()));
    let parts = rig.destination.received(&session).await.unwrap().parts;
    let receipts: Vec<Receipt> = parts.into_iter().map(|(_, receipt)| receipt).collect();
    rig.finish(&session, &receipts).await.unwrap();
    assert!(rig.content(&session).await == Some(rig.whole(2)));
    assert_eq!(rig.server.content(&first), None, "nothing of the first version is left");
}

pub async fn version_that_is_not_the_newest_is_told_so(rig: Rig) {
    rig.destination.probe().await;
    finished(&rig).await;
    let session = rig.open_version(3).await.unwrap();
    rig.destination.list_pieces(&session, &pieces()).await.unwrap();
    let other = PiecesRequest { from_version: 2, ..pieces() };
    let taken = rig.destination.list_pieces(&session, &other).await;
    assert!(matches!(taken, Err(Failure::NewerVersion { .. })), "other pieces: {taken:?}");
    let receipts = [rig.send(&session, 0).await.unwrap(), rig.send(&session, 1).await.unwrap()];
    rig.finish(&session, &receipts).await.unwrap();
    let older = rig.open_version(2).await;
    let is_newer = matches!(older, Err(Failure::NewerVersion { served: Some(3), .. }));
    assert!(is_newer, "a greater number gets past that: {older:?}");
}

pub async fn new_version_of_a_picture_replaces_the_one_before_behind_its_link(rig: Rig) {
    // The machine probes before it sends, by which the destination knows what is taken.
    rig.destination.probe().await;
    let link = rig.send_picture(1, b"first pixels").await.unwrap();
    assert!(link.starts_with("https://"), "{link}");
    assert_eq!(rig.send_picture(2, b"second pixels").await.as_ref(), Ok(&link));
    let [picture] = &rig.pictures().await[..] else { panic!("one picture") };
    assert_eq!(picture.version, 2);
    assert_eq!(picture.bytes, b"second pixels", "nothing of the first version is left");
    assert_eq!(picture.title.as_deref(), Some("Checkout"));
    let older = rig.send_picture(1, b"first pixels").await;
    assert!(
        matches!(older, Err(Failure::NewerVersion { served: Some(2), .. })),
        "a later version gets past that: {older:?}"
    );
}

pub async fn picture_that_is_sent_again_is_the_same_one(rig: Rig) {
    rig.destination.probe().await;
    rig.server.set_faults(Faults { replies_cut: 1, ..Faults::default() });
    let lost = rig.send_picture(1, b"pixels").await.unwrap_err();
    assert!(matches!(lost, Failure::Unreachable { .. }), "{lost:?}");
    let link = rig.send_picture(1, b"pixels").await.unwrap();
    assert_eq!(rig.send_picture(1, b"pixels").await, Ok(link));
    assert_eq!(rig.pictures().await.len(), 1);
    let other = rig.send_picture(1, b"other pixels").await;
    assert!(matches!(other, Err(Failure::NewerVersion { served: Some(1), .. })), "{other:?}");
}

pub async fn picture_is_refused_with_the_reason_when_it_is_too_large_or_unwanted(rig: Rig) {
    rig.destination.probe().await;
    rig.server.set_faults(Faults { part_bytes_max: Some(3), ..Faults::default() });
    let failure = rig.send_picture(1, b"pixels").await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Refused { detail } if detail.contains("too large")),
        "{failure:?}"
    );
    rig.server.set_faults(Faults { refuses: true, ..Faults::default() });
    let failure = rig.send_picture(1, b"pixels").await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Refused { detail } if detail.contains("no space left")),
        "{failure:?}"
    );
    assert_eq!(rig.pictures().await, []);
}

pub async fn picture_waits_for_a_sign_in_and_for_a_connection(rig: Rig) {
    rig.destination.probe().await;
    rig.server.set_faults(Faults { is_signed_out: true, ..Faults::default() });
    assert_eq!(rig.send_picture(1, b"pixels").await, Err(Failure::SignedOut));
    rig.go_offline();
    let failure = rig.send_picture(1, b"pixels").await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
}

async fn finished(rig: &Rig) -> (SessionId, Vec<Receipt>) {
    let session = rig.open().await.unwrap();
    let receipts = [rig.send(&session, 0).await.unwrap(), rig.send(&session, 1).await.unwrap()];
    rig.finish(&session, &receipts).await.unwrap();
    (session, receipts.to_vec())
}
