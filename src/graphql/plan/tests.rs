//! What becomes of documents.

use serde_json::{Value, json};

use super::{owned::Step, *};
use crate::{
    auth::PendingName,
    graphql::{SessionChange, envelope::Variables},
};

mod admits;
mod aliases;
mod cost;
mod factors;
mod guarded;
mod limits;
pub(super) mod oracle;
mod parts;

const LIMITS: Limits = Limits { bytes: 20_000, tokens: 2_000, depth: 30, operations: 10, fields: 500, batch: 10 };
/// A login, and how it is asked for inside of a mutation.
const L: &str = r#"login(username:"u",password:"p"){ok}"#;

fn planned(document: &str, variables: &Value, operation: Option<&str>, carries: Carries) -> Plan {
    let request = Request {
        document: document.to_owned(),
        variables: variables.as_object().cloned().unwrap_or_else(Variables::new),
        operation_name: operation.map(str::to_owned),
    };
    Planner::new(Arc::new(Schema::embedded().unwrap()), LIMITS).plan(
        &request,
        carries,
        Admits::Everything,
        Asker::Nobody,
    )
}

fn plan(document: &str) -> Plan {
    planned(document, &Value::Null, None, Carries::All)
}

/// A login that shows what the fragment `F` says.
fn spreading() -> String {
    L.replace("{ok}", "{...F}")
}

/// Response keys and what is done for them, in order.
fn runs(plan: Plan) -> Vec<String> {
    let Plan::Run(owned) = plan else { panic!("{plan:?}") };
    let word = |field: &RootField| match &field.action {
        Action::TypeName(name) => format!("{}={name}", field.key),
        Action::Login { arguments, .. } => {
            let device = arguments.device.as_ref().map_or_else(String::new, |device| format!(",{}", device.expose()));
            format!("{}=login({},{}{device})", field.key, arguments.username, arguments.password.expose())
        }
        Action::Register { arguments, places, .. } => {
            let RegisterArguments { username, email, password, first_name, last_name } = arguments;
            let names = [first_name, last_name].map(|name| name.as_deref().unwrap_or("-")).join(" ");
            format!("{}=register({username},{email},{},{names}) at {}", field.key, password.expose(), places[0])
        }
        Action::CompleteMfaLogin { challenge, code, trust_device, .. } => {
            let trusted = if *trust_device { ",trusted" } else { "" };
            format!("{}=complete({},{}{trusted})", field.key, challenge.expose(), code.expose())
        }
        Action::Refresh { token, .. } => {
            format!("{}=refresh({})", field.key, token.as_ref().map_or("", |token| token.expose()))
        }
        Action::Logout { .. } => format!("{}=logout", field.key),
        Action::Sessions { .. } => format!("{}=sessions", field.key),
        Action::RevokeSession { session, .. } => {
            format!("{}=revoke({})", field.key, session.map_or_else(String::new, |id| id.to_string()))
        }
        Action::RevokeAllSessions { .. } => format!("{}=revoke all", field.key),
        Action::SetUpFactor { arguments, .. } => {
            let SetUpArguments { vocabulary, challenge, device_name, is_totp } = arguments;
            let challenge = challenge.as_ref().map_or("", |token| token.expose());
            format!("{}=set up({vocabulary:?},{challenge},{device_name:?},{is_totp})", field.key)
        }
        Action::ConfirmFactor { arguments, .. } => {
            let ConfirmArguments { vocabulary, challenge, factor, code } = arguments;
            let challenge = challenge.as_ref().map_or("", |token| token.expose());
            let factor = match factor {
                PendingName::Device(device) => format!("device {device}"),
                PendingName::Secret(secret) => format!("secret {}", secret.expose()),
            };
            format!("{}=confirm({vocabulary:?},{challenge},{factor},{})", field.key, code.expose())
        }
        Action::DisableMfa { password, .. } => format!("{}=disable({})", field.key, password.expose()),
        Action::RegenerateBackupCodes { password, .. } => format!("{}=regenerate({})", field.key, password.expose()),
        Action::Devices { .. } => format!("{}=devices", field.key),
        Action::RevokeTrustedDevice { device, .. } => format!("{}=trust no more({device})", field.key),
        Action::Refuse(error) | Action::RefuseAll(error) => format!("{}={}", field.key, error.code.unwrap_or("null")),
    };
    let step = |step: &Step| match step {
        Step::Field(field) => word(field),
        Step::Part(part) => format!("backend({})", part.keys.join(",")),
    };
    owned.steps.iter().map(step).collect()
}

fn fields(owned: &Owned) -> Vec<&RootField> {
    let fields = owned.steps.iter().filter_map(|step| match step {
        Step::Field(field) => Some(field),
        Step::Part(_) => None,
    });
    fields.collect()
}

fn shown(shown: &[Shown]) -> String {
    let word = |field: &Shown| match field.inside.as_slice() {
        [] => format!("{}={}", field.key, field.field),
        inside => format!("{}={}{{{}}}", field.key, field.field, self::shown(inside)),
    };
    shown.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn refusal(plan: Plan) -> (Outcome, Vec<Value>) {
    let Plan::Refuse(answer) = plan else { panic!("{plan:?}") };
    assert!(matches!(answer.session, SessionChange::Keep));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    (answer.outcome, body["errors"].as_array().unwrap().clone())
}

fn code(plan: Plan) -> String {
    let (outcome, errors) = refusal(plan);
    assert_eq!((outcome, errors.len()), (Outcome::Invalid, 1), "{errors:?}");
    errors[0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

/// The places of errors, as the oracle writes them.
fn places(plan: Plan) -> String {
    let refused = match plan {
        Plan::Forward => return "forward".to_owned(),
        Plan::Run(owned) => {
            if !owned.checks.is_empty() {
                return "backend".to_owned();
            }
            let refused = fields(&owned).into_iter().filter_map(|field| match &field.action {
                Action::Refuse(GraphqlError { code: None, locations, .. }) => Some(locations[0]),
                _ => None,
            });
            return refused.map(|at| format!("null {at}")).collect();
        }
        refused @ Plan::Refuse(_) => refusal(refused),
    };
    let place = |at: &Value| format!("{}:{}", at["line"], at["column"]);
    let places =
        |error: &Value| error["locations"].as_array().into_iter().flatten().map(place).collect::<Vec<_>>().join(" ");
    let mut all: Vec<String> = refused.1.iter().map(places).collect();
    all.sort();
    all.join("; ")
}

/// What everybody's directives may not do is known without asking the backend.
#[test]
fn an_operation_of_both_sides_can_not_be_skipped() {
    assert_eq!(places(plan("mutation @skip(if:true){logout{ok} createPost{id}}")), "1:10");
    assert_eq!(places(plan("mutation{logout{ok} createPost{...F}} fragment F on P @include(if:true){id}")), "1:55");
    assert_eq!(places(plan("mutation @theirs{logout{ok} createPost{id}}")), "backend");
}

#[test]
fn mistakes_stand_where_graphql_core_puts_them() {
    for (document, expected) in oracle::SYNTAX.iter().chain(oracle::VALIDATION) {
        let found = places(plan(document));
        // The schema that this was recorded on has no further fields of a user; a backend's may.
        if found == "backend" {
            assert!(backend_can_say(document, expected), "{document}\n expected {expected}");
            continue;
        }
        let forwarded = found == "forward" && !oracle::SYNTAX.iter().any(|(syntax, _)| syntax == document);
        assert!(found == *expected || forwarded, "{document}\n expected {expected}\n found    {found}");
    }
    for (document, variables, expected) in oracle::VARIABLES {
        let variables: Value = serde_json::from_str(variables).unwrap();
        assert_eq!(places(planned(document, &variables, None, Carries::All)), *expected, "{document} {variables}");
    }
}

/// Whether what the backend is asked to validate holds something from this place.
fn backend_can_say(document: &str, place: &str) -> bool {
    let Plan::Run(owned) = plan(document) else { panic!() };
    let (line, column) = place.split_once(':').unwrap();
    let number = |text: &str| text.parse::<usize>().unwrap();
    let at = async_graphql_parser::Pos { line: number(line), column: number(column) };
    owned.checks.iter().any(|check| check.excerpt.came_from().any(|place| place == at))
}

#[test]
fn what_reaches_no_owned_field_is_the_backends() {
    for document in [
        "{me{id}}",
        "{__typename}",
        "mutation{__schema{types{name}}}",
        "subscription{__type(name:1){nope}}",
        "subscription{login{ok}}",
        "query{login{ok}}",
        "{login:profile{id}}",
        "mutation{x:createPost{id}}",
        "{me{lastLogin login{ok}}}",
        r#"{search(text:"login(username:1)"){id}} # login"#,
        "query A($x:Nope!){a(b:$y)@unknown{...F}}",
        "mutation{...Missing}",
        "fragment F on Mutation{login{ok}} {me{id}}",
        "mutation{a{login{ok}}}",
    ] {
        assert!(matches!(plan(document), Plan::Forward), "{document}");
    }
}

#[test]
fn owned_fields_are_found_wherever_they_hide() {
    let fragment = format!(
        "mutation{{...A}} fragment A on Mutation{{...B}} fragment B on Mutation{{... on Mutation{{...C}}}} \
         fragment C on Mutation{{x:{L}}}"
    );
    assert_eq!(runs(plan(&fragment)), ["x=login(u,p)"]);
    assert_eq!(runs(plan(&format!("mutation{{... {{ ... on Mutation {{ {L} }} }} }}"))), ["login=login(u,p)"]);
    let defaults = r#"mutation($u:String="du",$p:String!="dp"){login(username:$u,password:$p){ok}}"#;
    assert_eq!(runs(plan(defaults)), ["login=login(du,dp)"]);
    let strings = "mutation{login(username:\"\"\"\n  a\n \n    \\\"\"\"b\n\"\"\",password:\"secret\\u0031\"){ok}}";
    assert_eq!(runs(plan(strings)), ["login=login(a\n\n  \"\"\"b,secret1)"]);
    let comments = "mutation { # login(username: \"x\")\n login(username: \"u\",,, password: \"p\") { ok, , errors } }";
    assert_eq!(runs(plan(comments)), ["login=login(u,p)"]);
}

#[test]
fn skipped_fields_are_no_attempt() {
    let document = format!(
        "mutation($v:Boolean=false){{{} x:logout@skip(if:true){{ok}} ...@include(if:$v){{y:logout{{ok}}}}}}",
        L.replace("{ok}", "@include(if:$v){ok}")
    );
    assert_eq!(runs(plan(&document)), Vec::<String>::new());
    let on = planned(&document, &json!({ "v": true }), None, Carries::All);
    assert_eq!(runs(on), ["login=login(u,p)", "y=logout"]);
}

#[test]
fn the_operation_that_is_chosen_counts() {
    let document = format!("query A{{me{{id}}}} mutation B{{{L}}}");
    let by_name = |name| planned(&document, &Value::Null, name, Carries::All);
    assert!(matches!(by_name(Some("A")), Plan::Forward));
    assert_eq!(runs(by_name(Some("B"))), ["login=login(u,p)"]);
    for name in [None, Some("C")] {
        let (outcome, errors) = refusal(by_name(name));
        assert_eq!(outcome, Outcome::Invalid);
        assert!(errors[0].get("locations").is_none(), "{errors:?}");
    }
}

#[test]
fn queries_only_means_the_operation_that_is_chosen() {
    let document = format!("query A{{me{{id}}}} mutation B{{{L}}}");
    let by_get = |document: &str, name| planned(document, &Value::Null, name, Carries::Queries);
    assert!(matches!(by_get(&document, Some("A")), Plan::Forward));
    for (document, name) in
        [(document.as_str(), Some("B")), ("mutation{createPost{id}}", None), ("subscription{a}", None)]
    {
        let (outcome, errors) = refusal(by_get(document, name));
        assert_eq!((outcome, &errors[0]["extensions"]["code"]), (Outcome::QueryOnly, &json!("GET_QUERY_ONLY")));
    }
    assert_eq!(runs(by_get("{authSessions{id}}", None)), ["authSessions=sessions"]);
}

#[test]
fn equal_fields_run_once_with_all_that_they_select() {
    let document = r#"mutation{login(username:"u",password:"p"){ok user{id}} login(password:"p",username:"u"){...F}}
                      fragment F on AuthPayload{t:token user{name:username id}}"#;
    let Plan::Run(owned) = plan(document) else { panic!() };
    let [RootField { action: Action::Login { shown: selected, .. }, .. }] = fields(&owned)[..] else {
        panic!("{owned:?}")
    };
    assert_eq!(shown(selected), "ok=ok user=user{id=id name=username} t=token");
}

#[test]
fn every_owned_field_has_a_command() {
    let schema = Schema::embedded().unwrap();
    let value = |ty: &str| if ty.starts_with("Boolean") { "true" } else { "\"x\"" };
    for (keyword, operation) in [("query", OperationType::Query), ("mutation", OperationType::Mutation)] {
        for (name, field) in &schema.root(operation).unwrap().fields {
            let arguments: Vec<String> = field
                .arguments
                .iter()
                .map(|(name, argument)| format!("{name}:{}", value(&argument.ty.to_string())))
                .collect();
            let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(",")) };
            let found = runs(plan(&format!("{keyword}{{{name}{arguments}{{__typename}}}}")));
            assert_eq!(found.len(), 1, "{name}");
            assert!(!found[0].ends_with("=NOT_AVAILABLE"), "{found:?}");
        }
    }
}

#[test]
fn a_registration_is_made_of_what_is_given() {
    let document = r#"mutation{register(username:"u",email:"e",password:"p",lastName:"l"){ok} a:register(username:"u",email:"",password:"p",firstName:null){ok}}"#;
    assert_eq!(runs(plan(document)), ["register=register(u,e,p,- l) at 1:10", "a=register(u,,p,- -) at 1:73"]);
}

#[test]
fn a_root_field_that_is_left_to_the_backend_is_the_backends() {
    let schema = Schema::deployed(&["register"], &[]).unwrap();
    assert!(!schema.owns("register") && schema.owns("login"));
    let planner = Planner::new(Arc::new(schema), LIMITS);
    let document = r#"mutation{register(anything:1){token}}"#.to_owned();
    let request = Request { document, variables: Variables::new(), operation_name: None };
    assert!(matches!(planner.plan(&request, Carries::All, Admits::Everything, Asker::Nobody), Plan::Forward));
}

#[test]
fn what_is_no_session_id_names_no_session() {
    for (text, expected) in [("BwcHBwcHBwcHBwcHBwcHBw", "BwcHBwcHBwcHBwcHBwcHBw"), ("x", ""), ("", "")] {
        let document = format!(r#"mutation{{revokeSession(sessionId:"{text}"){{ok}}}}"#);
        assert_eq!(runs(plan(&document)), [format!("revokeSession=revoke({expected})")]);
    }
}

#[test]
fn a_refresh_token_comes_from_the_argument() {
    assert_eq!(runs(plan(r#"mutation{refreshToken(refreshToken:"t"){ok}}"#)), ["refreshToken=refresh(t)"]);
    assert_eq!(
        runs(plan(r#"mutation{a:refreshToken{ok} b:refreshToken(refreshToken:null){ok}}"#)),
        ["a=refresh()", "b=refresh()"]
    );
}

#[test]
fn both_vocabularies_complete_a_login_by_one_command() {
    let complete = r#"completeMfaLogin(challengeToken:"t",totpCode:"123456",trustDevice:true){ok}"#;
    let verify = r#"verifyMfaLogin(code:"123456",ephemeralToken:"t"){ok}"#;
    let found = runs(plan(&format!("mutation{{a:{complete} b:{verify}}}")));
    assert_eq!(found, ["a=complete(t,123456,trusted)", "b=complete(t,123456)"]);
}

#[test]
fn no_error_repeats_a_literal_and_no_debug_shows_a_password() {
    for document in [
        r#"mutation{login(username:"canary",password:"canary" 5canary)}"#,
        r#"mutation{login(username:"u",password:"canary){ok}}"#,
        r#"mutation{login(username:["canary"],password:{a:"canary"}){ok}}"#,
        r#"mutation($p:Int="canary"){login(username:"canary",password:$p){ok}}"#,
    ] {
        let (_, errors) = refusal(plan(document));
        assert!(!format!("{errors:?}").contains("canary"), "{errors:?}");
    }
    let variables = json!({ "p": ["canary"] });
    let wrong = planned("mutation($p:String!){login(username:\"u\",password:$p){ok}}", &variables, None, Carries::All);
    assert!(!format!("{:?}", refusal(wrong)).contains("canary"));
    let fine = plan(r#"mutation{login(username:"u",password:"canary"){ok} refreshToken(refreshToken:"canary"){ok}}"#);
    assert!(!format!("{fine:?}").contains("canary"), "{fine:?}");
}
