//! Reads a map's bytes: each piece is opened when it is needed.

use bytes::Bytes;
use futures_util::stream::TryStreamExt;
use snaplark_cloud_data::storage::{Extent, Storage, StorageError};

use crate::media_map::{Piece, PieceSource};

/// Streams the pieces one after the other. Each is opened when it is needed.
pub fn stream_pieces<I: Iterator<Item = Piece> + Send + 'static>(
    storage: &Storage,
    pieces: I,
) -> impl futures_util::Stream<Item = Result<Bytes, StorageError>> + use<I> {
    storage
        .stream_extents(pieces.map(extent))
        .inspect_err(|error| tracing::error!(%error, "A video broke off while it was served"))
}

fn extent(Piece { source, len_bytes }: Piece) -> Extent {
    match source {
        PieceSource::Bytes(bytes) => Extent::Bytes(bytes),
        PieceSource::Object { key, offset } => {
            Extent::Object { key, range: offset..offset + len_bytes }
        }
    }
}
