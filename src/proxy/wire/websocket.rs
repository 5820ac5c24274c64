//! Frames of WebSocket from a client (RFC 6455 section 5), followed as they pass: where each
//! message begins and ends, what it says unmasked, and whether the frames hold to the form.

use std::fmt;

/// A message that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether it is text rather than octets.
    pub text: bool,
    /// How long it is, over all of its frames and before any decompression.
    pub bytes: u64,
}

/// Why frames do not hold to the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// A control frame is fragmented, or longer than 125 octets.
    Control,
    /// A frame that continues nothing, or a new message inside one.
    Continuation,
    /// The length is not in its shortest form, or has its first bit set.
    Length,
    /// An opcode that nobody has defined.
    Opcode,
    /// A client's frame is not masked.
    Unmasked,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "a control frame is fragmented or too long (RFC 6455 section 5.5)",
            Self::Continuation => "a frame continues no message (RFC 6455 section 5.4)",
            Self::Length => "a length is not in its shortest form (RFC 6455 section 5.2)",
            Self::Opcode => "an opcode that is not defined (RFC 6455 section 5.2)",
            Self::Unmasked => "a client's frame is not masked (RFC 6455 section 5.1)",
        })
    }
}

/// Follows the frames of one direction, whatever pieces they come in. It holds one head at most.
#[derive(Debug, Default)]
pub struct Frames {
    head: Vec<u8>,
    /// Whether a frame is under way, whose head is whole.
    open: bool,
    /// What is left of the frame's payload.
    left: u64,
    mask: [u8; 4],
    /// The message under way: whether it is text, and its length so far.
    message: Option<(bool, u64)>,
    control: bool,
    last: bool,
}

/// What comes next of some octets.
#[derive(Clone, Copy, Debug)]
pub enum Step<'b> {
    /// A frame has begun; [`Frames::head`] has its octets.
    Head(Head),
    /// Part of its payload.
    Payload(Masked<'b>),
    /// It has ended, and perhaps its message.
    End(Option<Message>),
}

/// What the head of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whether it is no part of a message.
    pub control: bool,
    /// Whether a message begins with it.
    pub first: bool,
    /// The three bits that extensions give a meaning; the first is 4.
    pub reserved: u8,
}

/// Part of a payload as a client sends it.
#[derive(Clone, Copy, Debug)]
pub struct Masked<'b> {
    /// As it is sent.
    pub octets: &'b [u8],
    mask: [u8; 4],
}

impl Masked<'_> {
    /// What it says.
    pub fn plain(self, plain: &mut Vec<u8>) {
        plain.clear();
        let mask = self.mask.iter().cycle();
        plain.extend(self.octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask));
    }
}

impl Frames {
    /// Takes the next step along some octets; none when it needs more of them. After a fault
    /// nothing is to be passed on.
    pub fn step<'b>(&mut self, bytes: &mut &'b [u8]) -> Result<Option<Step<'b>>, FrameFault> {
        if self.open && self.left == 0 {
            self.open = false;
            self.head.clear();
            return Ok(Some(Step::End(self.end())));
        }
        if !self.open {
            while let Some((first, rest)) = bytes.split_first() {
                self.head.push(*first);
                *bytes = rest;
                if let Some(head) = self.begin()? {
                    self.open = true;
                    return Ok(Some(Step::Head(head)));
                }
            }
            return Ok(None);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (octets, rest) = bytes.split_at(room);
        let payload = Masked { octets, mask: self.mask };
        *bytes = rest;
        self.mask.rotate_left(room % 4);
        let length = u64::try_from(room).unwrap_or(0);
        self.left -= length;
        if let Some((_, sum)) = self.message.as_mut().filter(|_| !self.control) {
            *sum += length;
        }
        Ok(Some(Step::Payload(payload)))
    }

    /// The head of the frame under way, as it was sent.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Reads the head if it is whole.
    fn begin(&mut self) -> Result<Option<Head>, FrameFault> {
        let [first, second, more @ ..] = self.head.as_slice() else { return Ok(None) };
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if second & 0x80 == 0 {
            return Err(FrameFault::Unmasked);
        }
        let extra = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if more.len() < extra + 4 {
            return Ok(None);
        }
        let (length, mask) = more.split_at(extra);
        let long = length.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let length = if extra == 0 { u64::from(second & 0x7f) } else { long };
        let shortest = match extra {
            0 => true,
            2 => length > 125,
            _ => length > 0xffff && length >> 63 == 0,
        };
        if !shortest {
            return Err(FrameFault::Length);
        }
        self.control = opcode & 0x08 != 0;
        match opcode {
            8..=10 if !last || length > 125 => return Err(FrameFault::Control),
            0 if self.message.is_none() => return Err(FrameFault::Continuation),
            0 | 8..=10 => {}
            1 | 2 if self.message.is_some() => return Err(FrameFault::Continuation),
            1 | 2 => self.message = Some((opcode == 1, 0)),
            _ => return Err(FrameFault::Opcode),
        }
        self.mask.copy_from_slice(mask);
        (self.last, self.left) = (last, length);
        let reserved = first >> 4 & 7;
        Ok(Some(Head { control: self.control, first: matches!(opcode, 1 | 2), reserved }))
    }

    /// The message that ends with the frame, if one does.
    fn end(&mut self) -> Option<Message> {
        if !self.last || self.control {
            return None;
        }
        self.message.take().map(|(text, bytes)| Message { text, bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Heard {
        control: bool,
        payload: Vec<u8>,
        messages: Vec<Message>,
    }

    impl Heard {
        fn push(&mut self, frames: &mut Frames, mut bytes: &[u8]) -> Result<(), FrameFault> {
            let mut plain = Vec::new();
            while let Some(step) = frames.step(&mut bytes)? {
                match step {
                    Step::Head(head) => self.control = head.control,
                    Step::Payload(payload) if !self.control => {
                        payload.plain(&mut plain);
                        self.payload.extend_from_slice(&plain);
                    }
                    Step::Payload(_) => {}
                    Step::End(message) => self.messages.extend(message),
                }
            }
            Ok(())
        }
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 77, 177, 217];
        let length = payload.len();
        let head = match length {
            0..=125 => vec![first, 0x80 | u8::try_from(length).unwrap()],
            126..=0xffff => {
                let length = u16::try_from(length).unwrap().to_be_bytes();
                [&[first, 0x80 + 126][..], &length].concat()
            }
            _ => [&[first, 0x80 + 127][..], &u64::try_from(length).unwrap().to_be_bytes()].concat(),
        };
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        head.into_iter().chain(mask).chain(masked).collect()
    }

    fn fault(bytes: &[u8]) -> Option<FrameFault> {
        Heard::default().push(&mut Frames::default(), bytes).err()
    }

    #[test]
    fn frames_that_do_not_hold_to_the_form_are_faults() {
        assert_eq!(fault(&[0x81, 0x01, b'a']), Some(FrameFault::Unmasked));
        assert_eq!(fault(&frame(0x80, b"a")), Some(FrameFault::Continuation));
        assert_eq!(fault(&frame(0x83, b"a")), Some(FrameFault::Opcode));
        assert_eq!(fault(&frame(0x08, b"a")), Some(FrameFault::Control));
        assert_eq!(fault(&frame(0x89, &[0; 126])), Some(FrameFault::Control));
        assert_eq!(fault(&[0x82, 0xfe, 0, 5, 1, 2, 3, 4]), Some(FrameFault::Length));
        let nested = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
        assert_eq!(fault(&nested), Some(FrameFault::Continuation));
    }

    proptest! {
        /// Whatever pieces the octets come in, the same is heard; control frames may stand between.
        #[test]
        fn any_pieces_say_the_same(
            parts in proptest::collection::vec(0_usize..70_000, 1..4), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let bodies: Vec<Vec<u8>> = parts.iter().map(|length| vec![0xa5; *length]).collect();
            let mut bytes = Vec::new();
            for (at, body) in bodies.iter().enumerate() {
                let (first, last) = (at == 0, at + 1 == bodies.len());
                let opcode = if first { 2 } else { 0 } | if last { 0x80 } else { 0 };
                bytes.extend(frame(opcode, body));
                bytes.extend(frame(0x89, b"ping"));
            }
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut frames, mut heard) = (Frames::default(), Heard::default());
            for pair in cuts.windows(2) {
                heard.push(&mut frames, &bytes[pair[0]..pair[1]]).unwrap();
            }
            let whole: Vec<u8> = bodies.concat();
            let length = u64::try_from(whole.len()).unwrap();
            prop_assert_eq!(heard.messages, vec![Message { text: false, bytes: length }]);
            prop_assert!(heard.payload == whole);
        }
    }
}
