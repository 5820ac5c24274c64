//! Where the text of a pack comes from: from inside the program by name, from a file by path.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pack;
use super::problem::Text;
use super::section::{Section, Word};
use super::words::nearest;

/// The text of a pack.
#[derive(Clone, Debug)]
pub struct PackText {
    pub(super) text: Arc<Text>,
    /// The file, unless the pack is inside the program.
    pub(super) file: Option<PathBuf>,
    /// Where the configuration names it.
    pub(super) span: Range<usize>,
}

impl PackText {
    /// The pack that a name or a path stands for; paths begin at the working folder.
    pub fn open(argument: &str) -> Result<Self, String> {
        match find(argument, None, 0..0) {
            Ok(found) => Ok(found),
            Err((message, None)) => Err(message),
            Err((message, Some(help))) => Err(format!("{message}; {help}")),
        }
    }

    /// Every pack inside the program.
    pub fn shipped() -> Vec<Self> {
        pack::SHIPPED.map(|(name, text)| Self::inside(name, text, 0..0)).to_vec()
    }

    /// A text that is not in force anywhere: tried on the past, whoever wrote it.
    pub(super) fn draft(name: &str, text: &str) -> Self {
        let text = Arc::new(Text { name: name.to_owned(), text: text.to_owned() });
        Self { text, file: None, span: 0..0 }
    }

    /// How people know it.
    pub fn name(&self) -> &str {
        &self.text.name
    }

    /// The file, unless the pack is inside the program.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The pack, byte by byte.
    pub fn bytes(&self) -> &[u8] {
        self.text.text.as_bytes()
    }

    fn inside(name: &str, text: &str, span: Range<usize>) -> Self {
        let name = format!("config/packs/{name}.toml (built in)");
        Self { text: Arc::new(Text { name, text: text.to_owned() }), file: None, span }
    }
}

/// The texts of the packs that `packs` names: shipped ones by name, others by file.
pub(super) fn pack_texts(root: &Section<'_>, bases: &[PathBuf]) -> Vec<PackText> {
    let text = |word: &Word<'_>| match find(word.text, bases.first(), word.span.clone()) {
        Ok(found) => Some(found),
        Err((message, help)) => {
            root.problem(word.span.clone(), message, help);
            None
        }
    };
    root.words("packs").iter().filter_map(text).collect()
}

fn find(
    name: &str,
    base: Option<&PathBuf>,
    span: Range<usize>,
) -> Result<PackText, (String, Option<String>)> {
    if let Some((name, text)) = pack::SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return Ok(PackText::inside(name, text, span));
    }
    if !name.contains(['/', '.']) {
        let names = pack::SHIPPED.map(|(name, _)| name);
        let help = nearest(name, names).map(|name| format!("did you mean `{name}`?"));
        let help = help.unwrap_or_else(|| format!("shipped packs: {}", names.join(", ")));
        return Err((format!("no pack `{name}` is shipped"), Some(help)));
    }
    let path = base.map_or_else(|| PathBuf::from(name), |base| base.join(name));
    let name = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(PackText { text: Arc::new(Text { name, text }), file: Some(path), span }),
        Err(error) => Err((format!("{name}: {error}"), None)),
    }
}
