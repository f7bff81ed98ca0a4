//! Operations with owned fields beside the backend's.

use super::*;

/// What runs, and what of it the backend checks before.
#[test]
fn what_is_the_backends_is_asked_in_order() {
    let checks = |document: &str| {
        let Plan::Run(owned) = plan(document) else { panic!("{document}") };
        owned.checks.len()
    };
    for (body, expected, checked) in [
        (format!("a {L} b{{c}} d"), vec!["backend(a)", "login=login(u,p)", "backend(b,d)"], 1),
        (format!("a b {L}"), vec!["backend(a,b)", "login=login(u,p)"], 0),
        (
            format!("a __typename b t:__typename {L} c x:__typename d"),
            vec!["backend(a,b)", "__typename=Mutation", "t=Mutation", "login=login(u,p)", "backend(c,d)", "x=Mutation"],
            1,
        ),
        (format!("{L} a {L} a"), vec!["login=login(u,p)", "backend(a)"], 1),
        (format!("{L} ...F"), vec!["login=login(u,p)", "backend(a)", "logout=logout", "backend(b)"], 1),
        (format!("a @skip(if:true) {L}"), vec!["login=login(u,p)"], 1),
        (format!("...G @include(if:false) {L}"), vec!["login=login(u,p)"], 1),
    ] {
        let fragments = [
            ("...F", " fragment F on Mutation { a logout{ok} ... on Mutation{b} }"),
            ("...G", " fragment G on Mutation { a }"),
        ];
        let used: String = fragments.iter().filter(|(name, _)| body.contains(name)).map(|(_, text)| *text).collect();
        let document = format!("mutation{{{body}}}{used}");
        assert_eq!(
            (runs(plan(&document)), checks(&document)),
            (expected.into_iter().map(str::to_owned).collect(), checked),
            "{document}"
        );
    }
    let other = format!("mutation A{{a {L}}} query B{{b}}");
    let Plan::Run(owned) = planned(&other, &Value::Null, Some("A"), Carries::All) else { panic!("{other}") };
    assert_eq!(owned.checks.len(), 1, "of another operation the part says nothing");
    // A query's fields may run in any order.
    let query = "{authSessions{id} a authDevices{id} b{c}}";
    assert_eq!(runs(plan(query)), ["backend(a,b)", "authSessions=sessions", "authDevices=devices"]);
    // Where the backend hides its schema it gets the whole request only if nothing in that is the gateway's.
    for (query, is_whole) in [("{__schema{description} a}", true), ("{__schema{description} authSessions{id}}", false)]
    {
        let Plan::Run(owned) = plan(query) else { panic!("{query}") };
        let introspection = owned.introspection.unwrap();
        assert_eq!(matches!(introspection.instead, Instead::Whole(_)), is_whole, "{query}");
    }
    assert_eq!(runs(plan(&format!("mutation{{__typename {L}}}"))), ["__typename=Mutation", "login=login(u,p)"]);
}

#[test]
fn a_user_is_asked_of_the_backend_as_far_as_the_directory_does_not_know_it() {
    let users = |document: &str| -> Vec<String> {
        let Plan::Run(owned) = plan(document) else { panic!("{document}") };
        let of = |field: &RootField| {
            let part = |part: &UserPart| format!("{}.{}: {}", field.key, part.key, part.fields.join(","));
            field.users.iter().flat_map(|part| &part.users).map(part).collect::<Vec<_>>()
        };
        fields(&owned).into_iter().flat_map(of).collect()
    };
    let with = |selection: &str| format!("mutation{{{}}}", L.replace("{ok}", selection));
    assert_eq!(users(&with("{user{id username}}")), [""; 0]);
    assert_eq!(
        users(&with("{user{id bio p:profile{id}} u:user{...on AuthenticatedUserType{x}}}")),
        ["login.user: bio,p", "login.u: x"]
    );
    let fragments = format!(
        "{} fragment F on AuthPayload{{user{{a ...G}}}} fragment G on AuthenticatedUserType{{b email}}",
        with("{...F user{c}}")
    );
    assert_eq!(users(&fragments), ["login.user: a,b,c"]);
    assert_eq!(users(&with("{user{a @skip(if:true) id}}")), [""; 0]);
    let Plan::Run(owned) = plan(&with("{user{a @skip(if:true) id}}")) else { panic!() };
    assert_eq!(owned.checks.len(), 1, "what is left out is validated, too");
}

/// With fields of the backend's about, types may be the backend's; what runs here is held to the gateway's all the same.
#[test]
fn beside_the_backends_fields_owned_ones_are_validated_as_ever() {
    for (document, wrong) in [
        (format!("mutation{{a {L} ... on Nope{{logout{{ok}}}}}}"), vec!["Nope"]),
        (format!("mutation{{a {L} ...F}} fragment F on Nope{{logout{{ok}}}}"), vec!["Nope"]),
        ("mutation{a login(username:1,password:\"p\"){ok}}".to_owned(), vec!["1,"]),
        ("mutation{a login(password:\"p\"){ok}}".to_owned(), vec!["login"]),
        (format!("mutation{{a {L} x:a x:b}}"), vec!["x:a", "x:b"]),
        ("mutation{login(username:\"u\",password:\"p\"){user{a ... on Nope{b}}}}".to_owned(), vec!["Nope"]),
        ("mutation($u:Int!){a login(username:$u,password:\"p\"){user{b}}}".to_owned(), vec!["$u:", "$u,"]),
    ] {
        let place = |text: &&str| format!("1:{}", document.find(text).unwrap() + 1);
        let expected: Vec<String> = wrong.iter().map(place).collect();
        assert_eq!(places(plan(&document)), expected.join(" "), "{document}");
    }
}
