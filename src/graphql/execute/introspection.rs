//! Root fields about the schema: the backend is asked for its own, as the caller that arrived.

use std::sync::Arc;

use serde_json::Value;

use super::{Run, Shown, backend::Halt};
use crate::{
    auth::Commands,
    graphql::{
        Backend, Errand, Request, Said, Whom,
        error::too_complex,
        introspection::{self, Features, Unanswered},
        plan::{Instead, Introspection, Part},
    },
};

impl<C: Commands, B: Backend> Run<'_, C, B> {
    /// Answers them before anything runs; returns what is to be asked instead, where the backend does not show its schema.
    pub(super) async fn introspect<'i>(
        &mut self,
        introspection: &'i Introspection,
    ) -> Result<Option<&'i Part>, Halt<B::Error>> {
        // An errand has neither the client's cookies nor its method: what it was answered is not for the client.
        let schema = self.schema().await.ok().flatten();
        let (own, asked) = (Arc::clone(&introspection.own), Arc::clone(&introspection.asked));
        let values = match schema {
            Some(schema) => introspection::answer(schema, own, asked).await,
            None => Err(Unanswered::NoSchema),
        };
        match values {
            Ok(values) => {
                let keys = introspection.asked.iter().map(|asked| asked.key.clone());
                self.data.extend(keys.zip(values.into_iter().map(Shown::Said)));
                Ok(None)
            }
            Err(Unanswered::TooLarge) => Err(Halt::Invalid(vec![too_large()])),
            Err(Unanswered::NoSchema) => match &introspection.instead {
                Instead::Whole(request) => Err(Halt::Forward(request.clone())),
                Instead::Part(part) => Ok(Some(part)),
            },
        }
    }

    /// All that the backend says of its schema; `None` when it does not say.
    async fn schema(&mut self) -> Result<Option<Said>, B::Error> {
        let Some(features) = Features::read(self.inquire(introspection::about()).await?) else { return Ok(None) };
        self.inquire(features.everything()).await.map(Some)
    }

    async fn inquire(&mut self, request: Request) -> Result<Said, B::Error> {
        Errand { request, whom: Whom::Arrived }.send(self.backend).await
    }
}

fn too_large() -> Value {
    too_complex("its answer would be too large, in bytes", introspection::ANSWER_LIMIT).to_json()
}
