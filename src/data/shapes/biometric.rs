//! Templates and images of fingers, faces and irises, by the heads that their standards give
//! them. Templates also stand in texts, as hexadecimal or base64.

use super::super::Confidence;
use super::lines::{holds, holds_any_case, is_all};
use super::{Look, Shape};

/// The heads of ISO/IEC 19794 and INCITS records: four letters' worth, then a version.
const RECORDS: [(&[u8; 4], &str, &str); 4] = [
    (b"FMR\0", "biometric.fingerprint", "finger_minutiae"),
    (b"FIR\0", "biometric.fingerprint", "finger_image"),
    (b"FAC\0", "biometric.face", "face_image"),
    (b"IIR\0", "biometric.iris", "iris_image"),
];

/// `FMR`, zero, and the versions ` 20`, `030`, `035`, in hexadecimal.
const HEX: [&[u8]; 3] = [b"464D520020323000", b"464D520030333000", b"464D520030333500"];

/// The same in base64.
const BASE64: [&[u8]; 3] = [b"Rk1SACAyMAA", b"Rk1SADAzMAA", b"Rk1SADAzNQA"];

/// What a layer is.
pub(super) fn of(look: &Look<'_>) -> Option<Shape> {
    let head = look.head;
    let version = |version: &[u8]| {
        let (digits, end) = version.split_at_checked(3)?;
        let fits = is_all(digits, |byte| byte.is_ascii_digit() || byte == b' ');
        (fits && end.first() == Some(&0)).then_some(())
    };
    for (magic, tag, detector) in RECORDS {
        if let Some(rest) = head.strip_prefix(magic)
            && version(rest).is_some()
        {
            return Shape::new(tag, Confidence::Sure, detector);
        }
    }
    if is_wsq(head) {
        return Shape::new("biometric.fingerprint", Confidence::Sure, "wsq");
    }
    if is_transaction(head) {
        return Shape::new("biometric.record", Confidence::Sure, "ansi_nist");
    }
    // Random text holds one of these once in 10^19 places.
    let told = HEX.iter().any(|hex| holds_any_case(head, hex))
        || BASE64.iter().any(|text| holds(head, text));
    if told {
        return Shape::new("biometric.fingerprint", Confidence::Sure, "finger_minutiae");
    }
    None
}

/// WSQ: start of image, then a table, a frame or a comment.
fn is_wsq(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xa0, 0xff, 0xa2..=0xa8, ..])
}

/// ANSI/NIST-ITL: the first record's length and version.
fn is_transaction(head: &[u8]) -> bool {
    let Some(rest) = head.strip_prefix(b"1.001:") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest.get(digits..).is_some_and(|rest| rest.starts_with(b"\x1d1.002:"))
}
