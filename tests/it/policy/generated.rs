//! The doors that Rail Django generates to its tables of second factors: shut, in front of a backend that has them.

use serde_json::{Value, json};

use super::{in_every_transport, ruled};
use crate::support::{
    backend::Backend,
    client::{Answer, Client},
    gateway::{AUTH, Setup, Tokens},
    stub::Stub,
};

fn backend() -> Backend {
    let backend = Backend::with(&[("GENERATED_FIELDS", "on")]);
    backend.cheap_password("john", "secret123");
    backend
}

/// The device of john's that the doors are tried on, with a backup code.
fn enrol(backend: &Backend) -> String {
    backend.python(
        "from rail_django.models import MFADevice, MFABackupCode; from users.models import User; \
         u = User.objects.get(username='amina'); \
         d = MFADevice.objects.create(user=u, device_name='phone', secret_key='JBSWY3DPEHPK3PXP', is_active=True); \
         MFABackupCode.objects.create(device=d, code='12345678'); print(d.pk)",
    )
}

fn rows(backend: &Backend) -> String {
    backend.python(
        "from rail_django.models import MFADevice, MFABackupCode, TrustedDevice; \
         print(list(MFADevice.objects.values_list('pk', 'is_active')), MFABackupCode.objects.count(), \
         TrustedDevice.objects.count())",
    )
}

fn documents(device: &str) -> Vec<String> {
    let columns = r#"userId: 4, deviceName: "mine", deviceFingerprint: "f", ipAddress: "10.0.0.1", userAgent: "u""#;
    vec![
        "{ mfaBackupCodeList { code } }".to_owned(),
        "{ mfaDeviceList { secretKey } }".to_owned(),
        format!("{{ mfaDevice(id: {device}) {{ secretKey }} }}"),
        "{ trustedDeviceList { deviceFingerprint } }".to_owned(),
        format!("mutation {{ updateMFADevice(id: {device}, input: {{isActive: false}}) {{ id }} }}"),
        format!("mutation {{ createMFABackupCode(input: {{deviceId: {device}, code: \"00000000\"}}) {{ id }} }}"),
        format!("mutation {{ createMFADevice(input: {{userId: 4, deviceName: \"d\", isActive: true}}) {{ id }} }}"),
        format!(
            "mutation {{ createTrustedDevice(input: {{{columns}, expiresAt: \"2099-01-01T00:00:00Z\"}}) {{ id }} }}"
        ),
        format!("mutation {{ deleteMFADevice(id: {device}) {{ id }} }}"),
    ]
}

/// The code of the one request's refusal.
fn code(answer: &Answer) -> Value {
    let body = answer.json();
    let body = body.get(0).unwrap_or(&body);
    body["errors"][0]["extensions"]["code"].clone()
}

#[test]
fn they_are_shut_in_every_transport_and_open_at_the_backend() {
    let backend = backend();
    let gateway = Setup::in_front_of(&backend).changed("#batching = false", "batching = true").start();
    let session = Tokens::of(&gateway.login("john", "secret123")).access;
    let device = enrol(&backend);
    let before = rows(&backend);
    for client in [gateway.client(), gateway.client().bearer(&session)] {
        for document in documents(&device) {
            for (transport, answer) in in_every_transport(&client, &document) {
                assert_eq!(code(&answer), json!("FORBIDDEN"), "{document} as {transport}: {answer:?}");
                assert!(!answer.body.contains("12345678") && !answer.body.contains("JBSWY3DPEHPK3PXP"), "{answer:?}");
            }
        }
    }
    assert_eq!(rows(&backend), before, "nothing was written");

    let login = "mutation { login(username: \"john\", password: \"secret123\") { token } }";
    let token = Client::new(backend.port).graphql(AUTH, login, json!({})).field()["token"].clone();
    let direct = Client::new(backend.port).bearer(token.as_str().expect("a token"));
    for document in documents(&device) {
        let answer = direct.graphql(AUTH, &document, json!({}));
        assert!(answer.json().get("errors").is_none(), "{document} is open there: {answer:?}");
    }
    assert_ne!(rows(&backend), before);
}

/// By its name, for whoever the rule says; the others stay shut.
#[test]
fn a_rule_opens_one_of_them() {
    let backend = backend();
    let rule = "[[fields]]\nfield = \"mfaDeviceList\"\nroles = [\"superadmin\"]\n[log]\n";
    let gateway = Setup::in_front_of(&backend).changed("[log]\n", rule).start();
    backend.cheap_password("admin", "adminpass1");
    let by = |name: &str, password: &str| gateway.client().bearer(&Tokens::of(&gateway.login(name, password)).access);
    let (john, admin) = (by("john", "secret123"), by("admin", "adminpass1"));
    enrol(&backend);
    let list = "{ mfaDeviceList { deviceName } }";
    let listed = admin.graphql(AUTH, list, json!({}));
    assert_eq!(listed.field(), json!([{ "deviceName": "phone" }]), "{listed:?}");
    assert_eq!(code(&john.graphql(AUTH, list, json!({}))), json!("FORBIDDEN"));
    let codes = admin.graphql(AUTH, "{ mfaBackupCodeList { code } }", json!({}));
    assert_eq!(code(&codes), json!("FORBIDDEN"));
}

/// By its argument each of them reaches any model.
#[test]
fn the_table_extension_is_shut_until_it_is_opened() {
    let (stub, gateway) =
        ruled("[graphql]\nbatching = true\n[[fields]]\nfield = \"formData\"\nroles = [\"superadmin\"]\n");
    let (john, admin) = (gateway.client().bearer(&super::john()), gateway.client().bearer(&super::admin()));
    let documents = [
        "{ tableRows(app: \"rail_django\", model: \"MFABackupCode\") { rows } }",
        "{ a: tableBootstrap(app: \"rail_django\") { id } }",
        "{ modelFormInitialData { id } }",
        "mutation { executeBulkEdit { ok } }",
        "mutation { executeTableAction { ok } }",
    ];
    for document in documents {
        for (transport, answer) in in_every_transport(&admin, document) {
            assert_eq!(code(&answer), json!("FORBIDDEN"), "{document} as {transport}: {answer:?}");
        }
    }
    assert_eq!(code(&john.graphql(AUTH, "{ formData { id } }", json!({}))), json!("FORBIDDEN"));
    assert!(stub.requests().is_empty());
    assert_eq!(admin.graphql(AUTH, "{ formData { id } }", json!({})).status, 200);
    let stub = Stub::start();
    let open = Setup::before(&stub, "[graphql]\ndeny_table_extension = false\n").start();
    for document in documents {
        assert_eq!(open.client().graphql(AUTH, document, json!({})).status, 200, "{document}");
    }
    assert_eq!(open.client().graphql(AUTH, "{ mfaDeviceList { id } }", json!({})).status, 403, "these stay shut");
}

/// A rule for every field opens none of them; the operator who knows better does.
#[test]
fn they_are_opened_by_name_or_all_together() {
    let (stub, gateway) = ruled("[[fields]]\nfield = \"*\"\nauth = \"optional\"\n");
    for document in
        ["{ trustedDevicePage }", "mutation { bulkDeleteTrustedDevice }", "subscription { mfadeviceChanged }"]
    {
        let answer = gateway.client().graphql(AUTH, document, json!({}));
        assert_eq!((answer.status, code(&answer)), (403, json!("FORBIDDEN")), "{document}");
    }
    assert!(stub.requests().is_empty());
    let others = gateway.client().graphql(AUTH, "mutation { trustedDevicePage mfaDeviceLists }", json!({}));
    assert_eq!(others.status, 200, "a mutation that is called as a query is generated is something else");
    let stub = Stub::start();
    let open = Setup::before(&stub, "[graphql]\ndeny_generated_mfa = false\n").start();
    let sent = r#" {"query":"{ mfaDeviceList { id } }"}"#;
    let answer = open.client().with("Content-Type", "application/json").send("POST", AUTH, sent).expect("an answer");
    assert_eq!((answer.status, stub.take_one().text()), (200, sent), "byte for byte");
}
