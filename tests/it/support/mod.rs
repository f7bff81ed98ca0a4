//! What the stories need around the gateway: databases, and a Django to fill and to question them.

pub(crate) mod django;
pub(crate) mod postgres;
pub(crate) mod template;
