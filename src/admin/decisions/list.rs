//! `GET /api/v1/decisions`

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::audit::index::Page;

use super::super::asked::Asked;
use super::super::reply::{self, Answer, Wrong};
use super::super::state::Admin;
use super::super::status::index_view;
use super::row;

/// A page.
pub(in super::super) async fn list(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, mut params, what, .. } = asked;
    let personal = params.flag("personal", true)? && who.sees_people();
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100);
    let newest = params.word("order", &[("newest", true), ("oldest", false)])?.unwrap_or(true);
    let cursor = params.text("cursor").map(|text| read_cursor(&text, newest)).transpose()?;
    let filters = params.filters()?;
    params.end()?;
    admin.may_filter(&who, &filters)?;
    if personal || filters.client.is_some() {
        admin.note_reading(&who, &what).await?;
    }
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    // One more tells whether there are more.
    let page = Page { newest, after: cursor, limit: limit + 1 };
    let find = move |index: &crate::audit::index::Index| {
        let found = index.list(&filters, page)?;
        let none = found.is_empty() && cursor.is_none();
        let unseen = if none { index.unseen(&filters)? } else { Vec::new() };
        Ok((found, *index.state(), unseen))
    };
    let (mut found, state, unseen) = admin.look(find).await?;
    let many = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| many).map(|last| cursor_of(last.sequence, newest));
    let rows: Vec<Value> = found.iter().map(|one| row::listed(one, !personal)).collect();
    Ok(reply::json(&json!({
        "decisions": rows,
        "next": next,
        "masked": !personal,
        "unseen": unseen,
        "index": index_view(admin, &state),
    })))
}

fn cursor_of(sequence: u64, newest: bool) -> String {
    let mut octets = vec![u8::from(newest)];
    octets.extend(sequence.to_be_bytes());
    URL_SAFE_NO_PAD.encode(octets)
}

fn read_cursor(text: &str, newest: bool) -> Result<u64, Wrong> {
    let wrong = || Wrong::unfit("`cursor` is `next` of a page in the same order");
    let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let (order, sequence) = octets.split_first().ok_or_else(wrong)?;
    let sequence = <[u8; 8]>::try_from(sequence).map_err(|_| wrong())?;
    if *order == u8::from(newest) { Ok(u64::from_be_bytes(sequence)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_its_order() {
        for sequence in [0, 1, u64::MAX] {
            for newest in [true, false] {
                let cursor = cursor_of(sequence, newest);
                assert_eq!(read_cursor(&cursor, newest).unwrap(), sequence);
                assert!(read_cursor(&cursor, !newest).is_err());
            }
        }
        for wrong in ["", "A", "AAAA", "=", "\u{e4}", "AAAAAAAAAAAAAAAA"] {
            assert!(read_cursor(wrong, true).is_err(), "{wrong}");
        }
    }
}
