//! Data Security Findings: what a rule refused towards one destination on one day is one finding.
//! It is told when it is new, and again with its number every so often, when the day is over, or
//! when the output is handed over.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::view::View;
use super::super::{Event, Origin, json};
use super::{Named, activity::Class, parts};

/// What is kept of findings; some 2 KiB each.
const MOST: usize = 4_096;

/// The findings of the day.
#[derive(Debug)]
pub struct Findings {
    open: HashMap<Key, Open>,
    most: usize,
    /// The day that is counted: it never goes back, so that a finding that was closed stays so.
    day: Date,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    day: Date,
    rule: String,
    destination: String,
}

#[derive(Debug)]
struct Open {
    finding: Value,
    count: u64,
    last: i64,
    /// The number that was told, and when.
    told: u64,
    told_at: Timestamp,
}

// === impl Findings ===

impl Default for Findings {
    fn default() -> Self {
        Self::keeping(MOST)
    }
}

impl Findings {
    /// Findings of which no more than so many are open at a time; where there are more, all are
    /// told with their numbers and begin anew.
    pub fn keeping(most: usize) -> Self {
        Self { open: HashMap::new(), most: most.max(1), day: Date::MIN }
    }

    /// Takes an event. Appends a line for each finding that is new, and for those of days that are
    /// over; every line ends with a line feed. Events that no rule refused are none.
    pub fn note(&mut self, event: &Event<'_>, origin: &Origin, into: &mut Vec<u8>) {
        let view = View::of(event, origin);
        let day = self.turn(event.time, into);
        let Some(rule) = view.rule_id().filter(|_| view.verdict.refuses()) else { return };
        let destination = view.host().unwrap_or_default().to_owned();
        let key = Key { day, rule, destination };
        if let Some(open) = self.open.get_mut(&key) {
            open.count += 1;
            open.last = open.last.max(event.time.as_millisecond());
            return;
        }
        if self.open.len() >= self.most {
            self.hand_over(into);
        }
        let finding = finding(&view, &key);
        line(finding.clone(), into);
        let last = event.time.as_millisecond();
        let (count, told, told_at) = (1, 1, event.time);
        self.open.insert(key, Open { finding, count, last, told, told_at });
    }

    /// Tells the numbers of days that are over, and those that have grown since they were last told so
    /// long ago.
    pub fn update(&mut self, now: Timestamp, every: Duration, into: &mut Vec<u8>) {
        self.turn(now, into);
        let mut grown: Vec<_> =
            self.open.iter_mut().filter(|(_, open)| open.due(every) <= Some(now)).collect();
        grown.sort_by(|one, other| one.0.cmp(other.0));
        for (_, open) in grown.into_iter().filter(|(_, open)| open.has_grown()) {
            line(open.counted(), into);
            (open.told, open.told_at) = (open.count, now);
        }
    }

    /// When there will be something to tell.
    pub fn due(&self, every: Duration) -> Option<Timestamp> {
        let grown = self.open.iter().filter(|(_, open)| open.has_grown());
        grown
            .filter_map(|(key, open)| [open.due(every), key.over()].into_iter().flatten().min())
            .min()
    }

    /// Tells all that is open, with its numbers: the output ends, or goes on elsewhere.
    pub fn hand_over(&mut self, into: &mut Vec<u8>) {
        self.tell(into, |_| true);
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The day that a moment is counted to; those before are over.
    fn turn(&mut self, at: Timestamp, into: &mut Vec<u8>) -> Date {
        let day = TimeZone::UTC.to_datetime(at).date();
        if day > self.day {
            self.day = day;
            self.tell(into, |key| key.day < day);
        }
        self.day
    }

    /// What has not grown has been told.
    fn tell(&mut self, into: &mut Vec<u8>, over: impl Fn(&Key) -> bool) {
        let mut closed: Vec<_> = self.open.extract_if(|key, _| over(key)).collect();
        closed.retain(|(_, open)| open.has_grown());
        closed.sort_by(|one, other| one.0.cmp(&other.0));
        closed.into_iter().for_each(|(_, open)| line(open.counted(), into));
    }
}

impl Key {
    /// When its day is over.
    fn over(&self) -> Option<Timestamp> {
        let next = self.day.tomorrow().ok()?;
        TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()
    }
}

impl Open {
    const fn has_grown(&self) -> bool {
        self.count > self.told
    }

    /// When it may be told again.
    fn due(&self, every: Duration) -> Option<Timestamp> {
        self.told_at.checked_add(every).ok()
    }

    fn counted(&self) -> Value {
        let (mut finding, count, last) = (self.finding.clone(), self.count, self.last);
        let activity = Named(2, "Update");
        if let Some(fields) = finding.as_object_mut() {
            fields.extend(about(activity));
            fields.insert("time".to_owned(), last.into());
            fields.insert("end_time".to_owned(), last.into());
            fields.insert("count".to_owned(), count.into());
        }
        if let Some(info) = finding.get_mut("finding_info").and_then(Value::as_object_mut) {
            info.insert("last_seen_time".to_owned(), last.into());
            info.insert("related_events_count".to_owned(), count.into());
        }
        finding
    }
}

fn line(finding: Value, into: &mut Vec<u8>) {
    json::write(finding, into);
    into.push(b'\n');
}

/// What was done with the finding.
fn about(activity: Named) -> [(String, Value); 4] {
    [
        ("activity_id".to_owned(), activity.0.into()),
        ("activity_name".to_owned(), activity.1.into()),
        ("type_uid".to_owned(), (200_600 + activity.0).into()),
        ("type_name".to_owned(), format!("Data Security Finding: {}", activity.1).into()),
    ]
}

fn finding(view: &View<'_>, key: &Key) -> Value {
    let event = view.event;
    let (severity, disposition) = (parts::severity(view), parts::disposition(view));
    let uid = format!("{}:{}:{}", key.rule, key.destination, key.day);
    let mut finding = json!({
        "class_uid": 2006, "class_name": "Data Security Finding",
        "category_uid": 2, "category_name": "Findings",
        "severity_id": severity.0, "severity": severity.1,
        "status_id": 1, "status": "New",
        "time": event.time.as_millisecond(),
        "start_time": event.time.as_millisecond(),
        "message": view.message(),
        "is_alert": true,
        "count": 1,
        "metadata": parts::metadata(view, Some(&event.id), &["security_control"]),
        "finding_info": {
            "uid": uid,
            "title": format!("{} towards {}", key.rule, key.destination),
            "desc": event.cite,
            "types": ["data-egress"],
            "first_seen_time": event.time.as_millisecond(),
            "related_events": [{ "uid": event.id, "type_uid": Class::of(view).type_uid() }],
        },
        "data_security": security(view),
        "action_id": 2, "action": "Denied",
        "disposition_id": disposition.0, "disposition": disposition.1,
        "policy": parts::policy(view),
        "firewall_rule": parts::rule(view),
        "actor": parts::actor(view),
        "src_endpoint": parts::source(view),
        "dst_endpoint": parts::destination(view),
    });
    if let Some(fields) = finding.as_object_mut() {
        fields.extend(about(Named(1, "Create")));
    }
    finding
}

fn security(view: &View<'_>) -> Value {
    let event = view.event;
    let category = category(event);
    let subjects = event.data.iter().filter_map(|data| data.subjects);
    let subjects: u64 = subjects.fold(0, u64::saturating_add);
    json!({
        "category_id": category.0, "category": category.1,
        "data_lifecycle_state_id": 2, "data_lifecycle_state": "Data in-Transit",
        "detection_system_id": 5, "detection_system": "Secure Web Gateway",
        "detection_pattern": event.tags.join(", "),
        "policy": parts::policy(view),
        "total": (subjects > 0).then_some(subjects),
    })
}

/// The kind of data that is named first among its tags.
fn category(event: &Event<'_>) -> Named {
    let root = event.tags.first().map(|tag| tag.split('.').next().unwrap_or_default());
    match root {
        None => Named(0, "Unknown"),
        Some("financial") => Named(3, "Financial"),
        Some("secret") => Named(6, "Security"),
        Some("label" | "uninspectable") => Named(99, "Other"),
        Some(_) => Named(1, "Personal"),
    }
}
