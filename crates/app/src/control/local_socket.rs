//! The listener and the connection of the control socket, by `interprocess`: a Unix socket, or a named pipe on
//! Windows. Only the owner of the home can open either.
//!
//! - The Unix socket is in the home, whose folder has mode 0700; it has mode 0600 itself.
//! - Names of pipes are shared by all people of a computer, so somebody else could take a known one before. The
//!   pipe's name is random, therefore, and a file in the home says it. The pipe's access list names its owner alone,
//!   and its first instance is refused if the name exists.

use std::io;
use std::path::Path;

use interprocess::local_socket::ListenerOptions;
pub(super) use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::tokio::{Listener, prelude::*};

/// Begins to listen. The caller holds the store's lock, so whatever an earlier program left is its own.
pub(super) fn listen(home: &Path) -> io::Result<Listener> {
    platform::listen(home)
}

/// Waits for the next connection.
pub(super) async fn accept(listener: &Listener) -> io::Result<Stream> {
    listener.accept().await
}

/// Connects to the program that listens in that home. `NotFound` and `ConnectionRefused` mean that there is none.
pub(super) async fn connect(home: &Path) -> io::Result<Stream> {
    Stream::connect(platform::name(home)?).await
}

#[cfg(unix)]
mod platform {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use interprocess::local_socket::{GenericFilePath, Name, ToFsName as _};

    use super::{Listener, ListenerOptions, Path, io};

    fn address(home: &Path) -> PathBuf {
        home.join("control.sock")
    }

    pub(super) fn name(home: &Path) -> io::Result<Name<'static>> {
        address(home).to_fs_name::<GenericFilePath>()
    }

    pub(super) fn listen(home: &Path) -> io::Result<Listener> {
        let address = address(home);
        match std::fs::remove_file(&address) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        // The file is not removed when the listener is dropped: the next program may have made its own by then.
        let options = ListenerOptions::new().name(name(home)?).reclaim_name(false);
        let listener = options.create_tokio()?;
        // `interprocess` can't do this on macOS. Until it is done, the folder's mode keeps others out.
        std::fs::set_permissions(&address, Permissions::from_mode(0o600))?;
        Ok(listener)
    }
}

#[cfg(windows)]
mod platform {
    use std::path::PathBuf;

    use interprocess::local_socket::{GenericNamespaced, Name, ToNsName as _};
    use interprocess::os::windows::local_socket::ListenerOptionsExt as _;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    use widestring::{U16CStr, u16cstr};

    use super::{Listener, ListenerOptions, Path, io};

    /// All rights for the owner of the pipe, none for others, and nothing inherited.
    const OWNER_ALONE: &U16CStr = u16cstr!("D:P(A;;GA;;;OW)");

    /// The file with the pipe's name.
    fn address(home: &Path) -> PathBuf {
        home.join("control.pipe")
    }

    pub(super) fn name(home: &Path) -> io::Result<Name<'static>> {
        std::fs::read_to_string(address(home))?.to_ns_name::<GenericNamespaced>()
    }

    pub(super) fn listen(home: &Path) -> io::Result<Listener> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = format!("snaplark-{:032x}", u128::from_le_bytes(random));
        let listener = ListenerOptions::new()
            .name(name.clone().to_ns_name::<GenericNamespaced>()?)
            .security_descriptor(SecurityDescriptor::deserialize(OWNER_ALONE)?)
            .create_tokio()?;
        std::fs::write(address(home), name)?;
        Ok(listener)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn next_program_listens_where_the_one_before_was_killed() {
        let home = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let listener = listen(home.path()).unwrap();
            let asked = async {
                let mut stream = connect(home.path()).await.unwrap();
                stream.write_all(b"toggle").await.unwrap();
            };
            let heard = async {
                let mut bytes = [0; 6];
                accept(&listener).await.unwrap().read_exact(&mut bytes).await.unwrap();
                bytes
            };
            assert_eq!(tokio::join!(asked, heard).1, *b"toggle");
        }
    }

    #[tokio::test]
    async fn nobody_listens_in_a_home_without_a_program() {
        let home = tempfile::tempdir().unwrap();
        let kind = async || connect(home.path()).await.err().map(|error| error.kind());
        assert_eq!(kind().await, Some(io::ErrorKind::NotFound));
        drop(listen(home.path()).unwrap());
        let left = kind().await;
        let none = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        assert!(left.is_some_and(|kind| none.contains(&kind)), "{left:?}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn socket_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let home = tempfile::tempdir().unwrap();
        let _listener = listen(home.path()).unwrap();
        let mode = std::fs::metadata(home.path().join("control.sock")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}
