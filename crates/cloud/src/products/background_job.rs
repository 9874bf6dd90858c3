//! Describes a product, and the background job that makes it.
//!
//! Each file beside this one is one product. `products` lists them, and `jobs` runs their jobs: lease,
//! heartbeat, retries and fairness are the same for every product and need nothing from it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use snaplark_cloud_data::db::{
    Assembly, Db, Finished, Lane, Lease, Measured, NewProduct, ProductName, SessionId,
};
use snaplark_cloud_data::storage::{ObjectWriter, Storage, Written};
use snaplark_formats::sniff::MediaKind;
use tokio::io::AsyncReadExt;

use super::encoder::HardwareEncoder;
use super::error::JobError;
use super::ffmpeg::{Ffmpeg, FfmpegInput, FfmpegOutput, FfmpegPlan};
use super::kind::ProductKind;
use crate::media_map::MediaMap;
use crate::pieces::stream_pieces;

const COPY_BYTES: usize = 256 * 1024;

/// When a job is enqueued.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Planned {
    /// When an upload was finalized, if the function says so.
    AtFinalize(fn(&FinalizedVideo) -> bool),
    /// When a visitor or the owner asks for it. Of all products on request, a video has one made at a
    /// time.
    OnRequest {
        /// The noun by which messages call the product: "This server can't make `noun`s".
        noun: &'static str,
    },
}

/// The facts about a video that finalize found, as far as products depend on them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalizedVideo {
    /// The kind of file that its bytes are.
    pub(crate) media: MediaKind,
    /// Whether the parts are whole clusters, so that they can be seeked without an index.
    pub(crate) assembly: Assembly,
    /// Whether the file states its own length. Recorders of browsers leave it open.
    pub(crate) states_duration: bool,
}

/// How one product is made. An implementation has no state.
pub(crate) trait BackgroundJob: Send + Sync {
    /// Returns what it makes.
    fn product(&self) -> &'static ProductKind;

    /// Returns when it is made.
    fn planned(&self) -> Planned;

    /// Returns the workers that make it.
    fn lane(&self) -> Lane;

    /// Returns whether it waits until ffmpeg is installed.
    fn needs_ffmpeg(&self) -> bool {
        true
    }

    /// Returns whether the video is served in another way once the product is there.
    fn changes_video(&self) -> bool {
        false
    }

    /// Returns whether it can begin before the upload is finished, and follows the parts as they arrive.
    fn follows_upload(&self) -> bool {
        false
    }

    /// Makes the product. The future is dropped if the worker loses the lease or stops, and everything
    /// that it started ends with it.
    fn run<'a>(&'a self, work: &'a JobInput<'a>) -> BoxFuture<'a, Result<Made, JobError>>;
}

/// A product that was written, and what making it has shown about the video.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) written: Written,
    pub(crate) measured: Option<Measured>,
}

/// The video that a job works on, and the tools for it.
#[derive(Debug)]
pub(crate) struct JobInput<'a> {
    pub(crate) product: &'static ProductKind,
    pub(crate) session: SessionId,
    /// The claim on the job, without which nothing is committed.
    pub(crate) lease: &'a Lease,
    /// `None` while parts are still arriving.
    pub(crate) finished: Option<&'a Finished>,
    pub(crate) media: MediaKind,
    /// The bytes as visitors get them. Empty while parts are still arriving.
    pub(crate) map: &'a Arc<MediaMap>,
    pub(crate) db: &'a Db,
    pub(crate) storage: &'a Storage,
    /// `None` if there is no working ffmpeg.
    pub(crate) ffmpeg: Option<&'a Ffmpeg>,
}

impl JobInput<'_> {
    /// Returns what finalize found.
    pub(crate) fn finished(&self) -> Result<&Finished, JobError> {
        self.finished.ok_or(JobError::Gone)
    }

    /// Stores a piece of the product that is still being made, in place of an earlier one of that name.
    pub(crate) async fn store_piece(&self, piece: &str, bytes: Bytes) -> Result<(), JobError> {
        let name = self.product.name.piece(piece);
        let mut writer = self.storage.product_writer(self.session.0, name.as_str());
        writer.write(bytes).await?;
        let Written { key: object_key, size_bytes, sha256 } = writer.finish().await?;
        let key = object_key.clone();
        let made = NewProduct { object_key, size_bytes, sha256, media: None, changes_video: false };
        let stored = self.db.put_piece(self.lease, &name, &made).await;
        let outdated = match &stored {
            Ok(Some(replaced)) => replaced.clone(),
            Ok(None) => Some(key),
            // It may have been committed. The sweeper deletes it if it wasn't.
            Err(_) => None,
        };
        if let Some(key) = outdated {
            self.discard(&key).await;
        }
        stored?.map(drop).ok_or(JobError::Lost)
    }

    /// Removes the pieces that were stored earlier and whose names are removed.
    pub(crate) async fn remove_pieces(
        &self,
        is_removed: impl Fn(&ProductName) -> bool,
    ) -> Result<(), JobError> {
        let pieces = self.db.pieces(self.session, &self.product.name).await?;
        let names = pieces.into_iter().map(|piece| piece.name);
        let removed: Vec<ProductName> = names.filter(is_removed).collect();
        if removed.is_empty() {
            return Ok(());
        }
        for key in self.db.remove_pieces(self.lease, &removed).await? {
            self.discard(&key).await;
        }
        Ok(())
    }

    /// Deletes an object that no row names. If that fails, the sweeper deletes it later.
    async fn discard(&self, key: &str) {
        if let Err(error) = self.storage.delete(key).await {
            tracing::warn!(%error, key, "An object that is not needed could not be deleted yet");
        }
    }

    /// Makes the product by one run of ffmpeg in the sandbox.
    pub(crate) async fn make_by_ffmpeg(&self, plan: &FfmpegPlan) -> Result<Made, JobError> {
        self.make_and_measure(plan, async |_| Ok(None)).await
    }

    /// Does the same from these bytes in place of the file.
    pub(crate) async fn make_by_ffmpeg_of(
        &self,
        plan: &FfmpegPlan,
        bytes: Bytes,
    ) -> Result<Made, JobError> {
        let out = self.run_ffmpeg_of(plan, self.product.name.as_str(), Some(bytes)).await?;
        Ok(Made { written: self.store_file(&out.file).await?, measured: None })
    }

    /// Does the same, and looks at the file before it is stored.
    pub(crate) async fn make_and_measure(
        &self,
        plan: &FfmpegPlan,
        measure: impl AsyncFnOnce(&Path) -> Result<Option<Measured>, JobError>,
    ) -> Result<Made, JobError> {
        let out = self.run_ffmpeg(plan, self.product.name.as_str()).await?;
        let measured = measure(&out.file).await?;
        Ok(Made { written: self.store_file(&out.file).await?, measured })
    }

    /// Returns the hardware that encodes H.264 here, or none: then software does.
    pub(crate) async fn hardware(&self) -> Result<Option<HardwareEncoder>, JobError> {
        let ffmpeg = self.ffmpeg.ok_or(JobError::Gone)?;
        Ok(ffmpeg.hardware().await)
    }

    /// Returns whether software should encode what this encoder has failed on, and logs it.
    pub(crate) fn needs_software(
        &self,
        encoder: Option<HardwareEncoder>,
        error: &JobError,
    ) -> bool {
        let Some(encoder) = encoder else { return false };
        let is_encoders =
            matches!(error, JobError::Ffmpeg(_) | JobError::TooLong(_) | JobError::Killed);
        if is_encoders {
            let (session, encoder) = (self.session.to_string(), encoder.name());
            tracing::warn!(session, encoder, %error, "Software encodes what hardware failed on");
        }
        is_encoders
    }

    /// Runs ffmpeg in the sandbox. `out_name` is the name of the file that it writes.
    pub(crate) async fn run_ffmpeg(
        &self,
        plan: &FfmpegPlan,
        out_name: &str,
    ) -> Result<FfmpegOutput, JobError> {
        self.run_ffmpeg_of(plan, out_name, None).await
    }

    async fn run_ffmpeg_of(
        &self,
        plan: &FfmpegPlan,
        out_name: &str,
        instead: Option<Bytes>,
    ) -> Result<FfmpegOutput, JobError> {
        let ffmpeg = self.ffmpeg.ok_or(JobError::Gone)?;
        let (storage, map, media) = (self.storage, self.map, self.media);
        ffmpeg.run(plan, &FfmpegInput { storage, map, media, instead }, out_name).await
    }

    /// Hands the whole video to `each`, piece after piece.
    pub(crate) async fn read(
        &self,
        mut each: impl FnMut(&Bytes) -> Result<(), JobError>,
    ) -> Result<(), JobError> {
        let pieces = self.map.pieces(0..self.map.len_bytes());
        let mut bytes = std::pin::pin!(stream_pieces(self.storage.clone(), pieces));
        while let Some(bytes) = bytes.next().await {
            each(&bytes?)?;
        }
        Ok(())
    }

    /// Stores a product that was made in memory.
    pub(crate) async fn store(&self, bytes: Bytes) -> Result<Written, JobError> {
        let mut writer = self.writer();
        writer.write(bytes).await?;
        Ok(writer.finish().await?)
    }

    /// Stores a file that ffmpeg has written.
    pub(crate) async fn store_file(&self, file: &Path) -> Result<Written, JobError> {
        let missing = |_| JobError::Ffmpeg("it made nothing".to_owned());
        let mut file = tokio::fs::File::open(file).await.map_err(missing)?;
        let mut writer = self.writer();
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let count = file.read(&mut buffer).await.map_err(JobError::Run)?;
            if count == 0 {
                break;
            }
            writer.write(Bytes::copy_from_slice(&buffer[..count])).await?;
        }
        Ok(writer.finish().await?)
    }

    fn writer(&self) -> ObjectWriter {
        self.storage.product_writer(self.session.0, self.product.name.as_str())
    }
}
