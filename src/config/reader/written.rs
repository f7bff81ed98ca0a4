//! A value as the file would say it: for those who ask what is in force, or what a key is by default.

use serde_json::{Value, json};

/// A value as the file would say it. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum Written {
    /// A number, `true` or `false`, or an instant.
    Bare(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A table of names, in order.
    Named(Vec<(String, Self)>),
    /// A secret that an environment variable holds.
    Variable(String),
    /// A secret that a file holds.
    File(String),
    /// A secret that stands in the file.
    Hidden,
}

impl Written {
    pub(in crate::config) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(in crate::config) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// As TOML, on one line.
    pub(in crate::config) fn toml(&self) -> String {
        match self {
            Self::Bare(text) => text.clone(),
            Self::Text(text) => quoted(text),
            Self::List(items) => format!("[{}]", items.iter().map(Self::toml).collect::<Vec<_>>().join(", ")),
            Self::Named(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Named(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{key} = {}", value.toml())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
            Self::Variable(name) => format!("{{ env = {} }}", quoted(name)),
            Self::File(path) => format!("{{ file = {} }}", quoted(path)),
            Self::Hidden => quoted("…"),
        }
    }

    /// As JSON; an instant is a text there.
    pub(in crate::config) fn json(&self) -> Value {
        match self {
            Self::Bare(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Named(entries) => entries.iter().map(|(key, value)| (key.clone(), value.json())).collect(),
            Self::Variable(name) => json!({ "env": name }),
            Self::File(path) => json!({ "file": path }),
            Self::Hidden => Value::String("…".to_owned()),
        }
    }
}

/// A basic string of TOML has the escapes of JSON, and DEL must be one of them.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use toml::de::{DeTable, DeValue};

    use super::Written;

    #[test]
    fn what_is_written_reads_back() {
        for text in ["", "a\"b\\c", "tab\t and \u{1} and \u{7f}", "zwölf\nZeilen\r\n", "\u{1f980}"] {
            let line = format!("a = {}", Written::text(text).toml());
            assert!(!line.contains('\n'));
            let table = DeTable::parse(&line).unwrap();
            assert!(matches!(table.get_ref()["a"].get_ref(), DeValue::String(read) if read == text), "{line}");
        }
        assert_eq!(Written::List(vec![Written::Bare("7".into()), Written::Hidden]).toml(), "[7, \"…\"]");
        let named = |entries: &[(&str, &str)]| {
            Written::Named(entries.iter().map(|(key, text)| ((*key).to_owned(), Written::text(text))).collect())
        };
        let two = named(&[("b", "x"), ("a_1", "y")]);
        assert_eq!((two.toml(), two.json()), (r#"{ b = "x", a_1 = "y" }"#.into(), json!({ "b": "x", "a_1": "y" })));
        assert_eq!((named(&[]).toml(), named(&[]).json()), ("{}".into(), json!({})));
        let reference = Written::File("/run/secrets/a".into());
        assert_eq!(
            (reference.toml(), reference.json()["file"].as_str()),
            ("{ file = \"/run/secrets/a\" }".into(), Some("/run/secrets/a"))
        );
        let instant = Written::Bare("2026-03-01T00:00:00Z".into());
        assert_eq!(instant.json(), "2026-03-01T00:00:00Z");
        assert_eq!(Written::Bare("true".into()).json(), true);
    }
}
