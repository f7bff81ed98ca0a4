//! The README's lines on the middleware, put into a new Django project as they stand; only the gateway's port is another.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{CONFIG, package, python};
use crate::support::{
    client::Client,
    document::block,
    gateway::{Gateway, Setup},
    ports,
    process::Process,
    shell::Shell,
    template::copy,
};

/// What a project has around the README's lines.
const SETTINGS: &str = r#"
SECRET_KEY = "a key for tests"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
ROOT_URLCONF = "urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"#;
const URLS: &str = r#"
from django.http import JsonResponse
from django.urls import path

def whoami(request):
    named = {"user": request.user.get_username(), "claims": request.railgate}
    return JsonResponse({**named, "arrival": "railgate.arrived" in request.scope})

urlpatterns = [path("whoami/", whoami)]
"#;
const USERS: &str = "python3 -m django migrate -v0\n\
     python3 -m django shell -v0 -c 'from django.contrib.auth.models import User; User.objects.create_user(\"john\", password=\"secret123\")'";

/// A folder that the package was installed in, and nothing else of what it needs.
fn installed() -> Shell {
    let python = python();
    let shell = Shell::new()
        .program("pip", &format!("exec '{}' -m pip \"$@\" --target packages", python.display()))
        .program("python3", &format!("exec '{}' \"$@\"", python.display()))
        .with("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .with("PYTHONPATH", "packages:.")
        .with("DJANGO_SETTINGS_MODULE", "settings");
    // What is built is built in the folder of the sources.
    let sources = shell.folder().join("deploy/django");
    fs::create_dir_all(&sources).unwrap();
    copy(&package(), &sources);
    shell.run(&block("README.md", "pip install ./deploy/django"));
    fs::remove_dir_all(sources).unwrap();
    shell
}

/// The README's settings; where it leaves something out, the middleware that the next one needs.
fn settings(gateway: &Gateway) -> String {
    let lines = block("README.md", "railgate_django.AssertionMiddleware").replace("8080", &gateway.port.to_string());
    assert!(lines.starts_with("MIDDLEWARE = [\n    # …\n"), "{lines}");
    SETTINGS.to_owned() + &lines.replacen("# …", "\"django.contrib.sessions.middleware.SessionMiddleware\",", 1)
}

fn whoami(client: &Client) -> Value {
    client.get("/whoami/").unwrap().json()
}

#[test]
fn the_lines_of_the_readme_make_a_project_that_believes_the_gateway_alone() {
    let port = ports::free();
    let shell = installed();
    let database = format!("sqlite://{}", Path::new(shell.folder()).join("db.sqlite3").display());
    let gateway = Setup::bare(port, &database, "").config(CONFIG).start();
    let application = "from django.core.asgi import get_asgi_application\n";
    let shell = shell
        .file("settings.py", &settings(&gateway))
        .file("urls.py", URLS)
        .file("asgi.py", &format!("{application}{}", block("README.md", "railgate_django.asgi")));
    shell.run(USERS);
    let serve = format!("exec python3 -m uvicorn asgi:application --lifespan off --port {port}");
    let mut process = Process::spawn(shell.command(&serve), "Django");
    let around = Client::new(port);
    process.wait_until(Duration::from_secs(120), || around.get("/whoami/").is_ok());

    let token = gateway.login("john", "secret123")["token"].as_str().expect("a token").to_owned();
    let known = whoami(&gateway.client().bearer(&token));
    assert_eq!((&known["user"], &known["claims"]["username"]), (&json!("john"), &json!("john")), "{known}");
    assert_eq!(known["arrival"], json!(true));
    assert_eq!(whoami(&around.with("X-Auth-Username", "john"))["claims"], json!(null));
}
