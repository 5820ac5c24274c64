//! Who receives, as a record names it: the party of the register, its seats on the day, and where
//! tagged data goes to it, who owns it, directly and through others.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::policy::register::{Party, PartyId, Percent, Register, SeatKind};

use super::event::{Owner, Recipient, Seat};
use super::record::Record;

/// Stakes that one record names: more are told by the register that `config` pins.
const STAKES: usize = 64;

/// The recipient of a record.
pub(super) fn recipient(record: &Record) -> Option<Recipient<'_>> {
    let (party, by) = record.recipient.as_ref()?;
    let register = record.policy.register();
    let id = register.find(party);
    let (party, by) = (Cow::from(&**party), Cow::from(&**by));
    let Some(id) = id else {
        return Some(Recipient { party, by, name: None, seats: Vec::new(), owners: Vec::new() });
    };
    let day = TimeZone::UTC.to_datetime(record.at).date();
    let known = register.get(id);
    let owners = if record.tags.is_empty() { Vec::new() } else { owners(register, id, day) };
    let name = Some((&*known.name).into());
    Some(Recipient { party, by, name, seats: seats(known, day), owners })
}

/// The stakes in a party, then those in its owners; each holder's own are named once.
fn owners(register: &Register, of: PartyId, day: Date) -> Vec<Owner<'_>> {
    let mut found = Vec::new();
    let mut parties = vec![of];
    let mut next = 0;
    while let Some(id) = parties.get(next).copied() {
        next += 1;
        let party = register.get(id);
        for stake in party.owners.iter().filter(|stake| stake.during.contains(day)) {
            if found.len() == STAKES {
                return found;
            }
            if !parties.contains(&stake.owner) {
                parties.push(stake.owner);
            }
            let holder = register.get(stake.owner);
            found.push(Owner {
                party: (&*holder.id).into(),
                of: (&*party.id).into(),
                percent: number(stake.percent).into(),
                seats: seats(holder, day),
            });
        }
    }
    found
}

fn number(percent: Percent) -> String {
    percent.to_string().trim_end_matches(" %").to_owned()
}

fn seats(party: &Party, day: Date) -> Vec<Seat<'_>> {
    let seats = party.seats.iter().filter(|seat| seat.during.contains(day));
    let word = |kind| match kind {
        SeatKind::Organised => "organised",
        SeatKind::PrincipalPlace => "principal-place",
        SeatKind::Resident => "resident",
    };
    seats
        .map(|seat| Seat { kind: word(seat.kind).into(), country: seat.country.code().into() })
        .collect()
}
