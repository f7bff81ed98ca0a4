//! Names in raw bytes. Every byte of every request is looked at once, so this is where a clean request spends its time.
//!
//! Text is taken as runs of those characters that names are made of (GraphQL §2.1.9); a name is found where a run ends with
//! it. Nearly every run ends in two characters that no name ends with, which one bit tells.

/// The names that are looked for.
pub(super) struct Words {
    names: Vec<Box<[u8]>>,
    /// For each pair of bytes, whether a name ends with it.
    endings: Box<[u64; PAIRS / 64]>,
}

const PAIRS: usize = 1 << 16;

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
        f.debug_struct("Words").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

impl Words {
    /// Of names, which consist of letters, digits and `_`.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<Box<[u8]>> = names.map(|name| name.as_bytes().into()).collect();
        let mut endings = Box::new([0; PAIRS / 64]);
        for name in &names {
            match **name {
                [.., before, last] => set(&mut endings, before, last),
                // Behind whatever stands before it.
                [only] => (0..=u8::MAX).for_each(|before| set(&mut endings, before, only)),
                [] => {}
            }
        }
        Self { names, endings }
    }

    /// Whether one of the names ends this run.
    pub(super) fn end(&self, run: &[u8]) -> bool {
        let may_end = match *run {
            [.., before, last] => {
                let (word, bit) = place(before, last);
                self.endings.get(word).is_some_and(|word| word & bit != 0)
            }
            _ => true,
        };
        may_end && self.names.iter().any(|name| run.ends_with(name))
    }
}

fn set(endings: &mut [u64; PAIRS / 64], before: u8, last: u8) {
    let (word, bit) = place(before, last);
    if let Some(word) = endings.get_mut(word) {
        *word |= bit;
    }
}

const fn place(before: u8, last: u8) -> (usize, u64) {
    let pair = (before as usize) << 8 | last as usize;
    (pair / 64, 1 << (pair % 64))
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
        let words = Words::new(["login", "x", "_id"].into_iter());
        for run in ["login", "nlogin", "x", "ax", "_x", "my_id", "_id"] {
            assert!(words.end(run.as_bytes()), "{run}");
        }
        for run in ["logins", "ogin", "n", "in", "id", "xy", ""] {
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
