//! Every fenced block of the documents is run by a test: one that takes it by its document and a piece of it, by a call that
//! this test finds, or the one here that tries each piece of configuration.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::document::{Block, DOCUMENTS, blocks, text};

/// Pictures, and lines of a log.
const NOTHING_TO_RUN: &str = "text";
/// Each of these is tried by `configuration::what_the_documents_configure_passes_check`.
const TRIED_BY_THEMSELVES: &str = "toml";

/// A call of `block` in a test: the document, and what it holds.
struct Taken {
    place: String,
    document: String,
    holds: String,
}

impl Taken {
    fn is(&self, block: &Block) -> bool {
        self.document == block.document && block.text.contains(&self.holds)
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "py") {
            found.push(path);
        }
    }
}

/// The texts of a call's two arguments.
fn arguments(call: &str) -> Option<[String; 2]> {
    let mut rest = call;
    let mut next = |before: &str| {
        rest = rest.trim_start().strip_prefix(before)?.trim_start().strip_prefix('"')?;
        let (text, after) = rest.split_once('"')?;
        rest = after;
        Some(text.to_owned())
    };
    Some([next("")?, next(",")?])
}

/// What the tests take, those of what is deployed too.
fn taken() -> Vec<Taken> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["tests/it", "tests/charts", "tests/deploy"] {
        sources(&root.join(folder), &mut paths);
    }
    let mut found = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(root).unwrap().display().to_string();
        let calls = text.split("block(").skip(1).filter_map(arguments);
        found.extend(calls.map(|[document, holds]| Taken { place: place.clone(), document, holds }));
    }
    found
}

#[test]
fn every_block_is_run_by_a_test() {
    let (blocks, taken) = (blocks(), taken());
    let mut wrong = Vec::new();
    for block in &blocks {
        let by: Vec<&str> = taken.iter().filter(|call| call.is(block)).map(|call| call.place.as_str()).collect();
        let is_run = !by.is_empty() || [NOTHING_TO_RUN, TRIED_BY_THEMSELVES].contains(&block.language.as_str());
        if is_run == block.is_untested {
            let (Block { document, line, language, .. }, says) = (block, block.is_untested);
            wrong.push(format!("{document}:{line}: {language}, run by {by:?}, said to be untested: {says}"));
        }
    }
    for call in &taken {
        let count = blocks.iter().filter(|block| call.is(block)).count();
        if count != 1 {
            wrong.push(format!("{}: {count} blocks of {} hold {}", call.place, call.document, call.holds));
        }
    }
    assert!(
        wrong.is_empty() && blocks.len() > 40 && taken.len() > 20,
        "{} of {}: {wrong:#?}",
        taken.len(),
        blocks.len()
    );
}

/// A block by its indentation has no language, and is in no list of blocks.
#[test]
fn every_block_is_fenced() {
    for document in DOCUMENTS {
        let (mut is_fenced, mut above) = (false, "");
        let text = text(document);
        for (number, line) in text.lines().enumerate() {
            is_fenced ^= line.contains("```");
            let is_block = !is_fenced && above.is_empty() && line.starts_with("    ");
            assert!(!is_block, "{document}:{}: not fenced: {line}", number + 1);
            above = line;
        }
    }
}
