//! `[cors]`: which other sites' pages may read what the gateway answers itself.

use http::HeaderName;

use super::{
    cookies::parse_origin,
    reader::{Fault, Table},
};

/// Which other sites' pages may read what the gateway answers itself. The backend says it of its own answers.
#[derive(Clone, Debug, Default)]
pub struct CorsSettings {
    /// Origins, as browsers send them: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Also where a request came with cookies.
    pub credentials: bool,
    /// Headers of answers that pages may read, beside those that they always may (Fetch standard, §2.2.2).
    pub exposed_headers: Vec<HeaderName>,
}

impl CorsSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let origins = table.texts("allowed_origins", "an origin such as \"https://app.example.com\"", parse_origin);
        let headers = table.texts("exposed_headers", "a header's name", parse_header);
        if origins.as_ref().is_none_or(Vec::is_empty) {
            table.warn_ineffective(
                &["credentials", "exposed_headers"],
                "name the sites by `allowed_origins`, or remove it",
            );
        }
        Self {
            allowed_origins: origins.unwrap_or_default(),
            credentials: table.flag("credentials", false),
            exposed_headers: headers.unwrap_or_default(),
        }
    }
}

fn parse_header(text: &str) -> Result<HeaderName, Fault> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| Fault::Form)
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{config, messages};

    #[test]
    fn nobody_is_let_in_unless_named() {
        let cors = config("").cors;
        assert!(cors.allowed_origins.is_empty() && !cors.credentials && cors.exposed_headers.is_empty());
        let cors = config("[cors]\nallowed_origins = ['https://A.example:443']\nexposed_headers = ['X-Id']").cors;
        assert_eq!(
            (cors.allowed_origins, cors.exposed_headers[0].as_str()),
            (vec!["https://a.example".to_owned()], "x-id")
        );
        for bad in ["allowed_origins = ['*']", "allowed_origins = ['null']", "exposed_headers = ['a b']"] {
            let origins = if bad.starts_with("exposed") { "allowed_origins = ['https://a.example']\n" } else { "" };
            assert_eq!(messages(&format!("[cors]\n{origins}{bad}")).len(), 1, "{bad}");
        }
        for idle in ["credentials = true", "exposed_headers = ['X-Id']"] {
            assert_eq!(messages(&format!("[cors]\n{idle}")).len(), 1, "{idle}");
        }
    }
}
