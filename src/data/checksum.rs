//! Check digits: the arithmetic by which issuers tell a number from a typing mistake.
//! Digits are values 0..=9, not characters.

/// Luhn's check (ISO/IEC 7812-1 annex B): cards, IMEIs. One random number in ten passes.
pub fn luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().zip([false, true].into_iter().cycle()).map(|(digit, double)| {
        let doubled = u32::from(*digit) * 2;
        if double { doubled / 10 + doubled % 10 } else { u32::from(*digit) }
    });
    sum.sum::<u32>() % 10 == 0
}

/// The Luhn check of a US National Provider Identifier, which is as if `80840` stood before it.
pub fn npi(digits: &[u8]) -> bool {
    let mut prefixed = [8, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let Some(rest) = prefixed.get_mut(5..) else { return false };
    if digits.len() != rest.len() {
        return false;
    }
    rest.copy_from_slice(digits);
    luhn(&prefixed)
}

/// Verhoeff's check over the dihedral group D5: Aadhaar.
pub fn verhoeff(digits: &[u8]) -> bool {
    const SHIFT: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0;
    for (place, digit) in digits.iter().rev().enumerate() {
        let mut turned = *digit;
        for _ in 0..place % 8 {
            turned = SHIFT.get(usize::from(turned)).copied().unwrap_or(0);
        }
        check = dihedral(check, turned);
    }
    check == 0
}

/// The product of two elements of D5: rotations 0..=4, reflections 5..=9.
fn dihedral(left: u8, right: u8) -> u8 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => 5 + (left + right - 5) % 5,
        (false, true) => 5 + (left - 5 + 5 - right) % 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// ISO 7064 MOD 97-10 of letters and digits, the first four moved to the end (ISO 13616): IBAN.
/// `None` where a character is neither.
pub fn iban(text: impl Iterator<Item = u8> + Clone) -> Option<bool> {
    let mut rest = 0;
    for byte in text.clone().skip(4).chain(text.take(4)) {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(byte - b'A') + 10,
            b'a'..=b'z' => rest * 100 + u32::from(byte - b'a') + 10,
            _ => return None,
        } % 97;
    }
    Some(rest == 1)
}

/// ISO 7064 MOD 11-2 (GB 11643): the check of a resident identity number. The last value may
/// be 10, written `X`.
pub fn mod_11_2(values: &[u8]) -> bool {
    values.iter().fold(0, |sum, value| (sum * 2 + u32::from(*value)) % 11) == 1
}

/// The modulus 11 check of an NHS number of ten digits.
pub fn nhs(digits: &[u8]) -> bool {
    weighed(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_some_and(|sum| sum % 11 == 0)
}

/// The 3-7-1 check of an ABA routing transit number.
pub fn aba(digits: &[u8]) -> bool {
    weighed(digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_some_and(|sum| sum % 10 == 0)
}

fn weighed(digits: &[u8], weights: &[u32]) -> Option<u32> {
    let pairs = digits.iter().zip(weights);
    (digits.len() == weights.len()).then(|| pairs.map(|(d, w)| u32::from(*d) * w).sum())
}

/// The check character in the ninth place of a vehicle identification number (49 CFR 565.15(c)),
/// upper case.
pub fn vin(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if text.len() != WEIGHTS.len() {
        return false;
    }
    let mut sum = 0;
    for (byte, weight) in text.iter().zip(WEIGHTS) {
        let Some(value) = transliterated(*byte) else { return false };
        sum += value * weight;
    }
    let check = match text.get(8) {
        Some(b'X') => 10,
        Some(digit @ b'0'..=b'9') => u32::from(digit - b'0'),
        Some(_) | None => return false,
    };
    sum % 11 == check
}

fn transliterated(byte: u8) -> Option<u32> {
    Some(match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'H' => u32::from(byte - b'A') + 1,
        b'J'..=b'N' => u32::from(byte - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        b'S'..=b'Z' => u32::from(byte - b'S') + 2,
        _ => return None,
    })
}

/// Shannon's entropy of the bytes, in bits a byte.
pub fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX)).max(1.0);
    let shares = counts.into_iter().filter(|count| *count > 0).map(|count| f64::from(count) / all);
    shares.map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|b| if b == b'X' { 10 } else { b - b'0' }).collect()
    }

    /// Every vector holds, and no neighbour of it in the last place does.
    fn holds(check: fn(&[u8]) -> bool, vectors: &[&str]) {
        for vector in vectors {
            let mut number = digits(vector);
            assert!(check(&number), "{vector}");
            let last = number.last_mut().unwrap();
            *last = (*last + 1) % 10;
            assert!(!check(&number), "{vector}, changed");
        }
    }

    #[test]
    fn published_numbers_pass_and_their_neighbours_do_not() {
        // Test cards of the networks; the example of ISO/IEC 7812; an IMEI of 3GPP TS 23.003.
        holds(luhn, &["4111111111111111", "5555555555554444", "378282246310005", "79927398713"]);
        holds(luhn, &["490154203237518"]);
        // The example of the NPI final rule (45 CFR 162.406), and one in use by its tests.
        holds(npi, &["1234567893", "1245319599"]);
        holds(verhoeff, &["2363", "123451", "84736430954837284567892"]);
        holds(nhs, &["9434765919", "9434765870", "4505577104"]);
        holds(aba, &["111000025", "021000021", "011401533"]);
        holds(mod_11_2, &["440524188001010014", "34052419800101001X"]);
    }

    #[test]
    fn ibans_of_the_registry_pass() {
        for text in ["GB82WEST12345698765432", "DE89370400440532013000", "no9386011117947"] {
            assert_eq!(iban(text.bytes()), Some(true), "{text}");
        }
        assert_eq!(iban("DE89370400440532013001".bytes()), Some(false));
        assert_eq!(iban("DE89 3704".bytes()), None);
    }

    #[test]
    fn vehicles_by_the_regulation() {
        for text in ["1M8GDM9AXKP042788", "11111111111111111", "1HGCM82633A004352"] {
            assert!(vin(text.as_bytes()), "{text}");
        }
        for text in ["1M8GDM9AXKP042789", "1M8GDM9AXKP04278", "IM8GDM9AXKP042788"] {
            assert!(!vin(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn entropy_is_that_of_the_alphabet() {
        assert!(entropy(b"aaaa").abs() < 1e-9);
        assert!((entropy(b"abcd") - 2.0).abs() < 1e-9);
        assert!(entropy(b"").abs() < 1e-9);
    }
}
