//! Archives of a few small files (POSIX.1-1988 `ustar`).

use std::io::{self, Write};

const BLOCK: usize = 512;

/// Writes files, and the end of the archive.
pub(super) fn write(to: &mut impl Write, files: &[(String, Vec<u8>)], at: u64) -> io::Result<()> {
    for (name, content) in files {
        to.write_all(&head(name, content.len(), at)?)?;
        to.write_all(content)?;
        to.write_all(&vec![0; content.len().next_multiple_of(BLOCK) - content.len()])?;
    }
    to.write_all(&[0; 2 * BLOCK])
}

fn head(name: &str, length: usize, at: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(BLOCK);
    let mut field = |text: &str, width: usize| {
        if text.len() > width {
            return Err(io::Error::other(format!("`{text}` does not fit into an archive")));
        }
        head.extend_from_slice(text.as_bytes());
        head.resize(head.len() + width - text.len(), 0);
        Ok(())
    };
    field(name, 100)?;
    // For its owner alone; of nobody.
    field("0000600", 8)?;
    field("0000000", 8)?;
    field("0000000", 8)?;
    field(&format!("{length:011o}"), 12)?;
    field(&format!("{at:011o}"), 12)?;
    // The sum is taken with blanks in its place.
    field("        ", 8)?;
    field("0", 1)?;
    field("", 100)?;
    field("ustar\x0000", 8)?;
    field("", BLOCK - 265)?;
    let sum: u32 = head.iter().map(|octet| u32::from(*octet)).sum();
    let sum = format!("{sum:06o}\0 ");
    head.splice(148..156, sum.bytes());
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tar");
        let files = [("x/one.txt", 1), ("x/two", 512), ("x/none", 0), ("x/more", 1_300)]
            .map(|(name, length)| (name.to_owned(), vec![b'a'; length]));
        let mut out = Vec::new();
        write(&mut out, &files, 1_700_000_000).unwrap();
        std::fs::write(&archive, out).unwrap();
        let mut tar = std::process::Command::new("tar");
        let told = tar.arg("-xf").arg(&archive).arg("-C").arg(folder.path()).output().unwrap();
        assert!(told.status.success() && told.stderr.is_empty(), "{told:?}");
        for (name, content) in files {
            assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), content);
        }
    }
}
