//! What is kept, what is not, and that nobody can tell the difference.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    graphql::{
        envelope::Variables,
        plan::{Admits, Limits, Planner, tests::oracle},
        schema::Schema,
    },
    model::{Asker, OwnedAlias},
};

const LIMITS: Limits = Limits { bytes: 20_000, tokens: 2_000, depth: 30, operations: 10, fields: 500, batch: 1 };
const MIB: usize = 1 << 20;

fn planner(cache: usize) -> Planner {
    Planner::new(Arc::new(Schema::embedded().unwrap()), LIMITS).with_cache(cache)
}

fn request(document: &str, variables: &Value, operation: Option<&str>) -> Request {
    Request {
        document: document.to_owned(),
        variables: variables.as_object().cloned().unwrap_or_else(Variables::new),
        operation_name: operation.map(str::to_owned),
    }
}

/// How many documents are kept after this one.
fn kept(document: &str, operation: Option<&str>) -> usize {
    let planner = planner(MIB);
    let _plan =
        planner.plan(&request(document, &Value::Null, operation), Carries::All, Admits::Everything, Asker::Nobody);
    planner.cache.unwrap().0.len()
}

#[test]
fn a_plan_is_the_same_whether_it_was_kept_or_not() {
    let (keeps, reads) = (planner(MIB), planner(0));
    assert!(reads.cache.is_none());
    let none = Value::Null;
    let documents = oracle::SYNTAX.iter().chain(oracle::VALIDATION).map(|(document, _)| (*document, none.clone()));
    let with_variables = oracle::VARIABLES
        .iter()
        .map(|(document, variables, _)| (*document, serde_json::from_str::<Value>(variables).unwrap()));
    let plain = [
        "{a}",
        "mutation($t:String){refreshToken(refreshToken:$t){ok user{id @skip(if:true) n:username roles{...R}}}} fragment R on AuthRoleType{id permissions{codename}}",
        "mutation($v:Boolean!){...F @include(if:$v)} fragment F on Mutation{logout{ok} x:logout{ok @skip(if:$v) errors}}",
        "mutation($v:Boolean){logout{ok @include(if:$v)} y:__typename}",
        "mutation($i:ID!,$b:Boolean=null){verifyTotp(deviceId:$i,token:$i){ok} logout{ok @skip(if:$b)}}",
        "mutation($i:ID!,$t:String!){verifyTotp(deviceId:$i,token:$t){ok}}",
        "mutation($t:Boolean=true,$s:String!){completeMfaLogin(challengeToken:$s,totpCode:$s,trustDevice:$t){ok}}",
        "query($v:Boolean=true){authSessions{id} authDevices{id ...@skip(if:$v){name}}}",
    ];
    let some = json!({ "t": null, "v": false, "i": 7.0, "s": "x" });
    let plain = plain.into_iter().flat_map(|document| [(document, some.clone()), (document, none.clone())]);
    let mut planned = 0;
    for (document, variables) in documents.chain(with_variables).chain(plain) {
        let request = request(document, &variables, None);
        for carries in [Carries::All, Carries::Queries, Carries::All] {
            let (kept, read) = (
                keeps.plan(&request, carries, Admits::Everything, Asker::Nobody),
                reads.plan(&request, carries, Admits::Everything, Asker::Nobody),
            );
            assert_eq!(format!("{kept:?}"), format!("{read:?}"), "{document}");
            planned += 1;
        }
    }
    let entries = keeps.cache.unwrap().0.len();
    assert!(planned > 300 && entries > 10, "{planned} {entries}");
}

#[test]
fn variables_are_bound_anew_to_what_was_kept() {
    let planner = planner(MIB);
    let document =
        "mutation($u:String!,$p:String!,$t:Boolean=true){login(username:$u,password:$p){ok user @include(if:$t){id}}}";
    let plan = |variables: Value| {
        format!(
            "{:?}",
            planner.plan(&request(document, &variables, None), Carries::All, Admits::Everything, Asker::Nobody)
        )
    };
    let john = plan(json!({ "u": "john", "p": "x", "t": false }));
    let amina = plan(json!({ "u": "amina", "p": "x" }));
    assert!(john.contains(r#"username: "john""#) && !john.contains("field: \"user\""), "{john}");
    assert!(amina.contains(r#"username: "amina""#) && amina.contains("field: \"user\""), "{amina}");
    assert!(plan(json!({ "u": "john" })).starts_with("Refuse"));
    assert_eq!(planner.cache.as_ref().unwrap().0.len(), 1);
}

#[test]
fn what_could_hold_a_secret_is_not_kept() {
    let safe = "mutation($u:String!,$p:String!){login(username:$u,password:$p){ok}}";
    assert_eq!(kept(safe, None), 1);
    assert_eq!(kept("mutation{refreshToken{ok} logout{ok}}", None), 1);
    let trusting =
        "mutation($t:String!,$c:String!){completeMfaLogin(challengeToken:$t,totpCode:$c,trustDevice:true){ok}}";
    assert_eq!(kept(trusting, None), 1, "a flag is no secret");
    assert_eq!(kept("mutation($p:String!){regenerateBackupCodes(password:$p){backupCodes}}", None), 1);
    assert_eq!(kept("query A{me(x:\"public\"){id}} query B{b}", Some("A")), 1, "the backend's literals");
    for document in [
        r#"mutation A{login(username:"john",password:"canary"){ok}}"#,
        r#"mutation A($u:String!){login(username:$u,password:"canary"){ok}}"#,
        r#"mutation A($u:String!,$p:String="canary"){login(username:$u,password:$p){ok}}"#,
        r#"mutation A{refreshToken(refreshToken:"canary"){ok}}"#,
        r#"mutation A{logout{ok}} mutation B{login(username:"u",password:"canary"){ok}}"#,
        r#"mutation A{...F} fragment F on Mutation{...G} fragment G on Mutation{disableMfa(password:"""canary"""){ok}}"#,
        r#"query A{me{id}} mutation B{login(username:"u",password:"canary"){ok}}"#,
        r#"query A{me{id}} fragment F on Mutation{login(username:"u",password:"canary"){ok}}"#,
        r#"mutation A{completeMfaLogin(challengeToken:"c",totpCode:"123456"){ok}}"#,
        r#"mutation A($c:ID=123456){verifyTotp(deviceId:$c,token:"1"){ok}}"#,
        r#"mutation A($i:ID!){verifyTotp(deviceId:$i,token:"123456"){ok}}"#,
        r#"mutation A($n:String!){setupTotp(deviceName:$n,challengeToken:"canary"){ok}}"#,
        r#"mutation A($m:String!){setupMfa(method:$m,ephemeralToken:"canary"){ok}}"#,
        r#"mutation A($s:String!){verifyMfaSetup(code:"123456",secret:$s){ok}}"#,
        r#"mutation A($c:String!){verifyMfaSetup(code:$c,secret:"canary"){ok}}"#,
        r#"mutation A{regenerateBackupCodes(password:"canary"){ok}}"#,
        r#"mutation A($u:String!,$p:String!){login(username:$u,password:$p,deviceId:"canary"){ok}}"#,
        "query A{me{id}} mutation B($p:String={a:1}){disableMfa(password:$p){ok}}",
        "query A{a{login(password:[1]){ok}}}",
        r#"query A{a{login @x(y:"canary"){ok}}}"#,
        // Refusals, and what is cut out of the text.
        r#"mutation A{login(username:"u",password:"canary}}"#,
        "mutation A{login{ok}}",
        "mutation A($u:String!,$p:String!){login(username:$u,password:$p){ok} createPost{id}}",
        "mutation A($u:String!,$p:String!){login(username:$u,password:$p){user{bio}}}",
    ] {
        assert_eq!(kept(document, Some("A")), 0, "{document}");
    }
}

#[test]
fn a_decision_rests_on_the_document_the_operation_and_the_transport() {
    let planner = planner(MIB);
    let document = "query A{authSessions{id}} mutation B{logout{ok}}";
    let plan = |document: &str, operation, carries| {
        format!(
            "{:?}",
            planner.plan(&request(document, &Value::Null, operation), carries, Admits::Everything, Asker::Nobody)
        )
    };
    let first = plan(document, Some("A"), Carries::All);
    assert_eq!(plan(document, Some("A"), Carries::Queries), first);
    assert_ne!(plan(document, Some("B"), Carries::All), first);
    assert!(plan(document, Some("B"), Carries::Queries).contains("QueryOnly"));
    assert!(plan(document, None, Carries::All).starts_with("Refuse"));
    let keys = [
        Key::new(&request("ab", &Value::Null, Some("c")), Carries::All),
        Key::new(&request("b", &Value::Null, Some("ca")), Carries::All),
        Key::new(&request("cab", &Value::Null, Some("")), Carries::All),
        Key::new(&request("cab", &Value::Null, None), Carries::All),
        Key::new(&request("cab", &Value::Null, None), Carries::Queries),
    ];
    let different: std::collections::HashSet<[u8; SHA256_OUTPUT_LEN]> = keys.iter().map(|key| key.0).collect();
    assert_eq!(different.len(), keys.len());
}

#[test]
fn a_literal_is_a_secret_by_whatever_name_the_operation_goes() {
    let aliases = [OwnedAlias { name: "tokenAuth".to_owned(), field: "login" }];
    let schema = Arc::new(Schema::deployed(&[], &aliases).unwrap());
    for (document, expected) in [
        (r#"mutation{tokenAuth(username:"u",password:"p"){ok}}"#, 0),
        (r#"query A{me{tokenAuth(a:"b")}} mutation B{logout{ok}}"#, 0),
        ("mutation A($u:String!,$p:String!){tokenAuth(username:$u,password:$p){ok}}", 1),
    ] {
        let planner = Planner::new(Arc::clone(&schema), LIMITS).with_cache(MIB);
        let operation = document.contains(" A").then_some("A");
        let request = request(document, &json!({ "u": "u", "p": "p" }), operation);
        for _ in 0..2 {
            let _plan = planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody);
        }
        assert_eq!(planner.cache.unwrap().0.len(), expected, "{document}");
    }
}

#[test]
fn the_cache_stays_within_its_bytes_and_keeps_what_is_asked_for_often() {
    let planner = planner(64 << 10);
    let useful = request("mutation($t:String){refreshToken(refreshToken:$t){ok token}}", &Value::Null, None);
    for n in 0..2_000 {
        let document = format!("mutation{{ a{n}: logout {{ ok errors }} {} }}", "# ".repeat(n % 7));
        let _plan =
            planner.plan(&request(&document, &Value::Null, None), Carries::All, Admits::Everything, Asker::Nobody);
        let _plan = planner.plan(&useful, Carries::All, Admits::Everything, Asker::Nobody);
    }
    let cache = planner.cache.unwrap();
    assert!(cache.0.weight() <= 64 << 10 && cache.0.len() > 20, "{cache:?}");
    assert!(cache.get(&Key::new(&useful, Carries::All)).is_some());
}
