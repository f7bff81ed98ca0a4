//! What the stories need around the gateway: databases, and a Django to fill and to question them.

pub mod django;
pub mod postgres;
pub mod template;
