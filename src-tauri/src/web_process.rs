//! Heartbeat of the windows' web processes. WebKitGTK runs pages in processes of their own; one that
//! dies leaves its windows white, one that hangs leaves them dead. Both are loaded again here, and
//! each page then asks the app what it has to show.
//!
//! A page that can't stay alive is not loaded for ever: after `RELOADS_MAX` deaths within
//! `RELOADS_WITHIN` it is left as it is until the window is opened anew.
//!
//! Only on Linux: elsewhere the system's WebView loads its pages again by itself.

use tauri::WebviewWindow;

/// On the main thread: watches a window's web process for as long as the window lives.
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

    /// A ping is one JavaScript number: it costs less than what a blinking cursor does.
    const PING_EVERY: Duration = Duration::from_secs(4);
    /// No page of ours computes for so long, on the slowest machine either.
    const ANSWER: Duration = Duration::from_secs(10);
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
                    view.reload();
                } else {
                    tracing::error!(label = died, "web process keeps dying; page not reloaded");
                }
            });
            // `None`: the last ping was answered.
            let asked = Rc::new(Cell::new(None::<Instant>));
            let weak = glib::object::ObjectExt::downgrade(&view);
            glib::timeout_add_local(PING_EVERY, move || {
                let Some(view) = weak.upgrade() else { return ControlFlow::Break };
                match asked.get() {
                    Some(since) if since.elapsed() >= ANSWER => {
                        asked.set(None);
                        tracing::warn!(label, "web process does not answer; terminated");
                        view.terminate_web_process();
                    }
                    Some(_) => {}
                    None => {
                        asked.set(Some(Instant::now()));
                        let asked = asked.clone();
                        // An error is an answer too: of a page that just loads, or has died.
                        view.evaluate_javascript(
                            "0",
                            None,
                            None,
                            gtk::gio::Cancellable::NONE,
                            move |_| {
                                asked.set(None);
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
