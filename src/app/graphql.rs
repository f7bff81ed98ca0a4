//! What becomes of documents, as it is configured.

use std::sync::Arc;

use anyhow::Context as _;

use crate::{
    config::{Config, Register},
    graphql::{self, FieldRules, Planner, Scanner, schema::Schema},
    model::Clock,
};

/// Who finds owned names, and who decides what happens to a document.
pub(super) fn readers(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<(Scanner, Planner)> {
    let schema = Arc::new(owned(config)?);
    let rules = Arc::new(field_rules(config, &schema, clock));
    let scanner = Scanner::with_rules(&schema, &rules);
    Ok((scanner, Planner::new(schema, limits(config)).with_rules(rules).with_cache(config.graphql.plan_cache)))
}

/// The root fields that are the gateway's in this deployment, by all their names.
pub(super) fn owned(config: &Config) -> anyhow::Result<Schema> {
    let left: &[&str] = match config.graphql.register {
        Register::Forward => &["register"],
        Register::Adopt | Register::Create | Register::Refuse => &[],
    };
    Schema::deployed(left, &config.graphql.owned_aliases).context("auth.graphql")
}

pub(super) fn field_rules(config: &Config, schema: &Schema, clock: &Arc<dyn Clock>) -> FieldRules {
    let rules = FieldRules::new(config.fields.clone(), schema, Arc::clone(clock));
    let rules = if config.graphql.deny_generated_mfa { rules.without_generated_mfa() } else { rules };
    if config.graphql.deny_table_extension { rules.without_table_extension() } else { rules }
}

fn limits(config: &Config) -> graphql::Limits {
    let limits = config.graphql.limits;
    graphql::Limits {
        bytes: limits.bytes,
        tokens: limits.tokens,
        depth: limits.depth,
        operations: limits.operations,
        fields: limits.fields,
        batch: limits.batch,
    }
}
