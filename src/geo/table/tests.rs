//! The tables against the steps they are made of, at every boundary and its neighbours.

use proptest::prelude::*;

use super::super::steps::Steps;
use super::*;

fn around<A: Copy>(start: A, below: Option<A>, above: Option<A>) -> impl Iterator<Item = A> {
    [Some(start), below, above].into_iter().flatten()
}

fn check_v4(steps: &Steps<u32>) {
    let table = TableV4::new(steps);
    for (start, _) in steps.iter().chain([(u32::MAX, 0)]) {
        for address in around(start, start.checked_sub(1), start.checked_add(1)) {
            assert_eq!(table.get(address), steps.get(address), "{address:#x}");
        }
    }
}

fn check_v6(steps: &Steps<u128>) {
    let table = TableV6::new(steps).unwrap();
    let fixed = [0x2000 << 112, 0x4000 << 112, u128::MAX];
    for start in steps.iter().map(|step| step.0).chain(fixed) {
        let ends = [start, start | u128::from(u64::MAX), start & !u128::from(u64::MAX)];
        for end in ends {
            for address in around(end, end.checked_sub(1), end.checked_add(1)) {
                assert_eq!(table.get(address), steps.get(address), "{address:#x}");
            }
        }
    }
}

/// Starts that crowd into few buckets and few /64s, so that every edge of the layout is met.
fn starts_v6() -> impl Strategy<Value = u128> {
    let top =
        prop::sample::select(vec![0_u128, 0x1FFF, 0x2000, 0x2001, 0x2A0F, 0x3FFF, 0x4000, 0xFFFF]);
    let middle = prop::sample::select(vec![0_u128, 1, 2, 0xFFFF_FFFF_FFFF]);
    let low = prop::sample::select(vec![0_u128, 1, 0xFF, 1 << 63, u128::from(u64::MAX)]);
    (top, middle, low).prop_map(|(top, middle, low)| top << 112 | middle << 64 | low)
}

proptest! {
    #[test]
    fn v4_is_the_steps(mut list in prop::collection::vec((any::<u32>(), 0_u32..70_000), 0..300), mask: u32) {
        for step in &mut list {
            step.0 &= mask | 0xF0F0;
        }
        list.sort_unstable();
        let mut steps = Steps::new(9);
        for (start, id) in list {
            steps.push(start, id);
        }
        check_v4(&steps);
    }

    #[test]
    fn v6_is_the_steps(mut list in prop::collection::vec((starts_v6(), 0_u32..5), 0..60)) {
        list.sort_unstable();
        let mut steps = Steps::new(9);
        for (start, id) in list {
            steps.push(start, id);
        }
        check_v6(&steps);
    }
}

#[test]
fn the_largest_numbers_fit() {
    let mut v4 = Steps::new(MAX_IDS - 1);
    v4.push(0xFFFF_FFFF, 3);
    check_v4(&v4);
    let mut v6 = Steps::new(MAX_IDS - 1);
    v6.push((0x2001 << 112) + 5, MAX_IDS - 2);
    v6.push((0x3FFF << 112) | u128::from(u64::MAX), 3);
    check_v6(&v6);
}
