//! What a number in groups may be: the issuers' rules for its digits, length by length.

use super::super::checksum::{aba, luhn, mod_11_2, nhs, npi, verhoeff};
use super::group::Number;
use super::hit::Strength;
use super::{Kind, phone};

/// One rule for numbers.
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// How many digits.
    least: usize,
    most: usize,
    /// What it says by itself; `None` if it is not one.
    pub(super) test: fn(&Number) -> Option<Strength>,
}

const fn rule(
    kind: Kind,
    least: usize,
    most: usize,
    test: fn(&Number) -> Option<Strength>,
) -> Rule {
    Rule { kind, least, most, test }
}

/// All rules.
pub(super) const RULES: &[Rule] = &[
    rule(Kind::Card, 13, 19, card),
    rule(Kind::Ssn, 9, 9, ssn),
    rule(Kind::Itin, 9, 9, itin),
    rule(Kind::Aba, 9, 9, routing),
    rule(Kind::Nhs, 10, 10, nhs_number),
    rule(Kind::Npi, 10, 10, provider),
    rule(Kind::Aadhaar, 12, 12, aadhaar),
    rule(Kind::Imei, 15, 15, imei),
    rule(Kind::Imsi, 14, 15, imsi),
    rule(Kind::ResidentId, 18, 18, resident),
    rule(Kind::Phone, 7, 15, phone::national),
    rule(Kind::Account, 6, 17, plain),
    rule(Kind::Mrn, 6, 12, plain),
    rule(Kind::Passport, 8, 9, plain),
    rule(Kind::Licence, 7, 12, plain),
];

impl Rule {
    /// Whether a number of so many digits is worth a test.
    pub(super) fn fits(&self, digits: usize) -> bool {
        (self.least..=self.most).contains(&digits)
    }
}

/// Issuers: the prefix from and to; what divides the first four digits to give it; lengths from
/// and to. ISO/IEC 7812 registrations as the networks publish them.
const ISSUERS: &[(u64, u64, u64, usize, usize)] = &[
    (4, 4, 1000, 16, 16),
    (4, 4, 1000, 13, 13),
    (4, 4, 1000, 19, 19),
    (51, 55, 100, 16, 16),
    (2221, 2720, 1, 16, 16),
    (34, 34, 100, 15, 15),
    (37, 37, 100, 15, 15),
    (300, 305, 10, 14, 19),
    (3095, 3095, 1, 14, 19),
    (36, 36, 100, 14, 19),
    (38, 39, 100, 14, 19),
    (6011, 6011, 1, 16, 19),
    (644, 649, 10, 16, 19),
    (65, 65, 100, 16, 19),
    (3528, 3589, 1, 16, 19),
    (62, 62, 100, 16, 19),
    (81, 81, 100, 16, 19),
    (2200, 2204, 1, 16, 19),
    (5018, 5018, 1, 13, 19),
    (5020, 5020, 1, 13, 19),
    (5038, 5038, 1, 13, 19),
    (5893, 5893, 1, 13, 19),
    (6304, 6304, 1, 13, 19),
    (6759, 6759, 1, 13, 19),
    (6761, 6763, 1, 13, 19),
    (60, 60, 100, 16, 16),
    (508, 508, 10, 16, 16),
    (9792, 9792, 1, 16, 16),
];

fn card(number: &Number) -> Option<Strength> {
    let digits = number.digits();
    if matches!(digits.first(), Some(0 | 1 | 7)) {
        return None;
    }
    let prefix = number.value(0, 4);
    let issued = ISSUERS.iter().any(|(from, to, unit, least, most)| {
        (*from..=*to).contains(&(prefix / unit)) && (*least..=*most).contains(&digits.len())
    });
    let grouped = matches!(
        number.lengths(),
        [_] | [4, 6, 4 | 5] | [6, 7..=13] | [4, 4, 4, 1..=4 | 7] | [4, 4, 4, 4, 1..=3]
    );
    if !issued || !grouped || number.separator == b'.' || !luhn(digits) || number.is_monotone() {
        return None;
    }
    // Thirteen digits are no longer issued, and milliseconds since 1970 have as many.
    // Seventeen and eighteen are allowed, but rather a snowflake's.
    Some(match digits.len() {
        13 | 17 | 18 => Strength::Plain,
        _ => Strength::Distinct,
    })
}

/// Numbers that were printed in advertisements and thus belong to nobody.
const PRINTED: [u64; 2] = [78_051_120, 219_099_999];

fn ssn(number: &Number) -> Option<Strength> {
    let (area, group, serial) = (number.value(0, 3), number.value(3, 5), number.value(5, 9));
    let issued = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    let printed = PRINTED.contains(&number.value(0, 9)) || number.is_monotone();
    if !issued || printed {
        return None;
    }
    match (number.lengths(), number.separator) {
        ([3, 2, 4], b'-') => Some(Strength::Distinct),
        ([3, 2, 4], b' ') => Some(Strength::Plain),
        ([9], _) => Some(Strength::Named),
        _ => None,
    }
}

fn itin(number: &Number) -> Option<Strength> {
    let range = matches!(number.value(3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99);
    let taken = number.value(0, 3) >= 900 && range;
    let form = matches!((number.lengths(), number.separator), ([3, 2, 4], b'-' | b' ') | ([9], _));
    (taken && form).then_some(Strength::Named)
}

fn routing(number: &Number) -> Option<Strength> {
    // The Federal Reserve's districts, thrift institutions, electronic ones, cheques of travel.
    let district = matches!(number.value(0, 2), 0..=12 | 21..=32 | 61..=72 | 80);
    (number.is_plain() && district && aba(number.digits()) && !number.is_monotone())
        .then_some(Strength::Named)
}

fn nhs_number(number: &Number) -> Option<Strength> {
    // 4 to 7 begin those of England, Wales and the Isle of Man; 3 those of Northern Ireland.
    let form = match (number.lengths(), number.separator) {
        ([3, 3, 4], b' ' | b'-') => Strength::Distinct,
        ([10], _) => Strength::Named,
        _ => return None,
    };
    (nhs(number.digits()) && !number.is_monotone()).then_some(form)
}

fn provider(number: &Number) -> Option<Strength> {
    let form = number.is_plain() && matches!(number.digits().first(), Some(1 | 2));
    (form && npi(number.digits())).then_some(Strength::Named)
}

fn aadhaar(number: &Number) -> Option<Strength> {
    let form = matches!((number.lengths(), number.separator), ([12], _) | ([4, 4, 4], b' ' | b'-'));
    let digits = number.digits();
    let palindrome = digits.iter().eq(digits.iter().rev());
    let begins = matches!(digits.first(), Some(2..));
    (form && begins && !palindrome && verhoeff(digits)).then_some(Strength::Distinct)
}

fn imei(number: &Number) -> Option<Strength> {
    let form = matches!(
        (number.lengths(), number.separator),
        ([15], _) | ([2 | 6, 6 | 2, 6, 1] | [8, 6, 1], b' ' | b'-')
    );
    // Bodies that report type allocation codes, as the GSMA lists them.
    let body = matches!(number.value(0, 2), 1 | 35 | 86 | 91 | 98 | 99);
    (form && luhn(number.digits()) && !number.is_monotone()).then_some(if body {
        Strength::Distinct
    } else {
        Strength::Named
    })
}

fn imsi(number: &Number) -> Option<Strength> {
    // Mobile country codes (ITU-T E.212): geographic ones begin with 2 to 7, 901 is worldwide.
    let area = matches!(number.value(0, 3), 202..=297 | 302..=376 | 400..=472 | 502..=555 | 602..=659 | 702..=750 | 901);
    (number.is_plain() && area).then_some(Strength::Named)
}

fn resident(number: &Number) -> Option<Strength> {
    (number.is_plain() && is_resident(number.digits())).then_some(Strength::Strong)
}

/// Whether eighteen values are a resident identity number (GB 11643): province, date of birth,
/// and check; the last may be 10.
pub(super) fn is_resident(values: &[u8]) -> bool {
    let number = |from, to| {
        let digits = values.get(from..to).unwrap_or_default();
        digits.iter().fold(0_u32, |all, digit| all * 10 + u32::from(*digit))
    };
    let province = matches!(
        number(0, 2),
        11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81 | 82 | 83
    );
    let month = match number(10, 12) {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    let date = (1890..2100).contains(&number(6, 10)) && (1..=month).contains(&number(12, 14));
    province && date && mod_11_2(values)
}

/// What has neither a check nor a range of its own.
fn plain(number: &Number) -> Option<Strength> {
    (number.separator != b'.' && number.lengths().len() <= 4).then_some(Strength::Named)
}
