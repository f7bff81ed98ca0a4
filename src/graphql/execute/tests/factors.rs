//! Second factors and trusted devices.

use super::*;

/// The one payload of an answer.
async fn payload_of(document: &str, caller: &Caller) -> Value {
    let (_, body, _) = answer(document, caller).await;
    assert_eq!(body.get("errors"), None, "{body}");
    body["data"].as_object().unwrap().values().next().unwrap().clone()
}

const SETUP_TOTP: &str = "{ ok totpSecret qrCodeUrl otpauthUrl deviceId message errors }";
const SETUP_MFA: &str = "{ ok secret qrCodeUrl backupCodes errors }";

#[tokio::test]
async fn an_authenticator_is_set_up_in_the_words_of_the_tutorial() {
    let setup = format!(r#"mutation {{ setupTotp(deviceName: "phone") {SETUP_TOTP} }}"#);
    let expected = json!({
        "ok": true, "totpSecret": "SECRET", "qrCodeUrl": "data:image/png;base64,cGljdHVyZQ==",
        "otpauthUrl": "otpauth://totp/x", "deviceId": "7",
        "message": "Scan the picture with your authenticator, then enter the code that it shows.", "errors": [],
    });
    assert_eq!(payload_of(&setup, &calling("john")).await, expected);
    let verify = r#"mutation { verifyTotp(deviceId: 7, token: "123456") { ok message backupCodes errors } }"#;
    let expected = json!({
        "ok": true,
        "message": "Keep the backup codes in a safe place: each is good for one login. Earlier ones are void.",
        "backupCodes": ["01234567", "76543210"], "errors": [],
    });
    assert_eq!(payload_of(verify, &calling("john")).await, expected);
    let wrong = verify.replace("123456", "654321");
    let refused = payload_of(&wrong, &calling("john")).await;
    let expected = json!({
        "ok": false, "message": null, "backupCodes": null,
        "errors": ["The code is wrong, too old or was used before. Enter the next one."],
    });
    assert_eq!(refused, expected);
}

#[tokio::test]
async fn an_authenticator_is_set_up_in_the_words_of_the_framework() {
    let setup = format!(r#"mutation {{ setupMfa(method: "totp") {SETUP_MFA} }}"#);
    let expected = json!({
        "ok": true, "secret": "SECRET", "qrCodeUrl": "data:image/png;base64,cGljdHVyZQ==",
        "backupCodes": ["01234567", "76543210"], "errors": [],
    });
    assert_eq!(payload_of(&setup, &calling("john")).await, expected);
    let verify = |code: &str| format!(r#"mutation {{ verifyMfaSetup(code: "{code}", secret: "S") {{ ok errors }} }}"#);
    assert_eq!(payload_of(&verify("123456"), &calling("john")).await, json!({ "ok": true, "errors": [] }));
    let refused = payload_of(&verify("654321"), &calling("john")).await;
    assert_eq!(refused["ok"], json!(false));
    assert_eq!(refused["errors"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn both_vocabularies_ask_the_service_for_the_same() {
    let document = r#"mutation {
        a: setupTotp(deviceName: "phone") { ok } b: setupTotp(deviceName: "phone", challengeToken: "c") { ok }
        c: setupMfa(method: "totp") { ok } d: setupMfa(method: "totp", ephemeralToken: "c") { ok }
        e: verifyTotp(deviceId: 7, token: "1") { ok } f: verifyTotp(deviceId: 7, token: "1", challengeToken: "c") { ok }
        g: verifyMfaSetup(code: "1", secret: "S") { ok }
        h: verifyMfaSetup(code: "1", secret: "S", ephemeralToken: "c") { ok }
    }"#;
    let (_, _, noted) = answer(document, &calling("john")).await;
    let expected = [
        r#"set up Some("phone") of john, codes false"#,
        r#"set up Some("phone") of challenge c, codes false"#,
        "set up None of john, codes true",
        "set up None of challenge c, codes true",
        "confirm device 7 of john by 1, codes true",
        "confirm device 7 of challenge c by 1, codes true",
        "confirm secret S of john by 1, codes false",
        "confirm secret S of challenge c by 1, codes false",
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn the_anonymous_are_told_to_log_in_and_nothing_else() {
    let nothing = json!({
        "ok": false, "secret": null, "qrCodeUrl": null, "backupCodes": null, "errors": ["Log in first."],
    });
    for method in ["totp", "sms"] {
        let document = format!(r#"mutation {{ setupMfa(method: "{method}") {SETUP_MFA} }}"#);
        assert_eq!(payload_of(&document, &Caller::default()).await, nothing, "{method}");
    }
    let setup = format!(r#"mutation {{ setupTotp(deviceName: "phone") {SETUP_TOTP} }}"#);
    let expected = json!({
        "ok": false, "totpSecret": null, "qrCodeUrl": null, "otpauthUrl": null, "deviceId": null, "message": null,
        "errors": ["Log in first."],
    });
    assert_eq!(payload_of(&setup, &Caller::default()).await, expected);
    for field in [
        r#"disableMfa(password: "right")"#,
        r#"regenerateBackupCodes(password: "right")"#,
        r#"revokeTrustedDevice(deviceId: "t1")"#,
        r#"verifyTotp(deviceId: 7, token: "123456")"#,
        r#"verifyMfaSetup(code: "123456", secret: "S")"#,
    ] {
        let document = format!("mutation {{ {field} {{ ok errors }} }}");
        let expected = json!({ "ok": false, "errors": ["Log in first."] });
        assert_eq!(payload_of(&document, &Caller::default()).await, expected, "{field}");
    }
    assert_eq!(payload_of("{ authDevices { id } }", &Caller::default()).await, Value::Null);
}

#[tokio::test]
async fn only_totp_is_set_up_and_the_service_is_not_asked_for_more() {
    for (challenge, caller) in [("", calling("john")), (r#", ephemeralToken: "c""#, Caller::default())] {
        for method in ["sms", "TOTP", ""] {
            let document = format!(r#"mutation {{ setupMfa(method: "{method}"{challenge}) {SETUP_MFA} }}"#);
            let (_, body, noted) = answer(&document, &caller).await;
            let payload = &body["data"]["setupMfa"];
            assert_eq!(payload["errors"], json!(["This method can't be set up. Use \"totp\"."]), "{method}");
            assert!(noted.is_empty() && payload["ok"] == json!(false), "{method}");
        }
    }
}

#[tokio::test]
async fn a_challenge_counts_before_the_caller_and_whoever_asks() {
    let gone = r#"mutation { setupTotp(deviceName: "phone", challengeToken: "gone") { ok errors } }"#;
    for caller in [Caller::default(), calling("john")] {
        let refused = payload_of(gone, &caller).await;
        assert_eq!(refused["errors"], json!(["This login can't be completed any more. Log in again."]));
    }
    let unconfirmed = Caller { is_unconfirmed: true, ..Caller::default() };
    let (waits, body, _) = answer(&gone.replace("gone", "c"), &unconfirmed).await;
    assert_eq!((waits.outcome, &body["data"]["setupTotp"]["ok"]), (Outcome::Executed, &json!(true)));
}

/// Nor is anything done for them.
#[tokio::test]
async fn whom_nobody_can_confirm_is_not_taken_for_anonymous() {
    let unconfirmed = Caller { is_unconfirmed: true, ..calling("john") };
    for field in [
        r#"setupTotp(deviceName: "phone")"#,
        r#"setupMfa(method: "totp")"#,
        r#"setupMfa(method: "sms")"#,
        r#"verifyTotp(deviceId: 7, token: "123456")"#,
        r#"verifyMfaSetup(code: "123456", secret: "S")"#,
        r#"disableMfa(password: "right")"#,
        r#"regenerateBackupCodes(password: "right")"#,
        r#"revokeTrustedDevice(deviceId: "t1")"#,
    ] {
        let (waits, body, noted) = answer(&format!("mutation {{ x: {field} {{ ok errors }} }}"), &unconfirmed).await;
        let expected = json!({ "ok": false, "errors": ["The service is unavailable. Try again later."] });
        assert_eq!((waits.outcome, &body["data"]["x"]), (Outcome::Unavailable, &expected), "{field}");
        assert!(noted.is_empty(), "{field}");
    }
    let (waits, body, _) = answer("{ authDevices { id } }", &unconfirmed).await;
    let code = &body["errors"][0]["extensions"]["code"];
    assert_eq!((waits.outcome, code), (Outcome::Unavailable, &json!("SERVICE_UNAVAILABLE")));
}

#[tokio::test]
async fn a_password_changes_factors_and_a_wrong_one_does_not() {
    let codes = json!(["01234567", "76543210"]);
    let wrong = json!(["The password is wrong."]);
    for (field, password, expected) in [
        ("disableMfa", "right", json!({ "ok": true, "errors": [] })),
        ("disableMfa", "wrong", json!({ "ok": false, "errors": wrong })),
        ("regenerateBackupCodes", "right", json!({ "ok": true, "backupCodes": codes, "errors": [] })),
        ("regenerateBackupCodes", "wrong", json!({ "ok": false, "backupCodes": null, "errors": wrong })),
    ] {
        let more = if field == "disableMfa" { "" } else { "backupCodes" };
        let document = format!(r#"mutation {{ {field}(password: "{password}") {{ ok {more} errors }} }}"#);
        assert_eq!(payload_of(&document, &calling("john")).await, expected, "{document}");
    }
}

#[tokio::test]
async fn devices_are_factors_and_then_what_is_trusted() {
    let document = "{ d: authDevices { __typename id name kind ...F } } \
                    fragment F on AuthMfaDevice { createdAt lastUsedAt until: expiresAt }";
    let at = |seconds: u8| format!("1970-01-01T00:00:{seconds:02}+00:00");
    let expected = json!([
        { "__typename": "AuthMfaDevice", "id": "7", "name": "factor 7", "kind": "totp", "createdAt": at(1),
          "lastUsedAt": at(30), "until": null },
        { "__typename": "AuthMfaDevice", "id": "8", "name": "factor 8", "kind": "sms", "createdAt": at(1),
          "lastUsedAt": null, "until": null },
        { "__typename": "AuthMfaDevice", "id": "t1", "name": "", "kind": "trusted", "createdAt": at(2),
          "lastUsedAt": null, "until": at(3) },
    ]);
    assert_eq!(payload_of(document, &calling("john")).await, expected);
    let (outage, body, _) = answer(document, &calling("nobody's")).await;
    assert_eq!((outage.outcome, &body["data"]), (Outcome::Unavailable, &json!({ "d": null })));
    let error = &body["errors"][0];
    assert_eq!((&error["path"], &error["extensions"]["code"]), (&json!(["d"]), &json!("SERVICE_UNAVAILABLE")));
}

#[tokio::test]
async fn a_device_is_trusted_no_more() {
    let revoke =
        |id: &str| format!(r#"mutation {{ revokeTrustedDevice(deviceId: "{id}") {{ __typename ok errors }} }}"#);
    let (answer, body, _) = answer(&revoke("t1"), &calling("john")).await;
    let expected = json!({ "__typename": "RevokeSessionMutation", "ok": true, "errors": [] });
    assert_eq!(body["data"]["revokeTrustedDevice"], expected);
    assert!(matches!(answer.session, SessionChange::Keep), "no session ended");
    let unknown = payload_of(&revoke("7"), &calling("john")).await;
    assert_eq!((&unknown["ok"], unknown["errors"].as_array().map(Vec::len)), (&json!(false), Some(1)));
}

#[tokio::test]
async fn a_login_shows_the_devices_that_may_be_trusted() {
    let cookie = Caller { device_cookies: vec![PlainToken::new("cookie")], ..Caller::default() };
    let login = |device: &str| format!(r#"mutation {{ login(username: "john", password: "right"{device}) {{ ok }} }}"#);
    for (argument, caller, expected) in [
        (r#", deviceId: "given""#, &cookie, "login john None by given by cookie"),
        (r#", deviceId: """#, &cookie, "login john None by cookie"),
        ("", &cookie, "login john None by cookie"),
        (r#", deviceId: "given""#, &Caller::default(), "login john None by given"),
        ("", &Caller::default(), "login john None"),
    ] {
        assert_eq!(answer(&login(argument), caller).await.2, [expected]);
    }
}

#[tokio::test]
async fn the_token_of_a_trusted_device_is_for_clients_without_cookies() {
    let complete = |trust: bool| {
        format!(
            r#"mutation {{ completeMfaLogin(challengeToken: "c", totpCode: "123456", trustDevice: {trust})
               {{ ok trustedDeviceToken }} }}"#
        )
    };
    let page = Caller { sees_no_tokens: true, ..Caller::default() };
    for (trust, caller, token) in
        [(true, Caller::default(), json!("device")), (true, page, Value::Null), (false, Caller::default(), Value::Null)]
    {
        let (answer, body, noted) = answer(&complete(trust), &caller).await;
        let expected = json!({ "ok": true, "trustedDeviceToken": token });
        assert_eq!(body["data"]["completeMfaLogin"], expected, "{trust}");
        assert_eq!(noted, [if trust { "complete c trusted" } else { "complete c" }]);
        let SessionChange::Open(grant) = answer.session else { panic!("{body}") };
        assert_eq!(grant.trusted_device.is_some(), trust, "a page's is in its cookie");
    }
}

#[tokio::test]
async fn who_has_no_factor_and_needs_one_is_told_so() {
    let selection = "{ ok mfaRequired mfaSetupRequired challengeToken ephemeralToken token user { id } errors }";
    let (answer, body, _) = answer(&format!("mutation {{ {} {selection} }}", login("bare")), &Caller::default()).await;
    let expected = json!({ "ok": true, "mfaRequired": true, "mfaSetupRequired": true, "challengeToken": "challenge",
        "ephemeralToken": "challenge", "token": null, "user": null, "errors": [] });
    assert_eq!((&body["data"]["login"], answer.outcome), (&expected, Outcome::Executed));
    assert!(matches!(answer.session, SessionChange::Keep));
}

#[tokio::test]
async fn who_came_in_by_a_backup_code_is_told_how_many_are_left() {
    let complete = |code: &str| {
        format!(r#"mutation {{ verifyMfaLogin(ephemeralToken: "c", code: "{code}") {{ ok }} logout {{ ok }} }}"#)
    };
    let (_, many, _) = answer(&complete("B4"), &Caller::default()).await;
    assert_eq!(many["extensions"], json!({ "mfa": { "backupCodesLeft": 4 } }));
    let english = "Few backup codes are left: 3. New ones are given by regenerateBackupCodes.";
    let french = "Il reste peu de codes de secours : 3. regenerateBackupCodes en donne de nouveaux.";
    for (language, message) in [(Language::English, english), (Language::French, french)] {
        let caller = Caller { language, ..Caller::default() };
        let (_, few, _) = answer(&complete("B3"), &caller).await;
        assert_eq!(few["extensions"], json!({ "mfa": { "backupCodesLeft": 3, "message": message } }));
    }
    let (_, by_totp, _) = answer(&complete("123456"), &Caller::default()).await;
    assert_eq!(by_totp.get("extensions"), None);
}

#[tokio::test]
async fn people_read_what_to_do_next_in_their_language() {
    let french = Caller { language: Language::French, ..calling("john") };
    let setup = payload_of(r#"mutation { setupTotp(deviceName: "x") { message } }"#, &french).await;
    let verify = payload_of(r#"mutation { verifyTotp(deviceId: 7, token: "123456") { message } }"#, &french).await;
    let first = |payload: &Value| payload["message"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!((first(&setup).as_str(), first(&verify).as_str()), ("Scannez", "Gardez"));
    let refused = payload_of(r#"mutation { disableMfa(password: "x") { errors } }"#, &french).await;
    assert_eq!(refused, json!({ "errors": ["Le mot de passe est faux."] }));
}

/// A page throws away what comes with a 503, and would have what was shown once with it.
#[tokio::test]
async fn what_is_shown_once_is_not_to_be_tried_again() {
    for field in [
        r#"setupMfa(method: "totp")"#,
        r#"setupTotp(deviceName: "x")"#,
        r#"verifyTotp(deviceId: 7, token: "123456")"#,
        r#"verifyMfaSetup(code: "123456", secret: "S")"#,
        r#"regenerateBackupCodes(password: "right")"#,
        r#"disableMfa(password: "right")"#,
    ] {
        let document = format!("mutation {{ {field} {{ ok }} {} {{ ok }} }}", login("busy"));
        assert_eq!(answer(&document, &calling("john")).await.0.outcome, Outcome::Executed, "{field}");
    }
    let wrong = format!(r#"mutation {{ disableMfa(password: "x") {{ ok }} {} {{ ok }} }}"#, login("busy"));
    assert_eq!(answer(&wrong, &calling("john")).await.0.outcome, Outcome::Unavailable);
}

#[tokio::test]
async fn an_attempt_too_many_says_how_long_to_wait() {
    let often = login("often");
    let document = format!("mutation {{ {often} {{ ok token errors errorCode }} }}");
    let (limited, body, _) = answer(&document, &Caller::default()).await;
    let expected = json!({ "ok": false, "token": null, "errorCode": "RATE_LIMITED",
        "errors": ["Too many attempts. Wait before you try again."] });
    assert_eq!((&body["data"]["login"], limited.outcome), (&expected, Outcome::Executed));
    assert_eq!(limited.retry_after, Some(Duration::from_secs(9)));
    let short = r#"disableMfa(password: "often") { ok }"#;
    for (document, wait) in [
        (format!("mutation {{ {often} {{ ok }} {short} }}"), 9_000),
        (format!("mutation {{ {short} {often} {{ ok }} }}"), 9_000),
        (format!("mutation {{ {short} }}"), 1_500),
        (format!("mutation {{ {} {{ ok }} }}", login("busy")), 7_000),
    ] {
        let found = answer(&document, &calling("john")).await.0.retry_after;
        assert_eq!(found, Some(Duration::from_millis(wait)), "{document}");
    }
}
