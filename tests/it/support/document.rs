//! The fenced blocks of the documents. A test that runs one takes it from where readers copy it.

use std::{fs, path::Path};

/// All documents that tell an operator what to type.
pub(crate) const DOCUMENTS: [&str; 7] = [
    "README.md",
    "charts/railgate/README.md",
    "deploy/ADOPTION.md",
    "deploy/CONFIGURATION.md",
    "deploy/OPERATIONS.md",
    "deploy/THREAT_MODEL.md",
    "deploy/demo/README.md",
];
/// What the line above a block begins with that can't be run on a machine that builds; the reason follows.
const UNTESTED: &str = "Untested: ";

/// What stands between two fences.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) document: &'static str,
    /// The line of the first fence, from 1.
    pub(crate) line: usize,
    /// What follows the first fence.
    pub(crate) language: String,
    pub(crate) text: String,
    /// That the document itself says so.
    pub(crate) is_untested: bool,
}

/// The document, as it lies there.
pub(crate) fn text(document: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).expect("a document")
}

/// All of them, in every document.
pub(crate) fn blocks() -> Vec<Block> {
    DOCUMENTS.into_iter().flat_map(blocks_of).collect()
}

/// The one block of the document that holds this, and it alone.
#[track_caller]
pub(crate) fn block(document: &str, holds: &str) -> String {
    let found = blocks().into_iter().filter(|block| block.document == document && block.text.contains(holds));
    let found: Vec<Block> = found.collect();
    let [block] = &found[..] else { panic!("{document}, {holds}: {found:#?}") };
    block.text.clone()
}

fn blocks_of(document: &'static str) -> Vec<Block> {
    let (mut found, mut above) = (Vec::new(), String::new());
    let text = text(document);
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some((before, language)) = line.split_once("```") {
            assert!(is_list(before), "{document}:{}: a fence within a text", number + 1);
            let inner = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim_start() != "```");
            // In a list all of it stands further in.
            let inner = inner.map(|line| line.get(before.len()..).unwrap_or_default().to_owned() + "\n");
            found.push(Block {
                document,
                line: number + 1,
                language: language.to_owned(),
                text: inner.collect(),
                is_untested: above.starts_with(UNTESTED),
            });
            above.clear();
        } else if !line.trim().is_empty() {
            line.clone_into(&mut above);
        }
    }
    found
}

/// Whether nothing but the mark of a list is there.
fn is_list(text: &str) -> bool {
    text.trim().chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '-'))
}
