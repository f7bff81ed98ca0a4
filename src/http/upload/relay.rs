//! The form as the backend gets it, made while the client still sends.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::HeaderValue;
use multer::Field;
use tokio::sync::mpsc;

use super::{
    Form, FormError, MAP, Map, OPERATIONS,
    disposition::{Disposition, media_type},
};
use crate::{
    http::body::{BodyError, Relayed, RequestBody},
    model::{Entropy, NoEntropy},
};

/// Pieces that may wait for the backend; the client is not read further until it takes them.
const WAITING: usize = 2;
/// What a part's frame may be longer than the client's: the boundary, spelled-out headers.
const FRAME_GROWTH: u64 = 512;
/// What is sent at once to fill up: empty lines, since Django takes a long line behind the form for a part's header that is
/// too large.
const PADDING: &[[u8; 2]; 2048] = &[*b"\r\n"; 2048];

/// The body for the backend, and the `Content-Type` that it has. `operations` is the canonical text of what was decided.
///
/// Where the client said how long its form is, the backend is told a length, too, since some (Django) read no form without
/// one. It can only be known in the end, so it is made a little longer than the form can become, and filled up with empty
/// lines behind it, where nobody reads (RFC 2046 §5.1.1).
///
/// # Errors
/// When there are no random bytes for a boundary.
pub(in crate::http) fn relay(
    form: Form,
    operations: Vec<u8>,
    entropy: &dyn Entropy,
) -> Result<(RequestBody, HeaderValue), NoEntropy> {
    // What can't be guessed can't be in a file.
    let boundary = entropy.bytes::<16>()?.iter().fold("railgate".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    let content_type =
        HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}")).map_err(|_| NoEntropy)?;
    let length = form.length.map(|length| {
        let frames = (form.map.names.len() as u64 + 3) * FRAME_GROWTH;
        length + operations.len() as u64 + form.map.text.len() as u64 + frames
    });
    let (pieces, body) = mpsc::channel(WAITING);
    let mut line = Line { boundary, pieces, sent: 0 };
    tokio::task::spawn_local(async move {
        if let Err(Stopped::Form(error)) = line.send(form, operations, length).await {
            // Nobody hears of it when the backend has gone meanwhile.
            let _ = line.pieces.send(Err(error.into())).await;
        }
    });
    Ok((RequestBody::Relayed(Relayed::new(body, length)), content_type))
}

/// Why the form does not come to its end.
enum Stopped {
    Form(FormError),
    /// The exchange with the backend is over.
    Backend,
}

impl<E: Into<FormError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Form(error.into())
    }
}

/// The way to the backend.
struct Line {
    boundary: String,
    pieces: mpsc::Sender<Result<Bytes, BodyError>>,
    sent: u64,
}

impl Line {
    async fn send(&mut self, form: Form, operations: Vec<u8>, length: Option<u64>) -> Result<(), Stopped> {
        let Form { map: Map { text: map, mut names }, mut rest, .. } = form;
        for (name, value) in [(OPERATIONS, operations), (MAP, map.into_bytes())] {
            let head = format!("--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n", self.boundary);
            self.pass([head.as_bytes(), &value, b"\r\n"].concat()).await?;
        }
        while let Some(field) = rest.next_field().await.map_err(FormError::from)? {
            self.send_file(field, &mut names).await?;
        }
        if !names.is_empty() {
            return Err(FormError::Malformed("'map' names a file that does not come.").into());
        }
        self.pass(format!("--{}--\r\n", self.boundary)).await?;
        self.fill_up(length).await
    }

    async fn send_file(&mut self, mut field: Field<'_>, names: &mut BTreeSet<String>) -> Result<(), Stopped> {
        let Disposition { name, file_name } = Disposition::of(&field)?;
        if !names.remove(&name) {
            return Err(FormError::Malformed("A part of the form is not named in 'map', or comes twice.").into());
        }
        let Some(file_name) = file_name else {
            return Err(FormError::Malformed("A part of the form is no file: it has no file name.").into());
        };
        let kind = media_type(&field);
        let kind = kind.to_str().unwrap_or("application/octet-stream");
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
             Content-Type: {kind}\r\n\r\n",
            self.boundary
        );
        self.pass(head).await?;
        while let Some(piece) = field.chunk().await.map_err(FormError::from)? {
            self.pass(piece).await?;
        }
        self.pass(Bytes::from_static(b"\r\n")).await
    }

    async fn fill_up(&mut self, length: Option<u64>) -> Result<(), Stopped> {
        let mut left = length.unwrap_or(self.sent).saturating_sub(self.sent);
        while left > 0 {
            let padding = PADDING.as_flattened();
            let count = usize::try_from(left).unwrap_or(padding.len()).min(padding.len());
            self.pass(Bytes::from_static(&padding[..count])).await?;
            left -= count as u64;
        }
        Ok(())
    }

    async fn pass(&mut self, piece: impl Into<Bytes>) -> Result<(), Stopped> {
        let piece = piece.into();
        self.sent += piece.len() as u64;
        self.pieces.send(Ok(piece)).await.map_err(|_| Stopped::Backend)
    }
}
