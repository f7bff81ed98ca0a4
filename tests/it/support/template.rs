//! Folders that are costly to make and cheap to copy, kept between test runs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest as _, Sha256};

/// The template of this name, made by `make` in an empty folder if it isn't there yet. Tests run in processes of their own, so a
/// lock file lets one make it while the others wait; a change of `ingredients` asks for a new one.
pub(crate) fn template(name: &str, ingredients: &[u8], make: impl FnOnce(&Path)) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    fs::create_dir_all(&root).unwrap();
    let digest: String = Sha256::digest(ingredients).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let folder = root.join(format!("{name}-{digest}"));
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !folder.exists() {
        // Made aside and renamed, so that a run that was cut off leaves no half template behind.
        let unfinished = folder.with_extension("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir(&unfinished).unwrap();
        make(&unfinished);
        fs::rename(&unfinished, &folder).unwrap();
    }
    folder
}

/// Copies what is in a folder into another one.
pub(crate) fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-R").arg(from.join(".")).arg(to));
}

/// Names and contents of all files below a folder, to tell whether it has changed.
pub(crate) fn contents(folder: &Path) -> Vec<u8> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut all = Vec::new();
    for path in entries {
        match path.is_dir() {
            true if path.ends_with("__pycache__") => {}
            true => all.extend(contents(&path)),
            false => {
                all.extend(path.as_os_str().as_encoded_bytes());
                all.extend(fs::read(&path).unwrap());
            }
        }
    }
    all
}

/// Runs a command to its end and returns what it printed; a failure is the test's, with all that the command said.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
