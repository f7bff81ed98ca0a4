//! Access tokens in the configured format, and those of Rail Django during a cut-over.

use super::{
    TokenError,
    claims::{AccessClaims, Occasion, OptionalClaims},
    jwt::{JwtKey, Kind},
    keys::KeyRing,
    paseto::PasetoTokens,
};
use crate::{
    auth::IssuedToken,
    model::{AuthMethod, Entropy, NoEntropy, Principal, Secret, Timestamp, User},
};

/// What access tokens of the gateway are.
#[derive(Debug)]
pub enum AccessFormat {
    /// PASETO v4.local under the gateway's keys.
    Paseto,
    /// Rail Django's JWT.
    Jwt {
        /// Signs, and verifies.
        secret: Secret,
        /// Only verify.
        others: Vec<Secret>,
    },
}

/// Which of Rail Django's own access tokens are good.
#[derive(Debug)]
pub struct RailTokens {
    /// The Django project's signing secret.
    pub secret: Secret,
    /// Only tokens issued before this instant count.
    pub cut_over: Timestamp,
}

#[derive(Debug)]
enum Format {
    Paseto(PasetoTokens),
    Jwt { signing: JwtKey, others: Vec<JwtKey> },
}

#[derive(Debug)]
struct Rail {
    key: JwtKey,
    cut_over: Timestamp,
}

/// Makes and verifies access tokens.
#[derive(Debug)]
pub struct AccessTokens {
    format: Format,
    rail: Option<Rail>,
    carried: OptionalClaims,
}

impl AccessTokens {
    /// For this format and these keys.
    #[must_use]
    pub fn new(format: AccessFormat, keys: &KeyRing, rail: Option<RailTokens>, carried: OptionalClaims) -> Self {
        let format = match format {
            AccessFormat::Paseto => Format::Paseto(PasetoTokens::new(keys)),
            AccessFormat::Jwt { secret, others } => {
                Format::Jwt { signing: JwtKey::new(&secret), others: others.iter().map(JwtKey::new).collect() }
            }
        };
        let rail = rail.map(|rail| Rail { key: JwtKey::new(&rail.secret), cut_over: rail.cut_over });
        Self { format, rail, carried }
    }

    /// A token for this user and occasion.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn issue(&self, user: &User, occasion: Occasion, entropy: &dyn Entropy) -> Result<IssuedToken, NoEntropy> {
        let claims = AccessClaims::new(user, occasion, self.carried);
        let token = match &self.format {
            Format::Paseto(tokens) => tokens.issue(&claims, entropy)?,
            Format::Jwt { signing, .. } => signing.issue(&claims, Kind::Access),
        };
        Ok(IssuedToken { token, expires: occasion.expires })
    }

    /// Who a presented token speaks for.
    ///
    /// # Errors
    /// [`TokenError::Expired`] for a token that was good once, [`TokenError::Malformed`] for everything else.
    pub fn verify(&self, token: &str, method: AuthMethod, now: Timestamp) -> Result<Principal, TokenError> {
        if let Some(claims) = self.own(token)? {
            claims.check(now)?;
            return Ok(claims.into_principal(method));
        }
        let rail = self.rail.as_ref().ok_or(TokenError::Malformed)?;
        rail.verify(token, now)
    }

    /// Who a token of the gateway's own spoke for before it ran out. Good for ending the session that it names, and for
    /// nothing else.
    #[must_use]
    pub fn expired(&self, token: &str, method: AuthMethod, now: Timestamp) -> Option<Principal> {
        let claims = self.own(token).ok()??;
        (claims.check(now) == Err(TokenError::Expired)).then(|| claims.into_principal(method))
    }

    /// The claims of a token that the gateway made; `None` for one that it didn't.
    fn own(&self, token: &str) -> Result<Option<AccessClaims>, TokenError> {
        match &self.format {
            Format::Paseto(tokens) if PasetoTokens::looks_like(token) => tokens.read(token).map(Some),
            Format::Paseto(_) => Ok(None),
            Format::Jwt { signing, others } => {
                // No id tells which one signed: Rail Django's tokens have none, and one that a client wrote tells nothing.
                Ok(std::iter::once(signing).chain(others).find_map(|key| own_jwt(key, token)))
            }
        }
    }
}

fn own_jwt(key: &JwtKey, token: &str) -> Option<AccessClaims> {
    match key.read(token) {
        Ok((claims, Kind::Access)) if claims.session.is_some() => Some(claims),
        Ok((_, Kind::Access | Kind::Upstream | Kind::Rail)) | Err(_) => None,
    }
}

impl Rail {
    /// A token that the backend signed: no session of ours behind it, and nothing it says of roles or factors counts.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, TokenError> {
        let (claims, Kind::Rail) = self.key.read(token)? else { return Err(TokenError::Malformed) };
        if claims.session.is_some() || claims.issued >= self.cut_over {
            return Err(TokenError::Malformed);
        }
        claims.check(now)?;
        Ok(Principal {
            email: None,
            roles: None,
            permissions: None,
            mfa: false,
            ..claims.into_principal(AuthMethod::RailJwt)
        })
    }
}
