//! Several requests in one body. Each is planned as it would be alone; the limits count over all of them, so that a batch
//! is no way to a hundred passwords, or to the work of a hundred documents, in one request.

use serde_json::Value;

use super::{
    super::{Answer, Entry, Request, error::GraphqlError},
    Admits, Carries, Owned, Plan, Planner,
};
use crate::model::Asker;

/// What happens to a batch.
#[derive(Debug)]
pub enum BatchPlan {
    /// None of it runs an owned field: the backend gets these in canonical form, as a batch.
    Forward(Vec<Request>),
    /// One after the other.
    Run(Vec<Planned>),
}

/// One request of a batch, and what happens to it.
#[derive(Debug)]
pub struct Planned {
    /// The client's number of it.
    pub id: Option<Value>,
    /// What is done about it.
    pub task: Task,
}

/// What is done about one request of a batch.
#[derive(Debug)]
pub enum Task {
    /// The backend is asked it, alone.
    Relay(Request),
    /// Owned fields to run here, and what the backend is asked beside them.
    Run(Box<Owned>),
    /// It is answered without anything having run. The others go on, as they do in graphene-django.
    Refuse(Box<Answer>),
}

impl Planner {
    /// What happens to the requests of a batch, by POST.
    ///
    /// # Errors
    /// The answer to give when they are too many, or too much together; nothing has run.
    pub fn plan_batch(&self, entries: Vec<Entry>, admits: Admits, asker: Asker<'_>) -> Result<BatchPlan, Box<Answer>> {
        if entries.len() > self.limits.batch {
            return Err(too_large("requests", self.limits.batch));
        }
        // Tokens and the time that they cost are bounded by bytes.
        let sizes =
            entries.iter().filter_map(|entry| entry.request.as_ref().ok()).map(|request| request.document.len());
        if sizes.sum::<usize>() > self.limits.bytes {
            return Err(too_large("bytes of documents", self.limits.bytes));
        }
        let planned: Vec<Planned> = entries.into_iter().map(|entry| self.planned(entry, admits, asker)).collect();
        if planned.iter().map(Planned::operations).sum::<usize>() > self.limits.operations {
            return Err(too_large("operations", self.limits.operations));
        }
        if planned.iter().filter(|planned| planned.is_about_the_schema()).count() > 1 {
            return Err(too_large("requests about the schema", 1));
        }
        // A number is kept from the backend: some could take it for the name of a stored document.
        if planned.iter().all(|planned| matches!(planned.task, Task::Relay(_)) && planned.id.is_none()) {
            return Ok(BatchPlan::Forward(planned.into_iter().filter_map(Planned::relayed).collect()));
        }
        Ok(BatchPlan::Run(planned))
    }

    fn planned(&self, Entry { id, request }: Entry, admits: Admits, asker: Asker<'_>) -> Planned {
        let task = match request {
            Ok(request) => match self.plan(&request, Carries::All, admits, asker) {
                Plan::Forward => Task::Relay(request),
                Plan::Run(owned) => Task::Run(owned),
                Plan::Refuse(answer) => Task::Refuse(answer),
            },
            Err(answer) => Task::Refuse(answer),
        };
        Planned { id, task }
    }
}

impl Planned {
    /// The owned fields that run for it.
    #[must_use]
    pub fn owned(&self) -> Option<&Owned> {
        match &self.task {
            Task::Run(owned) => Some(owned),
            Task::Relay(_) | Task::Refuse(_) => None,
        }
    }

    fn operations(&self) -> usize {
        match &self.task {
            Task::Run(owned) => owned.operations(),
            Task::Relay(_) | Task::Refuse(_) => 0,
        }
    }

    /// Its answer may be so large that one is enough.
    fn is_about_the_schema(&self) -> bool {
        match &self.task {
            Task::Run(owned) => owned.introspection.is_some(),
            Task::Relay(_) | Task::Refuse(_) => false,
        }
    }

    fn relayed(self) -> Option<Request> {
        match self.task {
            Task::Relay(request) => Some(request),
            Task::Run(_) | Task::Refuse(_) => None,
        }
    }
}

fn too_large(what: &str, limit: usize) -> Box<Answer> {
    let message = format!("The batch is too large: it has too many {what} (the limit is {limit}). Send a smaller one.");
    Answer::invalid(GraphqlError::new(message).with_code("BATCH_TOO_LARGE"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        graphql::{Limits, decode_batch, schema::Schema},
        model::Asker,
    };

    const LOGIN: &str = "mutation{login(username:\\\"u\\\",password:\\\"p\\\"){ok}}";

    fn plan(documents: &[&str]) -> Result<BatchPlan, Box<Answer>> {
        let limits = Limits { bytes: 400, tokens: 100, depth: 9, operations: 3, fields: 50, batch: 4 };
        let entries: Vec<String> = documents.iter().map(|document| format!(r#"{{"query":"{document}"}}"#)).collect();
        let entries = decode_batch(b"", format!("[{}]", entries.join(",")).as_bytes()).unwrap();
        Planner::new(Arc::new(Schema::embedded().unwrap()), limits).plan_batch(
            entries,
            Admits::Everything,
            Asker::Nobody,
        )
    }

    fn refused(documents: &[&str]) -> String {
        String::from_utf8(plan(documents).unwrap_err().body).unwrap()
    }

    #[test]
    fn what_is_the_backends_alone_goes_to_it_as_it_is() {
        let Ok(BatchPlan::Forward(requests)) = plan(&["{a}", "{b{login{id}}}"]) else { panic!("not forwarded") };
        assert_eq!(
            requests.iter().map(|request| request.document.as_str()).collect::<Vec<_>>(),
            ["{a}", "{b{login{id}}}"]
        );
        let entries = decode_batch(b"", br#"[{"query":"{a}","id":1}]"#).unwrap();
        let limits = Limits { bytes: 400, tokens: 100, depth: 9, operations: 3, fields: 50, batch: 4 };
        let planner = Planner::new(Arc::new(Schema::embedded().unwrap()), limits);
        assert!(
            matches!(planner.plan_batch(entries, Admits::Everything, Asker::Nobody), Ok(BatchPlan::Run(_))),
            "the number stays here"
        );
    }

    #[test]
    fn each_is_planned_as_it_would_be_alone() {
        let Ok(BatchPlan::Run(planned)) = plan(&["{a}", LOGIN, "{", "mutation{login}"]) else { panic!("forwarded") };
        let [Task::Relay(_), Task::Run(_), Task::Refuse(_), Task::Refuse(_)] =
            [&planned[0].task, &planned[1].task, &planned[2].task, &planned[3].task]
        else {
            panic!("{planned:?}")
        };
    }

    #[test]
    fn limits_count_over_all_of_them() {
        let three = "mutation{a:logout{ok} ...@skip(if:false){b:logout{ok}} __typename c:logout{ok}}";
        assert!(plan(&[LOGIN, LOGIN, LOGIN]).is_ok() && plan(&[three, "{a}"]).is_ok());
        assert!(refused(&[LOGIN, LOGIN, LOGIN, LOGIN]).contains("operations (the limit is 3)"));
        assert!(refused(&[three, LOGIN]).contains("operations"));
        assert!(refused(&["{a}"; 5]).contains("requests (the limit is 4)"));
        let schema = "{__schema{description}}";
        assert!(plan(&[schema, "{a}"]).is_ok());
        assert!(refused(&[schema, "{a}", schema]).contains("schema (the limit is 1)"));
        let long = format!("{{a}} # {}", "x".repeat(200));
        assert!(plan(&[&long]).is_ok() && refused(&[&long, &long]).contains("bytes"));
    }
}
