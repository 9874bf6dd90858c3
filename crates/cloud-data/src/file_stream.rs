//! Reads extents of files as one stream. A buffer is filled from as many files as it takes, and each is one trip to a
//! thread that may block, so that a video in thousands of small parts costs little more than one large file.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result, Seek as _, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::{self, Stream};

use crate::storage::Extent;

/// What is read at once, and about what a slow reader holds in memory.
const BUFFER_BYTES: u64 = 128 * 1024;

/// The files below a folder, and what of them is still to be read.
struct Reader<I> {
    folder: PathBuf,
    extents: I,
    current: Option<OpenExtent>,
}

/// The extent that is read now.
struct OpenExtent {
    file: File,
    left_bytes: u64,
}

/// Streams the extents one after the other. Each file is opened when it is needed.
pub(crate) fn stream(
    folder: PathBuf,
    extents: impl Iterator<Item = Extent> + Send + 'static,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let reader = Reader { folder, extents, current: None };
    stream::try_unfold(reader, |mut reader| async move {
        let read = tokio::task::spawn_blocking(move || -> Result<_> {
            let bytes = reader.fill()?;
            Ok((!bytes.is_empty()).then_some((bytes, reader)))
        });
        read.await.map_err(Error::other)?
    })
}

impl<I: Iterator<Item = Extent>> Reader<I> {
    /// Returns the next bytes, or none at the end.
    fn fill(&mut self) -> Result<Bytes> {
        let mut buffer = Vec::new();
        while (buffer.len() as u64) < BUFFER_BYTES {
            let Some(current) = &mut self.current else {
                match self.extents.next() {
                    None => break,
                    Some(Extent::Bytes(bytes)) => buffer.extend_from_slice(&bytes),
                    Some(Extent::Object { key, range }) => {
                        let mut file = File::open(self.folder.join(key))?;
                        file.seek(SeekFrom::Start(range.start))?;
                        let left_bytes = range.end.saturating_sub(range.start);
                        self.current = Some(OpenExtent { file, left_bytes });
                    }
                }
                continue;
            };
            let wanted = current.left_bytes.min(BUFFER_BYTES - buffer.len() as u64);
            buffer.reserve(usize::try_from(wanted).unwrap_or(usize::MAX));
            let read = (&current.file).take(wanted).read_to_end(&mut buffer)? as u64;
            if read < wanted {
                return Err(Error::new(
                    ErrorKind::UnexpectedEof,
                    "an object is shorter than its row says",
                ));
            }
            current.left_bytes -= read;
            if current.left_bytes == 0 {
                self.current = None;
            }
        }
        Ok(buffer.into())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    fn object(key: &str, range: std::ops::Range<u64>) -> Extent {
        Extent::Object { key: key.to_owned(), range }
    }

    #[tokio::test]
    async fn extents_of_several_files_are_read_in_order_and_in_few_buffers() {
        let folder = tempfile::tempdir().unwrap();
        let large: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
        std::fs::write(folder.path().join("large"), &large).unwrap();
        std::fs::write(folder.path().join("small"), b"0123456789").unwrap();
        let mut extents = vec![
            Extent::Bytes(Bytes::from_static(b"head")),
            object("large", 7..299_000),
            object("small", 3..3),
        ];
        extents.extend((0..1_000).map(|_| object("small", 2..5)));
        let read = stream(folder.path().to_owned(), extents.into_iter());
        let buffers: Vec<Bytes> = read.try_collect().await.unwrap();
        let want = [b"head", &large[7..299_000], "234".repeat(1_000).as_bytes()].concat();
        assert!(buffers.concat() == want);
        assert_eq!(buffers.len() as u64, (want.len() as u64).div_ceil(BUFFER_BYTES));
    }

    #[tokio::test]
    async fn file_that_is_gone_or_too_short_is_an_error_behind_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("small"), b"0123456789").unwrap();
        for (second, kind) in [
            (object("gone", 0..1), ErrorKind::NotFound),
            (object("small", 4..11), ErrorKind::UnexpectedEof),
        ] {
            let extents = [object("small", 0..10), second];
            let read = stream(folder.path().to_owned(), extents.into_iter());
            let error = read.try_collect::<Vec<Bytes>>().await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
    }
}
