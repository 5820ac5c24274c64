//! Texts and values within HTML.

use std::fmt;

use serde_json::Value;

/// A text as HTML shows it: nothing in it is markup, and what would turn or hide the text around
/// it is shown by its number.
pub(super) struct Text<'t>(pub(super) &'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in self.0.chars() {
            match one {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' => f.write_str("\n")?,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
                    write!(f, "U+{:04X}", u32::from(one))?;
                }
                one if one.is_control() => write!(f, "U+{:04X}", u32::from(one))?,
                one => write!(f, "{one}")?,
            }
        }
        Ok(())
    }
}

/// A value of a record, in the words of JSON without its signs where nothing depends on them.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let items: Vec<_> = list.iter().map(self::value).collect();
            items.join(if list.iter().any(Value::is_object) { "; " } else { ", " })
        }
        Value::Object(fields) => {
            let known = fields.iter().filter(|(_, value)| !value.is_null());
            let words = known.map(|(name, value)| format!("{name} {}", within(value)));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

/// A list or a table within another one.
fn within(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => format!("({})", self::value(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => self::value(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_text_is_markup() {
        let hostile = "<script>'&\"\u{202e}\u{0}\u{1b}[2J</script>";
        let shown = Text(hostile).to_string();
        assert_eq!(shown, "&lt;script&gt;&#39;&amp;&quot;U+202EU+0000U+001B[2J&lt;/script&gt;");
    }

    #[test]
    fn values_are_read_by_people() {
        let data = json!([{"tags": ["health"], "of": null, "subjects": 3}, {"linked": true}]);
        assert_eq!(value(&data), "subjects 3, tags (health); linked yes");
    }
}
