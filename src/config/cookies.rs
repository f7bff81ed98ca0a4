//! `[cookies]`: what browsers keep.

/// What browsers keep.
#[derive(Clone, Debug)]
pub struct CookieSettings {
    /// Set cookies at all.
    pub enabled: bool,
    /// Name of the access token's cookie.
    pub access_name: String,
    /// Name of the refresh token's cookie.
    pub refresh_name: String,
    /// `Secure`.
    pub secure: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Domain`; `None`: this host only.
    pub domain: Option<String>,
    /// `Path`.
    pub path: String,
    /// Origins other than the gateway's own whose pages may send cookies with unsafe requests: `https://app.example.com`.
    pub trusted_origins: Vec<String>,
}

/// A cookie's `SameSite`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Sent with requests from the same site, and when a link is followed.
    #[default]
    Lax,
    /// Sent with requests from the same site only.
    Strict,
    /// Always sent; needs `Secure`.
    None,
}
