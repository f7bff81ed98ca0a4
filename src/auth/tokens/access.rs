//! Access tokens in the configured format, and those of Rail Django during a cut-over.

use super::{
    TokenError,
    claims::{AccessClaims, Occasion, OptionalClaims},
    jwt::{JwtKey, Kind},
    keys::KeyRing,
    paseto::PasetoTokens,
    rail::{Rail, RailTokens},
};
use crate::{
    auth::IssuedToken,
    model::{AuthMethod, Entropy, NoEntropy, Principal, Secret, SessionId, Timestamp, User},
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

#[derive(Debug)]
enum Format {
    Paseto(PasetoTokens),
    Jwt { signing: JwtKey, others: Vec<JwtKey> },
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
        Self { format, rail: rail.map(Rail::new), carried }
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
        let genuine = self.read(token)?;
        genuine.check(now)?;
        Ok(genuine.into_principal(method))
    }

    /// Reads a token of an accepted kind whose seal is right, whether it is good now or not.
    pub(super) fn read(&self, token: &str) -> Result<Genuine, TokenError> {
        if let Some(claims) = self.own(token)? {
            let session = claims.session.ok_or(TokenError::Malformed)?;
            return Ok(Genuine { claims, handle: session, is_rail: false });
        }
        let rail = self.rail.as_ref().ok_or(TokenError::Malformed)?;
        let (claims, handle) = rail.read(token)?;
        Ok(Genuine { claims, handle, is_rail: true })
    }

    /// Who judges tokens that the backend signed, if any of them count.
    #[must_use]
    pub fn rail(&self) -> Option<&Rail> {
        self.rail.as_ref()
    }

    /// Who a token of the gateway's own spoke for before it ran out. Good for ending the session that it names, and for
    /// nothing else.
    #[must_use]
    pub fn expired(&self, token: &str, method: AuthMethod, now: Timestamp) -> Option<Principal> {
        let claims = self.own(token).ok()??;
        let session = claims.session?;
        (claims.check(now) == Err(TokenError::Expired)).then(|| claims.into_principal(method, session))
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

/// A token whose seal is right: what it says for ever, good now or not. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Genuine {
    claims: AccessClaims,
    handle: SessionId,
    is_rail: bool,
}

impl Genuine {
    /// Whether it is good now.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), TokenError> {
        self.claims.check(now)
    }

    /// The caller that it speaks for. Whatever way a token of the backend's came, that is what it is.
    pub(super) fn into_principal(self, method: AuthMethod) -> Principal {
        let method = if self.is_rail { AuthMethod::RailJwt } else { method };
        self.claims.into_principal(method, self.handle)
    }
}

fn own_jwt(key: &JwtKey, token: &str) -> Option<AccessClaims> {
    match key.read(token) {
        Ok((claims, Kind::Access)) if claims.session.is_some() => Some(claims),
        Ok((_, Kind::Access | Kind::Upstream | Kind::Rail)) | Err(_) => None,
    }
}
