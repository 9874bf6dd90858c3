//! Tests of the events that a webhook is told.

use super::*;
use crate::WebhookEventType;

fn wanted(store: &mut Store, n: u128) -> RecordingId {
    begin(store, n);
    let (recording, server) = (id(n), "http://a".to_owned());
    let profile = Profile::Spec;
    store.apply(&[UploadChange::UploadWanted { recording, server, profile }]).unwrap();
    recording
}

fn finish(store: &mut Store, recording: RecordingId) {
    let link = Some("http://a/1".to_owned());
    store.apply(&[UploadChange::Finished { recording, link }]).unwrap();
}

fn types(store: &Store) -> Vec<WebhookEventType> {
    let mut types = Vec::new();
    while let Some(event) = store.next_webhook_event().unwrap() {
        types.push(event.event_type);
        store.webhook_event_told(event.number).unwrap();
    }
    types
}

#[test]
fn event_is_kept_with_its_change_and_stays_until_it_is_told() {
    let folder = Folder::new();
    let mut store = folder.open();
    let recording = wanted(&mut store, 1);
    finish(&mut store, recording);
    assert_eq!(store.next_webhook_event().unwrap(), None, "there is no webhook");
    store.keep_webhook_events(true).unwrap();
    let stop = Some(Stop::Refused { detail: "no".into() });
    store.apply(&[UploadChange::Stopped { recording, stop }]).unwrap();
    drop(store);
    let store = folder.open();
    let event = store.next_webhook_event().unwrap().unwrap();
    assert_eq!((event.item, event.tries), (recording.into(), 0));
    assert_eq!(event.event_type, WebhookEventType::Failed);
    assert_eq!(event.reason.as_deref(), Some("refused"));
    assert!(event.id.starts_with("msg_") && event.id.len() == 36, "{}", event.id);

    store.set_webhook_body(event.number, "{}").unwrap();
    store.webhook_event_failed(event.number, Some(event.next_unix_ms + 5_000)).unwrap();
    let again = store.next_webhook_event().unwrap().unwrap();
    assert_eq!((again.id, again.body.as_deref(), again.tries), (event.id, Some("{}"), 1));
    store.webhook_event_failed(event.number, None).unwrap();
    assert_eq!(store.next_webhook_event().unwrap(), None);
    let counts = store.webhook_event_counts().unwrap();
    assert_eq!((counts.waiting, counts.given_up), (0, 1));
    store.keep_webhook_events(false).unwrap();
    assert_eq!(store.webhook_event_counts().unwrap().given_up, 0);
}

#[test]
fn end_of_an_upload_is_told_by_what_it_shows() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.keep_webhook_events(true).unwrap();
    let recording = wanted(&mut store, 1);
    finish(&mut store, recording);
    assert_eq!(types(&store), [WebhookEventType::Uploaded]);
    // Damaged parts were sent again.
    store.apply(&[UploadChange::Reopened { recording, indices: vec![0] }]).unwrap();
    finish(&mut store, recording);
    assert_eq!(types(&store), []);
    store.apply(&[UploadChange::VersionSet { recording, version: 2 }]).unwrap();
    finish(&mut store, recording);
    assert_eq!(types(&store), [WebhookEventType::Edited]);
}

#[test]
fn event_goes_with_its_item() {
    let folder = Folder::new();
    let mut store = folder.open();
    store.keep_webhook_events(true).unwrap();
    let recording = wanted(&mut store, 1);
    finish(&mut store, recording);
    store.delete(recording).unwrap();
    assert_eq!(types(&store), []);
}
