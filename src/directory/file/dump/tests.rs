//! What becomes of a dump. That Django really writes such is seen where the binary imports one.

use serde_json::{Value, json};

use super::{Dump, DumpError, DumpOptions};

const OPTIONS: DumpOptions<'static> = DumpOptions { model: None, username_field: "username" };

fn read(objects: &Value, options: DumpOptions<'_>) -> Result<Dump, DumpError> {
    Dump::read(&objects.to_string(), options, |password| password.expose().contains('$'))
}

fn user(model: &str, pk: &Value, name: &str, more: Value) -> Value {
    let mut fields = json!({ "username": name, "password": "md5$x", "is_active": true, "is_superuser": false });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "model": model, "pk": pk, "fields": fields })
}

/// A group with one permission, and the user's own, by keys or by names.
fn with_groups(natural: bool) -> Value {
    let refer = |key: Value, name: Value| if natural { name } else { key };
    let [change, view] = [["change_article", "7"], ["view_article", "8"]]
        .map(|[codename, key]| refer(key.parse().unwrap(), json!([codename, "articles", "article"])));
    let more = json!({
        "email": "eva@example.com", "first_name": "Eva", "last_name": null, "date_joined": "2026-11-22T09:42:22.120Z",
        "is_active": false, "is_staff": true,
        "groups": [refer(json!(3), json!(["editors"]))], "user_permissions": [view],
    });
    let permission = |key: i32, codename: &str| {
        json!({ "model": "auth.permission", "pk": key, "fields": {
            "name": "…", "codename": codename, "content_type": refer(json!(5), json!(["articles", "article"])) } })
    };
    json!([
        user("people.person", &json!("b6d0c1f2-aaaa-4bbb-8ccc-0123456789ab"), "eva", more),
        { "model": "contenttypes.contenttype", "pk": 5, "fields": { "app_label": "articles", "model": "article" } },
        permission(7, "change_article"),
        permission(8, "view_article"),
        { "model": "auth.group", "pk": 3, "fields": { "name": "editors", "permissions": [change] } },
    ])
}

#[test]
fn keys_and_names_refer_to_the_same() {
    for natural in [false, true] {
        let Dump { users, roles } = read(&with_groups(natural), OPTIONS).unwrap();
        let [eva] = &users[..] else { panic!("{users:?}") };
        assert_eq!((eva.id.as_str(), eva.username.as_str()), ("b6d0c1f2-aaaa-4bbb-8ccc-0123456789ab", "eva"));
        assert_eq!([&eva.email, &eva.first_name, &eva.last_name], ["eva@example.com", "Eva", ""]);
        assert_eq!((eva.is_active, eva.is_staff, eva.is_superuser), (false, true, false));
        assert_eq!(eva.date_joined.to_string(), "2026-11-22T09:42:22.120000+00:00");
        assert_eq!(eva.password.expose(), "md5$x");
        assert_eq!(
            (&eva.roles[..], &eva.permissions[..]),
            (&["editors".to_owned()][..], &["articles.view_article".to_owned()][..])
        );
        let [editors] = &roles[..] else { panic!("{roles:?}") };
        assert_eq!(
            (editors.name.as_str(), &editors.permissions[..]),
            ("editors", &["articles.change_article".to_owned()][..])
        );
    }
}

#[test]
fn the_model_of_users_is_found_or_said() {
    let people = |name| user("people.person", &json!(1), name, json!({}));
    let others = user("auth.user", &json!(2), "max", json!({}));
    let both = json!([people("eva"), others]);
    let told = read(&both, OPTIONS).unwrap_err().to_string();
    assert!(told.ends_with("`--model` says which one it is: auth.user, people.person"), "{told}");
    let said = read(&both, DumpOptions { model: Some("people.Person"), ..OPTIONS }).unwrap();
    assert_eq!(said.users[0].username, "eva");
    let none = json!([{ "model": "auth.group", "pk": 1, "fields": { "name": "a", "permissions": [] } }]);
    for model in [None, Some("users.user")] {
        let told = read(&none, DumpOptions { model, ..OPTIONS }).unwrap_err().to_string();
        assert!(told.starts_with("no model in it looks like users") && told.ends_with("auth.group"), "{told}");
    }
    let by_email = json!([user("people.person", &json!(1), "", json!({ "email": "eva@example.com" }))]);
    let options = DumpOptions { username_field: "email", ..OPTIONS };
    assert_eq!(read(&by_email, options).unwrap().users[0].username, "eva@example.com");
}

#[test]
fn all_that_can_not_be_taken_over_is_told_by_name() {
    let dump = json!([
        user("auth.user", &json!(1), "eva", json!({ "groups": [3], "user_permissions": [7] })),
        user("auth.user", &Value::Null, "max", json!({})),
        user("auth.user", &json!(3), "kim", json!({ "password": "hunter2", "date_joined": "May" })),
        user("auth.user", &json!("a b"), "pat", json!({})),
    ]);
    let told = read(&dump, OPTIONS).unwrap_err().to_string();
    insta::assert_snapshot!(told, @r"
    eva: `groups` refers to 3, which isn't in the dump; dump auth.Group, too, or with --natural-foreign
    eva: `user_permissions` refers to 7, which isn't in the dump; dump auth.Permission contenttypes, too, or with --natural-foreign
    max: has no `pk`; dump without --natural-primary
    kim: `date_joined` is no instant
    kim: `password` is no hash as Django would store it: `railgate user passwd NAME` writes one
    pat: `id` must have from 1 to 64 characters, all of them letters, digits, `-`, `_` or `.`
    ");
    assert!(!told.contains("hunter2"));
}

#[test]
fn who_may_log_in_is_said_and_not_guessed() {
    let options = DumpOptions { model: Some("auth.user"), ..OPTIONS };
    let is_active = |flag: Option<Value>| {
        let mut eva = user("auth.user", &json!(1), "eva", json!({ "is_active": flag }));
        if flag.is_none() {
            eva["fields"].as_object_mut().unwrap().remove("is_active");
        }
        read(&json!([eva]), options).map(|dump| dump.users[0].is_active).map_err(|error| error.to_string())
    };
    assert_eq!(is_active(Some(json!(true))), Ok(true));
    assert_eq!(is_active(Some(json!(false))), Ok(false));
    let why = "eva: `is_active` is neither true nor false; write into the dump whether the user may log in".to_owned();
    for other in [None, Some(Value::Null), Some(json!(0)), Some(json!(1)), Some(json!("true"))] {
        assert_eq!(is_active(other.clone()), Err(why.clone()), "{other:?}");
    }
}

#[test]
fn a_name_does_nothing_to_a_terminal() {
    let group = json!({ "model": "auth.group", "pk": 1, "fields": { "name": "\u{9b}2J", "permissions": [7] } });
    let more = json!({ "groups": [2], "date_joined": "May" });
    let dump = json!([group, user("auth.user", &Value::Null, "\u{1b}[2Jeva\r\n", more)]);
    let told = read(&dump, OPTIONS).unwrap_err().to_string();
    assert_eq!(told.lines().count(), 5, "{told}");
    assert!(!told.contains(|char: char| char.is_control() && char != '\n'), "{told:?}");
    assert!(told.contains("\\u{1b}[2Jeva\\r\\n: has no `pk`") && told.contains("group \\u{9b}2J: "), "{told}");
}

#[test]
fn what_is_no_dump_is_told_without_repeating_it() {
    for text in ["", "{}", "[{\"model\": 1}]", "[\n\"hunter2\"]"] {
        let told = Dump::read(text, OPTIONS, |_| true).unwrap_err().to_string();
        assert!(told.starts_with("not what `manage.py dumpdata` writes, in line "), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}
