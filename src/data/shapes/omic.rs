//! Files of 'omics: genomes, reads, variants, proteins. Whether they are human is said by the
//! reference, the lengths of contigs or the species, where the beginning has them.

use super::super::Confidence;
use super::lines::{holds, holds_any_case, is_all, lines};
use super::{Look, Shape};

/// What is said of the species.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Species {
    Human,
    Other,
    Unknown,
}

/// Lengths of human chromosome 1: GRCh38, GRCh37, T2T-CHM13, NCBI36.
const LENGTHS: [&[u8]; 4] = [b"248956422", b"249250621", b"248387328", b"247249719"];

/// Human references, taxon and names.
const HUMAN: [&[u8]; 12] = [
    b"GRCh3",
    b"hg38",
    b"hg19",
    b"hg18",
    b"hs37d5",
    b"hs38",
    b"CHM13",
    b"human_g1k",
    b"Homo sapiens",
    b"Homo_sapiens",
    b"OX=9606",
    b"taxon:9606",
];

/// References of other species, by the names of UCSC and the consortia.
const OTHER: [&[u8]; 14] = [
    b"GRCm",
    b"mm10",
    b"mm39",
    b"GRCr",
    b"rn6",
    b"rn7",
    b"GRCz",
    b"danRer",
    b"dm6",
    b"ce11",
    b"sacCer",
    b"TAIR10",
    b"NC_045512",
    b"MN908947",
];

/// What a layer is.
pub(super) fn of(look: &Look<'_>) -> Option<Shape> {
    let head = look.head;
    let (what, detector) = if head.starts_with(b"##fileformat=VCFv") {
        ("genome", "vcf")
    } else if head.starts_with(b"BCF\x02") && head.get(4).is_some_and(|minor| *minor <= 2) {
        ("genome", "bcf")
    } else if head.starts_with(b"BAM\x01") {
        ("genome", "bam")
    } else if is_cram(head) {
        // What it says of its reference is compressed.
        return Shape::new("omic.genome", Confidence::Likely, "cram");
    } else if is_sam(head) {
        ("genome", "sam")
    } else if is_genotypes(head) {
        return Shape::new("omic.human.genome", Confidence::Sure, "genotypes");
    } else if is_fastq(head) {
        ("genome", "fastq")
    } else if let Some(what) = fasta(head) {
        (what, "fasta")
    } else if head.starts_with(b"IDAT") && head.get(4..12) == Some(&3_u64.to_le_bytes()) {
        ("genome", "idat")
    } else if head.starts_with(b"\x6C\x1B\x01") && look.ending() == Some("bed") {
        ("genome", "plink_bed")
    } else if head.starts_with(b"<") && (holds(head, b"<mzML") || holds(head, b"<indexedmzML")) {
        ("proteome", "mzml")
    } else {
        return None;
    };
    match species(head) {
        Species::Human => Shape::new(&format!("omic.human.{what}"), Confidence::Sure, detector),
        Species::Other => Shape::new(&format!("omic.other.{what}"), Confidence::Sure, detector),
        Species::Unknown => Shape::new(&format!("omic.{what}"), Confidence::Likely, detector),
    }
}

fn species(head: &[u8]) -> Species {
    let says = |names: &[&[u8]]| names.iter().any(|name| holds_any_case(head, name));
    if LENGTHS.iter().any(|length| holds(head, length)) || says(&HUMAN) {
        return Species::Human;
    }
    if says(&OTHER) || other_named(head) { Species::Other } else { Species::Unknown }
}

/// A species is named, and it is none of the human ones.
fn other_named(head: &[u8]) -> bool {
    // `##contig=<…,species="Mus musculus">`, `@SQ … SP:Mus musculus`, `OS=Mus musculus OX=10090`.
    let names = [&b"species="[..], b"\tSP:", b" OS=", b" OX="];
    names.iter().any(|name| {
        memchr::memmem::find(head, name).is_some_and(|place| {
            let value = head.get(place + name.len()..).unwrap_or_default();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            value.first().is_some_and(u8::is_ascii_alphanumeric)
        })
    })
}

/// CRAM 3.1, 6: `CRAM`, a version, and twenty octets of a name.
fn is_cram(head: &[u8]) -> bool {
    head.starts_with(b"CRAM")
        && head.get(4).is_some_and(|major| (1..=4).contains(major))
        && head.get(5).is_some_and(|minor| *minor <= 9)
        && head.len() >= 26
}

fn is_sam(head: &[u8]) -> bool {
    head.starts_with(b"@HD\tVN:") || head.starts_with(b"@SQ\tSN:")
}

/// Rows of what laboratories give their customers: `rs4477212⇥1⇥82154⇥AA`, also with the alleles
/// apart, or as CSV in quotes.
fn is_genotypes(head: &[u8]) -> bool {
    let rows = lines(head).filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    let mut found = 0;
    for row in rows.take(4) {
        if is_genotype(row) {
            found += 1;
        } else if found > 0
            || !row.to_ascii_lowercase().starts_with(b"rsid") && !row.starts_with(b"\"RSID")
        {
            break;
        }
    }
    found >= 3
}

fn is_genotype(row: &[u8]) -> bool {
    let cells: Vec<_> = row
        .split(|byte| matches!(byte, b'\t' | b','))
        .map(|cell| cell.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\"")).unwrap_or(cell))
        .collect();
    let (name, chromosome, position, alleles) = match *cells {
        [name, chromosome, position, one] => (name, chromosome, position, one.to_vec()),
        [name, chromosome, position, one, two] => (name, chromosome, position, [one, two].concat()),
        _ => return false,
    };
    let number = |text: &[u8]| is_all(text, |byte| byte.is_ascii_digit());
    let marker = name.strip_prefix(b"rs").or_else(|| name.strip_prefix(b"i"));
    marker.is_some_and(number)
        && (number(chromosome) && chromosome.len() <= 2
            || matches!(chromosome, [b'X' | b'Y'] | [b'M', b'T'] | [b'X', b'Y']))
        && number(position)
        && alleles.len() <= 2
        && is_all(&alleles, |byte| {
            matches!(byte, b'A' | b'C' | b'G' | b'T' | b'D' | b'I' | b'-' | b'0')
        })
}

fn is_base(byte: u8) -> bool {
    matches!(byte.to_ascii_uppercase(), b'A' | b'C' | b'G' | b'T' | b'U' | b'N')
}

/// Four lines a read: a name, bases, `+`, as many qualities as bases.
fn is_fastq(head: &[u8]) -> bool {
    if !head.starts_with(b"@") {
        return false;
    }
    let whole =
        memchr::memrchr(b'\n', head).map_or(&b""[..], |end| head.get(..end).unwrap_or_default());
    let mut rows = lines(whole);
    let (Some(_), Some(bases)) = (rows.next(), rows.next()) else {
        // The first read is longer than what is seen: its bases tell.
        return lines(head)
            .nth(1)
            .is_some_and(|bases| bases.len() >= 500 && is_all(bases, is_base));
    };
    let (Some(plus), Some(qualities)) = (rows.next(), rows.next()) else {
        return bases.len() >= 500 && is_all(bases, is_base);
    };
    let next = rows.next().is_none_or(|name| name.starts_with(b"@"));
    bases.len() >= 20
        && is_all(bases, is_base)
        && plus.starts_with(b"+")
        && qualities.len() == bases.len()
        && is_all(qualities, |byte| byte.is_ascii_graphic())
        && next
}

/// `>` and a name, then at least sixty letters of one alphabet.
fn fasta(head: &[u8]) -> Option<&'static str> {
    let rest = head.strip_prefix(b">")?;
    let mut rows = lines(rest);
    let name = rows.next()?;
    name.first().filter(|byte| byte.is_ascii_graphic())?;
    let mut letters = Vec::new();
    for row in rows.take_while(|row| !row.starts_with(b">")) {
        // Lines of sequences are as long as each other; prose has blanks.
        letters.extend_from_slice(row.trim_ascii_end());
    }
    if letters.len() < 60 {
        return None;
    }
    let bases = letters.iter().filter(|byte| is_base(**byte)).count();
    let ambiguous = |byte: u8| b"ACGTUNRYSWKMBDHV-".contains(&byte.to_ascii_uppercase());
    if is_all(&letters, ambiguous) && bases * 10 >= letters.len() * 9 {
        return Some("genome");
    }
    let acid = |byte: u8| b"ACDEFGHIKLMNPQRSTVWYXBZUO*-".contains(&byte);
    let kinds = |byte: &u8| letters.contains(byte);
    let distinct = b"ACDEFGHIKLMNPQRSTVWY".iter().filter(|byte| kinds(byte)).count();
    (is_all(&letters, acid) && distinct >= 10).then_some("proteome")
}
