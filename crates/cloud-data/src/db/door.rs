//! All queries of the database, dispatched to the dialect that is in use.

use std::collections::HashMap;
use std::path::Path;

use snaplark_formats::sniff::MediaKind;

#[cfg(feature = "postgres")]
use super::postgres;
use super::sqlite;
use super::{
    Admission, AuditEntry, AuditRecord, Bucket, Code, DbError, Finalization, JobStatus, Lane,
    Lease, Listing, NewMap, NewPassword, NewProduct, NewToken, NewUpload, Opened, PartOrigin,
    PartStored, Product, ProductName, SessionId, ShareChange, StoredPart, TokenId, TokenInfo,
    Totals, Upload, User, UserAdded, UserId, VideoId, VideoQuery, Watching,
};
use crate::quotas::{Limits, OwnLimits, Usage};
use crate::scopes::Scopes;

/// A database, in the dialect that is in use.
#[derive(Clone, Debug)]
pub enum Db {
    /// A file, for one server.
    Sqlite(sqlite::Pools),
    /// A server that several nodes share.
    #[cfg(feature = "postgres")]
    Postgres(postgres::Pools),
}

impl Db {
    /// Opens an SQLite file. Creates it if it is missing.
    pub async fn open(file: &Path) -> Result<Self, DbError> {
        Ok(Db::Sqlite(sqlite::Pools::open(file).await?))
    }

    /// Connects to `postgres://user:password@host/database`.
    #[cfg(feature = "postgres")]
    pub async fn connect(url: &str) -> Result<Self, DbError> {
        Ok(Db::Postgres(postgres::Pools::open(url).await?))
    }

    /// Fails: this program has no PostgreSQL.
    #[cfg(not(feature = "postgres"))]
    pub async fn connect(_: &str) -> Result<Self, DbError> {
        Err(DbError::NoPostgres)
    }

    /// Returns whether other nodes may work on the same rows.
    pub fn is_shared(&self) -> bool {
        match self {
            Db::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => true,
        }
    }

    /// Copies the database into a file. SQLite only: PostgreSQL has its own backup tools.
    pub async fn copy_into(&self, file: &Path) -> Result<(), DbError> {
        match self {
            Db::Sqlite(pools) => pools.copy_into(file).await,
            #[cfg(feature = "postgres")]
            Db::Postgres(_) => Err(DbError::NoFile),
        }
    }

    /// Waits for running queries and closes all connections.
    pub async fn close(&self) {
        match self {
            Db::Sqlite(pools) => pools.close().await,
            #[cfg(feature = "postgres")]
            Db::Postgres(pools) => pools.close().await,
        }
    }
}

/// Declares the queries. Each is documented at its SQL statement in `rows`.
macro_rules! door {
    ($(fn $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Db {
            $(#[doc = concat!("Runs the statements of `", stringify!($name), "` in `rows`, which documents them.")]
            pub async fn $name(&self, $($arg: $kind),*) -> Result<$answer, DbError> {
                match self {
                    Db::Sqlite(pools) => pools.$name($($arg),*).await,
                    #[cfg(feature = "postgres")]
                    Db::Postgres(pools) => pools.$name($($arg),*).await,
                }
            })*
        }
    };
}

door! {
    fn ping() -> ();
    fn totals() -> Totals;

    // Users, tokens, browser sessions.
    fn user_named(email: &str, now_ms: i64) -> UserId;
    fn user_by_email(email: &str) -> Option<User>;
    fn email_of(user: UserId) -> Option<String>;
    fn users_count() -> i64;
    fn set_password(email: &str, password: &str, replace: bool, now_ms: i64) -> UserAdded;
    fn change_password(user: UserId, checked: &str, new: &NewPassword<'_>, now_ms: i64) -> bool;
    fn add_reset_link(user: UserId, hash: &[u8], expires_ms: i64) -> ();
    fn user_of_reset_link(hash: &[u8], now_ms: i64) -> Option<User>;
    fn reset_password(link: &[u8], new: &NewPassword<'_>, now_ms: i64) -> Option<UserId>;
    fn uploads_count(user: UserId) -> i64;
    fn delete_account(user: UserId, checked: Option<&str>, now_ms: i64) -> bool;
    fn remove_uploads_of_deleted(now_ms: i64) -> ();
    fn add_token(new: &NewToken<'_>, now_ms: i64) -> ();
    fn use_token(hash: &[u8], now_ms: i64, idle_since_ms: i64) -> Option<(UserId, Scopes)>;
    fn revoke_token(token: TokenId) -> Option<(UserId, String)>;
    fn set_disabled(user: UserId, disabled_ms: Option<i64>) -> ();
    fn tokens(user: UserId) -> Vec<TokenInfo>;
    fn remove_token(user: UserId, token: TokenId) -> Option<String>;
    fn has_token(hash: &[u8]) -> bool;
    fn forget_token(hash: &[u8]) -> Option<(UserId, String)>;
    fn add_web_session(user: UserId, hash: &[u8], now_ms: i64, expires_ms: i64) -> ();
    fn user_of_web_session(hash: &[u8], now_ms: i64) -> Option<User>;
    fn remove_web_session(hash: &[u8]) -> Option<UserId>;
    fn add_code(hash: &[u8], code: &Code) -> ();
    fn take_code(hash: &[u8]) -> Option<Code>;
    fn note(entry: &AuditEntry<'_>, at_ms: i64) -> ();
    fn audit_entries(user: Option<UserId>, limit: u32) -> Vec<AuditRecord>;
    fn take(name: &str, bucket: Bucket, now_ms: i64) -> Admission;

    // Uploads and parts.
    fn open_upload(new: &NewUpload, limits: &Limits, now_ms: i64, idle_since_ms: i64) -> Opened;
    fn upload(session: SessionId) -> Option<Upload>;
    fn upload_of_video(video: VideoId) -> Option<Upload>;
    fn uploads_of_user(user: UserId, listing: Listing<'_>, idle_since_ms: i64) -> Vec<Upload>;
    fn shelf(user: UserId, shelf: VideoQuery<'_>, idle_since_ms: i64) -> Vec<Upload>;
    fn uploads_of_videos(user: UserId, videos: &[VideoId]) -> Vec<Upload>;
    fn complete(seen: &Upload, completion: &Finalization<'_>, now_ms: i64) -> Option<Vec<String>>;
    fn set_edit(session: SessionId, edit: &str) -> bool;
    fn edit(session: SessionId) -> Option<String>;
    fn set_layout(session: SessionId, part: &StoredPart) -> ();
    fn remove_versions(user: UserId, video: VideoId, now_ms: i64) -> ();
    fn set_media(session: SessionId, media: MediaKind) -> ();
    fn map(session: SessionId, revision: i64) -> Option<(String, Vec<u8>)>;
    fn put_map(session: SessionId, revision: i64, new: &NewMap) -> ();
    fn metadata(session: SessionId) -> String;
    fn upload_by_name(user: UserId, filename: &str) -> Option<Upload>;
    fn key(name: &str, fresh: &[u8]) -> Vec<u8>;
    fn remove(session: SessionId, now_ms: i64) -> ();
    fn put_part(session: SessionId, part: &StoredPart, origin: PartOrigin, limits: &Limits, now_ms: i64) -> PartStored;
    fn parts_from(session: SessionId, first: u32) -> Vec<StoredPart>;
    fn part(session: SessionId, index: u32) -> Option<StoredPart>;
    fn part_indices(session: SessionId) -> Vec<u32>;
    fn part_indices_of(sessions: &[SessionId]) -> HashMap<SessionId, Vec<u32>>;
    fn parts_received(session: SessionId) -> u32;

    // Usage and limits.
    fn usage(user: UserId) -> (Usage, OwnLimits);
    fn set_limits(user: UserId, own: &OwnLimits) -> ();

    // Links.
    fn change_share(user: UserId, video: VideoId, change: &ShareChange) -> ();
    fn count_view(user: UserId, video: VideoId) -> ();
    fn count_watching(session: SessionId, stretches: &[u32], begins: bool) -> ();
    fn watching(session: SessionId) -> Watching;
    fn add_share_pass(owner: UserId, video: VideoId, hash: &[u8], expires_ms: i64) -> ();
    fn has_share_pass(owner: UserId, video: VideoId, hash: &[u8], now_ms: i64) -> bool;

    // Background jobs.
    fn enqueue(session: SessionId, product: &ProductName, now_ms: i64) -> ();
    fn claim(lane: Lane, products: &[&ProductName], now_ms: i64, lease_until_ms: i64) -> Option<Lease>;
    fn keep(lease: &Lease, lease_until_ms: i64) -> bool;
    fn finish(lease: &Lease, made: &NewProduct) -> bool;
    fn put_piece(lease: &Lease, piece: &ProductName, made: &NewProduct) -> Option<Option<String>>;
    fn remove_pieces(lease: &Lease, pieces: &[ProductName]) -> Vec<String>;
    fn pieces(session: SessionId, product: &ProductName) -> Vec<Product>;
    fn pieces_count(session: SessionId, product: &ProductName, except: &ProductName) -> (usize, Option<ProductName>);
    fn drop_job(lease: &Lease) -> ();
    fn has_waiting(products: &[&ProductName]) -> bool;
    fn has_due(products: &[&ProductName], now_ms: i64) -> bool;
    fn put_product(session: SessionId, product: &ProductName, made: &NewProduct) -> Option<String>;
    fn remove_product(session: SessionId, product: &ProductName) -> Option<String>;
    fn give_up(lease: &Lease, error: &str, retry_ms: Option<i64>) -> ();
    fn jobs(session: SessionId) -> Vec<JobStatus>;
    fn product(session: SessionId, product: &ProductName) -> Option<Product>;

    // Checks of stored bytes.
    fn claim_scrub(now_ms: i64, lease_until_ms: i64) -> Option<Lease>;
    fn put_back(lease: &Lease, due_ms: i64) -> ();
    fn finished_uploads(behind: Option<SessionId>, limit: u32) -> Vec<Upload>;
    fn damaged_uploads(user: UserId, limit: u32) -> Vec<Upload>;
    fn set_damaged(session: SessionId, part: &StoredPart, damaged_ms: Option<i64>) -> bool;
    fn mend_part(session: SessionId, part: &StoredPart, object_key: &str) -> bool;
    fn products(session: SessionId) -> Vec<Product>;
    fn make_again(session: SessionId, product: &Product, now_ms: i64) -> Vec<String>;

    // Expired and removed data.
    fn dead_objects(limit: u32) -> Vec<String>;
    fn dead_objects_of(video: VideoId, limit: u32) -> Vec<String>;
    fn expire_idle(idle_since_ms: i64) -> u64;
    fn mark_all_kept() -> ();
    fn forget_objects(keys: &[String]) -> ();
    fn forget_dead_uploads(before_ms: i64, limit: u32) -> u64;
    fn has_object(key: &str) -> bool;
    fn mark(name: &str) -> Option<String>;
    fn set_mark(name: &str, value: &str) -> ();
    fn forget_over(now_ms: i64, quiet_ms: i64, audit_ms: i64, token_ms: i64) -> ();
}
