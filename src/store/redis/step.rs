//! One atomic step: a command, or a script with all of its keys.

use redis::{
    Cmd, ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind, ToRedisArgs, aio::MultiplexedConnection, cmd,
};

use super::link::slot_of;

/// What is run on a server at once.
pub(super) struct Step<'s> {
    does: Does<'s>,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Does<'s> {
    /// A command that takes its keys first.
    Command(&'static str),
    Script(&'s Script),
}

impl<'s> Step<'s> {
    pub(super) const fn command(name: &'static str) -> Self {
        Self::new(Does::Command(name))
    }

    pub(super) const fn script(script: &'s Script) -> Self {
        Self::new(Does::Script(script))
    }

    const fn new(does: Does<'s>) -> Self {
        Self { does, keys: Vec::new(), args: Vec::new() }
    }

    /// Adds a key.
    pub(super) fn key(&mut self, key: String) -> &mut Self {
        self.keys.push(key);
        self
    }

    /// Adds an argument, or several.
    pub(super) fn arg(&mut self, value: impl ToRedisArgs) -> &mut Self {
        value.write_redis_args(&mut self.args);
        self
    }

    /// Sends it and waits for the reply. A server that doesn't know the script, such as one that has just become the
    /// primary, is given it.
    pub(super) async fn run<T: FromRedisValue>(&self, connection: &mut MultiplexedConnection) -> RedisResult<T> {
        let outcome = self.built().query_async(connection).await;
        match (self.does, outcome) {
            (Does::Script(script), Err(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script.load_async(connection).await?;
                self.built().query_async(connection).await
            }
            (_, outcome) => outcome,
        }
    }

    /// The same on a node of a cluster to which the keys are just moving, and which takes it only when told so.
    pub(super) async fn run_asking<T: FromRedisValue>(&self, connection: &mut MultiplexedConnection) -> RedisResult<T> {
        if let Does::Script(script) = self.does {
            script.load_async(connection).await?;
        }
        // In one piece: what it says holds for the command that follows, and others send on this connection, too.
        let mut both = redis::pipe();
        both.cmd("ASKING").ignore().add_command(self.built());
        let (reply,): (T,) = both.query_async(connection).await?;
        Ok(reply)
    }

    /// Where a cluster has its keys, which are all in one slot.
    pub(super) fn slot(&self) -> u16 {
        self.keys.first().map_or(0, |key| slot_of(key))
    }

    fn built(&self) -> Cmd {
        let mut built = match self.does {
            Does::Command(name) => cmd(name),
            Does::Script(script) => {
                let mut built = cmd("EVALSHA");
                built.arg(script.get_hash()).arg(self.keys.len());
                built
            }
        };
        built.arg(&self.keys).arg(&self.args);
        built
    }
}
