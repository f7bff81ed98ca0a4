//! Reads `proxy.toml` so that everything that is wrong with it is told at once.
//!
//! A section asks a [`Table`] for its keys and gets checked values. What can't be used is noted with its place and
//! replaced by the default, so that reading goes on; the values count only if nothing was noted. A table that was read
//! refuses the keys that nobody asked for, so the list of valid keys is never written down a second time.

use std::{cell::RefCell, collections::BTreeSet, env::VarError, io::ErrorKind, ops::Range, path::Path, thread};

use toml::de::DeTable;

use self::{
    overrides::{Mistake, Overrides, spoken},
    source::Source,
};
use super::FilesRead;

mod finding;
mod forms;
mod given;
mod key;
mod named;
mod overrides;
mod secrets;
mod source;
mod table;
mod values;
mod written;

pub use finding::{Finding, Report, Severity};
pub(super) use forms::{GIB, KIB, MIB, days, millis, minutes, seconds, spell_duration, spell_size};
pub(super) use key::{Key, Keys, Kind, Setting, Settings, first_place, merge};
pub(super) use overrides::variable;
pub(super) use secrets::{Holds, Outside};
pub(super) use table::Table;
pub(super) use values::Fault;
use written::Written;

/// The environment variables.
pub trait Variables {
    /// What is in one.
    ///
    /// # Errors
    /// When there is none of this name, or no text in it.
    fn variable(&self, name: &str) -> Result<String, VarError>;

    /// The names of all of them, but for those that are no text.
    fn names(&self) -> Vec<String>;
}

/// Where environment variables are looked up.
pub type Environment<'a> = dyn Variables + 'a;

/// What stands around the text of a file.
pub(super) struct Origin<'a> {
    /// The file's name as the operator wrote it.
    pub(super) name: String,
    /// Where relative paths begin.
    pub(super) folder: &'a Path,
    pub(super) environment: &'a Environment<'a>,
    /// All that there are.
    pub(super) keys: &'a Keys,
}

/// What a file was read to.
pub(super) struct Reading<T> {
    /// `None` when a required value is missing. Counts only if the report has no errors.
    value: Option<T>,
    report: Report,
    /// Every key that was asked for, by its place: `listeners.0.tls.certificate`.
    pub(super) settings: Settings,
}

impl<T> Reading<T> {
    /// The value and the warnings, or what is wrong.
    pub(super) fn into_result(self) -> Result<(T, Report), Report> {
        match self.value {
            Some(value) if !self.report.has_errors() => Ok((value, self.report)),
            _ => Err(self.report),
        }
    }
}

/// The report on a file that can't be read at all.
pub(super) fn unreadable(name: &str, error: &std::io::Error) -> Report {
    let help = match error.kind() {
        ErrorKind::PermissionDenied => "the user that runs railgate must be able to read it, and to enter its folder",
        ErrorKind::IsADirectory => "name the file in it: --config FILE, or RAILGATE_CONFIG",
        _ => "--config FILE, or RAILGATE_CONFIG, says which file is read",
    };
    single(name, format!("can't be read: {error}"), help, None)
}

/// The report on a file that is no text.
pub(super) fn not_text(name: &str, error: &std::string::FromUtf8Error) -> Report {
    let at = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    let excerpt = Source::broken(&text).excerpt(&(at..at), false);
    single(name, "not UTF-8".to_owned(), "save it as UTF-8", Some(excerpt))
}

fn single(name: &str, message: String, help: &str, excerpt: Option<source::Excerpt>) -> Report {
    let (file, help) = (name.to_owned(), Some(help.to_owned()));
    let finding = Finding { severity: Severity::Error, message, help, file: file.clone(), excerpt };
    Report { file, findings: vec![finding], files: FilesRead::default() }
}

/// The keys that `section` asks for where it finds those of `text`, on a machine of so many processors. Nothing else counts.
pub(super) fn probe(text: &str, processors: usize, section: impl FnOnce(&Table<'_>)) -> Keys {
    let (root, _) = DeTable::parse_recoverable(text);
    let no_keys = Keys::new();
    let origin = Origin { name: String::new(), folder: Path::new(""), environment: &NoVariables, keys: &no_keys };
    let overrides = Overrides::of(origin.environment, &no_keys, text.len());
    let source = Source::parsed(text, root.get_ref());
    let reader = Reader { processors, is_probe: true, ..Reader::new(source, &origin, &overrides) };
    Table::root(&reader, root.get_ref()).read(section);
    let mut keys = reader.keys.into_inner();
    for path in reader.required.into_inner() {
        keys.entry(path).and_modify(|key| key.required = true);
    }
    keys
}

/// No variables at all.
struct NoVariables;

impl Variables for NoVariables {
    fn variable(&self, _: &str) -> Result<String, VarError> {
        Err(VarError::NotPresent)
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads `text` by `section`, which is given the file's outermost table.
pub(super) fn read<T>(text: &str, origin: &Origin<'_>, section: impl FnOnce(&Table<'_>) -> Option<T>) -> Reading<T> {
    read_by(text, origin, |root| root.read(section))
}

/// The same for somebody who needs a part of the file only: keys of the outermost table that `section` doesn't ask for are
/// another's.
pub(super) fn read_part<T>(
    text: &str,
    origin: &Origin<'_>,
    section: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Reading<T> {
    read_by(text, origin, |root| section(&root))
}

fn read_by<T>(text: &str, origin: &Origin<'_>, root_by: impl FnOnce(Table<'_>) -> Option<T>) -> Reading<T> {
    let overrides = Overrides::of(origin.environment, origin.keys, text.len());
    let (mut root, errors) = DeTable::parse_recoverable(text);
    let broken = !errors.is_empty();
    let source = if broken { Source::broken(text) } else { Source::parsed(text, root.get_ref()) };
    let mistakes = overrides.apply(root.get_mut(), origin.keys);
    let reader = Reader::new(source, origin, &overrides);
    for Mistake { at, message, help } in mistakes {
        reader.error(&Spot::at(at..at), message, help);
    }
    let value = if broken {
        reader.refuse_syntax(&errors);
        None
    } else {
        root_by(Table::root(&reader, root.get_ref()))
    };
    let mut findings = reader.findings.into_inner();
    findings.sort_by_key(Finding::position);
    let report = Report { file: origin.name.clone(), findings, files: reader.files.into_inner() };
    Reading { value, report, settings: reader.settings.into_inner() }
}

/// Where a finding points, and whether the values there may be shown.
struct Spot {
    span: Option<Range<usize>>,
    reveal: bool,
}

impl Spot {
    const fn at(span: Range<usize>) -> Self {
        Self { span: Some(span), reveal: true }
    }

    /// At a secret that stands in the file.
    const fn hidden(span: Range<usize>) -> Self {
        Self { span: Some(span), reveal: false }
    }
}

/// The file that is read, and what was noted so far.
struct Reader<'r> {
    source: Source<'r>,
    name: &'r str,
    folder: &'r Path,
    environment: &'r Environment<'r>,
    overrides: &'r Overrides,
    /// All that there are.
    all_keys: &'r Keys,
    /// Of this machine.
    processors: usize,
    /// Tables that are not there are read, too, for the keys that they would have.
    is_probe: bool,
    findings: RefCell<Vec<Finding>>,
    keys: RefCell<Keys>,
    /// Those without which there is nothing.
    required: RefCell<BTreeSet<String>>,
    settings: RefCell<Settings>,
    /// Those that values were taken from.
    files: RefCell<FilesRead>,
}

impl<'r> Reader<'r> {
    fn new(source: Source<'r>, origin: &'r Origin<'r>, overrides: &'r Overrides) -> Self {
        Self {
            source,
            name: &origin.name,
            folder: origin.folder,
            environment: origin.environment,
            overrides,
            all_keys: origin.keys,
            // One when the system doesn't say.
            processors: thread::available_parallelism().map_or(1, usize::from),
            is_probe: false,
            findings: RefCell::default(),
            keys: RefCell::default(),
            required: RefCell::default(),
            settings: RefCell::default(),
            files: RefCell::default(),
        }
    }

    fn note(&self, severity: Severity, spot: &Spot, message: String, help: Option<String>) {
        let variable = spot.span.as_ref().and_then(|span| self.overrides.name(span.start));
        let (file, excerpt) = match (variable, &spot.span) {
            (Some(name), _) => (spoken(name), None),
            (None, Some(span)) => (self.name.to_owned(), Some(self.source.excerpt(span, spot.reveal))),
            (None, None) => (self.name.to_owned(), None),
        };
        self.findings.borrow_mut().push(Finding { severity, message, help, file, excerpt });
    }

    /// Whether what stands there is that of a variable.
    fn is_variable(&self, span: &Range<usize>) -> bool {
        self.overrides.name(span.start).is_some()
    }

    /// Where something stands, for people.
    fn spoken_place(&self, at: usize) -> String {
        match self.overrides.name(at) {
            Some(name) => spoken(name),
            None => format!("{}:{}", self.name, self.source.line(at)),
        }
    }

    fn error(&self, spot: &Spot, message: String, help: Option<String>) {
        self.note(Severity::Error, spot, message, help);
    }

    /// One error a line: what follows the first is mostly a consequence of it.
    fn refuse_syntax(&self, errors: &[toml::de::Error]) {
        let mut lines = BTreeSet::new();
        let mut is_list_open = false;
        for error in errors {
            let spot = Spot { span: error.span(), reveal: false };
            let line = spot.span.as_ref().map(|span| self.source.line(span.start));
            // A list that is not closed goes on to the end of the file.
            let is_told = is_list_open && error.message().starts_with("missing comma");
            if lines.insert(line) && !is_told {
                let help = syntax_help(error.message()).map(str::to_owned);
                let message = error.message().trim_end_matches(", expected literal string");
                self.error(&spot, format!("not TOML: {message}"), help);
                is_list_open = error.message().starts_with("missing comma");
            }
        }
    }

    /// Whether `key` is none of `valid`; that is reported. It may be one `elsewhere`.
    fn refuse_unknown(
        &self,
        path: &str,
        key: &toml::Spanned<toml::de::DeString<'_>>,
        valid: &[&str],
        elsewhere: &Keys,
    ) -> bool {
        let name = key.get_ref();
        if valid.contains(&name.as_ref()) {
            return false;
        }
        let shown: String = name.chars().take(60).flat_map(char::escape_debug).collect();
        let near = nearest(name, valid.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let help = near.or_else(|| misplaced(name, elsewhere));
        let help = help.unwrap_or_else(|| format!("valid here: {}", valid.join(", ")));
        self.error(&Spot::at(key.span()), format!("`{}` is not a key", join(path, &shown)), Some(help));
        true
    }
}

/// What to do about a mistake in TOML itself, by what its parser says of it.
fn syntax_help(message: &str) -> Option<&'static str> {
    let helps = [
        ("must be quoted", "a text stands in quotes: key = \"text\""),
        ("duplicate key", "it is given above already: leave one of the two"),
        ("invalid basic string, expected `\"`", "close the text by a \" on its line"),
        ("escaped value", "a backslash begins an escape; a text between single quotes has none: 'C:\\path'"),
        ("invalid basic string", "a backslash begins an escape; a text between single quotes has none: 'C:\\path'"),
        ("invalid boolean", "true and false have small letters"),
        ("key with no value", "a line is `key = value`"),
        ("missing comma between array", "the list before it is not closed by `]`, or a comma is missing"),
        ("unexpected key or value", "a line is `key = value`, and nothing follows but a # comment"),
        ("invalid unquoted key", "keys have letters, digits, _ and -; a dot begins the next table"),
        ("array table, expected", "a head is `[table]`, or `[[tables]]` for one of several"),
        ("table, expected `]`", "a head is `[table]`, or `[[tables]]` for one of several"),
        ("array, expected", "close the list by `]`"),
        ("inline table, expected", "close the table by `}`"),
    ];
    helps.into_iter().find(|(part, _)| message.contains(part)).map(|(_, help)| help)
}

/// Which tables have a key of this name.
fn misplaced(name: &str, keys: &Keys) -> Option<String> {
    const MANY: usize = 3;
    let is_tables = |path: &str| keys.get(path).is_some_and(|key| matches!(key.kind, Kind::Tables));
    let tables: Vec<String> = keys
        .keys()
        .filter_map(|path| path.rsplit_once('.').filter(|(_, last)| *last == name))
        .map(|(table, _)| if is_tables(table) { format!("[[{table}]]") } else { format!("[{table}]") })
        .collect();
    match tables.as_slice() {
        [] => None,
        several if several.len() > MANY => None,
        tables => Some(format!("`{name}` is a key of {}: keys stand below the head of their table", tables.join(", "))),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The candidate that `word` was probably meant to be.
fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    const ALIKE: f64 = 0.5;
    let word = word.to_lowercase();
    candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
