//! The bodies of requests.

use serde_json::{Map, Value, json};
use snaplark_store::{WebhookEvent, WebhookSubject};

/// Returns the body of an event. The title is left out where titles name no apps and windows, since such a person
/// keeps them to this computer.
pub(super) fn of_event(
    event: &WebhookEvent,
    subject: Option<WebhookSubject>,
    is_titled: bool,
) -> String {
    let mut data = Map::new();
    data.insert("id".into(), event.item.to_string().into());
    if let Some(subject) = subject {
        data.insert("kind".into(), subject.kind.into());
        if is_titled && !subject.title.is_empty() {
            data.insert("title".into(), subject.title.into());
        }
        data.insert("link".into(), subject.link.into());
        if let Some(duration_ms) = subject.duration_ms {
            data.insert("durationMs".into(), duration_ms.into());
        }
    }
    if let Some(reason) = &event.reason {
        data.insert("reason".into(), reason.clone().into());
    }
    body(event.event_type.name(), event.happened_unix_ms, Value::Object(data))
}

/// Returns the id and the body of a test.
pub(super) fn of_test() -> (String, String) {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    (format!("msg_{}", uuid::Uuid::new_v4().simple()), body("webhook.test", now_ms, json!({})))
}

fn body(event_type: &str, happened_unix_ms: i64, data: Value) -> String {
    let happened = jiff::Timestamp::from_millisecond(happened_unix_ms).unwrap_or_default();
    json!({ "type": event_type, "timestamp": happened.to_string(), "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use snaplark_core::ItemId;
    use snaplark_store::WebhookEventType;

    use super::*;

    fn event(event_type: WebhookEventType, reason: Option<&str>) -> WebhookEvent {
        WebhookEvent {
            number: 1,
            id: "msg_1".into(),
            item: ItemId(uuid::Uuid::from_u128(7)),
            event_type,
            reason: reason.map(str::to_owned),
            happened_unix_ms: 1_700_000_000_250,
            body: None,
            tries: 0,
            next_unix_ms: 0,
        }
    }

    fn subject() -> WebhookSubject {
        WebhookSubject {
            kind: "recording".into(),
            title: "Firefox".into(),
            link: Some("https://host/videos/1".into()),
            duration_ms: Some(4_000),
        }
    }

    fn read(body: &str) -> Value {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn body_names_the_item_and_its_link() {
        let event = event(WebhookEventType::Uploaded, None);
        let body = read(&of_event(&event, Some(subject()), true));
        let id = event.item.to_string();
        let data = json!({
            "id": id, "kind": "recording", "title": "Firefox", "link": "https://host/videos/1",
            "durationMs": 4_000
        });
        let timestamp = "2023-11-14T22:13:20.25Z";
        let wanted = json!({ "type": "item.uploaded", "timestamp": timestamp, "data": data });
        assert_eq!(body, wanted);
    }

    #[test]
    fn title_stays_here_where_titles_name_nothing() {
        let event = event(WebhookEventType::Failed, Some("refused"));
        let subject = WebhookSubject { link: None, duration_ms: None, ..subject() };
        let body = read(&of_event(&event, Some(subject), false));
        let id = event.item.to_string();
        let data = json!({ "id": id, "kind": "recording", "link": null, "reason": "refused" });
        assert_eq!(body["data"], data);
        assert_eq!(body["type"], "item.failed");
    }
}
