//! Files that survive a crash, and that only their owner may open.
//!
//! - **Durable**: a file is written as `NAME.part`, synced, renamed, and its folder synced. After a power
//!   cut it is whole under its name, or absent.
//! - **Beside a person's own files** there may be a `NAME.part` that is theirs. There a file is written under
//!   a name that nothing has.
//! - **Private**: files are created with mode 0600 and folders with 0700, whatever the umask. On Windows
//!   the folders in a user's profile are private already, so modes do nothing there.
//!
//! Store, capture, app and cloud share this module, so that neither rule is written twice.

#![warn(missing_docs, unreachable_pub)]

mod durable;
mod private;

pub use durable::{
    PART_SUFFIX, create_beside, make_beside, rename_durably, set_aside, sync_folder, write_beside,
    write_durably,
};
pub use private::{
    append, close, close_all, create, is_open_to_others, make_folder, make_new_folder, options,
};
