//! Ids of requests.

use std::{cell::RefCell, sync::Arc};

use crate::model::{Entropy, RequestId};

/// Random bytes that are fetched at once: a system call for each request would cost more than all else about its id.
const STOCK: usize = 1024;

/// Makes ids, from random bytes in stock.
#[derive(Debug)]
pub(super) struct Ids {
    entropy: Arc<dyn Entropy>,
    stock: RefCell<Stock>,
}

#[derive(Debug)]
struct Stock {
    bytes: [u8; STOCK],
    used: usize,
}

impl Ids {
    pub(super) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, stock: RefCell::new(Stock { bytes: [0; STOCK], used: STOCK }) }
    }

    /// An id that no other request has. Without randomness it is zero: no tokens are made then, and nothing is opened under
    /// it.
    pub(super) fn next(&self) -> RequestId {
        RequestId::from_bytes(self.bytes())
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut stock = self.stock.borrow_mut();
        let Stock { bytes, used } = &mut *stock;
        if *used + N > STOCK {
            if self.entropy.fill(bytes).is_err() {
                return [0; N];
            }
            *used = 0;
        }
        let id = bytes.get(*used..).and_then(|rest| rest.first_chunk()).copied();
        *used += N;
        id.unwrap_or([0; N])
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::Ids;
    use crate::model::{Entropy, NoEntropy, RequestId, SystemEntropy};

    #[derive(Debug)]
    struct Nothing;

    impl Entropy for Nothing {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
            buffer.fill(1);
            Err(NoEntropy)
        }
    }

    #[test]
    fn no_two_are_alike() {
        let ids = Ids::new(Arc::new(SystemEntropy));
        let made: HashSet<_> = (0..10_000).map(|_| ids.next().to_hex()).collect();
        assert_eq!(made.len(), 10_000);
    }

    #[test]
    fn without_randomness_there_is_none_of_what_a_source_left() {
        let ids = Ids::new(Arc::new(Nothing));
        assert_eq!([ids.next(), ids.next()], [RequestId::from_bytes([0; 16]); 2]);
    }
}
