//! A set of countries in four machine words, so that a rule tests membership without a loop.

use std::fmt;

use super::Country;

/// A set of countries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CountrySet([u64; 4]);

// === impl CountrySet ===

impl CountrySet {
    /// The set without a country.
    pub const EMPTY: Self = Self([0; 4]);

    /// Whether the country is in the set.
    pub fn contains(&self, country: Country) -> bool {
        self.intersects(&Self::from(country))
    }

    /// Adds a country.
    pub fn insert(&mut self, country: Country) {
        *self = self.union(&Self::from(country));
    }

    /// Returns the countries in either set.
    #[must_use]
    pub const fn union(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, other.0);
        Self([a0 | b0, a1 | b1, a2 | b2, a3 | b3])
    }

    /// Returns the countries in both sets.
    #[must_use]
    pub const fn intersection(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, other.0);
        Self([a0 & b0, a1 & b1, a2 & b2, a3 & b3])
    }

    /// Returns the countries of this set that are not in the other.
    #[must_use]
    pub const fn difference(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, other.0);
        Self([a0 & !b0, a1 & !b1, a2 & !b2, a3 & !b3])
    }

    /// Whether no country is in the set.
    pub const fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    /// Counts the countries.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether every country of this set is in the other.
    pub const fn is_subset(&self, of: &Self) -> bool {
        self.difference(of).is_empty()
    }

    /// Whether the sets share a country.
    pub const fn intersects(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }

    /// Lists the countries, sorted by code.
    pub fn iter(&self) -> impl Iterator<Item = Country> + use<> {
        self.0.into_iter().zip((0_u32..).step_by(64)).flat_map(|(word, first)| {
            let next = |word: &u64| Some(word & (word - 1)).filter(|word| *word != 0);
            std::iter::successors(Some(word).filter(|word| *word != 0), next)
                .filter_map(move |word| u8::try_from(first + word.trailing_zeros()).ok())
                .filter_map(Country::at)
        })
    }
}

impl From<Country> for CountrySet {
    fn from(country: Country) -> Self {
        let (index, bit) = (country.index(), 1 << (country.index() & 63));
        Self(match index >> 6 {
            0 => [bit, 0, 0, 0],
            1 => [0, bit, 0, 0],
            2 => [0, 0, bit, 0],
            _ => [0, 0, 0, bit],
        })
    }
}

impl FromIterator<Country> for CountrySet {
    fn from_iter<I: IntoIterator<Item = Country>>(countries: I) -> Self {
        countries.into_iter().fold(Self::EMPTY, |set, country| set.union(&country.into()))
    }
}

impl Extend<Country> for CountrySet {
    fn extend<I: IntoIterator<Item = Country>>(&mut self, countries: I) {
        *self = self.union(&countries.into_iter().collect());
    }
}

impl fmt::Display for CountrySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (position, country) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{country}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CountrySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(codes: &[&str]) -> CountrySet {
        codes.iter().filter_map(|code| Country::parse(code)).collect()
    }

    #[test]
    fn shows_itself() {
        assert_eq!(set(&["RU", "CN"]).to_string(), "CN, RU");
        assert_eq!(CountrySet::EMPTY.to_string(), "none");
        assert_eq!(Country::all().collect::<CountrySet>().len(), 250);
    }

    proptest! {
        #[test]
        fn agrees_with_a_tree_set(a: Vec<u8>, b: Vec<u8>) {
            let (a, b) = (a.into_iter().filter_map(Country::at), b.into_iter().filter_map(Country::at));
            let (a, b): (BTreeSet<_>, BTreeSet<_>) = (a.collect(), b.collect());
            let (x, y): (CountrySet, CountrySet) = (a.iter().copied().collect(), b.iter().copied().collect());
            prop_assert!(x.iter().eq(a.iter().copied()));
            prop_assert!(x.union(&y).iter().eq(a.union(&b).copied()));
            prop_assert!(x.intersection(&y).iter().eq(a.intersection(&b).copied()));
            prop_assert!(x.difference(&y).iter().eq(a.difference(&b).copied()));
            prop_assert_eq!(x.is_subset(&y), a.is_subset(&b));
            prop_assert_eq!(x.intersects(&y), !a.is_disjoint(&b));
            prop_assert_eq!(x.is_empty(), a.is_empty());
            prop_assert!(Country::all().all(|c| x.contains(c) == a.contains(&c)));
        }
    }
}
