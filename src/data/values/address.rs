//! Addresses of networks and devices: IPv4, IPv6, MAC, and UUIDs that name a device to
//! advertisers.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::keys::Key;
use super::Kind;
use super::hit::{Hit, Strength};
use super::text::{at, before, is_word, run_end, run_start, span};

/// Resolvers that everybody uses: they tell of nobody.
const RESOLVERS: [[u8; 4]; 8] = [
    [8, 8, 8, 8],
    [8, 8, 4, 4],
    [1, 1, 1, 1],
    [1, 0, 0, 1],
    [9, 9, 9, 9],
    [149, 112, 112, 112],
    [208, 67, 222, 222],
    [208, 67, 220, 220],
];

/// Object identifiers of four arcs: ISO's organisations and X.500's attributes.
const OBJECTS: [[u8; 2]; 4] = [[1, 3], [2, 5], [1, 2], [0, 9]];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special && !RESOLVERS.contains(&address.octets())
}

/// An IPv4 address of which this place is the third dot.
pub(super) fn v4(text: &[u8], dot: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let is = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let (start, end) = (run_start(text, dot, 13, is), run_end(text, dot, 5, is));
    // A sentence may end with an address.
    let end = end - usize::from(before(text, end) == b'.');
    let address: Ipv4Addr = str::from_utf8(span(text, start, end)).ok()?.parse().ok()?;
    let (left, right) = (before(text, start), at(text, end));
    // `v1.2.3.4`, `Chrome/1.2.3.4`, `name@1.2.3.4` and `name-1.2.3.4` are versions.
    let product = matches!(left, b'/' | b'@' | b'-' | b'+') && before(text, start - 1) != b'/';
    let goes_on = is_word(right)
        || right == b'/' && at(text, end + 1).is_ascii_digit()
        || matches!(right, b'-' | b'+' | b'.') && is_word(at(text, end + 1));
    if is_word(left) || left == b'.' || product || goes_on || !is_public_v4(address) {
        return None;
    }
    let [a, b, ..] = address.octets();
    let strength = if OBJECTS.contains(&[a, b]) { Strength::Named } else { Strength::Distinct };
    Hit::new(Kind::Ip, (start, end), strength, key(start))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    const RESOLVERS: [[u16; 3]; 3] =
        [[0x2001, 0x4860, 0x4860], [0x2606, 0x4700, 0x4700], [0x2620, 0xFE, 0]];
    let [a, b, c, ..] = address.segments();
    // 2000::/3 alone is given to users; of it, not what documents and tunnels use.
    let special = a == 0x2001 && matches!(b, 0xDB8 | 0..=0x1FF) || a == 0x2002 || a == 0x3FFF;
    a >> 13 == 1 && !special && !RESOLVERS.contains(&[a, b, c])
}

/// An IPv6 address of which this place is a colon.
pub(super) fn v6(text: &[u8], colon: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let is = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    let (start, end) = (run_start(text, colon, 40, is), run_end(text, colon, 40, is));
    let lone = |place: usize| before(text, place) == b':' && before(text, place - 1) != b':';
    let end = if lone(end) { end - 1 } else { end };
    // `ip:2001:...`: the name before ends with a colon.
    let start = start + usize::from(at(text, start) == b':' && at(text, start + 1) != b':');
    let goes_on = |byte: u8| is_word(byte) || matches!(byte, b'-' | b':');
    if goes_on(before(text, start)) && before(text, start) != b':'
        || goes_on(at(text, end)) && !lone(end + 1)
    {
        return None;
    }
    let address: Ipv6Addr = str::from_utf8(span(text, start, end)).ok()?.parse().ok()?;
    is_public_v6(address)
        .then(|| Hit::new(Kind::Ip, (start, end), Strength::Distinct, key(start)))
        .flatten()
}

/// A MAC address `aa:bb:..` or `aa-bb-..` of which this place is the fifth separator.
pub(super) fn mac(text: &[u8], fifth: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let (start, end) = (fifth.checked_sub(14)?, fifth + 3);
    let separator = at(text, fifth);
    let pairs = text.get(start..end)?.chunks(3);
    let hex = pairs.clone().all(|pair| match pair {
        [a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [a, b, c] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit() && *c == separator,
        _ => false,
    });
    // Fingerprints are longer chains of the same form.
    let chained = |byte: u8| is_word(byte) || byte == separator && separator == b'-';
    let left = before(text, start);
    let pair = span(text, start.saturating_sub(3), start.saturating_sub(1));
    let word = is_word(before(text, start.saturating_sub(3)));
    let longer = left == separator && !word && pair.iter().all(u8::is_ascii_hexdigit)
        || at(text, end) == separator && at(text, end + 1).is_ascii_hexdigit();
    if !hex || longer || chained(left) || chained(at(text, end)) {
        return None;
    }
    device(text, (start, end), key)
}

/// A MAC address `1234.5678.9abc` of which this place is the second dot.
pub(super) fn mac_dotted(text: &[u8], second: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let (start, end) = (second.checked_sub(9)?, second + 5);
    let mut quads = text.get(start..end)?.chunks(5);
    let hex = quads.all(|quad| quad.iter().take(4).all(u8::is_ascii_hexdigit));
    let letter = span(text, start, end).iter().any(u8::is_ascii_alphabetic);
    let goes_on = |byte: u8| is_word(byte) || byte == b'.';
    let free = !goes_on(before(text, start)) && !is_word(at(text, end));
    (hex && letter && free).then(|| device(text, (start, end), key)).flatten()
}

fn device(text: &[u8], (start, end): (usize, usize), key: impl Fn(usize) -> Key) -> Option<Hit> {
    let mut digits = [0; 12];
    let hex = span(text, start, end).iter().filter(|byte| byte.is_ascii_hexdigit());
    digits.iter_mut().zip(hex).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    // Nobody's, everybody's, and the groups of IPv4 and IPv6.
    let special = digits.iter().all(|b| *b == b'0')
        || digits.iter().all(|b| *b == b'f')
        || digits.starts_with(b"01005e")
        || digits.starts_with(b"3333");
    let hit = || Hit::new(Kind::Mac, (start, end), Strength::Distinct, key(start));
    (!special).then(hit).flatten()
}

/// A UUID of which this place is the fourth dash: an advertising id, if a name says so.
pub(super) fn uuid(text: &[u8], fourth: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let (start, end) = (fourth.checked_sub(23)?, fourth + 13);
    let goes_on = |byte: u8| is_word(byte) || byte == b'-';
    let dashed = at(text, start + 8) == b'-' && at(text, start + 13) == b'-';
    if !dashed || goes_on(before(text, start)) || goes_on(at(text, end)) {
        return None;
    }
    // UUIDs are everywhere: the name is read first.
    let hit = Hit::new(Kind::AdId, (start, end), Strength::Named, key(start))?;
    let mut digits = text.get(start..end)?.iter().enumerate();
    let form = digits.all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let empty = span(text, start, end).iter().all(|byte| matches!(byte, b'0' | b'-'));
    (form && !empty).then_some(hit)
}

/// Where a UUID ends, one of whose groups begins here.
pub(super) fn uuid_end(text: &[u8], group: usize) -> Option<usize> {
    if before(text, group) != b'-' && at(text, group + 8) != b'-' {
        return None;
    }
    [0, 9, 14, 19, 24].into_iter().find_map(|offset| {
        let start = group.checked_sub(offset)?;
        let dashed = [8, 13, 18, 23].iter().all(|dash| at(text, start + dash) == b'-');
        let whole = dashed && !is_word(before(text, start)) && !is_word(at(text, start + 36));
        (whole && at(text, start + 35).is_ascii_hexdigit()).then_some(start + 36)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Test = fn(&[u8], usize, fn(usize) -> Key) -> Option<Hit>;

    fn found(kind: Test, text: &str, at: usize) -> bool {
        kind(text.as_bytes(), at, |_| Key::default()).is_some()
    }

    #[test]
    fn addresses_of_users_and_nothing_else() {
        let v4_at = |text: &str| {
            let third = text.match_indices('.').nth(2).unwrap().0;
            found(v4, text, third)
        };
        for text in ["52.12.4.9", "http://52.12.4.9:80/", "from 52.12.4.9.", "(203.1.2.3)"] {
            assert!(v4_at(text), "{text}");
        }
        for text in [
            "10.1.2.3",
            "8.8.8.8",
            "192.0.2.7",
            "1.3.6.1.4.1",
            "v5.2.3.4",
            "Chrome/52.12.4.9",
            "52.12.4.9/24",
            "52.12.4.9-rc1",
            "a@52.12.4.9",
            "52.12.4.299",
            "2.5.4.3",
        ] {
            assert!(!v4_at(text), "{text}");
        }
        for (text, public) in [
            ("2a12:9564:39b0::b302", true),
            ("ip:2a12:9564:39b0::b302", true),
            ("[2a02:8108:1:2:3:4:5:6]:443", true),
            ("2001:db8::1", false),
            ("fe80::1:2", false),
            ("std::mem::take", false),
            ("a::b", false),
            ("00:11:22", false),
        ] {
            let any = text.match_indices(':').any(|(at, _)| found(v6, text, at));
            assert_eq!(any, public, "{text}");
        }
    }

    #[test]
    fn devices_and_not_fingerprints() {
        for (text, is) in [
            ("3c-4c-5e-12-86-d4", true),
            ("mac:3c:4c:5e:12:86:d4", true),
            ("3c:4c:5e:12:86:d4:99", false),
            ("11:3c:4c:5e:12:86:d4", false),
            ("00:00:00:00:00:00", false),
            ("3c:4c-5e:12:86:d4", false),
        ] {
            let any = (0..text.len())
                .any(|at| matches!(text.as_bytes()[at], b':' | b'-') && found(mac, text, at));
            assert_eq!(any, is, "{text}");
        }
        assert!(found(mac_dotted, "3c4c.5e12.86d4", 9));
        assert!(!found(mac_dotted, "1234.5678.9012", 9));
    }
}
