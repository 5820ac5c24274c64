//! Messages of a WebSocket that are looked into before they leave: each is a body, and all of them
//! are decided about as one, so that whom they tell of is counted once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::data::{Described, Findings, Inspection, Packing, Syntax, Window};
use crate::policy::Stake;

use super::super::draft::Draft;
use super::super::held;
use super::super::relay::{End, Passed};
use super::super::tunnel::Standing;
use super::super::wire::extensions::{Extensions, Written};
use super::super::wire::websocket::{Frames, Head, Masked, Message, Step};
use super::judge::Judge;
use super::queue::Queue;
use super::room::{LITTLE, TAIL, Taken};

/// The messages of a client on one connection.
pub(in crate::proxy) struct Messages<'c> {
    draft: &'c mut Draft,
    standing: &'c Standing,
    judge: Arc<Judge>,
    /// So much of one waits; none where they pass whatever is found.
    hold: Option<usize>,
    extensions: Extensions,
    window: Window,
    host: String,
    path: String,
    frames: Frames,
    queue: Queue,
    /// Whether the frame under way is no part of a message.
    control: bool,
    current: Option<Current>,
    number: usize,
    /// In those that left.
    found: Findings,
    plain: Vec<u8>,
    /// What a ping, a pong or a close says.
    aside: Vec<u8>,
}

/// The message under way.
struct Current {
    /// None where it was given up.
    inspection: Option<Inspection>,
    /// How many findings were judged.
    judged: u64,
    taken: Taken,
    has_room: bool,
    /// Whether it leaves as far as it is decided.
    leaves: bool,
}

impl<'c> Messages<'c> {
    /// Nothing has been said yet.
    pub(in crate::proxy) fn new(
        draft: &'c mut Draft,
        standing: &'c Standing,
        (judge, stake): (Arc<Judge>, Stake),
        extensions: Extensions,
    ) -> Self {
        let hold = (stake == Stake::Answer).then_some(draft.active().inspect.hold);
        let path = draft.record().path.clone().unwrap_or_default();
        Self {
            draft,
            standing,
            judge,
            hold,
            extensions,
            window: Window::new(extensions.afresh()),
            host: standing.authority.host.to_string(),
            path,
            frames: Frames::default(),
            queue: Queue::default(),
            control: false,
            current: None,
            number: 0,
            found: Findings::default(),
            plain: Vec::new(),
            aside: Vec::new(),
        }
    }

    /// Takes what the client says, and passes on what may leave. An error ends the connection.
    pub(in crate::proxy) async fn pass(
        &mut self,
        mut bytes: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
        counts: &Passed,
    ) -> Result<(), End> {
        while let Some(step) = self.frames.step(&mut bytes).map_err(End::Malformed)? {
            match step {
                Step::Head(head) => self.begin(head),
                Step::Payload(payload) => self.take(payload),
                Step::End(message) => self.end(message, to, counts).await?,
            }
        }
        self.advance().await?;
        self.write(to, counts).await
    }

    /// No more comes: what passed of a message that has not ended is told.
    pub(in crate::proxy) async fn rest(&mut self) {
        let current = self.current.take().filter(|_| self.hold.is_none());
        let Some(inspection) = current.and_then(|current| current.inspection) else { return };
        let found = inspection.finish();
        if found.count() > 0 {
            // It has left: nobody is to be stopped.
            drop(self.judge(&found).await);
        }
    }

    fn begin(&mut self, head: Head) {
        self.control = head.control;
        self.queue.begin(self.frames.head(), head.control);
        if head.control {
            return;
        }
        if !head.first {
            if head.reserved != 0 {
                let current = self.current.as_mut();
                let inspection = current.and_then(|current| current.inspection.as_mut());
                inspection.into_iter().for_each(Inspection::turn_foreign);
            }
            return;
        }
        let packing = match self.extensions.written(head) {
            Written::Plain => Packing::Plain,
            Written::Deflated => Packing::Deflated(&self.window),
            Written::Foreign => Packing::Foreign,
        };
        // What decides is what was in force at the handshake, and names the key of digests; what
        // is in force now is asked by what the connection stands on.
        let inspector = &self.draft.active().inspector;
        let described = Described { host: &self.host, path: &self.path, ..Described::default() };
        let inspection = Inspection::of_message(inspector, &described, self.number, packing);
        let taken = self.draft.proxy().held.enter();
        let inspection = Some(inspection);
        self.current =
            Some(Current { inspection, judged: 0, taken, has_room: true, leaves: false });
    }

    fn take(&mut self, payload: Masked<'_>) {
        self.queue.take(payload.octets, self.control);
        if self.control {
            payload.plain(&mut self.plain);
            self.aside.extend_from_slice(&self.plain);
        }
        let Some(current) = self.current.as_mut().filter(|_| !self.control) else { return };
        if let Some(inspection) = &mut current.inspection {
            payload.plain(&mut self.plain);
            inspection.push(&self.plain);
        }
        let Some(hold) = self.hold else { return };
        current.has_room = current.taken.more(payload.octets.len());
        current.leaves |= !current.has_room || self.queue.octets() > hold;
    }

    /// A frame has ended, and perhaps a message: it leaves when all of it is judged.
    async fn end(
        &mut self,
        message: Option<Message>,
        to: &mut (impl AsyncWrite + Unpin),
        counts: &Passed,
    ) -> Result<(), End> {
        if !self.aside.is_empty() {
            self.look_aside(to, counts).await?;
        }
        self.queue.end(self.control);
        if message.is_none() {
            return Ok(());
        }
        let Some(Current { inspection, judged, .. }) = self.current.take() else {
            return Err(End::Revoked);
        };
        if self.hold.is_none() {
            self.queue.end_message();
        }
        let found = inspection.map(Inspection::finish).unwrap_or_default();
        if found.count() > judged {
            // What was said before does not wait for this.
            self.write(to, counts).await?;
            self.judge(&found).await?;
        }
        self.found.absorb(found);
        if self.hold.is_some() {
            self.queue.end_message();
        }
        self.number += 1;
        Ok(())
    }

    /// Decides about what a ping, a pong or a close says: 125 octets, each by itself.
    async fn look_aside(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        counts: &Passed,
    ) -> Result<(), End> {
        let text = std::mem::take(&mut self.aside);
        let mut inspection = Inspection::new(&self.draft.active().inspector, &Described::default());
        inspection.text("control", Some(Syntax::Text), &text);
        let found = inspection.finish();
        if found.count() > 0 {
            // What was said before does not wait for this.
            self.write(to, counts).await?;
            let current = self.current.as_ref().and_then(|current| current.inspection.as_ref());
            // Of a message under way, what was said so far stands beside it.
            let mut beside = current.map(Inspection::so_far).unwrap_or_default();
            beside.absorb(found.clone());
            self.judge(&beside).await?;
            self.found.absorb(found);
        }
        Ok(())
    }

    /// Lets leave what may of the message under way.
    async fn advance(&mut self) -> Result<(), End> {
        let Some(hold) = self.hold else {
            self.queue.release(u64::MAX);
            return Ok(());
        };
        let Some(current) = self.current.as_mut().filter(|current| current.leaves) else {
            return Ok(());
        };
        let Some(inspection) = &current.inspection else {
            self.queue.release(u64::MAX);
            return Ok(());
        };
        let (count, decided) = (inspection.count(), inspection.decided());
        if count > current.judged {
            current.judged = count;
            let found = inspection.so_far();
            self.judge(&found).await?;
        }
        self.queue.release(decided);
        let has_room = self.current.as_ref().is_none_or(|current| current.has_room);
        let most = if has_room { hold.max(TAIL) } else { LITTLE };
        if self.queue.octets() > most {
            self.give_up().await?;
        }
        Ok(())
    }

    /// What waits is not decided, and is too much to wait: the policy decides about that.
    async fn give_up(&mut self) -> Result<(), End> {
        let current = self.current.as_mut();
        let inspection = current.and_then(|current| {
            current.judged = 0;
            current.inspection.take()
        });
        let Some(inspection) = inspection else { return Ok(()) };
        let found = inspection.abandon();
        self.judge(&found).await?;
        self.found.absorb(found);
        self.queue.release(u64::MAX);
        Ok(())
    }

    /// Decides about the message under way with all that was found before. What that calls for is
    /// kept before anything of it leaves.
    async fn judge(&mut self, found: &Findings) -> Result<(), End> {
        let mut all = self.found.clone();
        all.absorb(found.clone());
        let barred = Arc::clone(&self.judge).again(all).await.is_err();
        let told = self.draft.sent().later().take_told();
        let Some(told) = told else { return Err(End::MessageBarred) };
        self.standing.learn(told.statement.clone());
        let error = self.draft.learn(told);
        self.standing.recount(&self.draft.record().counts);
        if barred || error.is_some() {
            if self.is_unsaid() {
                self.judge.recount(&self.found).await;
            }
            if let Some(error) = error {
                let error = Box::pin(held::refused(self.draft, error)).await;
                self.draft.set_error(&error);
            }
            return Err(End::MessageBarred);
        }
        if !self.standing.holds(self.draft.proxy()) {
            if self.is_unsaid() {
                self.judge.recount(&self.found).await;
            }
            return Err(End::Revoked);
        }
        Ok(())
    }

    /// Whether nothing of the message under way left: whom it alone told of is not counted.
    fn is_unsaid(&self) -> bool {
        self.hold.is_some() && !self.queue.has_left()
    }

    async fn write(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        counts: &Passed,
    ) -> Result<(), End> {
        let (leaving, messages) = self.queue.leaving();
        if leaving.is_empty() {
            return Ok(());
        }
        to.write_all(&leaving).await.map_err(End::UpstreamFailed)?;
        to.flush().await.map_err(End::UpstreamFailed)?;
        let octets = u64::try_from(leaving.len()).unwrap_or(0);
        counts.out.fetch_add(octets, Ordering::Relaxed);
        counts.messages.fetch_add(messages, Ordering::Relaxed);
        Ok(())
    }
}
