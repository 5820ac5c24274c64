//! Frames of WebSocket from a destination (RFC 6455 section 5), as far as to know where one ends:
//! there a last word to the client can stand.

/// The longest reason of a close: a control frame has 125 octets, and two are the code.
const REASON: usize = 123;

/// Follows frames up to where they end.
#[derive(Debug, Default)]
pub struct ServerFrames {
    head: Vec<u8>,
    left: u64,
}

impl ServerFrames {
    /// Whether a frame may begin here.
    pub fn is_between(&self) -> bool {
        self.head.is_empty() && self.left == 0
    }

    /// Follows octets up to the next place where a frame ends; how many they are.
    pub fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for octet in bytes {
            if self.left > 0 {
                break;
            }
            self.head.push(*octet);
            taken += 1;
            if let Some(length) = length(&self.head) {
                self.left = length;
                self.head.clear();
                if length == 0 {
                    return taken;
                }
            }
        }
        let rest = bytes.len() - taken;
        let payload = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest);
        self.left -= u64::try_from(payload).unwrap_or(0);
        taken + payload
    }

    /// Follows all of some octets.
    pub fn follow_all(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.follow(bytes);
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }
}

/// The length of a payload, if its head is whole. A mask, which no server may set, is a part of
/// what follows.
fn length(head: &[u8]) -> Option<u64> {
    let [_, second, more @ ..] = head else { return None };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let extra = match second & 0x7F {
        126 => 2,
        127 => 8,
        short => return Some(u64::from(short) + mask),
    };
    let long = more.get(..extra)?.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    Some(long.saturating_add(mask))
}

/// A frame that closes the connection, as a server sends it.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut reason = reason;
    while reason.len() > REASON {
        let mut shorter = reason.chars();
        shorter.next_back();
        reason = shorter.as_str();
    }
    let length = u8::try_from(2 + reason.len()).unwrap_or(2);
    let mut frame = vec![0x88, length];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(reason.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_followed_to_their_ends_in_any_pieces() {
        let mut all = Vec::new();
        let mut ends = vec![];
        for length in [0_u16, 5, 126, 700] {
            all.push(0x82);
            if length < 126 {
                all.push(u8::try_from(length).unwrap());
            } else {
                all.push(126);
                all.extend(length.to_be_bytes());
            }
            all.extend(vec![0x55; usize::from(length)]);
            ends.push(all.len());
        }
        for size in [1, 2, 3, 7, 1_000] {
            let (mut frames, mut seen, mut at) = (ServerFrames::default(), Vec::new(), 0);
            for mut piece in all.chunks(size) {
                while !piece.is_empty() {
                    let taken = frames.follow(piece);
                    at += taken;
                    piece = &piece[taken..];
                    if frames.is_between() {
                        seen.push(at);
                    }
                }
            }
            assert_eq!(seen, ends, "{size}");
        }
        let mut whole = ServerFrames::default();
        whole.follow_all(&all[..=ends[1]]);
        assert!(!whole.is_between());
        whole.follow_all(&all[ends[1] + 1..]);
        assert!(whole.is_between());
    }

    #[test]
    fn a_close_has_a_code_and_a_reason_that_fits() {
        assert_eq!(close(1008, "no"), [0x88, 4, 0x03, 0xF0, b'n', b'o']);
        let long = close(1008, &"é".repeat(100));
        assert_eq!((long.len(), long[1]), (2 + 124, 124));
    }
}
