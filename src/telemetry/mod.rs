//! Logs: one line an event on standard error, as text or as JSON; one line a request, the access log ([`access`]); and audit
//! events as JSON lines ([`audit`]). And [`spans`], for a collector of traces, and numbers: [`metrics`].
//!
//! ```text
//! 2026-03-01T12:00:00.000000Z  INFO railgate::app: listening address=127.0.0.1:8080 upstream=http://127.0.0.1:8000/
//! {"timestamp":"2026-03-01T12:00:00.000000Z","level":"INFO","target":"railgate::app","message":"listening","address":"127.0.0.1:8080",…}
//! ```
//!
//! A value can come from a client, so none can begin a line of its own or steer a terminal: control characters are
//! escaped wherever they stand, and nothing is ever coloured. An error field shows its whole chain of causes. Events
//! carry what belongs to them, and the ids of the request that is worked on; fields of spans are not written.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::{Filter, SubscriberExt as _},
    registry::LookupSpan,
    reload,
};

pub mod access;
pub mod audit;
mod current;
mod fields;
pub mod lines;
pub mod metrics;
mod process;
pub mod reloads;
pub mod spans;

pub use current::Current;
use fields::Fields;
pub use process::Process;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How lines look and which are let through, which may be changed.
#[derive(Clone, Debug)]
pub struct Control {
    form: Form,
    levels: reload::Handle<Targets, Registry>,
}

impl Control {
    /// Lines look so, and these are let through, from now on.
    pub fn set(&self, format: Format, levels: Targets) {
        self.form.set(format);
        if self.levels.reload(levels).is_err() {
            // The subscriber lasts as long as the process; what can happen is that a thread panicked in the middle of this.
            tracing::error!("[log] level stays as it was");
        }
    }
}

/// How lines look at the moment. The clones are the same.
#[derive(Clone, Debug)]
struct Form {
    is_json: Arc<AtomicBool>,
}

impl Form {
    fn new(format: Format) -> Self {
        Self { is_json: Arc::new(AtomicBool::new(format == Format::Json)) }
    }

    fn set(&self, format: Format) {
        self.is_json.store(format == Format::Json, Ordering::Relaxed);
    }

    fn get(&self) -> Format {
        if self.is_json.load(Ordering::Relaxed) { Format::Json } else { Format::Text }
    }
}

/// Writes what `levels` lets through to standard error from now on.
///
/// # Errors
/// When logs were set up before.
pub fn init(format: Format, levels: Targets) -> Result<Control, tracing::subscriber::SetGlobalDefaultError> {
    let ((levels, handle), form) = (reload::Layer::new(levels), Form::new(format));
    tracing::subscriber::set_global_default(subscriber(form.clone(), levels, io::stderr))?;
    Ok(Control { form, levels: handle })
}

fn subscriber<W>(
    form: Form,
    levels: impl Filter<Registry> + Send + Sync + 'static,
    writer: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).event_format(Line(form)).with_writer(writer);
    Registry::default().with(lines.with_filter(levels))
}

/// One event as one line.
struct Line(Form);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(current) = Current::get() {
            fields.add_ids(&current);
        }
        let (level, target) = (event.metadata().level(), event.metadata().target());
        match self.0.get() {
            Format::Text => {
                SystemTime.format_time(&mut writer)?;
                writeln!(writer, " {level:>5} {target}: {}", fields.as_text())
            }
            Format::Json => {
                let mut time = String::new();
                SystemTime.format_time(&mut Writer::new(&mut time))?;
                writeln!(writer, "{}", fields.into_json(&time, level.as_str(), target))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::{Value, json};
    use tracing_subscriber::filter::{LevelFilter, Targets};

    use super::{Form, Format, subscriber};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "x\u{1b}[31m\nINFO forged\r\u{9b}\u{2028}";

    #[derive(Debug, thiserror::Error)]
    #[error("outer {HOSTILE}")]
    struct Outer(#[source] io::Error);

    fn written(format: Format, levels: Targets, log: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(subscriber(Form::new(format), levels, move || writer.clone()), log);
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    fn hostile() {
        let error = Outer(io::Error::other("inner"));
        let error = &error as &dyn std::error::Error;
        tracing::warn!(shown = %HOSTILE, text = HOSTILE, debug = ?HOSTILE, error, number = 7, "said {HOSTILE}");
    }

    #[test]
    fn a_hostile_value_stays_in_its_line() {
        for format in [Format::Text, Format::Json] {
            let text = written(format, Targets::new().with_default(LevelFilter::INFO), hostile);
            let line = text.strip_suffix('\n').unwrap();
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{format:?}: {line:?}");
            assert!(line.contains("inner"), "the cause is told: {line}");
        }
    }

    #[test]
    fn text_is_time_level_target_message_fields() {
        let text = written(Format::Text, Targets::new().with_default(LevelFilter::INFO), || {
            tracing::info!(address = %"127.0.0.1:1", why = "a b", n = 3, ok = true, "listening");
        });
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.starts_with("20"), "{time}");
        assert_eq!(rest, " INFO railgate::telemetry::tests: listening address=127.0.0.1:1 why=\"a b\" n=3 ok=true\n");
    }

    #[test]
    fn json_keeps_the_types_of_fields() {
        let text = written(Format::Json, Targets::new().with_default(LevelFilter::INFO), hostile);
        let mut line: Value = serde_json::from_str(&text).unwrap();
        assert!(line["timestamp"].take().is_string());
        let expected = json!({
            "timestamp": null, "level": "WARN", "target": "railgate::telemetry::tests",
            "message": format!("said {HOSTILE}"), "shown": HOSTILE, "text": HOSTILE, "debug": format!("{HOSTILE:?}"),
            "error": format!("outer {HOSTILE}: inner"), "number": 7,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn a_field_cannot_pass_for_the_level_or_the_target() {
        let text = written(Format::Json, Targets::new().with_default(LevelFilter::INFO), || {
            tracing::info!(level = "ERROR", target = "other", "m");
        });
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["field.level"]), (&json!("INFO"), &json!("ERROR")));
    }

    #[test]
    fn levels_are_those_of_the_target() {
        let levels = Targets::new().with_default(LevelFilter::WARN).with_target("railgate::http", LevelFilter::DEBUG);
        let text = written(Format::Text, levels, || {
            tracing::info!("quiet");
            tracing::debug!(target: "railgate::http::layer", "loud");
        });
        assert!(!text.contains("quiet") && text.contains("loud"), "{text}");
    }
}
