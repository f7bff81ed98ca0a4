//! `[directory] kind = "file"`: users that an operator keeps in a file.

use std::path::{Path, PathBuf};

use crate::config::reader::{Fault, Table};

/// A file of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDirectorySettings {
    /// The file; JSON lines where its name ends in `.jsonl` or `.ndjson`, else TOML.
    pub path: PathBuf,
}

impl FileDirectorySettings {
    pub(super) const KEYS: &[&'static str] = &["path"];

    pub(super) fn read(table: &Table<'_>, folder: &Path) -> Option<Self> {
        table.require("path", "\"users.toml\"");
        let path = table.text("path", "a file such as \"users.toml\"", parse_path);
        Some(Self { path: folder.join(path?) })
    }
}

fn parse_path(text: &str) -> Result<PathBuf, Fault> {
    if text.is_empty() || text.ends_with('/') { Err(Fault::Form) } else { Ok(PathBuf::from(text)) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{DirectorySettings, tests::messages_of, tests::whole};

    fn text(path: &str) -> String {
        format!("[upstream]\nurl = 'http://127.0.0.1:8000'\n[directory]\nkind = 'file'\npath = '{path}'")
    }

    #[test]
    fn a_path_begins_at_the_folder_of_the_file() {
        for (path, meant) in [("users.toml", "/etc/railgate/users.toml"), ("/srv/u.jsonl", "/srv/u.jsonl")] {
            match whole(&text(path)).directory {
                DirectorySettings::File(settings) => assert_eq!(settings.path, Path::new(meant)),
                other => panic!("{other:?}"),
            }
        }
        for bad in ["", "folder/"] {
            let found = messages_of(&text(bad));
            assert!(found.len() == 1 && found[0].starts_with("`directory.path`: expected a file"), "{found:?}");
        }
    }
}
