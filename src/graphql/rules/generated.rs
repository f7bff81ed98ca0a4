//! The root fields that Rail Django generates for its models of second factors, and those of its table extension.
//!
//! By them a client would read backup codes and secrets, switch authenticators off and make devices trusted, past all that
//! the gateway asks for. Rail Django makes them for every model, by these names, where `m` is the model's name in its three
//! spellings (`MFADevice`, `mfaDevice`, `mfadevice`):
//!
//! | | as of 2026 | until 1.1 |
//! |---|---|---|
//! | queries | `mfaDevice`, `…List`, `…Group(s)`, `…Page(s)` | `mfadevice`, `mfadevices`, `…Groups`, `…Pages` |
//! | mutations | `createMFADevice`, `update…`, `delete…`, `bulkCreate…`, `bulkUpdate…`, `bulkDelete…` | `createMfadevice` … |
//! | mutations by a method | `generateQrCodeMFADevice`, `verifyTokenMFADevice` | `mfadeviceGenerateQrCode` … |
//! | subscriptions | `mfadeviceCreated`, `…Updated`, `…Deleted`, `…Changed` | |
//!
//! Its own queries `mfaDevices`, `trustedDevices` and `backupCodes`, those that it names in French (`appareilsMfa`), and mutations
//! in camel case (`createMfaDevice`) are among them; and each of the names in snake case (`mfa_device_list`), for a schema
//! with `auto_camelcase` off.
//!
//! The queries and mutations of its table extension (`tableRows`, `executeBulkEdit` …) take the model as an argument, so that no
//! name tells which they reach: all of them are shut, or none.
//!
//! Caveat: what is reached through another field (`user { mfaDevices { secretKey } }`, an input for rows beside a user's) is
//! for the backend to shut.

use crate::model::OperationKind;

/// A model in the spellings that names are made of.
struct Model {
    class: &'static str,
    camel: &'static str,
    lower: &'static str,
}

const MODELS: [Model; 3] = [
    Model { class: "MFADevice", camel: "mfaDevice", lower: "mfadevice" },
    Model { class: "MFABackupCode", camel: "mfaBackupCode", lower: "mfabackupcode" },
    Model { class: "TrustedDevice", camel: "trustedDevice", lower: "trusteddevice" },
];

const VERBS: [&str; 6] = ["create", "update", "delete", "bulkCreate", "bulkUpdate", "bulkDelete"];
/// Methods of `MFADevice`, one of which shows the secret, and the other says whether a code is right.
const METHODS: [&str; 2] = ["generateQrCode", "verifyToken"];
/// Queries that are not named after a model.
const OWN: [&str; 4] = ["backupCodes", "appareilsMfa", "codesDeRecuperation", "appareilsDeConfiance"];
/// Of the table extension.
const TABLE_QUERIES: [&str; 4] = ["tableRows", "tableBootstrap", "formData", "modelFormInitialData"];
const TABLE_MUTATIONS: [&str; 2] = ["executeBulkEdit", "executeTableAction"];
const EVENTS: [&str; 4] = ["Created", "Updated", "Deleted", "Changed"];

/// Kinds and names, some twice.
pub(super) fn names() -> impl Iterator<Item = (OperationKind, String)> {
    let of_kind = |kind: OperationKind, names: fn(&Model) -> Vec<String>| {
        MODELS.iter().flat_map(names).map(move |name| (kind, name))
    };
    of_kind(OperationKind::Query, queries)
        .chain(OWN.map(|name| (OperationKind::Query, name.to_owned())))
        .chain(of_kind(OperationKind::Mutation, mutations))
        .chain(of_kind(OperationKind::Subscription, subscriptions))
        .flat_map(in_both_cases)
}

/// The fields by which the table extension reads and writes rows of a model that it is told.
pub(super) fn table_extension() -> impl Iterator<Item = (OperationKind, String)> {
    let queries = TABLE_QUERIES.map(|name| (OperationKind::Query, name.to_owned()));
    let mutations = TABLE_MUTATIONS.map(|name| (OperationKind::Mutation, name.to_owned()));
    queries.into_iter().chain(mutations).flat_map(in_both_cases)
}

fn in_both_cases((kind, name): (OperationKind, String)) -> [(OperationKind, String); 2] {
    [(kind, in_snake_case(&name)), (kind, name)]
}

fn queries(Model { camel, lower, .. }: &Model) -> Vec<String> {
    let of_today = ["", "List", "Group", "Groups", "Page", "Pages", "s"].map(|end| format!("{camel}{end}"));
    let of_once = ["", "s", "sGroups", "sPages"].map(|end| format!("{lower}{end}"));
    of_today.into_iter().chain(of_once).collect()
}

fn mutations(model: &Model) -> Vec<String> {
    let ends = [model.class.to_owned(), capitalised(model.camel), capitalised(model.lower)];
    let of_verbs = VERBS.iter().flat_map(|verb| ends.iter().map(move |end| format!("{verb}{end}")));
    let of_methods = METHODS
        .iter()
        .flat_map(|method| [format!("{method}{}", model.class), format!("{}{}", model.lower, capitalised(method))]);
    of_verbs.chain(of_methods).collect()
}

fn subscriptions(Model { lower, .. }: &Model) -> Vec<String> {
    EVENTS.iter().map(|event| format!("{lower}{event}")).collect()
}

/// `createMFADevice` is `create_mfa_device`: a word begins at each capital behind a small letter, and at the last of several.
fn in_snake_case(name: &str) -> String {
    let letters = name.as_bytes();
    let is_small = |at: usize| letters.get(at).is_some_and(u8::is_ascii_lowercase);
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 && (is_small(at - 1) || is_small(at + 1)) {
            snake.push('_');
        }
        snake.push(char::from(letter.to_ascii_lowercase()));
    }
    snake
}

fn capitalised(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::{in_snake_case, names};

    #[test]
    fn a_name_has_one_spelling_in_snake_case() {
        for (name, snake) in [
            ("mfaDeviceList", "mfa_device_list"),
            ("createMFADevice", "create_mfa_device"),
            ("bulkDeleteMFABackupCode", "bulk_delete_mfa_backup_code"),
            ("generateQrCodeMFADevice", "generate_qr_code_mfa_device"),
            ("mfadevicesPages", "mfadevices_pages"),
            ("mfadevice", "mfadevice"),
        ] {
            assert_eq!(in_snake_case(name), snake);
        }
    }

    #[test]
    fn a_hundred_names_or_so_and_all_of_graphql() {
        let names: std::collections::HashSet<String> = names().map(|(_, name)| name).collect();
        let is_plain = |name: &String| name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphabetic());
        assert!(names.iter().all(is_plain) && (100..400).contains(&names.len()), "{}", names.len());
    }
}
