//! Frames of a client that wait: pieces as they came, each with how much of its message must be
//! decided before it may leave.

use std::collections::VecDeque;

/// What waits of one message, and what may leave.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Chunk>,
    octets: usize,
    /// How much payload of the message under way has come.
    payload: u64,
    /// The head of the frame under way: it leaves with what it announces.
    head: Vec<u8>,
    /// The control frame under way.
    control: Vec<u8>,
    /// Whether what left ends within a frame.
    within: bool,
    /// Whether something of the message under way left.
    left: bool,
    out: Vec<u8>,
    messages: u64,
}

#[derive(Debug)]
struct Chunk {
    octets: Vec<u8>,
    /// It may leave when so much of the message is decided.
    until: u64,
    /// Whether a frame ends with it.
    ends: bool,
}

impl Queue {
    /// A frame begins.
    pub(super) fn begin(&mut self, head: &[u8], control: bool) {
        let into = if control { &mut self.control } else { &mut self.head };
        into.extend_from_slice(head);
    }

    /// Part of its payload has come.
    pub(super) fn take(&mut self, octets: &[u8], control: bool) {
        if control {
            return self.control.extend_from_slice(octets);
        }
        self.payload += u64::try_from(octets.len()).unwrap_or(0);
        let mut chunk = std::mem::take(&mut self.head);
        chunk.extend_from_slice(octets);
        self.wait(chunk, false);
    }

    /// The frame has ended. One that is no part of a message does not wait for one, unless it would
    /// stand within a frame.
    pub(super) fn end(&mut self, control: bool) {
        if control {
            let frame = std::mem::take(&mut self.control);
            if self.within {
                self.wait(frame, true);
            } else {
                self.out.extend(frame);
            }
            return;
        }
        if !self.head.is_empty() {
            let head = std::mem::take(&mut self.head);
            self.wait(head, true);
        } else if let Some(last) = self.waiting.back_mut() {
            last.ends = true;
        } else {
            self.within = false;
        }
    }

    /// The message has ended, and may leave.
    pub(super) fn end_message(&mut self) {
        self.release(u64::MAX);
        (self.payload, self.left) = (0, false);
        self.messages += 1;
    }

    /// Lets leave what is decided.
    pub(super) fn release(&mut self, decided: u64) {
        while let Some(chunk) = self.waiting.pop_front() {
            if chunk.until > decided {
                return self.waiting.push_front(chunk);
            }
            self.octets -= chunk.octets.len();
            self.out.extend(chunk.octets);
            (self.within, self.left) = (!chunk.ends, true);
        }
    }

    /// What may leave, and how many messages end in it.
    pub(super) fn leaving(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.out), std::mem::take(&mut self.messages))
    }

    /// How much waits.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Whether something of the message under way left.
    pub(super) fn has_left(&self) -> bool {
        self.left
    }

    fn wait(&mut self, octets: Vec<u8>, ends: bool) {
        self.octets += octets.len();
        self.waiting.push_back(Chunk { octets, until: self.payload, ends });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(queue: &mut Queue, head: &str, pieces: &[&str], control: bool) {
        queue.begin(head.as_bytes(), control);
        pieces.iter().for_each(|piece| queue.take(piece.as_bytes(), control));
        queue.end(control);
    }

    fn left(queue: &mut Queue) -> String {
        String::from_utf8(queue.leaving().0).unwrap()
    }

    #[test]
    fn whole_pieces_leave_when_they_are_decided() {
        let mut queue = Queue::default();
        frame(&mut queue, "<", &["abc", "def"], false);
        frame(&mut queue, "(", &["gh"], false);
        queue.release(2);
        assert!(left(&mut queue).is_empty() && !queue.has_left(), "no head alone");
        queue.release(5);
        assert_eq!((left(&mut queue).as_str(), queue.octets()), ("<abc", 6));
        assert!(queue.has_left());
        queue.release(7);
        assert_eq!(left(&mut queue), "def");
        queue.end_message();
        assert_eq!(queue.leaving(), (b"(gh".to_vec(), 1));
        assert!(!queue.has_left() && queue.octets() == 0);
        frame(&mut queue, "[", &["ij"], false);
        queue.release(1);
        assert_eq!(left(&mut queue), "", "each message is counted from its beginning");
    }

    #[test]
    fn control_frames_do_not_wait_unless_within_a_frame() {
        let mut queue = Queue::default();
        frame(&mut queue, "<", &["ab"], false);
        frame(&mut queue, "!", &["p"], true);
        assert_eq!(left(&mut queue), "!p");
        queue.release(2);
        frame(&mut queue, "!", &["q"], true);
        assert_eq!(left(&mut queue), "<ab!q", "after the frame that left");
        frame(&mut queue, "(", &["cd", "ef"], false);
        queue.release(4);
        frame(&mut queue, "!", &["r"], true);
        assert_eq!(left(&mut queue), "(cd", "not into the frame");
        queue.release(6);
        assert_eq!(left(&mut queue), "ef!r");
    }

    #[test]
    fn empty_frames_wait_for_what_stands_before_them() {
        let mut queue = Queue::default();
        frame(&mut queue, "<", &["ab"], false);
        frame(&mut queue, "()", &[], false);
        queue.release(1);
        assert!(left(&mut queue).is_empty());
        queue.release(2);
        assert_eq!(left(&mut queue), "<ab()");
        frame(&mut queue, "!", &[], true);
        queue.end_message();
        assert_eq!(queue.leaving(), (b"!".to_vec(), 1));
    }

    #[test]
    fn a_frame_that_left_before_its_end_ends_once() {
        let mut queue = Queue::default();
        queue.begin(b"<", false);
        queue.take(b"ab", false);
        queue.release(2);
        queue.take(b"cd", false);
        queue.end(false);
        frame(&mut queue, "!", &[], true);
        assert_eq!(left(&mut queue), "<ab");
        queue.release(4);
        frame(&mut queue, "?", &[], true);
        assert_eq!(left(&mut queue), "cd!?");
    }
}
