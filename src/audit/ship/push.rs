//! Metrics, told a collector of OpenTelemetry every so often. They are sums since the start, so that
//! what a collector misses is in what it gets next, and nothing is kept for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::telemetry::{Event, Metrics, ShipEvent};

use super::super::event::Envelope;
use super::backoff::Rest;
use super::http::Http;
use super::outlet::Refusal;

/// A sink of metrics.
pub(super) struct Pusher {
    pub(super) name: String,
    pub(super) http: Http,
    pub(super) envelope: Envelope,
    pub(super) metrics: Arc<Metrics>,
    pub(super) every: Duration,
    /// Told when the program ends.
    pub(super) stop: CancellationToken,
}

impl Pusher {
    /// Pushes until the program ends, and once more then.
    pub(super) async fn run(mut self) {
        self.tell(ShipEvent::Pushes(&self.name));
        let mut why = String::new();
        loop {
            // The registry reads the runtime that asks it: this is that of the proxy.
            let (body, points) = self.envelope.metrics(&self.metrics.snapshot());
            let mut rest = self.every;
            match self.http.push(&body).await {
                Ok(left) => {
                    if left.events > 0 || !left.why.is_empty() {
                        self.tell(ShipEvent::Warned(&self.name, &left.why));
                    }
                    self.tell(ShipEvent::Pushed(&self.name, points));
                    if !std::mem::take(&mut why).is_empty() {
                        self.tell(ShipEvent::Mended(&self.name));
                    }
                }
                Err(Refusal { why: said, rest: asked }) => {
                    self.tell(ShipEvent::Failed(&self.name, &said, said != why));
                    why = said;
                    if let Rest::Asked(asked) = asked {
                        rest = rest.max(asked);
                    }
                }
            }
            if self.stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = sleep(rest) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    fn tell(&self, event: ShipEvent<'_>) {
        Event::Ship(event).record(&self.metrics);
    }
}
