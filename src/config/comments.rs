//! What the shipped `proxy.toml` says of each key, so that it is said once: the schema and the reference repeat it.
//!
//! The comment above a key, or above the keys that stand together below it, is what is said of them.

use indexmap::IndexMap;

const SAMPLE: &str = include_str!("../../proxy.toml");

/// What is said of each key, in the order of the file; one thing in several ends up in several lines that begin with `- `.
pub(super) fn comments() -> IndexMap<String, String> {
    let mut said = IndexMap::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut is_used = false;
    let mut table = "";
    for line in SAMPLE.lines() {
        match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(' ') && !rest.starts_with(" ---") => {
                if std::mem::take(&mut is_used) {
                    comment.clear();
                }
                comment.push(rest.strip_prefix(' ').unwrap_or(rest));
                continue;
            }
            // For editors.
            Some(rest) if rest.starts_with(':') => continue,
            _ => {}
        }
        let commented = line.strip_prefix("#example: ").or_else(|| line.strip_prefix('#'));
        let code = commented.unwrap_or(line);
        let path = match code.split_once('=') {
            _ if code.is_empty() || code.starts_with(' ') => {
                comment.clear();
                continue;
            }
            _ if code.starts_with('[') => {
                table = code.trim_matches(['[', ']']);
                table.to_owned()
            }
            Some((key, _)) if table.is_empty() => key.trim().to_owned(),
            Some((key, _)) => format!("{table}.{}", key.trim()),
            None => continue,
        };
        said.entry(path).or_insert_with(|| joined(&comment));
        is_used = true;
    }
    said
}

/// Prose in one line, and each item of a list in one of its own. Items stand two further to the right, what goes on with
/// one even further.
fn joined(comment: &[&str]) -> String {
    let mut text = String::new();
    let mut in_list = false;
    for line in comment {
        let is_item = line.starts_with("  ") && !line.starts_with("   ");
        let goes_on = in_list && line.starts_with("   ");
        if is_item {
            text.push_str("\n- ");
        } else if in_list && !goes_on {
            text.push('\n');
        } else if !text.is_empty() {
            text.push(' ');
        }
        in_list = is_item || goes_on;
        text.push_str(line.trim());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::comments;
    use crate::config::{keys::keys, reader::Kind};

    #[test]
    fn every_key_is_told_of_in_its_place() {
        let said = comments();
        assert_eq!(said["log.format"], "\"text\", or \"json\", one object a line.");
        assert_eq!(said["cookies.refresh_name"], said["cookies.access_name"]);
        assert_eq!(said["listeners.auth"].matches("\n- \"").count(), 3, "{}", said["listeners.auth"]);
        assert!(said["listeners.auth"].ends_with("\n[[routes]] may say otherwise for single paths."));
        assert!(said.iter().all(|(path, _)| keys().contains_key(path)));
        let is_within = |path: &str| path.rsplit_once('.').is_some_and(|(table, _)| said.get(table).is_some());
        for (path, key) in keys() {
            let is_table = matches!(key.kind, Kind::Table);
            assert!(is_table || said.get(path).is_some_and(|text| !text.is_empty()) || is_within(path), "{path}");
        }
    }
}
