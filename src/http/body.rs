//! Bodies on their way: streamed, counted, never held in memory unless a document has to be read.

use std::{
    cell::{Cell, OnceCell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{sync::mpsc, time::Instant};

use super::{shadow::Kept, trailers};

/// Why a request's body did not come through.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// It is larger than the limit.
    #[error("the request's body is larger than the limit")]
    TooLarge,
    /// The client stopped sending, or what it sent isn't framed as it said.
    #[error("the client's body broke off")]
    Broken(#[source] hyper::Error),
    /// The client stopped sending a form half-way.
    #[error("the client's form broke off")]
    Gone,
    /// A form is not what it has to be; says what is wrong.
    #[error("{0}")]
    Malformed(&'static str),
}

/// When a body last moved on, and what became of it, seen from outside while it is being sent.
#[derive(Clone, Debug)]
pub(super) struct Progress(Rc<Moved>);

#[derive(Debug)]
struct Moved {
    last: Cell<Instant>,
    bytes: Cell<u64>,
    /// Of a form, which is read by what could go to another thread.
    form: OnceCell<Arc<AtomicU64>>,
    fault: Cell<Option<BodyFault>>,
    /// What came, where somebody is to look at it afterwards.
    kept: RefCell<Option<Kept>>,
}

/// The same as [`BodyError`], for those who see that an exchange failed and not why: HTTP/2 tells only that it was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFault {
    TooLarge,
    Broken,
    Malformed(&'static str),
}

impl Progress {
    pub(super) fn now() -> Self {
        let (bytes, form, fault) = (Cell::default(), OnceCell::new(), Cell::default());
        let kept = RefCell::default();
        Self(Rc::new(Moved { last: Cell::new(Instant::now()), bytes, form, fault, kept }))
    }

    pub(super) fn last(&self) -> Instant {
        self.0.last.get()
    }

    /// How much of the body has come.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.get() + self.0.form.get().map_or(0, |form| form.load(Ordering::Relaxed))
    }

    /// Where to count what comes of a form.
    pub(super) fn of_form(&self) -> Arc<AtomicU64> {
        Arc::clone(self.0.form.get_or_init(Arc::default))
    }

    /// A piece of it has come.
    fn came(&self, piece: &[u8]) {
        self.0.bytes.update(|bytes| bytes.saturating_add(piece.len() as u64));
        if let Some(kept) = &mut *self.0.kept.borrow_mut() {
            kept.add(piece);
        }
    }

    /// All of it has come.
    fn ended(&self) {
        if let Some(kept) = &mut *self.0.kept.borrow_mut() {
            kept.end();
        }
    }

    /// Has what comes from now on kept, too.
    pub(super) fn keep(&self, kept: Kept) {
        *self.0.kept.borrow_mut() = Some(kept);
    }

    /// What was kept, if it is the whole body.
    pub(super) fn kept(&self) -> Option<Bytes> {
        self.0.kept.borrow_mut().take()?.into_whole()
    }

    /// Why the body ended before its end, if it did.
    pub(super) fn fault(&self) -> Option<BodyFault> {
        self.0.fault.get()
    }

    fn moved(&self) {
        self.0.last.set(Instant::now());
    }

    fn failed(&self, error: BodyError) -> BodyError {
        self.0.fault.set(Some(match &error {
            BodyError::TooLarge => BodyFault::TooLarge,
            BodyError::Broken(_) | BodyError::Gone => BodyFault::Broken,
            BodyError::Malformed(what) => BodyFault::Malformed(what),
        }));
        error
    }
}

/// A request's body on its way to the backend. Its [trailers] go along where it is streamed as it comes.
#[derive(Debug)]
pub(super) enum RequestBody {
    /// None.
    Empty,
    /// All of it, read already.
    Whole(Bytes),
    /// As the client sends it, up to `left` more bytes.
    Stream {
        /// The rest.
        incoming: Incoming,
        /// How much more may come.
        left: u64,
        /// When something last came.
        progress: Progress,
    },
    /// Made while the client still sends.
    Relayed(Relayed),
}

/// The pieces of a body that is being made.
#[derive(Debug)]
pub(super) struct Relayed {
    pieces: mpsc::Receiver<Result<Bytes, BodyError>>,
    /// How long it will be in the end, if that is known.
    length: Option<u64>,
    progress: Progress,
}

impl Relayed {
    pub(super) fn new(pieces: mpsc::Receiver<Result<Bytes, BodyError>>, length: Option<u64>) -> Self {
        Self { pieces, length, progress: Progress::now() }
    }
}

impl RequestBody {
    /// A client's body. `Err` when it says itself that it is larger than `limit`.
    pub(super) fn from_client(incoming: Incoming, limit: u64) -> Result<Self, BodyError> {
        if incoming.is_end_stream() {
            return Ok(Self::Empty);
        }
        if incoming.size_hint().lower() > limit {
            return Err(BodyError::TooLarge);
        }
        Ok(Self::Stream { incoming, left: limit, progress: Progress::now() })
    }

    /// Watches the body. One that is there already has moved on for the last time.
    pub(super) fn progress(&self) -> Progress {
        match self {
            Self::Empty | Self::Whole(_) => Progress::now(),
            Self::Stream { progress, .. } | Self::Relayed(Relayed { progress, .. }) => progress.clone(),
        }
    }

    /// The same once more; `None` where it comes from the client while it is sent.
    pub(super) fn copied(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Stream { .. } | Self::Relayed(_) => None,
        }
    }

    /// Whether trailers may come behind it.
    pub(super) const fn may_have_trailers(&self) -> bool {
        matches!(self, Self::Stream { .. })
    }

    /// Watches the body, if a client sends it.
    pub(super) const fn client_progress(&self) -> Option<&Progress> {
        match self {
            Self::Stream { progress, .. } => Some(progress),
            Self::Empty | Self::Whole(_) | Self::Relayed(_) => None,
        }
    }

    pub(super) const fn is_absent(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Reads all of it, up to `limit` bytes.
    pub(super) async fn collect(self, limit: usize) -> Result<Bytes, BodyError> {
        let (mut incoming, limit, progress) = match self {
            Self::Empty => return Ok(Bytes::new()),
            Self::Whole(bytes) => return Ok(bytes),
            Self::Stream { incoming, left, progress } => {
                (incoming, limit.min(usize::try_from(left).unwrap_or(usize::MAX)), progress)
            }
            // What is made here is not read here.
            Self::Relayed(_) => return Err(BodyError::Gone),
        };
        if incoming.size_hint().lower() > limit as u64 {
            return Err(BodyError::TooLarge);
        }
        // Nearly every document comes in one piece, which needs no copy.
        let mut first = Bytes::new();
        let mut whole: Vec<u8> = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
            progress.came(&data);
            if first.len() + whole.len() + data.len() > limit {
                return Err(BodyError::TooLarge);
            }
            if first.is_empty() && whole.is_empty() {
                first = data;
                continue;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
        Ok(if whole.is_empty() { first } else { whole.into() })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (incoming, left, progress) = match &mut *self {
            Self::Empty => return Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Self::Stream { incoming, left, progress } => (incoming, left, progress),
            Self::Relayed(Relayed { pieces, progress, .. }) => {
                let piece = ready!(pieces.poll_recv(cx));
                progress.moved();
                return Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(|error| progress.failed(error))));
            }
        };
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        progress.moved();
        let Some(frame) = frame else {
            progress.ended();
            return Poll::Ready(None);
        };
        let frame = frame.map_err(|error| progress.failed(BodyError::Broken(error)))?;
        let Some(data) = frame.data_ref() else { return Poll::Ready(trailers::fit(frame).map(Ok)) };
        progress.came(data);
        // Nobody asks for what comes behind it.
        if incoming.is_end_stream() {
            progress.ended();
        }
        let Some(rest) = left.checked_sub(data.len() as u64) else {
            return Poll::Ready(Some(Err(progress.failed(BodyError::TooLarge))));
        };
        *left = rest;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream { incoming, .. } => incoming.is_end_stream(),
            Self::Relayed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream { incoming, .. } => incoming.size_hint(),
            Self::Relayed(Relayed { length, .. }) => length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
