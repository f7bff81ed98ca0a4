//! Forms with files. Their operations are decided like any others; their files go on as they come.

use http::{header::CONTENT_TYPE, uri::PathAndQuery};

use super::{Attended, Ended, Graphql, asked::Decided, unreadable::Unreadable};
use crate::{
    graphql::{Admits, Carries, Encoding},
    http::{
        body::RequestBody,
        credentials::Identified,
        stage::Next,
        upload::{self, Form},
    },
};

impl Graphql {
    pub(super) async fn attend_form(
        &self,
        mut call: Identified,
        admits: Admits,
        body: RequestBody,
        boundary: &str,
        next: &impl Next<Identified>,
    ) -> Result<Attended, Unreadable> {
        let begun = Form::begin(body, boundary, self.body_limit);
        let form = tokio::time::timeout(self.body_timeout, begun).await.map_err(|_elapsed| Unreadable::TooSlow)??;
        let query = call.request.request.uri().query().unwrap_or_default().as_bytes();
        let asked = match self.asked(Some(Encoding::Json), Carries::All, query, &form.operations) {
            Ok(asked) => asked,
            Err(answer) => return Ok(Attended::Answered(self.translate(*answer, &call))),
        };
        let operations = match self.decided(asked, &call, Carries::All, admits) {
            Decided::Forward(understood) => understood.to_json(),
            // No auth operation takes a file.
            Decided::Run(_) if form.has_files() => return Err(Unreadable::FilesForNobody),
            Decided::Run(work) => match self.run(work, &call, next).await {
                Ended::Answered(response) => return Ok(Attended::Answered(response)),
                Ended::Forward(understood) => understood.to_json(),
            },
            Decided::Refuse(answer) => return Ok(Attended::Answered(self.translate(*answer, &call))),
        };
        let (body, content_type) =
            upload::relay(form, operations, &*self.entropy).map_err(|_| Unreadable::Unavailable)?;
        let path: PathAndQuery = call.request.request.uri().path().parse().map_err(|_| Unreadable::TooLong)?;
        *call.request.request.uri_mut() = path.into();
        call.request.request.headers_mut().insert(CONTENT_TYPE, content_type);
        *call.request.request.body_mut() = body;
        Ok(Attended::Forward(Box::new(call)))
    }
}
