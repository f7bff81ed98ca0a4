//! Names in raw bytes. Every byte of every request is looked at once, so this is where a clean request spends its time.
//!
//! Text is taken as runs of those characters that names are made of (GraphQL §2.1.9); a name is found where a run ends with
//! it. Nearly every run ends in four characters that no name ends with, which one bit tells however many names there are.

use std::collections::HashMap;

/// The names that are looked for.
pub(super) struct Words {
    /// Too short to have an ending.
    short: Vec<Box<[u8]>>,
    long: HashMap<Ending, Vec<Box<[u8]>>>,
    /// A bit for each of their endings, and by chance for a few others.
    endings: Box<[u64; BITS / 64]>,
}

/// The last characters of a name.
type Ending = [u8; 4];

/// A thousand names set one bit in sixty of these.
const BITS: usize = 1 << 16;

/// Whether a byte may stand in a name.
const CONTINUES: [bool; 256] = {
    let mut continues = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        continues[byte] = byte == b'_' as usize || (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    continues
};

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").field("short", &self.short.len()).finish_non_exhaustive()
    }
}

impl Words {
    /// Of names, which consist of letters, digits and `_`.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let (mut short, mut long) = (Vec::new(), HashMap::<Ending, Vec<Box<[u8]>>>::new());
        let mut endings = Box::new([0; BITS / 64]);
        for name in names.map(str::as_bytes) {
            let Some(ending) = name.last_chunk() else {
                short.push(name.into());
                continue;
            };
            long.entry(*ending).or_default().push(name.into());
            let (word, bit) = place(ending);
            if let Some(word) = endings.get_mut(word) {
                *word |= bit;
            }
        }
        Self { short, long, endings }
    }

    /// Whether one of the names ends this run.
    pub(super) fn end(&self, run: &[u8]) -> bool {
        let ends = |names: &[Box<[u8]>]| names.iter().any(|name| run.ends_with(name));
        let ends_long = |ending: &Ending| {
            let (word, bit) = place(ending);
            self.endings.get(word).is_some_and(|word| word & bit != 0)
                && self.long.get(ending).is_some_and(|names| ends(names))
        };
        run.last_chunk().is_some_and(ends_long) || ends(&self.short)
    }
}

/// Where the bit of an ending is. The factor is the golden ratio's, as in Fibonacci hashing.
const fn place(ending: &Ending) -> (usize, u64) {
    let hash = u32::from_le_bytes(*ending).wrapping_mul(0x9e37_79b9) as usize >> 16;
    (hash / 64, 1 << (hash % 64))
}

/// The runs of a text, from left to right: where each begins and ends.
pub(super) fn runs(text: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let in_a_run = |byte: &u8| CONTINUES[usize::from(*byte)];
        let start = at + text.get(at..)?.iter().position(in_a_run)?;
        let length = text.get(start..)?.iter().position(|byte| !in_a_run(byte));
        at = length.map_or(text.len(), |length| start + length);
        Some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::{Words, runs};

    #[test]
    fn a_run_ends_with_a_name_or_it_does_not() {
        let words = Words::new(["login", "x", "_id", "user"].into_iter());
        for run in ["login", "nlogin", "x", "ax", "_x", "my_id", "_id", "user", "auser"] {
            assert!(words.end(run.as_bytes()), "{run}");
        }
        for run in ["logins", "ogin", "xogin", "n", "in", "id", "xy", "users", "ser", ""] {
            assert!(!words.end(run.as_bytes()), "{run}");
        }
    }

    #[test]
    fn a_text_is_cut_into_its_runs() {
        let of = |text: &'static str| runs(text.as_bytes()).map(|run| &text[run]).collect::<Vec<_>>();
        assert_eq!(of(r#"{"query":"mutation{\nlogin(a_1:É9)}"}"#), ["query", "mutation", "nlogin", "a_1", "9"]);
        assert_eq!(of("a"), ["a"]);
        assert_eq!(of(" a b"), ["a", "b"]);
        assert!(of("").is_empty() && of("{} \u{e9}").is_empty());
    }
}
