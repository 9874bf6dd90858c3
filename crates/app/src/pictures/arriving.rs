//! Pictures on their way into the library. An editor that was prepared is open before its picture is encoded, written and
//! committed: it shows a glance of it, and whatever else it asks for waits until the picture is there.
//!
//! A glance shows what is covered later, so it is for the picture's own editor, it is in memory only, and it is dropped
//! when that editor has read the original.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use snaplark_core::ItemId;
use tokio::sync::watch;

use super::view::PictureView;

/// The PNG file of a glance. `None`: encoding it failed.
type Glance = Shared<BoxFuture<'static, Option<Arc<Vec<u8>>>>>;

/// The pictures of which editors may see a glance.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<HashMap<ItemId, Arriving>>);

struct Arriving {
    view: PictureView,
    glance: Glance,
    /// Closed when the picture is in the library, or when it is certain that it never will be.
    pending: watch::Receiver<()>,
}

/// A picture on its way into the library. Is dropped when it is there, or when adding it has failed.
#[derive(Debug)]
pub struct Arrival {
    /// Closes the channel when it is dropped.
    _pending: watch::Sender<()>,
}

impl Arrivals {
    /// Notes a picture that is going to be added, as its editor shows it until then.
    pub(super) fn begin(
        &self,
        item: ItemId,
        view: PictureView,
        glance: impl Future<Output = Option<Vec<u8>>> + Send + 'static,
    ) -> Arrival {
        let (sender, pending) = watch::channel(());
        let glance = glance.map(|png| png.map(Arc::new)).boxed().shared();
        let mut now = self.lock();
        // Pictures that are there by now, whose windows never asked for the original.
        now.retain(|_, before| before.is_pending());
        now.insert(item, Arriving { view, glance, pending });
        Arrival { _pending: sender }
    }

    /// Returns what an editor shows of a picture that isn't in the library yet.
    pub(super) fn view(&self, item: ItemId) -> Option<PictureView> {
        self.lock().get(&item).filter(|one| one.is_pending()).map(|one| one.view.clone())
    }

    /// Returns whether there is a glance at the picture.
    pub(super) fn has(&self, item: ItemId) -> bool {
        self.lock().contains_key(&item)
    }

    /// Returns the glance at a picture; `None` if there is none.
    pub(super) async fn glance(&self, item: ItemId) -> Option<Arc<Vec<u8>>> {
        let glance = self.lock().get(&item)?.glance.clone();
        glance.await
    }

    /// Waits until the picture is in the library, or never will be. Returns at once for any other.
    pub(super) async fn wait_for(&self, item: ItemId) {
        let pending = self.lock().get(&item).map(|one| one.pending.clone());
        if let Some(mut pending) = pending {
            // Nothing is ever sent.
            let _closed = pending.changed().await;
        }
    }

    /// Drops the glance at a picture whose original was read.
    pub(super) fn forget(&self, item: ItemId) {
        self.lock().remove(&item);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ItemId, Arriving>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arriving {
    fn is_pending(&self) -> bool {
        self.pending.has_changed().is_ok()
    }
}
