//! Lists of exact values in files: as they are, or as hashes by the key of a deployment, which
//! tell who reads them nothing.

use thiserror::Error;

use super::custom::{Lengths, normal};
use super::{Dictionary, Digester, Tag};

/// How the first line of hashes begins.
const TITLE: &str = "# borderpost hashes 1";

/// Why a file of hashes cannot be used.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// Its first line does not say what it is.
    #[error("the first line is not that of `borderpost digest --list`")]
    Title,
    /// It was made by another key.
    #[error(
        "made with another key ({theirs}; the configuration has {ours}), so nothing would match"
    )]
    Key {
        /// By which.
        theirs: String,
        /// Which it would have to be.
        ours: String,
    },
    /// A line is no hash.
    #[error("not a hash of 16 hexadecimal digits")]
    Hash,
}

impl Dictionary {
    /// Whether a text is a list of hashes.
    pub fn is_hashed(text: &str) -> bool {
        text.starts_with(TITLE)
    }

    /// A list of values, one a line; `#` begins a comment. The numbers of lines that are too short
    /// come beside it.
    pub fn of_lines(
        detector: &str,
        tag: &Tag,
        digester: &Digester,
        text: &str,
    ) -> (Self, Vec<usize>) {
        let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (mut values, mut short) = (Vec::new(), Vec::new());
        for (number, line) in lines {
            if normal(line.as_bytes()).len() < Self::SHORTEST {
                short.push(number);
            } else {
                values.push(line);
            }
        }
        let (list, _) = Self::new(detector, tag.clone(), digester.list_key(), values);
        (list, short)
    }

    /// A list of hashes; a mistake comes with its line.
    pub fn of_hashes(
        detector: &str,
        tag: &Tag,
        digester: &Digester,
        text: &str,
    ) -> Result<Self, (usize, ListError)> {
        let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        let title = lines.next().and_then(|(_, line)| line.strip_prefix(TITLE));
        let mut words = title.unwrap_or_default().split_ascii_whitespace();
        let (Some("key"), Some(theirs), Some("lengths"), Some(lengths)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err((1, ListError::Title));
        };
        let ours = digester.fingerprint();
        if theirs != ours {
            return Err((1, ListError::Key { theirs: theirs.to_owned(), ours }));
        }
        let lengths = u64::from_str_radix(lengths, 16).map_err(|_| (1, ListError::Title))?;
        let hash = |(number, line): (usize, &str)| {
            let digits = line.len() == 16 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
            let hash = digits.then(|| u64::from_str_radix(line, 16).ok()).flatten();
            hash.ok_or((number, ListError::Hash))
        };
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut hashes = lines.map(hash).collect::<Result<Vec<_>, _>>()?;
        hashes.sort_unstable();
        hashes.dedup();
        let (detector, key) = (detector.into(), digester.list_key());
        Ok(Self {
            tag: tag.clone(),
            detector,
            hashes: hashes.into(),
            lengths: Lengths(lengths),
            key,
        })
    }

    /// The list as hashes, in lines.
    pub fn to_lines(&self, digester: &Digester) -> impl Iterator<Item = String> {
        let title =
            format!("{TITLE} key {} lengths {:016x}", digester.fingerprint(), self.lengths.0);
        std::iter::once(title).chain(self.hashes.iter().map(|hash| format!("{hash:016x}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_same_list_and_tell_nothing() {
        let (ours, other) =
            (Digester::new(&[7; 32], "a").unwrap(), Digester::new(&[8; 32], "a").unwrap());
        let tag = Tag::parse("pi.customer").unwrap();
        let text = "# customers\nC-0012345\n\nab 1\nKD-99 77\n";
        let (list, short) = Dictionary::of_lines("x", &tag, &ours, text);
        assert_eq!((list.len(), short), (2, vec![4]));
        let lines: Vec<_> = list.to_lines(&ours).collect();
        let text = lines.join("\n");
        assert!(Dictionary::is_hashed(&text) && !text.to_lowercase().contains("0012345"));
        let read = Dictionary::of_hashes("x", &tag, &ours, &text).unwrap();
        assert!(
            read.contains(b"c0012345") && read.contains(b"KD9977") && !read.contains(b"KD9978")
        );
        let wrong = |text: &str| Dictionary::of_hashes("x", &tag, &ours, text).unwrap_err();
        assert_eq!(wrong("C-0012345\n"), (1, ListError::Title));
        assert_eq!(wrong(&format!("{}\n12\n", lines[0])), (2, ListError::Hash));
        let foreign = Dictionary::of_hashes("x", &tag, &other, &text).unwrap_err();
        assert!(matches!(foreign, (1, ListError::Key { .. })));
    }
}
