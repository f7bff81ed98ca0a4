//! The users of a real Django project, taken over with their passwords.

use std::fs;

use serde_json::{Value, json};

use super::Place;
use crate::support::{django::Backend, gateway::Tokens};

const MODELS: [&str; 4] = ["users.User", "auth.Group", "auth.Permission", "contenttypes"];

pub(crate) fn dump(django: &Backend, more: &[&str]) -> String {
    django.manage(&[&["dumpdata"], &MODELS[..], more].concat())
}

#[test]
fn whoever_has_a_password_in_django_logs_in_by_it() {
    let django = Backend::sqlite();
    django.python(
        "from django.contrib.auth.models import Permission; amina = User.objects.get(username='amina'); \
         amina.user_permissions.add(Permission.objects.get(codename='add_article')); \
         amina.set_unusable_password(); amina.save()",
    );
    let place = Place::new();
    let by_keys = place.done(&["import", "-"], &dump(&django, &[]));
    let told = format!("users imported to {}: 8 (in the place of others: 0); roles: 1\n", place.path().display());
    assert_eq!(by_keys, told);
    let text = place.text();
    fs::remove_file(place.path()).unwrap();
    let path = place.setup.state_dir().join("dump.json");
    fs::write(&path, dump(&django, &["--natural-foreign", "--indent", "2"])).unwrap();
    place.done(&["import", path.to_str().unwrap()], "");
    assert_eq!(place.text(), text, "natural keys say the same");

    let gateway = place.setup.start();
    for (name, password) in [("john", "secret123"), ("admin", "adminpass1")] {
        let hash = django.python(&format!("print(User.objects.get(username='{name}').password)"));
        assert!(text.contains(&hash), "hashes stay as they are");
        let login = gateway.login(name, password);
        assert_eq!(
            login["user"]["id"],
            json!(django.python(&format!("print(User.objects.get(username='{name}').pk)")))
        );
        let told = place.call(&gateway, &Tokens::of(&login).access);
        let (roles, permissions) = match name {
            "john" => ("editors", "users.change_user,users.view_user"),
            _ => ("superadmin", "articles.add_article,users.change_user,users.view_user"),
        };
        assert_eq!(told.all("X-Auth-Roles"), [roles]);
        assert_eq!(told.all("X-Auth-Permissions"), [permissions]);
    }
    for (name, password) in [("disabled", "disabledpass1"), ("amina", "motdepasse-é7-長い"), ("john", "secret124")] {
        assert_eq!(gateway.login(name, password)["errorCode"], json!("INVALID_CREDENTIALS"), "{name}");
    }
    let users: Value = serde_json::from_str(&place.done(&["list", "--json"], "")).unwrap();
    let (amina, joined) =
        (&users[3], django.python("print(User.objects.get(username='amina').date_joined.isoformat())"));
    assert_eq!((&amina["first_name"], &amina["last_name"]), (&json!("Amina"), &json!("Élodie")));
    assert_eq!(amina["permissions"], json!(["articles.add_article"]));
    // The dump has milliseconds only.
    assert_eq!(amina["date_joined"].as_str().unwrap()[..23], joined[..23]);
}

#[test]
fn who_is_there_already_stays_unless_replaced() {
    let django = Backend::sqlite();
    django.cheap_password("john", "secret123");
    let dump = dump(&django, &[]);
    let place = Place::new();
    place.add("john", &[]);
    let before = place.text();
    for options in [&[][..], &["--replace"]] {
        let told = place.refused(&[&["import", "-"], options].concat(), &dump);
        assert!(told.contains("\njohn is somebody else here, with the id "), "{told}");
    }
    assert_eq!(place.text(), before, "nobody was imported");
    let text = before.lines().map(|line| if line.starts_with("id = ") { "id = \"1\"" } else { line });
    fs::write(place.path(), text.collect::<Vec<_>>().join("\n")).unwrap();
    let told = place.refused(&["import", "-"], &dump);
    assert!(told.ends_with("john is there already; --replace puts the one of the dump in their place\n"), "{told}");
    let told = place.done(&["import", "-", "--replace"], &dump);
    assert!(told.ends_with(": 8 (in the place of others: 1); roles: 1\n"), "{told}");
    let gateway = place.setup.start();
    assert_eq!(gateway.login("john", "secret123")["user"]["id"], json!("1"));

    place.done(&["disable", "john"], "");
    let output = place.run(&["import", "-", "--replace"], &dump);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let told_of = "warning: john was disabled here and stays so; `railgate user enable` changes that\n";
    assert_eq!(told.matches(told_of).count(), 1, "{told}");
    assert_eq!(gateway.login("john", "secret123")["errorCode"], json!("INVALID_CREDENTIALS"));
}

#[test]
fn a_model_of_another_name_is_found_and_a_dump_that_lacks_groups_is_told_so() {
    let django = Backend::sqlite();
    let place = Place::new();
    let told = place.refused(&["import", "-"], &django.manage(&["dumpdata", "users.User"]));
    assert!(told.contains("john: `groups` refers to 1, which isn't in the dump; dump auth.Group, too"), "{told}");
    let told = place.refused(&["import", "-"], "[]");
    assert!(told.starts_with("railgate: -: no model in it looks like users"), "{told}");
    let told = place.refused(&["import", "-", "--model", "auth.User"], &dump(&django, &[]));
    assert!(
        told.contains(
            "--model` says which one it is: auth.group, auth.permission, contenttypes.contenttype, users.user"
        )
    );
    place.done(&["import", "-", "--model", "users.User", "--username-field", "email"], &dump(&django, &[]));
    assert!(place.text().contains("username = \"john@example.com\""));
}
