//! Data flows one way: http -> graphql -> auth -> { store, directory } -> model. One crate can't enforce that; this does.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Which rooms each room may know.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("model", [].as_slice()),
        ("telemetry", &["model"]),
        ("config", &["model"]),
        ("store", &["model"]),
        ("directory", &["model"]),
        ("auth", &["model", "store", "directory"]),
        ("graphql", &["model", "auth"]),
        ("http", &["model", "auth", "graphql", "config", "telemetry"]),
        ("app", &["model", "auth", "graphql", "http", "config", "telemetry", "store", "directory"]),
        ("cli", &["app", "auth", "config", "model", "telemetry"]),
    ])
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The rooms that a source names by `crate::room` or inside `use crate::{…}`, its unit tests left out.
fn named_rooms(text: &str) -> Vec<String> {
    let code: String = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .expect("a part")
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.push(std::mem::take(&mut item)),
                    other if depth == 0 => item.push(other),
                    _ => {}
                }
            }
            rooms.push(item);
        } else {
            rooms.push(rest.to_owned());
        }
    }
    rooms
        .iter()
        .map(|path| path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .filter(|room: &String| !room.is_empty())
        .collect()
}

#[test]
fn no_room_knows_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut edges = 0;
    for (room, may_know) in allowed() {
        for path in sources(&root.join(room)) {
            // Unit tests in files of their own may build what they need.
            if path.file_name().is_some_and(|name| name == "tests.rs") {
                continue;
            }
            for named in named_rooms(&fs::read_to_string(&path).expect("a source")) {
                edges += 1;
                if named != room && !may_know.contains(&named.as_str()) {
                    wrong.push(format!("{} knows {named}", path.strip_prefix(&root).expect("below src").display()));
                }
            }
        }
    }
    assert!(edges > 50, "only {edges} edges found: the reader of `use` lines is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_plan() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let plan = allowed();
    for entry in fs::read_dir(root).expect("src") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let room = name.trim_end_matches(".rs");
        assert!(plan.contains_key(room) || ["lib", "main"].contains(&room), "{name} has no place in the plan");
    }
}
