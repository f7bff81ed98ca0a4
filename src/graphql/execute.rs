//! Runs the owned fields of a plan.

use super::{Answer, Caller, Owned};
use crate::auth::Commands;

/// Runs the fields in document order and shapes the answer.
pub async fn run<C: Commands>(_owned: &Owned, _commands: &C, _caller: &Caller) -> Answer {
    todo!()
}
