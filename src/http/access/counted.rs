//! A client's side of a socket, whose bytes are counted.

use std::{
    cell::Cell,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that have come and gone. The clones are the same counts.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Counts(Rc<(Cell<u64>, Cell<u64>)>);

impl Counts {
    /// The stream, counted.
    pub(in crate::http) fn of<S>(self, stream: S) -> Counted<S> {
        Counted { stream, counts: self }
    }

    pub(super) fn received(&self) -> u64 {
        self.0.0.get()
    }

    pub(super) fn sent(&self) -> u64 {
        self.0.1.get()
    }

    fn wrote(&self, wrote: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = wrote {
            self.0.1.update(|sent| sent.saturating_add(*count as u64));
        }
    }
}

/// A stream, and the counts of what goes through it.
#[derive(Debug)]
pub(in crate::http) struct Counted<S> {
    stream: S,
    counts: Counts,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        self.counts.0.0.update(|received| received.saturating_add(count as u64));
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.counts.wrote(&wrote);
        wrote
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.counts.wrote(&wrote);
        wrote
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
