//! Second factors and trusted devices: what their documents come to.

use super::*;

#[test]
fn both_vocabularies_set_an_authenticator_up_by_one_command() {
    for (document, expected) in [
        (r#"setupTotp(deviceName:"phone"){ok}"#, r#"setupTotp=set up(Tutorial,,Some("phone"),true)"#),
        (
            r#"setupTotp(deviceName:"phone",challengeToken:"c"){ok}"#,
            r#"setupTotp=set up(Tutorial,c,Some("phone"),true)"#,
        ),
        (r#"setupMfa(method:"totp"){ok}"#, "setupMfa=set up(Framework,,None,true)"),
        (r#"setupMfa(method:"totp",ephemeralToken:"c"){ok}"#, "setupMfa=set up(Framework,c,None,true)"),
        (r#"setupMfa(method:"sms"){ok}"#, "setupMfa=set up(Framework,,None,false)"),
        (r#"verifyTotp(deviceId:7,token:"123456"){ok}"#, "verifyTotp=confirm(Tutorial,,device 7,123456)"),
        (
            r#"verifyTotp(deviceId:"7",token:"123456",challengeToken:"c"){ok}"#,
            "verifyTotp=confirm(Tutorial,c,device 7,123456)",
        ),
        (r#"verifyMfaSetup(code:"123456",secret:"S"){ok}"#, "verifyMfaSetup=confirm(Framework,,secret S,123456)"),
        (
            r#"verifyMfaSetup(code:"123456",secret:"S",ephemeralToken:"c"){ok}"#,
            "verifyMfaSetup=confirm(Framework,c,secret S,123456)",
        ),
        (r#"disableMfa(password:"p"){ok}"#, "disableMfa=disable(p)"),
        (r#"regenerateBackupCodes(password:"p"){ok}"#, "regenerateBackupCodes=regenerate(p)"),
        (r#"revokeTrustedDevice(deviceId:"t7"){ok}"#, "revokeTrustedDevice=trust no more(t7)"),
    ] {
        assert_eq!(runs(plan(&format!("mutation{{{document}}}"))), [expected], "{document}");
    }
    assert_eq!(runs(plan("{authDevices{id}}")), ["authDevices=devices"]);
}

#[test]
fn an_empty_token_is_none() {
    for absent in ["\"\"", "null"] {
        let document = format!(
            r#"mutation{{a:setupTotp(deviceName:"p",challengeToken:{absent}){{ok}} b:setupMfa(method:"totp",ephemeralToken:{absent}){{ok}}
            c:verifyTotp(deviceId:1,token:"2",challengeToken:{absent}){{ok}} d:verifyMfaSetup(code:"2",secret:"S",ephemeralToken:{absent}){{ok}}
            e:login(username:"u",password:"p",deviceId:{absent}){{ok}}}}"#
        );
        let expected = [
            r#"a=set up(Tutorial,,Some("p"),true)"#,
            "b=set up(Framework,,None,true)",
            "c=confirm(Tutorial,,device 1,2)",
            "d=confirm(Framework,,secret S,2)",
            "e=login(u,p)",
        ];
        assert_eq!(runs(plan(&document)), expected, "{absent}");
    }
}

#[test]
fn a_device_is_trusted_and_shown_where_the_client_says_so() {
    let complete = |trust: &str| format!(r#"completeMfaLogin(challengeToken:"t",totpCode:"1"{trust}){{ok}}"#);
    for (trust, expected) in [
        (",trustDevice:true", "complete(t,1,trusted)"),
        (",trustDevice:false", "complete(t,1)"),
        (",trustDevice:null", "complete(t,1)"),
        ("", "complete(t,1)"),
    ] {
        let found = runs(plan(&format!("mutation{{x:{}}}", complete(trust))));
        assert_eq!(found, [format!("x={expected}")], "{trust}");
    }
    let by_variable = format!("mutation($t:Boolean){{x:{}}}", complete(",trustDevice:$t"));
    for (given, expected) in [(json!({ "t": true }), "x=complete(t,1,trusted)"), (json!({}), "x=complete(t,1)")] {
        assert_eq!(runs(planned(&by_variable, &given, None, Carries::All)), [expected], "{given}");
    }
    let login = r#"mutation{login(username:"u",password:"p",deviceId:"d"){ok}}"#;
    assert_eq!(runs(plan(login)), ["login=login(u,p,d)"]);
}

#[test]
fn they_are_found_and_merged_as_any_other() {
    let document = r#"mutation($p:String!){...F x:__typename}
        fragment F on Mutation{a:disableMfa(password:$p){ok} ... on Mutation{a:disableMfa(password:$p){t:__typename errors}
        setupMfa(method:"totp"){secret}}}"#;
    let owned = planned(document, &json!({ "p": "secret" }), None, Carries::All);
    assert_eq!(runs(owned), ["a=disable(secret)", "setupMfa=set up(Framework,,None,true)", "x=Mutation"]);
    let Plan::Run(owned) = planned(document, &json!({ "p": "secret" }), None, Carries::All) else { panic!() };
    let [RootField { action: Action::DisableMfa { shown: selected, .. }, .. }, ..] = fields(&owned)[..] else {
        panic!("{owned:?}")
    };
    assert_eq!(shown(selected), "ok=ok t=__typename errors=errors");
}

#[test]
fn names_are_cut_and_have_nothing_in_them_that_a_database_refuses() {
    for (name, expected) in [
        ("é".repeat(150), "é".repeat(100)),
        (r"a\u0000b\tc".to_owned(), "abc".to_owned()),
        (String::new(), String::new()),
    ] {
        let document = format!(r#"mutation{{setupTotp(deviceName:"{name}"){{ok}}}}"#);
        assert_eq!(runs(plan(&document)), [format!("setupTotp=set up(Tutorial,,{:?},true)", Some(expected))]);
    }
}

#[test]
fn no_debug_shows_a_secret_of_theirs() {
    for field in [
        r#"setupTotp(deviceName:"phone",challengeToken:"canary"){ok}"#,
        r#"setupMfa(method:"totp",ephemeralToken:"canary"){ok}"#,
        r#"verifyTotp(deviceId:1,token:"canary",challengeToken:"canary"){ok}"#,
        r#"verifyMfaSetup(code:"canary",secret:"canary",ephemeralToken:"canary"){ok}"#,
        r#"disableMfa(password:"canary"){ok}"#,
        r#"regenerateBackupCodes(password:"canary"){ok}"#,
        r#"login(username:"u",password:"canary",deviceId:"canary"){ok}"#,
    ] {
        let found = plan(&format!("mutation{{{field}}}"));
        assert!(matches!(found, Plan::Run(_)), "{field}");
        assert!(!format!("{found:?}").contains("canary"), "{found:?}");
    }
}
