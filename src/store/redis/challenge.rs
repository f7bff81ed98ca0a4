//! Challenges in Redis: a hash for each, and a script for each step.

use async_trait::async_trait;

use super::{
    RedisStore,
    record::{self, Damage, Fields},
    scripts::{ATTEMPT, BEGIN, CONSUME, PROVE, micros},
    step::Step,
    unexpected,
};
use crate::{
    model::{SessionId, TokenHash, UserId},
    store::{Challenge, ChallengeKey, ChallengeStore, NewChallenge, StoreError, StoreErrorKind},
};

#[async_trait]
impl ChallengeStore for RedisStore {
    async fn begin(&self, new: NewChallenge) -> Result<(), StoreError> {
        let mut script = Step::script(&BEGIN);
        script
            .key(self.keys.challenge(new.key))
            .arg(&new.token.as_bytes()[..])
            .arg(micros(new.lifetime))
            .arg(encode(&new.challenge));
        match self.link.run::<String>(&script).await?.as_str() {
            "begun" => Ok(()),
            "conflict" => Err(StoreError::new(StoreErrorKind::Conflict, "the challenge id is taken")),
            other => Err(unexpected(other)),
        }
    }

    async fn attempt(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        let mut script = Step::script(&ATTEMPT);
        script.key(self.keys.challenge(key)).arg(&presented.as_bytes()[..]);
        let (outcome, fields) = self.link.run::<(String, Fields)>(&script).await?;
        match outcome.as_str() {
            "open" => decode(&fields).map(Some).map_err(|damage| StoreError::new(StoreErrorKind::Corrupt, damage)),
            "closed" => Ok(None),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    async fn find(&self, key: ChallengeKey, presented: TokenHash) -> Result<Option<Challenge>, StoreError> {
        let mut command = Step::command("HGETALL");
        command.key(self.keys.challenge(key));
        let fields: Fields = self.link.run(&command).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        let is_own = fields.get("token").is_some_and(|token| token[..] == presented.as_bytes()[..]);
        let is_used = fields.contains_key("session");
        let challenge = decode(&fields).map_err(|damage| StoreError::new(StoreErrorKind::Corrupt, damage))?;
        Ok(Some(challenge).filter(|challenge| is_own && !is_used && challenge.tries_left > 0))
    }

    async fn prove(&self, key: ChallengeKey, presented: TokenHash) -> Result<bool, StoreError> {
        let mut script = Step::script(&PROVE);
        script.key(self.keys.challenge(key)).arg(&presented.as_bytes()[..]);
        match self.link.run::<String>(&script).await?.as_str() {
            "proven" => Ok(true),
            "closed" => Ok(false),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }

    async fn consume(&self, key: ChallengeKey, presented: TokenHash, session: SessionId) -> Result<bool, StoreError> {
        let mut script = Step::script(&CONSUME);
        script.key(self.keys.challenge(key)).arg(&presented.as_bytes()[..]).arg(session.to_string());
        match self.link.run::<String>(&script).await?.as_str() {
            "used" => Ok(true),
            "closed" => Ok(false),
            "unreadable" => Err(record::unreadable()),
            other => Err(unexpected(other)),
        }
    }
}

fn encode(challenge: &Challenge) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("user", challenge.user.as_str().to_owned()),
        ("password", challenge.password.to_string()),
        ("tries", challenge.tries_left.to_string()),
    ];
    fields.extend(challenge.proven.then(|| ("proven", "1".to_owned())));
    fields.extend(challenge.device_name.clone().map(|device| ("device_name", device)));
    fields
}

fn decode(fields: &Fields) -> Result<Challenge, Damage> {
    if record::required::<String>(fields, "v")? != record::FORMAT {
        return Err(Damage::Format);
    }
    Ok(Challenge {
        user: UserId::new(record::required::<String>(fields, "user")?),
        password: record::required(fields, "password")?,
        device_name: record::optional(fields, "device_name")?,
        tries_left: record::required(fields, "tries")?,
        proven: record::optional::<u8>(fields, "proven")? == Some(1),
    })
}
