//! A `user { … }` that the directory and the backend know in part each.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{Both, LOGIN, ask, world};
use crate::support::{
    django,
    gateway::{AUTH, Setup},
    stub::{self, Stub},
    world::{SECRET, user_of},
};

#[test]
fn a_user_shows_whatever_the_backend_knows_of_it() {
    let both = Both::new();
    both.backend.python(
        "from articles.models import Article; Article.objects.create(author=User.objects.get(username='amina'), title='un', body='é')",
    );
    let document = "mutation L($p: String!, $deep: Boolean = true, $short: Boolean!) {
      login(username: \"amina\", password: $p) {
        ok
        u: user {
          mine: articles { id ...A author { username } }
          id
          ... on AuthenticatedUserType @include(if: $deep) { s: settings { theme ...S } firstName }
          ...U
          desc
        }
        user { articles @skip(if: $short) { title } email }
      }
    }
    fragment U on AuthenticatedUserType { settings { fontSize @skip(if: $short) mode } lastName s: settings { theme } }
    fragment S on UserSettingsType { mode }
    fragment A on ArticleType { title author { ...Name } }
    fragment Name on AuthorType { who: username }";
    for (deep, short) in [(true, false), (false, true), (true, true)] {
        let variables = json!({ "p": "motdepasse-é7-長い", "deep": deep, "short": short });
        let answer = both.same(AUTH, document, &variables, None);
        assert_eq!(answer["data"]["login"]["u"]["mine"][0]["title"], json!("un"));
    }
    let refused = both.same(AUTH, document, &json!({ "p": "wrong", "short": true }), None);
    assert_eq!(refused["data"]["login"]["u"], Value::Null, "there is no user to ask for more");
}

/// The backend fails in every way that it can; the login stands.
#[test]
fn a_login_stands_whatever_the_backend_says_of_its_user() {
    for (what, said) in [
        ("another user", r#"{"data":{"railgate_0":{"railgate_id":"2","bio":"b"}}}"#),
        ("no id", r#"{"data":{"railgate_0":{"bio":"b"}}}"#),
        ("nobody", r#"{"data":{"railgate_0":null}}"#),
        (
            "refused",
            r#"{"errors":[{"message":"no","path":["railgate_0","bio"],"locations":[{"line":1,"column":58}]}],"data":{"railgate_0":null}}"#,
        ),
        ("invalid", r#"{"errors":[{"message":"no"}]}"#),
        ("nonsense", "<html>"),
    ] {
        let world = world(move |_| stub::answer("", said));
        let answer =
            ask(&world.gateway.client(), &format!("mutation {{ {LOGIN} {{ ok token user {{ bio username }} }} }}"));
        assert_eq!(answer["data"]["login"]["user"], json!({ "bio": null, "username": "john" }), "{what}");
        let path = answer["errors"][0]["path"].as_array().expect("a path");
        assert_eq!(path[..2], [json!("login"), json!("user")], "{what}: {answer}");
        assert_eq!(path.get(2), (what == "refused").then_some(&json!("bio")), "{answer}");
        let token = answer["data"]["login"]["token"].as_str().expect("a token");
        world.gateway.client().bearer(token).graphql(AUTH, "{ me { id } }", json!({}));
        assert_eq!(user_of(world.stub.requests().last().expect("a request")), json!("john"), "{what}");
    }
}

/// The backend is asked of a user before anybody is logged in: what it then says against the caller says nothing yet.
#[test]
fn a_login_does_not_depend_on_what_the_backend_thinks_of_the_caller() {
    let directory = django::Backend::sqlite();
    directory.cheap_password("john", "secret123");
    let document = format!("mutation {{ {LOGIN} {{ user {{ bio }} }} }}");
    let invalid = r#"{"errors":[{"message":"no","locations":[{"line":1,"column":1}]}]}"#;
    for (said, stands) in [
        (r#"{"errors":[{"message":"Log in first."}]}"#, true),
        (r#"{"errors":[{"message":"no","path":["me"],"locations":[{"line":1,"column":1}]}]}"#, true),
        (invalid, false),
    ] {
        let stub = Stub::with(move |received, stream| {
            let is_check = received.document().contains("@skip(if: true)");
            let user = r#"{"data":{"railgate_0":{"railgate_id":"1","bio":"b"}}}"#;
            stream.write_all(stub::answer("", if is_check { said } else { user }).as_bytes())
        });
        let gateway = Setup::bare(stub.port, directory.url(), SECRET).start();
        let answer = gateway.client().graphql(AUTH, &document, json!({}));
        let user = json!({ "user": { "bio": "b" } });
        let expected = if stands { (200, user) } else { (400, Value::Null) };
        assert_eq!((answer.status, answer.json()["data"]["login"].clone()), expected, "{said}");
    }
}

#[test]
fn all_users_of_a_login_are_asked_for_at_once() {
    let world = world(|_| {
        let known = r#"{"railgate_id":"1","bio":"b"}"#;
        let error = r#"{"message":"no","path":["railgate_1","deep",0]}"#;
        let data = format!(r#"{{"railgate_0":{known},"railgate_1":null,"railgate_2":null,"railgate_3":{known}}}"#);
        stub::answer("", &format!(r#"{{"errors":[{error}],"data":{data}}}"#))
    });
    let document = format!(
        "mutation {{ l: {LOGIN} {{ u: user {{ bio }} v: user {{ deep }} w: user {{ bio }} x: user {{ b: bio bio }} }} }}"
    );
    let answer = ask(&world.gateway.client(), &document);
    let data = r#"{"u":{"bio":"b"},"v":{"deep":null},"w":{"bio":null},"x":{"b":null,"bio":"b"}}"#;
    assert_eq!(answer["data"]["l"].to_string(), data);
    let paths: Vec<&Value> = answer["errors"].as_array().expect("errors").iter().map(|error| &error["path"]).collect();
    assert_eq!(paths, [&json!(["l", "w"]), &json!(["l", "v", "deep", 0])]);
    assert_eq!(world.stub.requests().len(), 2, "a check and the question");
}
