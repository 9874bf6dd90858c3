//! One suite that every destination passes. A new destination adds a file with its [`rig::Rig`] and one line
//! here.

#![allow(clippy::unwrap_used)]

mod documents_server;
mod rig;
mod suite;

use snaplark_api::Profile;

suite!(fake, rig::fake(Profile::Spec));
suite!(fake_in_order, rig::fake(Profile::Snaplark));
suite!(spec, rig::snaplark(Profile::Spec).await);
suite!(spec_standalone, rig::snaplark(Profile::SpecStandalone).await);
suite!(snaplark, rig::snaplark(Profile::Snaplark).await);
