//! `[labels]`: what the labels of documents mean.

use std::collections::HashMap;

use crate::data::{Carriers, LabelRules};

use super::super::section::Section;

/// Reads the section; documents of tags mean what their headers mean to `carriers`.
pub(super) fn rules(root: &Section<'_>, carriers: Carriers) -> LabelRules {
    let section = root.section("labels");
    let table = section.section("msip");
    let mut msip = HashMap::new();
    for (id, words) in table.named_words() {
        let plain = id.text.trim_matches(['{', '}']).to_ascii_lowercase();
        if uuid::Uuid::try_parse(&plain).is_err() || plain.len() != 36 {
            let message = format!("`{}` is not the id of a label", id.text);
            let help =
                "ids are UUIDs such as 2096f6a2-d2f7-48be-b329-b73aaa526e5d; Get-Label shows them";
            section.problem(id.span.clone(), message, Some(help.to_owned()));
        }
        if let Some(tag) = words.first().and_then(|word| section.tag(word)) {
            msip.insert(plain, tag);
        }
    }
    LabelRules { msip, carriers }
}
