//! A watchdog for the windows' web processes. WebKitGTK runs pages in separate processes; if one dies its
//! windows turn white, and if one hangs they stop responding. Both are reloaded here, and each page then
//! asks the app what to show.
//!
//! A page that keeps dying doesn't keep the machine busy: after `RELOADS_MAX` deaths within
//! `RELOADS_WITHIN` it is reloaded only when that time has passed.
//!
//! Only on Linux: elsewhere the system's WebView reloads its pages by itself.

use tauri::WebviewWindow;

/// Watches a window's web process for as long as the window lives. Must be called on the main thread.
pub fn watch(window: &WebviewWindow) {
    imp::watch(window);
}

#[cfg(target_os = "linux")]
mod imp {
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;
    use std::rc::Rc;
    use std::time::{Duration, Instant};

    use gtk::glib::{self, ControlFlow};
    use tauri::WebviewWindow;
    use webkit2gtk::WebViewExt as _;

    /// A ping evaluates one JavaScript number, which costs less than a blinking cursor.
    const PING_EVERY: Duration = Duration::from_secs(4);
    /// None of our pages computes that long, even on the slowest machine. Counted in checks and not in
    /// seconds, so that time in which this program itself was stopped doesn't count.
    const LOOKS_UNANSWERED_MAX: u32 = 3;
    const RELOADS_MAX: usize = 5;
    const RELOADS_WITHIN: Duration = Duration::from_secs(60);

    pub fn watch(window: &WebviewWindow) {
        let label = window.label().to_owned();
        let watched = window.with_webview(move |view| {
            let view = view.inner();
            let deaths = RefCell::new(VecDeque::new());
            let died = label.clone();
            view.connect_web_process_terminated(move |view, reason| {
                tracing::warn!(label = died, ?reason, "web process terminated");
                if may_reload(&mut deaths.borrow_mut(), Instant::now()) {
                    return view.reload();
                }
                tracing::error!(label = died, "web process keeps dying; page reloaded later");
                let weak = glib::object::ObjectExt::downgrade(view);
                glib::timeout_add_local_once(RELOADS_WITHIN, move || {
                    if let Some(view) = weak.upgrade() {
                        view.reload();
                    }
                });
            });
            // How many checks found the last ping unanswered, including the one that sent it.
            let unanswered = Rc::new(Cell::new(0));
            let weak = glib::object::ObjectExt::downgrade(&view);
            glib::timeout_add_local(PING_EVERY, move || {
                let Some(view) = weak.upgrade() else { return ControlFlow::Break };
                match unanswered.get() {
                    LOOKS_UNANSWERED_MAX.. => {
                        unanswered.set(0);
                        tracing::warn!(label, "web process does not answer; terminated");
                        view.terminate_web_process();
                    }
                    looks @ 1.. => unanswered.set(looks + 1),
                    0 => {
                        unanswered.set(1);
                        let unanswered = unanswered.clone();
                        // An error counts as an answer: the page is loading or has died.
                        view.evaluate_javascript(
                            "0",
                            None,
                            None,
                            gtk::gio::Cancellable::NONE,
                            move |_| {
                                unanswered.set(0);
                            },
                        );
                    }
                }
                ControlFlow::Continue
            });
        });
        if let Err(error) = watched {
            tracing::warn!(%error, "web process can't be watched");
        }
    }

    fn may_reload(deaths: &mut VecDeque<Instant>, now: Instant) -> bool {
        while deaths.front().is_some_and(|death| now - *death > RELOADS_WITHIN) {
            deaths.pop_front();
        }
        deaths.push_back(now);
        deaths.len() <= RELOADS_MAX
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn page_is_reloaded_until_it_dies_too_often() {
            let (mut deaths, start) = (VecDeque::new(), Instant::now());
            let at = |seconds| start + Duration::from_secs(seconds);
            assert!((0..5).all(|second| may_reload(&mut deaths, at(second))));
            assert!(!may_reload(&mut deaths, at(5)));
            assert!(may_reload(&mut deaths, at(70)), "long after it may be loaded again");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use tauri::WebviewWindow;

    pub fn watch(_window: &WebviewWindow) {}
}
