//! The reference of `proxy.toml`, as Markdown: every key with its kind, default, bounds, variable and meaning.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::{
    comments::comments,
    keys::keys,
    reader::{Key, Kind, first_place, variable},
    schema::{name_below, spell_bounds},
};

const BEGINNING: &str = "\
# The configuration, key by key

What [`proxy.toml`](../proxy.toml) may say. `railgate check` says what is wrong with a file, `railgate config` what is in force.

What counts, the last first: the default; the file, and in it what `{ env = \"NAME\" }` or, for a secret, `{ file = \"/path\" }`
refers to; the variable of the key's own name, which is given below, unless it is empty. A variable holds a list or a table as the file has it
on one line: `[\"a\", \"b\"]`, `{ a = 1 }`. Tables of which there may be several are counted from 0: `RAILGATE__LISTENERS__1__ADDRESS` is of the
second. Durations have a unit (ms, s, m, h, d), and sizes (B, KiB, MiB, GiB).

This page is what `railgate schema --format markdown` prints.
";

/// The reference.
#[must_use]
pub fn reference() -> String {
    let comments = comments();
    let mut page = BEGINNING.to_owned();
    table("", &comments, &mut page);
    page
}

/// The table at `path`, and then those in it.
fn table(path: &str, comments: &IndexMap<String, String>, page: &mut String) {
    let mut below: Vec<(&String, &Key)> = keys().iter().filter(|(key, _)| name_below(path, key).is_some()).collect();
    below.sort_by_key(|(key, _)| comments.get_index_of(*key).unwrap_or(usize::MAX));
    let (tables, values): (Vec<_>, Vec<_>) =
        below.into_iter().partition(|(_, key)| matches!(key.kind, Kind::Table | Kind::Tables));
    for (key, known) in values {
        value(key, known, comments, page);
    }
    for (key, known) in tables {
        let head = if matches!(known.kind, Kind::Tables) { format!("[[{key}]]") } else { format!("[{key}]") };
        let said = comments.get(key).map(|said| format!("\n{said}\n")).unwrap_or_default();
        // Writing to a String can't fail.
        let _ = write!(page, "\n## `{head}`\n{said}");
        table(key, comments, page);
    }
}

fn value(path: &str, key: &Key, comments: &IndexMap<String, String>, page: &mut String) {
    let name = path.rsplit('.').next().unwrap_or(path);
    let bounds = spell_bounds(&key.kind).map(|bounds| format!(" {bounds}")).unwrap_or_default();
    let default = match &key.default {
        Some(default) => format!("Default: `{}`.", default.toml()),
        None if key.varies => "The default varies.".to_owned(),
        None if key.required => "Required.".to_owned(),
        None => "Not set by default.".to_owned(),
    };
    let variable = variable(&first_place(keys(), path));
    let said = comments.get(path).map(String::as_str).unwrap_or_default().replace('\n', "\n  ");
    let _ = write!(page, "\n- **`{name}`**: {}.{bounds} {default} Variable: `{variable}`.\n", kind(&key.kind));
    if !said.is_empty() {
        let _ = write!(page, "\n  {said}\n");
    }
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Number { .. } => "a whole number".to_owned(),
        Kind::Size { .. } => "a size".to_owned(),
        Kind::Duration { .. } => "a duration".to_owned(),
        Kind::Secret(what) => format!("{what}; a secret"),
        Kind::Secrets(what) => format!("{what}, or a list of them; secrets"),
        Kind::List(item) => format!("a list, each {}", item.expected()),
        Kind::Named { names, values } => format!("a table; each key {names}, each value {}", values.expected()),
        Kind::Flag | Kind::Choice(_) | Kind::Text(_) | Kind::Instant | Kind::Table | Kind::Tables => kind.expected(),
    }
}
