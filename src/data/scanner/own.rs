//! Detectors of one's own, over the same window: patterns by a search of their own, lists for
//! every token that holds four digits in a row.

use super::super::values::text::{at, run_end, run_start, span};
use super::super::values::{Hit, Kind};
use super::super::{Confidence, Dictionary, Pattern};

/// The detectors of a configuration.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) patterns: Vec<Pattern>,
    pub(super) dictionaries: Vec<Dictionary>,
}

/// What goes on from block to block.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Of each pattern: up to where it was matched, and how often.
    patterns: Vec<(usize, u64)>,
    /// Up to where tokens were looked up.
    tokens: usize,
}

impl Followed {
    /// The window goes on by so many octets.
    pub(super) fn moved(&mut self, by: usize) {
        self.patterns.iter_mut().for_each(|(end, _)| *end = end.saturating_sub(by));
        self.tokens = self.tokens.saturating_sub(by);
    }
}

fn hit(own: usize, (start, end): (usize, usize), confidence: Confidence) -> Hit {
    let named = confidence > Confidence::Weak;
    Hit { kind: Kind::Account, own: Some(own), start, end, confidence, named }
}

impl Own {
    /// Whether tokens are looked up.
    pub(super) fn has_lists(&self) -> bool {
        !self.dictionaries.is_empty()
    }

    /// What the patterns match in a block.
    pub(super) fn patterns(
        &self,
        text: &[u8],
        (from, to): (usize, usize),
        followed: &mut Followed,
        hits: &mut Vec<Hit>,
    ) {
        followed.patterns.resize(self.patterns.len(), (0, 0));
        for (own, (pattern, (end, count))) in
            self.patterns.iter().zip(&mut followed.patterns).enumerate()
        {
            for (start, stop, confidence) in pattern.matches(text, ((*end).max(from), to)) {
                let named = pattern.is_named(text, start);
                *count += 1;
                *end = stop;
                let enough = *count >= pattern.at_least;
                let raised = if named { confidence.max(Confidence::Likely) } else { confidence };
                let sure = if enough { raised } else { Confidence::Weak };
                hits.push(hit(own, (start, stop), sure));
            }
        }
    }

    /// The token around four digits, if a list holds it: all that dashes join, or a part.
    pub(super) fn token(
        &self,
        text: &[u8],
        seed: usize,
        followed: &mut Followed,
        hits: &mut Vec<Hit>,
    ) {
        if seed < followed.tokens {
            return;
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        let joined = |byte: u8| plain(byte) || matches!(byte, b'-' | b'_' | b'.' | b'/');
        let part = (run_start(text, seed, 64, plain), run_end(text, seed, 64, plain));
        let (start, mut end) = (run_start(text, seed, 64, joined), run_end(text, seed, 64, joined));
        while end > part.1 && !plain(at(text, end - 1)) {
            end -= 1;
        }
        let whole = (start, end);
        let first = self.patterns.len();
        for (place, list) in self.dictionaries.iter().enumerate() {
            let held = [whole, part].into_iter().find(|(a, b)| list.contains(span(text, *a, *b)));
            if let Some(held) = held {
                hits.push(hit(first + place, held, Confidence::Sure));
                followed.tokens = held.1;
            }
        }
    }
}
