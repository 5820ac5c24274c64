//! Volumes of one request: reserved before anything leaves, kept where something left, given
//! back where nothing did. What is reserved counts for everybody from that moment.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{self, Ask, Reservation, Subjects, Tolled, VolumeError, Volumes, Window};
use crate::policy::{
    Amount, Circumstances, Counted, Counts, Facts, HeldRules, Lift, Meter, Mode, Place, Policy,
    Rule, Span,
};
use crate::telemetry::{Event, Metrics, VolumeEvent};

/// One number that a request touches.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Touched {
    meter: Meter,
    name: String,
    holder: String,
    amount: Owned,
    open: bool,
    /// The slices that it counts, for exemptions.
    slices: Vec<u8>,
}

/// How much is added, on its own: the disk is waited for on another thread.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owned {
    Ids(Vec<String>),
    Number(u64),
}

/// What was counted for a request.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// The numbers by socket: a recipient may be known by its network.
    places: Vec<(SocketAddr, Vec<Touched>)>,
    counted: Vec<(Touched, Counted)>,
    reservations: Vec<Kept>,
}

/// A reservation, and whether an exemption of its pack takes it back: only if it lets out every
/// slice that was counted.
#[derive(Debug)]
struct Kept {
    pack: usize,
    skips: Option<Vec<u8>>,
    reservation: Reservation,
}

impl Counting {
    /// Asks which numbers matter at each of the places, and reserves them.
    pub(super) async fn reserve(
        (volumes, metrics): (Option<&Arc<Volumes>>, &Metrics),
        policy: &Arc<Policy>,
        facts: &Facts<'_>,
        places: &[Place<'_>],
    ) -> Result<Self, VolumeError> {
        let mut counting = Self::default();
        if policy.counters().is_empty() || facts.content.tags().is_empty() {
            return Ok(counting);
        }
        for place in places {
            let facts = Facts { place: Some(*place), ..*facts };
            let touched = policy.meters(&facts).into_iter().map(Touched::from).collect();
            counting.places.push((place.socket, touched));
        }
        let Some(volumes) = volumes else { return Ok(counting) };
        let mut wanted: Vec<Touched> = Vec::new();
        for one in counting.places.iter().flat_map(|(_, touched)| touched) {
            if !wanted.contains(one) {
                wanted.push(one.clone());
            }
        }
        if wanted.is_empty() {
            return Ok(counting);
        }
        let (volumes, shared) = (Arc::clone(volumes), Arc::clone(policy));
        let at = facts.circumstances.at;
        let reserving = move || reserve_all(&volumes, &shared, wanted, at);
        let reserved = tokio::task::spawn_blocking(reserving).await;
        let reserved = reserved.map_err(|_| VolumeError::Closed).flatten();
        Event::Volume(VolumeEvent::Store(reserved.is_ok())).record(metrics);
        let (counted, reservations) = reserved?;
        (counting.counted, counting.reservations) = (counted, reservations);
        Ok(counting)
    }

    /// The numbers as they stand for one place.
    pub(super) fn at(&self, socket: SocketAddr) -> Counts {
        let mut counts = Counts::default();
        let touched = self.places.iter().find(|(place, _)| *place == socket);
        for one in touched.into_iter().flat_map(|(_, touched)| touched) {
            let same = |(known, _): &&(Touched, Counted)| {
                known.name == one.name && known.holder == one.holder
            };
            if let Some((_, counted)) = self.counted.iter().find(same) {
                counts.insert(one.meter, Counted { open: one.open, ..*counted });
            }
        }
        counts
    }

    /// Everything that was counted, for the record.
    pub(super) fn tolled(&self, policy: &Policy) -> Vec<Tolled> {
        let one = |(touched, counted): &(Touched, Counted)| Tolled {
            meter: touched.name.clone(),
            holder: touched.holder.clone(),
            counted: *counted,
            limit: policy.limit(touched.meter),
        };
        self.counted.iter().map(one).collect()
    }

    /// Tells whoever watches how far the counts stand, and which warning marks were crossed.
    pub(super) fn tell(&self, policy: &Policy, metrics: &Metrics) {
        for (Touched { meter, name, holder, .. }, counted) in &self.counted {
            let limit = policy.limit(*meter);
            let count = VolumeEvent::Counted(name, holder, counted.after, limit);
            Event::Volume(count).record(metrics);
            if let Some(percent) = policy.crossed(*meter, *counted) {
                Event::Volume(VolumeEvent::Marked(name, holder, percent)).record(metrics);
            }
        }
    }

    /// Gives back what was reserved, to be reserved again with more.
    pub(super) fn give_back(self, policy: &Policy) {
        self.settle(policy, &HeldRules::new(), false);
    }

    /// Whether nothing was reserved.
    pub(super) fn is_empty(&self) -> bool {
        self.reservations.is_empty() && self.counted.is_empty()
    }

    /// Keeps or gives back what was reserved. Waits for no disk.
    pub(super) fn settle(self, policy: &Policy, held: &HeldRules, left: bool) {
        let exempt = |pack: usize, slice: u8| {
            held.iter().any(|one| {
                let by_grant = matches!(one.lifted, Some(Lift::Grant(_)));
                let here = one.slice.is_none_or(|held| held == slice);
                let refused = |rule: &Rule| {
                    rule.pack_index == pack && rule.outcome.refuses() && rule.mode == Mode::Enforce
                };
                by_grant && here && policy.rule(one).is_some_and(refused)
            })
        };
        for Kept { pack, skips, reservation } in self.reservations {
            let skip = skips.is_some_and(|slices| slices.iter().all(|one| exempt(pack, *one)));
            if left && !skip {
                reservation.left();
            } else if let Err(error) = reservation.give_back() {
                // It stays counted, which is the safe side.
                tracing::warn!(%error, "a reservation could not be given back");
            }
        }
    }
}

/// Facts as they stand with these counts.
pub(super) fn counted<'a>(facts: &Facts<'a>, counts: &'a Counts) -> Facts<'a> {
    let circumstances = Circumstances { counts: Some(counts), ..facts.circumstances };
    Facts { circumstances, ..*facts }
}

/// A pack, and the slices whose exemption takes its count back, if one can.
type Group = (usize, Option<Vec<u8>>);
type Reserved = (Vec<(Touched, Counted)>, Vec<Kept>);

/// One reservation for each pack and the slices it counts, so that an exemption takes back only its own.
fn reserve_all(
    volumes: &Volumes,
    policy: &Policy,
    wanted: Vec<Touched>,
    at: Timestamp,
) -> Result<Reserved, VolumeError> {
    let group = |one: &Touched| {
        let counter = policy.counters().get(one.meter.counter)?;
        Some((counter.pack, counter.skip_exempt.then(|| one.slices.clone())))
    };
    let mut groups: Vec<(Group, Vec<Touched>)> = Vec::new();
    for one in wanted {
        let Some(key) = group(&one) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, list)) => list.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    let (mut counted, mut kept) = (Vec::new(), Vec::new());
    for ((pack, skips), list) in groups {
        let (reservation, numbers) = reserve_group(volumes, policy, &list, at)?;
        counted.extend(list.into_iter().zip(numbers));
        kept.push(Kept { pack, skips, reservation });
    }
    Ok((counted, kept))
}

fn reserve_group(
    volumes: &Volumes,
    policy: &Policy,
    list: &[Touched],
    at: Timestamp,
) -> Result<(Reservation, Vec<Counted>), VolumeError> {
    let meters: Vec<_> = list.iter().map(Touched::store_meter).collect();
    let windows: Vec<_> = list.iter().map(|one| window(policy, one.meter)).collect();
    let ids: Vec<Vec<&str>> = list.iter().map(Touched::ids).collect();
    let asks = meters.iter().zip(&windows).zip(list.iter().zip(&ids));
    let asks: Vec<_> = asks
        .map(|((meter, window), (one, ids))| {
            let subjects = match &one.amount {
                Owned::Number(number) => Subjects::Number(*number),
                Owned::Ids(_) => Subjects::Ids(ids),
            };
            Ask { meter, window, subjects }
        })
        .collect();
    let (reservation, counted) = volumes.reserve(&asks, at)?;
    let counted = counted.into_iter();
    Ok((
        reservation,
        counted.map(|one| Counted { before: one.before, after: one.after, open: false }).collect(),
    ))
}

fn window(policy: &Policy, meter: Meter) -> Window {
    match policy.counters().get(meter.counter).map(|counter| &counter.window) {
        Some(Span::CalendarYear(zone)) => Window::CalendarYear(zone.clone()),
        Some(Span::RollingMonths(months)) => Window::RollingMonths(*months),
        None => Window::RollingMonths(12),
    }
}

impl Touched {
    fn store_meter(&self) -> audit::Meter {
        audit::Meter { name: self.name.clone(), holder: self.holder.clone() }
    }

    fn ids(&self) -> Vec<&str> {
        match &self.amount {
            Owned::Ids(ids) => ids.iter().map(String::as_str).collect(),
            Owned::Number(_) => Vec::new(),
        }
    }
}

impl From<crate::policy::Metered<'_>> for Touched {
    fn from(metered: crate::policy::Metered<'_>) -> Self {
        let amount = match metered.amount {
            Amount::Ids(ids) => Owned::Ids(ids.into_iter().map(str::to_owned).collect()),
            Amount::Number(number) => Owned::Number(number),
        };
        let (meter, name, holder) = (metered.meter, metered.name, metered.holder);
        let (open, slices) = (metered.open, metered.slices);
        Self { meter, name, holder, amount, open, slices }
    }
}
