//! What each shape is, and what only resembles it.

use super::*;

/// What is found, as `tag confidence detector`.
fn found(head: impl AsRef<[u8]>) -> String {
    let shapes = of(head.as_ref(), None, None);
    let one =
        |shape: &Shape| format!("{} {} {}", shape.tag, shape.confidence.name(), shape.detector);
    shapes.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn nothing(head: impl AsRef<[u8]>) {
    let head = head.as_ref();
    assert_eq!(found(head), "", "{}", String::from_utf8_lossy(head));
}

const BASES: &str = "GATTACAGATTACAGATTACAGATTACAGATTACAGATTACAGATTACAGATTACAGATTACA";

#[test]
fn omics_are_human_where_they_say_so() {
    for (head, expected) in [
        (
            "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=248956422>\n",
            "omic.human.genome sure vcf",
        ),
        ("##fileformat=VCFv4.3\n##reference=file:///ref/GRCm39.fa\n", "omic.other.genome sure vcf"),
        ("##fileformat=VCFv4.1\n#CHROM\tPOS\tID\n", "omic.genome likely vcf"),
        ("@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:249250621\n", "omic.human.genome sure sam"),
        ("@SQ\tSN:chr1\tLN:1000\tSP:Mus musculus\n", "omic.other.genome sure sam"),
        ("BAM\x01\x30\x00\x00\x00@SQ\tSN:chr1\tLN:248387328\n", "omic.human.genome sure bam"),
        ("BCF\x02\x02\x30\x00\x00\x00##fileformat=VCFv4.2\n", "omic.genome likely bcf"),
        ("CRAM\x03\x01sample.cram.........", "omic.genome likely cram"),
        (
            "# file\n# rsid\tchromosome\tposition\tgenotype\nrs4477212\t1\t82154\tAA\nrs3094315\t1\t752566\tAG\ni6018900\tMT\t1234\t--\n",
            "omic.human.genome sure genotypes",
        ),
        (
            "RSID,CHROMOSOME,POSITION,RESULT\n\"rs1\",\"1\",\"82154\",\"AA\"\n\"rs2\",\"X\",\"1\",\"AG\"\n\"rs3\",\"1\",\"2\",\"A\"\n",
            "omic.human.genome sure genotypes",
        ),
    ] {
        assert_eq!(found(head), expected, "{head}");
    }
    let protein = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQ";
    let fasta = |name: &str, letters: &str| found(format!(">{name}\n{letters}\n"));
    assert_eq!(fasta("seq1", BASES), "omic.genome likely fasta");
    assert_eq!(fasta("sp|P1|X OS=Homo sapiens OX=9606", protein), "omic.human.proteome sure fasta");
    assert_eq!(
        fasta("sp|P1|X OS=Mus musculus OX=10090", protein),
        "omic.other.proteome sure fasta"
    );
    let read = format!("@r1/1\n{BASES}\n+\n{}\n", "I".repeat(BASES.len()));
    assert_eq!(found(&read), "omic.genome likely fastq");
    assert_eq!(found(read.repeat(90)), "omic.genome likely fastq");
    assert_eq!(found(format!("@long\n{}", BASES.repeat(99))), "omic.genome likely fastq");
    let named = of(b"\x6C\x1B\x01\xDC", Some("/data/Cohort.BED"), None);
    assert_eq!(named[0].detector, "plink_bed");
}

#[test]
fn what_resembles_an_omic_is_none() {
    nothing(format!("@r1\n{BASES}\n+\n{}\n", "I".repeat(7)));
    nothing(format!("@decorator\n{BASES}\ndef f(): pass\nreturn\n"));
    nothing("@media print {\n  a { color: red }\n}\n@page {\n");
    nothing(
        ">From the mailing list, which says that all of us should attend the meeting tomorrow\n> yes, and so on and so on and so on and on\n",
    );
    nothing(format!(">short\n{}\n", BASES.get(..40).unwrap()));
    nothing(">x\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEEEEEEEE\n");
    nothing("rs1\t1\t2\tAA\nrs2\tnot a row\n");
    nothing("rs1\t1\t2\tAA\n");
    nothing("CRAMP: a story of pain, and what to do about it");
    nothing("\x6C\x1B\x01");
    nothing("BAM!\n");
}

#[test]
fn images_and_templates_are_known_by_their_heads() {
    let dicom = [&[0; 128][..], b"DICM\x02\x00"].concat();
    assert_eq!(found(&dicom), "health.imaging sure dicom");
    let typed = of(b"--b\r\n", None, Some("Multipart/Related; type=\"application/dicom\""));
    assert_eq!(typed[0].confidence, Confidence::Likely);
    for (head, expected) in [
        (&b"FMR\0 20\0\x00\x00"[..], "biometric.fingerprint sure finger_minutiae"),
        (b"FMR\x00030\0", "biometric.fingerprint sure finger_minutiae"),
        (b"FIR\x00020\0", "biometric.fingerprint sure finger_image"),
        (b"FAC\x00010\0", "biometric.face sure face_image"),
        (b"IIR\x00020\0", "biometric.iris sure iris_image"),
        (b"\xFF\xA0\xFF\xA4\x00\x3A", "biometric.fingerprint sure wsq"),
        (b"1.001:0245\x1d1.002:0500\x1d", "biometric.record sure ansi_nist"),
        (b"{\"template\":\"464d5200203230000000\"}", "biometric.fingerprint sure finger_minutiae"),
        (b"{\"t\": \"Rk1SACAyMAAAAAD8AAAB\"}", "biometric.fingerprint sure finger_minutiae"),
        (b"Rk1SADAzMAAAAAD8", "biometric.fingerprint sure finger_minutiae"),
    ] {
        assert_eq!(found(head), expected, "{head:?}");
    }
    for head in [
        &b"FMR\0abcd"[..],
        b"FMR radio 20",
        b"\xFF\xA0\x00\x10",
        b"1.001: a section",
        b"DICM",
        b"\xFF\xD8\xFF\xE0\0\x10JFIF",
    ] {
        nothing(head);
    }
}

#[test]
fn places_have_three_decimals_and_a_structure() {
    for (head, expected) in [
        (
            "{\"geometry\":{\"type\":\"Point\",\"coordinates\":[13.3761,52.5186]}}",
            "geo.precise sure geojson",
        ),
        (
            "{\"coordinates\" : [ -0.1276, 51.5074, 11 ], \"type\" : \"Point\"}",
            "geo.precise sure geojson",
        ),
        (
            "<?xml version=\"1.0\"?><gpx><trk><trkseg><trkpt lat=\"52.5186\" lon='13.3761'><ele>1</ele>",
            "geo.precise sure gpx",
        ),
        (
            "<kml><Placemark><Point><coordinates> 13.3761,52.5186,0</coordinates></Point>",
            "geo.precise likely kml",
        ),
        ("<kml><gx:Track><gx:coord>13.3761 52.5186 0</gx:coord>", "geo.precise likely kml"),
        (
            "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n",
            "geo.precise sure nmea",
        ),
        ("id,place\n7,POINT(13.3761 52.5186)\n", "geo.precise likely wkt"),
        ("SRID=4326;POINT Z (13.3761 52.5186 12)", "geo.precise likely wkt"),
    ] {
        assert_eq!(found(head), expected, "{head}");
    }
    for head in [
        "{\"type\":\"Point\",\"coordinates\":[13.37,52.51]}",
        "{\"type\":\"Point\",\"coordinates\":[452.3761,52.5186]}",
        "{\"type\":\"Point\",\"coordinates\":[52.5186,-113.3761]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[13.3761,52.5186],[1.1111,2.2222]]]}",
        "{\"a\":{\"type\":\"Point\"},\"b\":{\"coordinates\":[13.3761,52.5186]}}",
        "{\"type\":\"Point\",\"coordinates\":[0.000,0.0000]}",
        "<svg><path d=\"M13.3761,52.5186 L14.3761,53.5186\"/></svg>",
        "<gpx><wpt lat=\"52.5\" lon=\"13.3\"/></gpx>",
        "<kml><Polygon><coordinates>13.3761,52.5186,0</coordinates></Polygon></kml>",
        "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*48\r\n",
        "$GPGGA,123519,,,,,0,00,,,M,,M,,*6B\r\n",
        "POINT(30 10)",
        "BREAKPOINT(13.3761 52.5186)",
        "POINT(448262.080 6262345.123)",
        "0.1234,0.5678,0.9123\n13.3761,52.5186,1.0000\n",
        "let v = [13.3761, 52.5186, 0.1234];",
        "$price, $cost*47",
    ] {
        nothing(head);
    }
}

#[test]
fn messages_of_banks_and_brokers() {
    let nacha = format!("{:94}\n", format!("101 {:30}094101{}", "0910000191234567890", "BANK"));
    for (head, detector) in [
        (
            "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\">",
            "iso_20022",
        ),
        ("{1:F01BANKBEBBAXXX0000000000}{2:I103BANKDEFFXXXXN}{4:\r\n:20:X", "swift_fin"),
        (":20:STARTUMS\r\n:25:10020030/1234567\r\n:28C:1/1\r\n:60F:C240101EUR1,00\r\n", "mt940"),
        ("OFXHEADER:100\nDATA:OFXSGML\n", "ofx"),
        ("<?xml version=\"1.0\"?><?OFX OFXHEADER=\"200\"?><OFX>", "ofx"),
        ("8=FIX.4.4\x019=148\x0135=D\x01", "fix"),
        (nacha.as_str(), "nacha"),
    ] {
        assert_eq!(found(head), format!("financial.message sure {detector}"), "{head}");
    }
    for head in [
        "<xs:schema targetNamespace=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\" xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\">",
        "We use urn:iso:std:iso:20022:tech:xsd:pacs.008 here",
        "{1:F01}{2:",
        ":20:30 see you\n:25: yes\n",
        "8=FIX\n9=1\n35=D",
        "101 numbers, of which 094101 is one; the line is as long as ninety-four characters, or more than",
    ] {
        nothing(head);
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let header = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ";
    let jwe = format!(
        "{header}.OKOawDo13gRp2ojaHV7LFpZc.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX.XFBoMYUZodetZdvTiFvSkQ"
    );
    let long = format!("{header}.OKOawDo13gRp2ojaHV7LFpZc.48V1_ALb6US04U3b.{}", "A".repeat(9_000));
    for (head, what, detector) in [
        (&b"7z\xBC\xAF\x27\x1C\0\x04"[..], "encoding", "7z"),
        (b"Rar!\x1A\x07\0\xCF\x90\x73\0\0\x0D", "encoding", "rar"),
        (b"Rar!\x1A\x07\0\xCE\x99\x73\x80\0\x0D", "encrypted", "rar"),
        (b"Rar!\x1A\x07\x01\0\x33\x92\xB5\xE5\x0A\x01\x05", "encoding", "rar"),
        (b"Rar!\x1A\x07\x01\0\x33\x92\xB5\xE5\x21\x04\0\0", "encrypted", "rar"),
        (b"\n-----BEGIN PGP MESSAGE-----\n\nhQ", "encrypted", "pgp"),
        (b"\x85\x01\x0C\x03\xAA\xBB\xCC\xDD\xEE\xFF\x00\x11\x01\x08\x00", "encrypted", "pgp"),
        (b"\xC3\x0D\x04\x09\x03\x08\x01\x02\x03\x04\x05\x06\x07\x08\x60", "encrypted", "pgp"),
        (b"age-encryption.org/v1\n-> X25519 ", "encrypted", "age"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "encrypted", "age"),
        (jwe.as_bytes(), "encrypted", "jwe"),
        (long.as_bytes(), "encrypted", "jwe"),
        (
            b"{\"protected\":\"e\",\"iv\":\"x\",\"ciphertext\":\"y\",\"tag\":\"z\"}",
            "encrypted",
            "jwe",
        ),
        (b"\x30\x82\x01\x02\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03\xA0", "encrypted", "cms"),
        (b"-----BEGIN CMS-----\nMIIBAgYJKoZIhvcNAQcDoIIB\n", "encrypted", "cms"),
        (b"Salted__\x01\x02\x03\x04\x05\x06\x07\x08", "encrypted", "openssl"),
    ] {
        let expected = format!("uninspectable.{what} sure {detector}");
        assert_eq!(found(head), expected, "{}", String::from_utf8_lossy(head));
    }
    let mime = of(b"MIIBAgYJKoZIhvcNAQcDoIIB\r\n", None, Some("application/pkcs7-mime; name=x"));
    assert_eq!(mime[0].detector, "cms");
    for head in [
        // A signed token is readable.
        &b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJ"[..],
        b"-----BEGIN PGP SIGNED MESSAGE-----\n",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIBAgYJKoZIhvcNAQcC\n",
        b"\x30\x82\x01\x02\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02\xA0",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xC3\xA9t\xC3\xA9 en fran\xC3\xA7ais",
        b"\x85\x01\x0C\x04",
        b"{\"iv\":\"x\",\"tag\":\"y\"}",
    ] {
        nothing(head);
    }
}

#[test]
fn the_beginning_may_be_cut_anywhere() {
    let long = format!("@r\n{BASES}\n+\n{}\n", "I".repeat(BASES.len())).repeat(3)
        + "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n";
    for cut in 0..long.len() {
        of(&long.as_bytes()[..cut], Some(""), Some(";"));
    }
}

proptest::proptest! {
    #[test]
    fn any_octets_are_looked_at(octets in proptest::collection::vec(0_u8.., 0..200)) {
        for magic in ["", "Rar!\x1A\x07", "BAM\x01", "CRAM", ">", "@", "{1:", "8=FIX.", "eyJ", "\u{1}", "$", "POINT("] {
            of(&[magic.as_bytes(), &octets].concat(), None, None);
        }
    }
}
