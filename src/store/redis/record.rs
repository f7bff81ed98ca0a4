//! A session as fields of a hash, and back.

use std::{collections::HashMap, net::IpAddr, str::FromStr};

use crate::{
    model::{ClientInfo, Session, SessionExpiry, SessionId, Timestamp, UserId},
    store::{StoreError, StoreErrorKind},
};

/// The format that this release reads and writes, in the field `v`. The scripts know it, too.
pub(super) const FORMAT: &str = "1";

/// A hash's fields as Redis gives them.
pub(super) type Fields = HashMap<String, Vec<u8>>;

/// A record can't be read. Says which field, never what is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("the record has another format than {FORMAT}, which this release reads")]
    Format,
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    #[error("field `{0}` can't be read")]
    Unreadable(&'static str),
}

/// A record that a script refused to touch.
pub(super) fn unreadable() -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, Damage::Format)
}

/// The fields that stay as they are while the session lives, and `last_used`; the scripts add the rest.
pub(super) fn encode(session: &Session) -> Vec<(&'static str, String)> {
    let client = &session.client;
    let mut fields = vec![
        ("user", session.user.as_str().to_owned()),
        ("created", session.created.as_micros().to_string()),
        ("last_used", session.last_used.as_micros().to_string()),
        ("auth_time", session.auth_time.as_micros().to_string()),
        ("mfa", if session.mfa { "1" } else { "0" }.to_owned()),
    ];
    fields.extend(client.ip.map(|ip| ("ip", ip.to_string())));
    fields.extend(client.user_agent.clone().map(|agent| ("user_agent", agent)));
    fields.extend(client.device_name.clone().map(|device| ("device_name", device)));
    fields.extend(session.password.map(|mark| ("password", mark.to_string())));
    fields
}

/// The session of a record.
pub(super) fn decode(id: SessionId, fields: &Fields) -> Result<Session, StoreError> {
    session(id, fields).map_err(|damage| StoreError::new(StoreErrorKind::Corrupt, damage))
}

/// The successor that the record's last rotation stored.
pub(super) fn sealed_successor(mut fields: Fields) -> Result<Vec<u8>, StoreError> {
    fields.remove("sealed").ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, Damage::Missing("sealed")))
}

fn session(id: SessionId, fields: &Fields) -> Result<Session, Damage> {
    if required::<String>(fields, "v")? != FORMAT {
        return Err(Damage::Format);
    }
    Ok(Session {
        id,
        user: UserId::new(required::<String>(fields, "user")?),
        created: instant(fields, "created")?,
        last_used: instant(fields, "last_used")?,
        expiry: SessionExpiry { idle: instant(fields, "idle")?, absolute: instant(fields, "absolute")? },
        auth_time: instant(fields, "auth_time")?,
        mfa: match required::<String>(fields, "mfa")?.as_str() {
            "1" => true,
            "0" => false,
            _ => return Err(Damage::Unreadable("mfa")),
        },
        client: ClientInfo {
            ip: optional::<IpAddr>(fields, "ip")?,
            user_agent: optional(fields, "user_agent")?,
            device_name: optional(fields, "device_name")?,
        },
        password: optional(fields, "password")?,
    })
}

fn instant(fields: &Fields, name: &'static str) -> Result<Timestamp, Damage> {
    required(fields, name).map(Timestamp::from_micros)
}

pub(super) fn required<T: FromStr>(fields: &Fields, name: &'static str) -> Result<T, Damage> {
    optional(fields, name)?.ok_or(Damage::Missing(name))
}

pub(super) fn optional<T: FromStr>(fields: &Fields, name: &'static str) -> Result<Option<T>, Damage> {
    let Some(bytes) = fields.get(name) else { return Ok(None) };
    let text = std::str::from_utf8(bytes).map_err(|_| Damage::Unreadable(name))?;
    text.parse().map(Some).map_err(|_| Damage::Unreadable(name))
}

#[cfg(test)]
mod tests {
    use super::{Fields, decode};
    use crate::{model::SessionId, store::StoreErrorKind};

    fn fields(changed: &str, value: &str) -> Fields {
        let whole = [
            ("v", "1"),
            ("user", "7"),
            ("created", "1"),
            ("last_used", "2"),
            ("idle", "3"),
            ("absolute", "4"),
            ("auth_time", "1"),
            ("mfa", "0"),
        ];
        whole
            .into_iter()
            .chain([(changed, value)])
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn damage_is_told_from_health() {
        let id = SessionId::from_bytes([1; 16]);
        assert_eq!(decode(id, &fields("mfa", "1")).unwrap().user.as_str(), "7");
        for (name, value) in [("v", "2"), ("mfa", "yes"), ("created", "1e9"), ("ip", "nowhere"), ("password", "short")]
        {
            assert_eq!(decode(id, &fields(name, value)).unwrap_err().kind, StoreErrorKind::Corrupt, "{name}");
        }
        assert_eq!(decode(id, &Fields::new()).unwrap_err().kind, StoreErrorKind::Corrupt);
    }
}
