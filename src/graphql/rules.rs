//! Which root fields are for whom: `[[fields]]`, and what no client is to reach.
//!
//! Of several rules for a field one counts, the most specific: one that names the field before one for every field (`*`), and
//! of either one for a kind of operation before one for all kinds. A rule for every field means those that are the
//! backend's: not what the gateway answers itself, since a login needs no login, and not introspection. By their names
//! these have rules like any other, and the rule for an operation of the gateway's is one for its other names, too.
//!
//! Beside those of the configuration there are rules for what Rail Django generates for its models of second factors, and for
//! its table extension, which reaches them as well: a rule of the configuration opens one of these fields by its name, and none
//! does by `*`.
//!
//! Rules are asked before anything of a document runs, and one field that is refused has all of it refused.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use async_graphql_parser::types::OperationType;

use super::schema::Schema;
use crate::model::{Access, Asker, Clock, FieldRule, OperationKind, Shortfall};

mod generated;

/// The rules of a configuration, for looking them up by field. Shared by all threads.
pub struct FieldRules {
    named: HashMap<String, ByKind>,
    every: ByKind,
    /// What a rule for every field does not mean.
    owned: HashSet<(OperationKind, String)>,
    clock: Arc<dyn Clock>,
}

/// The rules of a name.
#[derive(Debug, Default)]
struct ByKind {
    all: Option<Access>,
    query: Option<Access>,
    mutation: Option<Access>,
    subscription: Option<Access>,
}

impl FieldRules {
    /// These rules, of which no two are for the same. Fields of `schema` are the gateway's.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = FieldRule>, schema: &Schema, clock: Arc<dyn Clock>) -> Self {
        let (mut named, mut every) = (HashMap::<String, ByKind>::new(), ByKind::default());
        for FieldRule { field, kind, access } in rules {
            let of_name = field.map_or(&mut every, |name| named.entry(name).or_default());
            *of_name.place(kind) = Some(access);
        }
        let owned_of = |kind: OperationKind| {
            let root = schema.root(operation_type(kind));
            root.into_iter().flat_map(|root| root.fields.keys()).map(move |name| (kind, name.clone()))
        };
        let owned = [OperationKind::Query, OperationKind::Mutation].into_iter().flat_map(owned_of).collect();
        for (kind, name, field) in schema.aliases() {
            if let Some(access) = named.get(field).and_then(|rules| rules.of(kind)).cloned() {
                *named.entry(name.to_owned()).or_default().place(Some(kind)) = Some(access);
            }
        }
        Self { named, every, owned, clock }
    }

    /// Keeps everybody from what Rail Django generates for its models of second factors, but where a rule names it.
    #[must_use]
    pub fn without_generated_mfa(self) -> Self {
        self.without(generated::names())
    }

    /// Keeps everybody from Rail Django's table extension, but where a rule names one of its fields.
    #[must_use]
    pub fn without_table_extension(self) -> Self {
        self.without(generated::table_extension())
    }

    fn without(mut self, names: impl Iterator<Item = (OperationKind, String)>) -> Self {
        // By another name of an operation nobody reaches what the backend has under it.
        for (kind, name) in names.filter(|named| !self.owned.contains(named)) {
            let of_name = self.named.entry(name).or_default();
            if of_name.of(kind).is_none() {
                *of_name.place(Some(kind)) = Some(Access::Denied);
            }
        }
        self
    }

    /// Whether a root field of this kind of operation is for this one.
    ///
    /// # Errors
    /// What is lacking.
    pub fn check(&self, kind: OperationKind, field: &str, asker: Asker<'_>) -> Result<(), Shortfall> {
        self.find(kind, field).map_or(Ok(()), |access| access.check(asker, self.clock.now()))
    }

    /// Whether there is a rule for a root field, whatever it says.
    #[must_use]
    pub fn has(&self, kind: OperationKind, field: &str) -> bool {
        self.find(kind, field).is_some()
    }

    /// The rule that counts for a root field.
    pub(super) fn find(&self, kind: OperationKind, field: &str) -> Option<&Access> {
        let by_name = self.named.get(field).and_then(|rules| rules.of(kind));
        by_name.or_else(|| self.every.of(kind).filter(|_| self.is_backends(kind, field)))
    }

    /// The names that rules have.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// Whether a field without a rule of its own may have one.
    pub(super) fn mean_every_field(&self) -> bool {
        [OperationKind::Query, OperationKind::Mutation, OperationKind::Subscription]
            .into_iter()
            .any(|kind| self.every.of(kind).is_some())
    }

    fn is_backends(&self, kind: OperationKind, field: &str) -> bool {
        !field.starts_with("__") && (self.owned.is_empty() || !self.owned.contains(&(kind, field.to_owned())))
    }
}

impl ByKind {
    fn of(&self, kind: OperationKind) -> Option<&Access> {
        let own = match kind {
            OperationKind::Query => &self.query,
            OperationKind::Mutation => &self.mutation,
            OperationKind::Subscription => &self.subscription,
        };
        own.as_ref().or(self.all.as_ref())
    }

    const fn place(&mut self, kind: Option<OperationKind>) -> &mut Option<Access> {
        match kind {
            None => &mut self.all,
            Some(OperationKind::Query) => &mut self.query,
            Some(OperationKind::Mutation) => &mut self.mutation,
            Some(OperationKind::Subscription) => &mut self.subscription,
        }
    }
}

impl fmt::Debug for FieldRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldRules").field("named", &self.named).field("every", &self.every).finish_non_exhaustive()
    }
}

/// The same in the parser's words.
const fn operation_type(kind: OperationKind) -> OperationType {
    match kind {
        OperationKind::Query => OperationType::Query,
        OperationKind::Mutation => OperationType::Mutation,
        OperationKind::Subscription => OperationType::Subscription,
    }
}

/// The same in ours.
pub(super) const fn operation_kind(ty: OperationType) -> OperationKind {
    match ty {
        OperationType::Query => OperationKind::Query,
        OperationType::Mutation => OperationKind::Mutation,
        OperationType::Subscription => OperationKind::Subscription,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Demands, SystemClock};

    const ALL: [OperationKind; 3] = [OperationKind::Query, OperationKind::Mutation, OperationKind::Subscription];

    fn rules(rules: &[(Option<&str>, Option<OperationKind>, Access)]) -> FieldRules {
        let rules = rules.iter().map(|(field, kind, access)| FieldRule {
            field: field.map(str::to_owned),
            kind: *kind,
            access: access.clone(),
        });
        FieldRules::new(rules, &Schema::embedded().unwrap(), Arc::new(SystemClock))
    }

    /// What a rule says to nobody: `open`, `known`, `denied`; or `-` where there is none.
    fn said(rules: &FieldRules, field: &str) -> [&'static str; 3] {
        ALL.map(|kind| match rules.find(kind, field) {
            None => "-",
            Some(Access::Open) => "open",
            Some(Access::Known(_)) => "known",
            Some(Access::Denied) => "denied",
        })
    }

    #[test]
    fn the_most_specific_rule_counts() {
        let (known, query) = (Access::Known(Demands::default()), OperationKind::Query);
        let all = rules(&[
            (None, None, known.clone()),
            (None, Some(query), Access::Denied),
            (Some("a"), None, Access::Open),
            (Some("a"), Some(OperationKind::Mutation), Access::Denied),
            (Some("b"), Some(query), Access::Open),
        ]);
        assert_eq!(said(&all, "a"), ["open", "denied", "open"]);
        assert_eq!(said(&all, "b"), ["open", "known", "known"]);
        assert_eq!(said(&all, "c"), ["denied", "known", "known"]);
        assert_eq!(said(&all, "A"), said(&all, "c"), "names are told apart by case");
        assert!(all.mean_every_field());
        let named = rules(&[(Some("b"), Some(query), known)]);
        assert_eq!((said(&named, "b"), said(&named, "c")), (["known", "-", "-"], ["-"; 3]));
        assert!(!named.mean_every_field() && named.names().eq(["b"]));
        assert!(rules(&[(None, Some(OperationKind::Subscription), Access::Denied)]).mean_every_field());
    }

    #[test]
    fn what_is_generated_for_second_factors_is_opened_by_name_alone() {
        let shut = |given: &[(Option<&str>, Option<OperationKind>, Access)]| rules(given).without_generated_mfa();
        let all = shut(&[]);
        for query in [
            "mfaDevice",
            "mfaBackupCodeList",
            "trustedDevicePage",
            "trustedDevicePages",
            "mfaBackupCodeGroups",
            "mfadevicesPages",
            "trusteddevicesGroups",
            "mfaDevices",
            "backupCodes",
            "appareilsMfa",
            "codesDeRecuperation",
            "appareils_de_confiance",
            "backup_codes",
            "mfa_device_list",
        ] {
            assert_eq!(said(&all, query), ["denied", "-", "-"], "{query}");
        }
        for mutation in [
            "createTrustedDevice",
            "updateMFADevice",
            "deleteMFADevice",
            "bulkCreateMFABackupCode",
            "createMfadevice",
            "updateMfaDevice",
            "generateQrCodeMFADevice",
            "mfadeviceVerifyToken",
            "update_mfa_device",
            "generate_qr_code_mfa_device",
        ] {
            assert_eq!(said(&all, mutation), ["-", "denied", "-"], "{mutation}");
        }
        assert_eq!(said(&all, "trusteddeviceDeleted"), ["-", "-", "denied"]);
        assert!(!all.mean_every_field());
        let by_name = shut(&[
            (None, None, Access::Open),
            (Some("mfaDevice"), None, Access::Open),
            (Some("mfaDeviceList"), Some(OperationKind::Query), Access::Open),
            (Some("mfaDevicePage"), Some(OperationKind::Mutation), Access::Open),
        ]);
        for (query, access) in [
            ("mfaDevice", "open"),
            ("mfaDeviceList", "open"),
            ("mfaDevicePage", "denied"),
            ("mfaDeviceGroup", "denied"),
        ] {
            assert_eq!(said(&by_name, query)[0], access, "{query}");
        }
        let owned = Schema::embedded().unwrap();
        assert!(owned.owned_names().all(|name| said(&all, name) == ["-"; 3]), "none is the gateway's own");
    }

    #[test]
    fn the_table_extension_is_opened_by_name_alone() {
        let shut =
            rules(&[(None, None, Access::Open), (Some("formData"), None, Access::Open)]).without_table_extension();
        for query in ["tableRows", "tableBootstrap", "modelFormInitialData", "table_rows", "model_form_initial_data"] {
            assert_eq!(said(&shut, query), ["denied", "open", "open"], "{query}");
        }
        for mutation in ["executeBulkEdit", "executeTableAction", "execute_bulk_edit"] {
            assert_eq!(said(&shut, mutation), ["open", "denied", "open"], "{mutation}");
        }
        assert_eq!((said(&shut, "formData"), said(&shut, "mfaDevice")), (["open"; 3], ["open"; 3]));
    }

    #[test]
    fn every_field_is_every_one_of_the_backends() {
        let all = rules(&[(None, None, Access::Denied), (Some("logout"), None, Access::Denied)]);
        assert_eq!(said(&all, "login"), ["denied", "-", "denied"], "a query of this name is the backend's");
        assert_eq!(said(&all, "authSessions"), ["-", "denied", "denied"]);
        for of_every_schema in ["__typename", "__schema", "__type"] {
            assert_eq!(said(&all, of_every_schema), ["-"; 3]);
        }
        assert_eq!(said(&all, "logout"), ["denied"; 3], "by name");
        let forwarded = Schema::deployed(&["register"], &[]).unwrap();
        let rule = FieldRule { field: None, kind: None, access: Access::Denied };
        let left = FieldRules::new([rule], &forwarded, Arc::new(SystemClock));
        assert_eq!(said(&left, "register")[1], "denied", "what is left to the backend is its own");
    }
}
