//! Reads a map's bytes: each piece is opened when it is needed.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use snaplark_cloud_data::storage::{Storage, StorageError};

use crate::media_map::{Piece, PieceSource};

/// Streams the pieces one after the other. Each is opened when it is needed.
pub fn stream_pieces(
    storage: Storage,
    pieces: impl Iterator<Item = Piece> + Send + 'static,
) -> impl futures_util::Stream<Item = Result<Bytes, StorageError>> {
    stream::iter(pieces)
        .then(move |piece| {
            let storage = storage.clone();
            async move { open(&storage, piece).await }
        })
        .try_flatten()
        .inspect_err(|error| tracing::error!(%error, "A video broke off while it was served"))
}

async fn open(
    storage: &Storage,
    piece: Piece,
) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
    match piece.source {
        PieceSource::Bytes(bytes) => Ok(stream::once(async { Ok(bytes) }).boxed()),
        PieceSource::Object { key, offset } => {
            storage.stream(&key, offset..offset + piece.len_bytes).await
        }
    }
}
