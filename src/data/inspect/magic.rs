//! What octets are, by how they begin.

use super::coding::Coding;

/// What can be told from the first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    Coded(Coding),
    Zip,
    Tar,
    Pdf,
    /// A compound file: Office before 2007, or a document that is encrypted.
    Compound,
    /// Compressed or packed in a way that is not known here.
    Foreign,
    /// Encrypted as a whole.
    Encrypted,
}

/// What packs, and is not unpacked here: 7z, RAR, xz, bzip2, lz4, lzip, framed snappy, `compress`.
const FOREIGN: [&[u8]; 8] = [
    b"7z\xBC\xAF\x27\x1C",
    b"Rar!\x1A\x07",
    b"\xFD7zXZ\0",
    b"BZh",
    b"\x04\x22\x4D\x18",
    b"LZIP",
    b"\xFF\x06\0\0sNaPpY",
    b"\x1F\x9D",
];

/// What encrypts: OpenPGP, age, `openssl enc`, CMS, KeePass, LUKS.
const ENCRYPTED: [&[u8]; 8] = [
    b"-----BEGIN PGP MESSAGE-----",
    b"age-encryption.org/",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"Salted__",
    b"-----BEGIN CMS-----",
    b"\x03\xD9\xA2\x9A",
    b"LUKS\xBA\xBE",
    b"$ANSIBLE_VAULT;",
];

/// Where `ustar` stands in the header of a tar file.
const USTAR: usize = 257;

impl Magic {
    /// What begins so.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let begins = |with: &[u8]| head.starts_with(with);
        let known: [(&[u8], Self); 5] = [
            (b"\x1F\x8B\x08", Self::Coded(Coding::Gzip)),
            (b"\x28\xB5\x2F\xFD", Self::Coded(Coding::Zstd)),
            (b"PK\x03\x04", Self::Zip),
            (b"PK\x05\x06", Self::Zip),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Self::Compound),
        ];
        if let Some((_, magic)) = known.into_iter().find(|(magic, _)| begins(magic)) {
            return Some(magic);
        }
        // A frame of zstd that holds no data.
        if matches!(head, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]) {
            return Some(Self::Coded(Coding::Zstd));
        }
        if FOREIGN.into_iter().any(begins)
            && !(begins(b"BZh") && head.get(4..10) != Some(b"1AY&SY"))
        {
            return Some(Self::Foreign);
        }
        if ENCRYPTED.into_iter().any(begins) {
            return Some(Self::Encrypted);
        }
        if head.get(USTAR..USTAR + 5) == Some(b"ustar") {
            return Some(Self::Tar);
        }
        // Readers look for it in the first KiB; what comes before is short in practice.
        if memchr::memmem::find(head.get(..256).unwrap_or(head), b"%PDF-").is_some() {
            return Some(Self::Pdf);
        }
        (is_zlib(head) && is_deflate(head.get(2..).unwrap_or_default()))
            .then_some(Self::Coded(Coding::Deflate))
    }
}

/// Whether two octets are the header of zlib: method 8, a window of at most 32 KiB, no
/// dictionary, and a check sum of five bits.
pub(super) fn is_zlib(head: &[u8]) -> bool {
    let [first, second, ..] = *head else { return false };
    first & 0x0F == 8
        && first >> 4 <= 7
        && second & 0x20 == 0
        && (u16::from(first) << 8 | u16::from(second)).is_multiple_of(31)
}

/// Whether some octets decode as deflate: letters that look like a header (`x^`, `x\x01`) are
/// told from one. A few octets of text may decode, but do not end.
pub(super) fn is_deflate(data: &[u8]) -> bool {
    let (mut output, mut rest) = ([0; 512], data);
    let mut inflate = super::inflate::Inflate::default();
    // A fault shows only when what was written before it has been taken.
    while let Ok((read, written, ended)) = inflate.decode(rest, &mut output) {
        rest = rest.get(read..).unwrap_or_default();
        if ended || rest.is_empty() || written == output.len() {
            return ended || data.len() >= 64;
        }
        if read == 0 && written == 0 {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_tell() {
        let mut tar = [0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, magic) in [
            (&b"\x1F\x8B\x08\x00"[..], Some(Magic::Coded(Coding::Gzip))),
            (b"PK\x03\x04\x14", Some(Magic::Zip)),
            (b"\xEF\xBB\xBF%PDF-1.7", Some(Magic::Pdf)),
            (b"BZh91AY&SY", Some(Magic::Foreign)),
            (b"BZhou said", None),
            (b"x\x9C\x03\x00\x00\x00\x00\x01", Some(Magic::Coded(Coding::Deflate))),
            (b"x^2 + y^2 = 219-45-0001", None),
            (b"hello", None),
            (&tar, Some(Magic::Tar)),
        ] {
            assert_eq!(Magic::of(head), magic, "{head:?}");
        }
    }
}
