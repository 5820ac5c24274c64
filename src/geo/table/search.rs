//! The search in a /24, in quarters instead of halves: the three rows compared in a step are
//! fetched at once.

/// Few enough rows to compare them all, without a branch.
const FEW: usize = 8;

/// The last row up to `most` among `rows[from..to]`, or the row before them, which then still
/// holds. The first row starts at the least address, so there is always one.
#[inline]
pub(super) fn find<R: Copy + Ord + Default>(rows: &[R], from: usize, to: usize, most: R) -> R {
    let bucket = rows.get(from..to).unwrap_or_default();
    let after = from + count(bucket, most);
    rows.get(after.wrapping_sub(1)).copied().unwrap_or_default()
}

/// Counts the sorted rows up to `most`.
#[inline]
fn count<R: Copy + Ord>(rows: &[R], most: R) -> usize {
    let (mut base, mut len) = (0, rows.len());
    let below = |at: usize| usize::from(rows.get(at).is_some_and(|row| *row <= most));
    while len > FEW {
        let quarter = len / 4;
        let passed = below(base + quarter) + below(base + 2 * quarter) + below(base + 3 * quarter);
        base += passed * quarter;
        // The last part is the longest; taking its length for all keeps the bound exact.
        len -= 3 * quarter;
    }
    let rest = rows.get(base..base + len).unwrap_or_default();
    base + rest.iter().map(|row| usize::from(*row <= most)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_as_a_search_in_halves(mut rows in prop::collection::vec(0_u16..500, 0..300), most in 0_u16..501) {
            rows.sort_unstable();
            prop_assert_eq!(count(&rows, most), rows.partition_point(|row| *row <= most));
        }
    }
}
