//! What both sides of a WebSocket agreed on beside its protocol (RFC 6455 section 9), as far as it
//! changes how messages are written.

use super::websocket::Head;

/// The extensions of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `permessage-deflate` (RFC 7692). The sizes of windows do not matter to who has the largest.
    deflate: bool,
    /// No message of the client refers to one before it.
    afresh: bool,
    /// Something else, which may mean anything.
    other: bool,
}

/// How the message is written that begins with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As it is.
    Plain,
    /// Compressed.
    Deflated,
    /// Nobody knows.
    Foreign,
}

impl Extensions {
    /// Reads the values of the destination's `Sec-WebSocket-Extensions`.
    pub fn of<V: AsRef<[u8]>>(values: impl IntoIterator<Item = V>) -> Self {
        let mut all = Self::default();
        for value in values {
            all.add(value.as_ref());
        }
        all
    }

    fn add(&mut self, value: &[u8]) {
        for one in value.split(|octet| *octet == b',') {
            let mut words = one.split(|octet| *octet == b';').map(<[u8]>::trim_ascii);
            let name = words.next().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            if self.deflate || !name.eq_ignore_ascii_case(b"permessage-deflate") {
                self.other = true;
                continue;
            }
            self.deflate = true;
            self.afresh = words.any(|word| word == b"client_no_context_takeover");
        }
    }

    /// Whether no message refers to one before it.
    pub fn afresh(self) -> bool {
        self.afresh
    }

    /// How a message is written whose first frame says this.
    pub fn written(self, head: Head) -> Written {
        match head.reserved {
            0 => Written::Plain,
            4 if self.deflate && !self.other => Written::Deflated,
            _ => Written::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_says_how_messages_are_written() {
        for (values, reserved, written) in [
            (&[][..], 0, Written::Plain),
            (&[], 4, Written::Foreign),
            (&["permessage-deflate"], 4, Written::Deflated),
            (&["permessage-deflate"], 0, Written::Plain),
            (&["permessage-deflate"], 5, Written::Foreign),
            (&[" permessage-deflate ; client_max_window_bits=10", ""], 4, Written::Deflated),
            (&["permessage-deflate, x-mux"], 4, Written::Foreign),
            (&["x-deflate-frame"], 4, Written::Foreign),
            (&["permessage-deflate", "permessage-deflate"], 4, Written::Foreign),
        ] {
            let extensions = Extensions::of(values.iter().map(|value| value.as_bytes()));
            let head = Head { control: false, first: true, reserved };
            assert_eq!(extensions.written(head), written, "{values:?} {reserved}");
        }
        let afresh = Extensions::of([&b"permessage-deflate;client_no_context_takeover"[..]]);
        assert!(afresh.afresh() && !Extensions::of([&b"permessage-deflate"[..]]).afresh());
    }
}
