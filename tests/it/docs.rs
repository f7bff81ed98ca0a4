//! What documents say of the tests, held against the tests there are.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

mod blocks;
mod commands;
mod configuration;
mod demo;

/// Every test of this program, by its whole name.
fn tests() -> BTreeSet<String> {
    let output = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[test]
fn the_threat_model_names_stories_that_are_told() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/THREAT_MODEL.md")).unwrap();
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect();
    let tests = tests();
    let unknown: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(named.len() > 40 && unknown.is_empty(), "{unknown:#?}");
}

/// What a heading is linked by.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !is_code) {
            found.insert(anchor(heading.trim_start_matches('#')));
        }
    }
    found
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = ["README.md", "ADOPTION.md", "CONFIGURATION.md", "OPERATIONS.md", "THREAT_MODEL.md"];
    let (mut dead, mut followed) = (Vec::new(), 0);
    for name in documents {
        let path = if name == "README.md" { root.join(name) } else { root.join("deploy").join(name) };
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let known = || anchors(&fs::read_to_string(&target).unwrap_or_default()).contains(place);
            if !target.exists() || (!place.is_empty() && !known()) {
                dead.push(format!("{name}: {link}"));
            }
            followed += 1;
        }
    }
    assert!(dead.is_empty() && followed > 60, "{followed}: {dead:#?}");
}

#[test]
fn the_guides_name_metrics_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = ["deploy/OPERATIONS.md", "deploy/ADOPTION.md"];
    let text = guides.map(|guide| fs::read_to_string(root.join(guide)).unwrap()).join("\n");
    let known =
        ["src/app/metrics.rs", "src/http/counts/told.rs", "src/http/admin/readiness.rs", "src/http/shadow/tally.rs"];
    let known = known.map(|file| fs::read_to_string(root.join(file)).unwrap()).concat();
    let named: BTreeSet<&str> =
        text.split('`').skip(1).step_by(2).filter(|name| name.starts_with("railgate_")).collect();
    let is_unknown = |name: &&&str| !known.contains(&format!("\"{}\"", name.trim_end_matches("_total")));
    let unknown: Vec<&&str> = named.iter().filter(is_unknown).collect();
    assert!(named.len() > 6 && unknown.is_empty(), "{unknown:?}");
}
