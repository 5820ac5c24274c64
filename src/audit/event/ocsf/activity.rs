//! One request as HTTP Activity, one tunnel as Network Activity.

use serde_json::{Value, json};

use super::super::json;
use super::super::view::{Verdict, View};
use super::{Named, parts, unmapped};

/// Without these the schema knows neither rule, nor user, nor proxy.
const PROFILES: [&str; 3] = ["security_control", "host", "network_proxy"];

/// Appends the event.
pub(in super::super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    json::write(activity(view), into);
}

/// The class that the event is of, and what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    uid: u64,
    name: &'static str,
    activity: Named,
}

impl Class {
    pub(super) fn of(view: &View<'_>) -> Self {
        if view.is_tunnel() && view.event.tunnel.as_deref() != Some("opened") {
            Self { uid: 4001, name: "Network Activity", activity: of_tunnel(view) }
        } else {
            Self { uid: 4002, name: "HTTP Activity", activity: of_request(&view.event.method) }
        }
    }

    pub(super) const fn type_uid(self) -> u64 {
        self.uid * 100 + self.activity.0
    }

    fn type_name(self) -> String {
        format!("{}: {}", self.name, self.activity.1)
    }
}

/// A record is written when a tunnel has ended: it is the opening that failed, or the end.
fn of_tunnel(view: &View<'_>) -> Named {
    match view.verdict {
        Verdict::Blocked | Verdict::Held => Named(5, "Refuse"),
        Verdict::Failed if view.event.tunnel.is_none() => Named(4, "Fail"),
        _ if view.event.tunnel.is_none() => Named(1, "Open"),
        Verdict::Allowed | Verdict::Failed | Verdict::Logged | Verdict::Observed => {
            Named(2, "Close")
        }
    }
}

fn of_request(method: &str) -> Named {
    match method {
        "CONNECT" => Named(1, "Connect"),
        "DELETE" => Named(2, "Delete"),
        "GET" => Named(3, "Get"),
        "HEAD" => Named(4, "Head"),
        "OPTIONS" => Named(5, "Options"),
        "POST" => Named(6, "Post"),
        "PUT" => Named(7, "Put"),
        "TRACE" => Named(8, "Trace"),
        "PATCH" => Named(9, "Patch"),
        _ => Named(99, "Other"),
    }
}

fn activity(view: &View<'_>) -> Value {
    let class = Class::of(view);
    let mut event = common(view, class);
    let own = if class.uid == 4002 { of_http(view) } else { of_network(view) };
    if let (Some(event), Value::Object(own)) = (event.as_object_mut(), own) {
        event.extend(own);
    }
    event
}

fn common(view: &View<'_>, class: Class) -> Value {
    let event = view.event;
    let severity = parts::severity(view);
    let status = parts::status(view);
    let (action, disposition) = (parts::action(view), parts::disposition(view));
    // Without a trace, the requests of one hold belong together.
    let related = event.trace.as_deref().or(event.hold.as_deref());
    json!({
        "class_uid": class.uid, "class_name": class.name,
        "category_uid": 4, "category_name": "Network Activity",
        "activity_id": class.activity.0, "activity_name": class.activity.1,
        "type_uid": class.type_uid(), "type_name": class.type_name(),
        "severity_id": severity.0, "severity": severity.1,
        "status_id": status.0, "status": status.1,
        "status_code": event.status.map(|status| status.to_string()),
        "status_detail": view.reason(),
        "message": view.message(),
        "time": event.time.as_millisecond(),
        "start_time": event.time.as_millisecond(),
        "end_time": event.ended.map(|ended| ended.as_millisecond()),
        "duration": view.millis(),
        "metadata": parts::metadata(view, related, &PROFILES),
        "action_id": action.0, "action": action.1,
        "disposition_id": disposition.0, "disposition": disposition.1,
        "is_alert": view.verdict.refuses(),
        "policy": parts::policy(view),
        "firewall_rule": parts::rule(view),
        "src_endpoint": parts::source(view),
        "dst_endpoint": parts::destination(view),
        "proxy_endpoint": parts::proxy(view),
        "actor": parts::actor(view),
        "tls": parts::tls(view),
        "traffic": {
            "bytes_out": view.bytes_out(),
            "bytes_in": view.bytes_in(),
            "bytes": view.bytes(),
        },
        "unmapped": { "egress": unmapped::egress(view) },
    })
}

fn of_http(view: &View<'_>) -> Value {
    let event = view.event;
    let known = of_request(&event.method).0 != 99;
    let url = (!view.is_tunnel()).then(|| parts::url(view));
    json!({
        "http_request": {
            // The schema has no other methods; `unmapped.egress.method` has them all.
            "http_method": known.then_some(&*event.method),
            "url": url,
            "body_length": view.bytes_out(),
        },
        "http_response": event.status.map(|code| json!({
            "code": code,
            "body_length": view.bytes_in(),
        })),
    })
}

fn of_network(view: &View<'_>) -> Value {
    json!({
        "connection_info": {
            "protocol_num": 6, "protocol_name": "tcp",
            "direction_id": 2, "direction": "Outbound",
        },
        "app_protocol_name": view.event.scheme,
    })
}
