//! Runs of digits: what stands around them decides what they are put to.

use super::super::keys::Key;
use super::alnum::Token;
use super::digits::RULES;
use super::group::{DIGITS, Group, Number, Run, is_separator};
use super::hit::{Hit, Strength};
use super::text::{at, before, digits_end, is_word};
use super::{Kind, address, iban, phone};

/// The longest run that is read: beyond it, nothing is a number of anything.
const LONGEST: usize = 64;

/// What was made of a run: hits, and where to go on.
pub(super) fn around(
    text: &[u8],
    start: usize,
    hits: &mut Vec<Hit>,
    key: impl Fn(usize) -> Key + Copy,
) -> usize {
    let end = digits_end(text, start, LONGEST);
    let (left, right) = (before(text, start), at(text, end));
    if end - start >= LONGEST {
        return end;
    }
    if is_word(left) || is_word(right) || left == b'-' || right == b'-' {
        let first = if is_word(left) { Token::around(text, start).start } else { start };
        // UUIDs are everywhere; the dashes' seed looks at them.
        if let Some(end) = address::uuid_end(text, first) {
            return end;
        }
        if is_word(left) || is_word(right) {
            let token = Token::around(text, start);
            hits.extend(token.hit(text, key));
            return token.end.max(end);
        }
    }
    let run = Run { start, end };
    let alone =
        !joins(left, before(text, start.wrapping_sub(1))) && !joins(right, at(text, end + 1));
    if alone {
        if end - start >= 6 {
            single(text, run, hits, key);
        }
        return end;
    }
    groups(text, run, hits, key)
}

/// Whether a separator joins a run with what is beyond it.
fn joins(separator: u8, beyond: u8) -> bool {
    match separator {
        // A blank joins digits, an area in parentheses, and the bank's code in an IBAN.
        b' ' => beyond.is_ascii_digit() || beyond.is_ascii_uppercase() || beyond == b')',
        b'-' | b')' => true,
        b'.' | b'/' => is_word(beyond),
        _ => false,
    }
}

fn single(text: &[u8], run: Run, hits: &mut Vec<Hit>, key: impl Fn(usize) -> Key) {
    if let Some(number) = Number::of(text, &[run]) {
        judge(text, &number, true, hits, key);
    }
}

/// Puts a number to every rule; the best of what they say is kept.
fn judge(
    text: &[u8],
    number: &Number,
    free: bool,
    hits: &mut Vec<Hit>,
    key: impl Fn(usize) -> Key,
) {
    let left = before(text, number.start);
    // Amounts, references and what a plus sign begins are others' business.
    if matches!(left, b'$' | b'#' | b'+') || at(text, number.end) == b'%' {
        return;
    }
    let mut named = None;
    for rule in RULES.iter().filter(|rule| rule.fits(number.digits().len())) {
        let Some(strength) = (rule.test)(number) else { continue };
        // In a path, nothing names what stands behind a slash.
        if strength == Strength::Named && left == b'/' {
            continue;
        }
        // In company of other groups a form says less.
        let strength = if free { strength } else { strength.min(Strength::Plain) };
        let key = *named.get_or_insert_with(|| key(number.start));
        hits.extend(Hit::new(rule.kind, (number.start, number.end), strength, key));
    }
}

/// Every number that adjacent groups make.
fn groups(text: &[u8], run: Run, hits: &mut Vec<Hit>, key: impl Fn(usize) -> Key + Copy) -> usize {
    if let Some(end) = date_end(text, run) {
        return end;
    }
    let group = Group::around(text, run);
    let runs = group.runs();
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return run.end };
    if let [year, month, day] = runs
        && [year, month, day].map(|run| run.end - run.start) == [4, 2, 2]
    {
        return day.end;
    }
    let written = before(text, first.start).is_ascii_alphabetic()
        || before(text, first.start.wrapping_sub(1)).is_ascii_alphabetic();
    if let Some(hit) = written.then(|| iban::around(text, run.start, key)).flatten() {
        let end = hit.end;
        hits.push(hit);
        return end;
    }
    for from in 0..runs.len() {
        for to in from + 1..=runs.len() {
            let part = runs.get(from..to).unwrap_or_default();
            let digits: usize = part.iter().map(|run| run.end - run.start).sum();
            if digits > DIGITS {
                break;
            }
            let Some(free) = (digits >= 7).then(|| bordered(text, part)).flatten() else {
                continue;
            };
            let Some(number) = Number::of(text, part) else { break };
            judge(text, &number, free, hits, key);
            american(text, &number, hits, key);
        }
    }
    last.end.max(run.end)
}

/// Where the date `2026-02-15` ends that begins with this run, if no more groups are around it:
/// times are in every record of a log.
fn date_end(text: &[u8], year: Run) -> Option<usize> {
    let end = year.end + 6;
    let rest = text.get(year.end..end)?.as_array()?;
    let [b'-', a, b, b'-', c, d] = rest else { return None };
    let digits = [a, b, c, d].into_iter().all(u8::is_ascii_digit);
    let goes_on = is_separator(at(text, end)) && at(text, end + 1).is_ascii_digit();
    let begins = is_separator(before(text, year.start))
        && before(text, year.start.wrapping_sub(1)).is_ascii_digit();
    let alone = !goes_on && !begins && !at(text, end).is_ascii_digit();
    (year.end - year.start == 4 && digits && alone).then_some(end)
}

/// Whether a number ends on both sides; `Some(false)` if only blanks divide it from others.
fn bordered(text: &[u8], runs: &[Run]) -> Option<bool> {
    let (first, last) = (runs.first()?, runs.last()?);
    let blanks = runs.len() > 1 && at(text, first.end) == b' ';
    let sides = [
        (before(text, first.start), before(text, first.start.wrapping_sub(1))),
        (at(text, last.end), at(text, last.end + 1)),
    ];
    let mut free = true;
    for (side, beyond) in sides {
        match side {
            b' ' => free &= !beyond.is_ascii_digit() || !blanks,
            b'-' | b'.' | b'/' if is_word(beyond) => return None,
            _ if is_word(side) => return None,
            _ => {}
        }
    }
    Some(free)
}

/// `(415) 555-0123`, of which the group is the end.
fn american(text: &[u8], number: &Number, hits: &mut Vec<Hit>, key: impl Fn(usize) -> Key) {
    if let Some(start) = phone::parenthesis(text, number) {
        let hit = Hit::new(Kind::Phone, (start, number.end), Strength::Distinct, key(start));
        hits.extend(hit);
    }
}
