//! The root fields that Rail Django generates for its models of second factors.
//!
//! By them a client would read backup codes and secrets, switch authenticators off and make devices trusted, past all that
//! the gateway asks for. Rail Django makes them for every model, by these names, where `m` is the model's name in its three
//! spellings (`MFADevice`, `mfaDevice`, `mfadevice`):
//!
//! | | as of 2026 | until 1.1 |
//! |---|---|---|
//! | queries | `mfaDevice`, `…List`, `…Group`, `…Page` | `mfadevice`, `mfadevices`, `mfadevicesPages` |
//! | mutations | `createMFADevice`, `update…`, `delete…`, `bulkCreate…`, `bulkUpdate…`, `bulkDelete…` | `createMfadevice` … |
//! | mutations by a method | `generateQrCodeMFADevice`, `verifyTokenMFADevice` | `mfadeviceGenerateQrCode` … |
//! | subscriptions | `mfadeviceCreated`, `…Updated`, `…Deleted`, `…Changed` | |
//!
//! Its own queries `mfaDevices` and `trustedDevices`, and mutations in camel case (`createMfaDevice`), are among them.
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
const EVENTS: [&str; 4] = ["Created", "Updated", "Deleted", "Changed"];

/// Kinds and names, some twice.
pub(super) fn names() -> impl Iterator<Item = (OperationKind, String)> {
    let of_kind = |kind: OperationKind, names: fn(&Model) -> Vec<String>| {
        MODELS.iter().flat_map(names).map(move |name| (kind, name))
    };
    of_kind(OperationKind::Query, queries)
        .chain(of_kind(OperationKind::Mutation, mutations))
        .chain(of_kind(OperationKind::Subscription, subscriptions))
}

fn queries(Model { camel, lower, .. }: &Model) -> Vec<String> {
    let of_today = ["", "List", "Group", "Page", "s"].map(|end| format!("{camel}{end}"));
    let of_once = ["", "s", "sPages"].map(|end| format!("{lower}{end}"));
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

fn capitalised(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_uppercase() + rest
}
