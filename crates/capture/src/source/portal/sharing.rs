//! Negotiates with the desktop's portal what is shared, and watches whether it still is.
//!
//! Requests that need no person time out after [`OPEN_WAIT`]; a person gets [`CONSENT_WAIT`], and the
//! caller may give up meanwhile. Afterwards the bus connection's own thread watches for two things: the
//! session's end (a person stopped it, or the compositor is gone), and the end of the portal's backend
//! program, which the portal itself does not report.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ashpd::desktop::screencast::{
    CursorMode, Screencast, SelectSourcesOptions, SourceType, Streams,
};
use ashpd::desktop::{PersistMode, ResponseError, Session};
use async_io::Timer;
use futures_util::future::select;
use futures_util::stream::StreamExt;
use snaplark_core::capture::{Abandoned, CaptureError, Permission, Source as Wanted};
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::{BusName, InterfaceName};

use crate::policy::{CONSENT_WAIT, DECLINE_TIME_MIN, OPEN_WAIT};
use crate::source::SourceRequest;

/// How often to check whether the start was abandoned.
const ABANDONED_POLL: Duration = Duration::from_millis(100);
/// The bus names of the portal's backends, one for each desktop environment.
const BACKENDS: &str = "org.freedesktop.impl.portal.desktop.";
const BACKENDS_PATH: &str = "/org/freedesktop/portal/desktop";
const SCREENCASTS: &str = "org.freedesktop.impl.portal.ScreenCast";

/// A running screen share, which ends when this is dropped.
pub(crate) struct ScreenShare {
    pub remote: OwnedFd,
    pub node: u32,
    /// The corner of what is shared, if that is a monitor.
    pub position: (i32, i32),
    /// Its width in the desktop's own units of length.
    pub logical_width: Option<i32>,
    pub permission: Option<Permission>,
    session: Arc<Session<Screencast>>,
    end: SharingEnd,
    _watch: zbus::Task<()>,
}

/// Why the sharing ended, once it did. The first error counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharingEnd(Arc<Mutex<Option<CaptureError>>>);

impl SharingEnd {
    pub(crate) fn set(&self, error: CaptureError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(crate) fn get(&self) -> Option<CaptureError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ScreenShare {
    pub(crate) fn end(&self) -> &SharingEnd {
        &self.end
    }
}

impl Drop for ScreenShare {
    fn drop(&mut self) {
        if self.end.get().is_none() {
            // Fails if the session is already closed, which is fine.
            let _ = async_io::block_on(soon(self.session.close()));
        }
    }
}

/// Asks the person what to share. With an earlier permission that is still valid, nothing is asked.
pub(crate) fn share(opening: &SourceRequest) -> Result<ScreenShare, CaptureError> {
    async_io::block_on(async {
        let bus = soon(zbus::Connection::session()).await.map_err(|error| match error {
            CaptureError::SharingRefused { reason } => {
                CaptureError::NoDisplay { reason: format!("there is no session bus ({reason})") }
            }
            other => other,
        })?;
        let portal = soon(Screencast::with_connection(bus.clone())).await?;
        let held = opening.permission.as_ref();
        match agree(&bus, &portal, opening, held).await {
            // The shared source may be gone, or a newer desktop can't read the permission.
            Err(CaptureError::SharingRefused { reason }) if held.is_some() => {
                tracing::debug!(reason, "Stored screen share permission refused");
                agree(&bus, &portal, opening, None).await
            }
            agreed => agreed,
        }
    })
}

/// Returns what can be shared here, for `probe`.
pub(crate) fn offered() -> Result<String, CaptureError> {
    async_io::block_on(async {
        let portal = soon(Screencast::new()).await?;
        let types = soon(portal.available_source_types()).await?;
        let offered = [(SourceType::Monitor, "displays"), (SourceType::Window, "windows")];
        let offered = offered.iter().filter(|(kind, _)| types.contains(*kind));
        Ok(offered.map(|(_, name)| *name).collect::<Vec<_>>().join(" and "))
    })
}

async fn agree(
    bus: &zbus::Connection,
    portal: &Screencast,
    opening: &SourceRequest,
    held: Option<&Permission>,
) -> Result<ScreenShare, CaptureError> {
    let session = Arc::new(soon(portal.create_session(Default::default())).await?);
    let end = SharingEnd::default();
    let watch = watch(bus.clone(), session.clone(), end.clone());
    let watch = bus.executor().spawn(watch, "screen sharing");
    let agreed = async {
        let streams = ask(portal, &session, opening, held).await?;
        let Some(stream) = streams.streams().first() else {
            let reason = "it gave no picture".to_owned();
            return Err(CaptureError::SharingRefused { reason });
        };
        let remote = soon(portal.open_pipe_wire_remote(&session, Default::default())).await?;
        let permission = streams.restore_token().map(|token| Permission(token.to_owned()));
        let logical_width = stream.size().map(|size| size.0);
        Ok((remote, stream.pipe_wire_node_id(), stream.position(), logical_width, permission))
    };
    match agreed.await {
        Ok((remote, node, position, logical_width, permission)) => {
            let position = position.unwrap_or_default();
            Ok(ScreenShare {
                remote,
                node,
                position,
                logical_width,
                permission,
                session,
                end,
                _watch: watch,
            })
        }
        Err(error) => {
            // Withdraws a question that is still on the screen.
            let _ = soon(session.close()).await;
            Err(error)
        }
    }
}

async fn ask(
    portal: &Screencast,
    session: &Session<Screencast>,
    opening: &SourceRequest,
    held: Option<&Permission>,
) -> Result<Streams, CaptureError> {
    let pointers = soon(portal.available_cursor_modes()).await?;
    let wanted = if opening.pointer { CursorMode::Embedded } else { CursorMode::Hidden };
    // There is no way to name a window here: the desktop's question selects one, each time.
    let (kind, persist) = match opening.wanted {
        Wanted::Window(_) => (SourceType::Window, PersistMode::DoNot),
        Wanted::Display(_) | Wanted::Region { .. } => {
            (SourceType::Monitor, PersistMode::ExplicitlyRevoked)
        }
    };
    let options = SelectSourcesOptions::default()
        .set_sources(ashpd::enumflags2::BitFlags::from(kind))
        .set_multiple(false)
        .set_cursor_mode(pointers.contains(wanted).then_some(wanted))
        .set_persist_mode(persist)
        .set_restore_token(held.map(|permission| permission.0.as_str()));
    soon(async { portal.select_sources(session, options).await?.response() }).await?;
    let asked = Instant::now();
    let answer = async {
        let started = portal.start(session, None, Default::default()).await;
        let answer = started.and_then(|request| request.response()).map_err(refused);
        answer.map_err(|error| match error {
            // A question that could not be shown is answered as if a person had closed it.
            CaptureError::Declined if asked.elapsed() < DECLINE_TIME_MIN => {
                let reason = "its question closed before anybody could answer it. See whether the \
                              desktop's portal works, and try again";
                CaptureError::SharingRefused { reason: reason.to_owned() }
            }
            other => other,
        })
    };
    first(within(CONSENT_WAIT, answer), given_up(&opening.abandoned)).await
}

pub(super) async fn given_up<T>(abandoned: &Abandoned) -> Result<T, CaptureError> {
    while !abandoned.is_set() {
        Timer::after(ABANDONED_POLL).await;
    }
    Err(CaptureError::Abandoned)
}

/// Watches for the end of the portal's backend, for a sharing that other code has negotiated and that
/// has already begun.
pub(crate) struct PortalWatch {
    end: SharingEnd,
    _task: zbus::Task<()>,
}

impl PortalWatch {
    pub(crate) fn start() -> Result<Self, CaptureError> {
        let end = SharingEnd::default();
        let (said, watch) = (end.clone(), zbus::Connection::session());
        let bus = async_io::block_on(soon(watch))?;
        let task = bus.clone().executor().spawn(
            async move {
                match lost(&bus).await {
                    Ok(error) => said.set(error),
                    Err(error) => {
                        tracing::warn!(%error, "Portal can't be watched");
                    }
                }
            },
            "scap's portal",
        );
        Ok(PortalWatch { end, _task: task })
    }

    pub(crate) fn end(&self) -> &SharingEnd {
        &self.end
    }
}

/// Stores in `end` why the sharing ended.
async fn watch(bus: zbus::Connection, session: Arc<Session<Screencast>>, end: SharingEnd) {
    match listen(&bus, &session).await {
        Ok(error) => end.set(error),
        // Then the end is noticed only when pictures stop.
        Err(error) => tracing::warn!(%error, "Screen share can't be watched"),
    }
}

async fn listen(
    bus: &zbus::Connection,
    session: &Session<Screencast>,
) -> Result<CaptureError, ashpd::Error> {
    let mut closed = pin!(session.receive_closed().await?);
    let revoked = async {
        closed.next().await;
        Ok(CaptureError::SharingRevoked)
    };
    Ok(first(revoked, lost(bus)).await?)
}

/// Waits until the portal's backend ends.
async fn lost(bus: &zbus::Connection) -> zbus::Result<CaptureError> {
    let names = DBusProxy::new(bus).await?;
    let mut changes = names.receive_name_owner_changed().await?;
    let backends = backends(bus, &names).await?;
    while let Some(change) = changes.next().await {
        let change = change.args()?;
        let name = change.name().as_str();
        if change.new_owner().is_none() && backends.iter().any(|backend| backend == name) {
            break;
        }
    }
    let reason = "the program behind the desktop's portal ended".to_owned();
    Ok(CaptureError::SharingLost { reason })
}

/// Returns the backends that are running and can share screens.
async fn backends(bus: &zbus::Connection, names: &DBusProxy<'_>) -> zbus::Result<Vec<String>> {
    let mut backends = Vec::new();
    for name in names.list_names().await? {
        if !name.as_str().starts_with(BACKENDS) {
            continue;
        }
        let destination: BusName<'_> = name.inner().clone();
        let properties =
            PropertiesProxy::builder(bus).destination(destination)?.path(BACKENDS_PATH)?;
        let properties = properties.build().await?;
        let shares = InterfaceName::from_static_str(SCREENCASTS)?;
        if properties.get(shares, "version").await.is_ok() {
            backends.push(name.to_string());
        }
    }
    Ok(backends)
}

/// Applies the timeout of requests that need no person.
pub(super) async fn soon<T, E: Into<ashpd::Error>>(
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, CaptureError> {
    within(OPEN_WAIT, async { answer.await.map_err(|error| refused(error.into())) }).await
}

pub(super) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, CaptureError>>,
) -> Result<T, CaptureError> {
    let silent = async {
        Timer::after(limit).await;
        Err(CaptureError::SharingSilent)
    };
    first(answer, silent).await
}

pub(super) async fn first<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) -> T {
    select(pin!(a), pin!(b)).await.factor_first().0
}

pub(super) fn refused(error: ashpd::Error) -> CaptureError {
    match error {
        ashpd::Error::Response(ResponseError::Cancelled) => CaptureError::Declined,
        ashpd::Error::Response(ResponseError::Other) => {
            CaptureError::SharingRefused { reason: "it gives no reason".to_owned() }
        }
        ashpd::Error::PortalNotFound(_) => CaptureError::SharingRefused {
            reason: "its portal can't do that. Install the portal of your desktop, like \
                     xdg-desktop-portal-gnome, -kde or -wlr"
                .to_owned(),
        },
        other => CaptureError::SharingRefused { reason: other.to_string() },
    }
}
