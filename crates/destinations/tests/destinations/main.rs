//! One suite that every destination passes. A new destination adds a file with its [`rig::Rig`] and one line
//! here.

#![allow(clippy::unwrap_used)]

mod bucket_server;
mod documents_server;
mod folder;
mod poster;
mod poster_server;
mod rig;
mod s3;
mod storage;
mod storage_server;
mod strict;
mod suite;

use snaplark_api::Profile;

suite!(fake, rig::fake(Profile::Spec));
suite!(fake_in_order, rig::fake(Profile::Snaplark));
suite!(spec, rig::snaplark(Profile::Spec).await);
suite!(spec_standalone, rig::snaplark(Profile::SpecStandalone).await);
suite!(snaplark, rig::snaplark(Profile::Snaplark).await);
suite!(items s3_at_seaweedfs, rig::s3(crate::bucket_server::Store::SeaweedFs).await);

/// All of it but a lost session, to which moto answers 500.
mod s3_at_moto {
    use super::bucket_server::Store;
    use super::rig;

    crate::suite!(@videos rig::s3(Store::Moto).await);
    crate::suite!(@pictures rig::s3(Store::Moto).await);
}
suite!(poster_in_suite, rig::poster().await, videos alone);
suite!(storage_in_suite, rig::storage().await, videos alone, session_that_was_lost_is_unknown);

// A folder has no versions of videos, no sign-in, and no answer that can be lost on its way. What takes their place is in
// `folder`.
mod folder_suite {
    use super::rig;

    crate::suite!(@tests rig::folder().await,
        parts_become_one_item_when_they_arrive_in_any_allowed_order,
        upload_resumes_when_the_client_was_restarted,
        repeated_part_counts_once,
        session_that_was_lost_is_unknown,
        unreachable_destination_is_told_from_a_refusal,
        second_finish_returns_the_same_link,
        finish_names_the_parts_that_are_missing,
        new_version_of_a_picture_replaces_the_one_before_behind_its_link,
    );
}
