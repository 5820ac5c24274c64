//! What TLS needs and what ends: certificates of listeners, lists of what was revoked, and the
//! authority of opened tunnels. Whoever forgets one is told before clients are.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use crate::telemetry::Event;
use crate::tls::Paper;

use super::Proxy;

/// How often the ends are looked at without an occasion.
const DAILY: Duration = Duration::from_hours(24);

impl Proxy {
    /// Tells when what is in force ends, and warns of what ends soon.
    pub fn tell_ends(&self) {
        let (active, now) = (self.active(), Timestamp::now());
        let listeners = active.acceptors.iter();
        let listeners = listeners.flat_map(|(address, acceptor)| {
            acceptor.papers().iter().map(move |paper| (*paper, address.to_string()))
        });
        let authority = self.authority.as_ref().and_then(|authority| authority.paper(now));
        let mut all: Vec<(Paper, String)> = listeners.collect();
        all.extend(authority);
        all.sort_by_key(|(paper, _)| paper.until);
        let all: Vec<_> =
            all.iter().map(|(paper, of)| (paper.kind.word(), of.as_str(), paper.until)).collect();
        Event::Ends(&all, now).record(&self.metrics);
    }
}

/// Looks at the ends every day.
pub async fn watch_ends(proxy: Arc<Proxy>) {
    loop {
        sleep(DAILY).await;
        proxy.tell_ends();
    }
}
