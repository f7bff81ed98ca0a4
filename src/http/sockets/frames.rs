//! Frames to messages and back, on both sides: bounded, without extensions, and with what is held in memory for each socket.
//!
//! Pings are answered while messages are read, and what isn't taken of the answers is held here. A client that sends pings and
//! reads nothing could have any amount of it held; so whoever reads is told of pings, and sees to it that they are taken. On the
//! backend's side nothing is asked: what is held there has an end, and one that answers to its pings have filled is closed when
//! there is a message for it.

use std::time::Duration;

use futures_util::{SinkExt as _, Stream, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{Role, WebSocketConfig},
    },
};

use super::close::Close;
use crate::http::access::{Counted, Counts};

/// One side of a socket. Pings are answered by whoever reads from it.
pub(super) type Frames = WebSocketStream<Counted<TokioIo<Upgraded>>>;

/// Read at once, and held for each side of a socket.
const READ_BUFFER: usize = 4096;
/// What is held beside a message for a client that doesn't take it: the answers to its pings.
const SPARE: usize = 64 << 10;
/// Pings of a client's that are answered without a look at whether it takes the answers. Of 127 bytes at most, these fit into
/// [`SPARE`] several times over.
pub(super) const PINGS: usize = 32;
/// How long the other side may take to hear that a socket is closed.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// Largest messages on one side of a socket, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Largest {
    pub(super) heard: usize,
    pub(super) said: usize,
}

impl Largest {
    /// On the backend's side, for a client whose messages may be as large as this. What goes on of one is no longer than the
    /// client wrote it, but for the message around it.
    pub(super) const fn of_backend(result: usize, message: usize) -> Self {
        Self { heard: result, said: message }
    }

    fn config(self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(self.said.saturating_add(SPARE))
            .max_message_size(Some(self.heard))
            .max_frame_size(Some(self.heard))
    }
}

/// What comes from a client and matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Text(String),
    /// An answer to it is on its way.
    Ping,
}

/// The side of a socket that the gateway plays this role on.
pub(super) async fn frames(upgraded: Upgraded, counts: Counts, role: Role, largest: Largest) -> Frames {
    let config = largest.config();
    WebSocketStream::from_raw_socket(counts.of(TokioIo::new(upgraded)), role, Some(config)).await
}

/// What comes next from a client, or why there is nothing; `None` when it has said goodbye, or nothing has come for so long
/// that it is gone.
pub(super) async fn next_of(
    client: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    patience: Duration,
) -> Result<Heard, Option<Close>> {
    loop {
        let message = tokio::time::timeout(patience, client.next()).await.map_err(|_elapsed| None)?;
        match message {
            Some(Ok(Message::Text(text))) => return Ok(Heard::Text(text.as_str().to_owned())),
            Some(Ok(Message::Ping(_))) => return Ok(Heard::Ping),
            Some(Ok(Message::Binary(_))) => return Err(Some(Close::INVALID)),
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(error)) => return Err(Close::by_fault(&error)),
        }
    }
}

/// Says goodbye, and closes. What the other side still sends is read, lest it hears of a broken connection instead.
pub(super) async fn say_goodbye(mut frames: Frames, close: Option<Close>) {
    let _ = tokio::time::timeout(GOODBYE, async move {
        // Without a reason of ours the answer to the other side's goodbye is still to be sent.
        let sent = match close {
            Some(close) => frames.send(Message::Close(Some(close.into()))).await,
            None => frames.flush().await,
        };
        let mut stream = frames.into_inner();
        if sent.is_ok() && stream.shutdown().await.is_ok() {
            let mut unheard = [0; READ_BUFFER];
            while stream.read(&mut unheard).await.is_ok_and(|count| count > 0) {}
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use tokio_tungstenite::tungstenite::{
        Error, Message,
        protocol::{Role, WebSocket},
    };

    use super::{Largest, PINGS, SPARE};

    /// A client that has sent this, and takes nothing.
    struct Stuck(Cursor<Vec<u8>>);

    impl Read for Stuck {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    /// So many pings of a client's, each as long as may be, with a mask of zeros.
    fn pings(count: usize) -> Stuck {
        let ping = [[0x89, 0x80 | 125, 0, 0, 0, 0].as_slice(), [0; 125].as_slice()].concat();
        Stuck(Cursor::new(ping.repeat(count)))
    }

    /// Whether there is room for a message of this length after so many pings.
    fn has_room(count: usize, length: usize) -> bool {
        let largest = Largest { heard: 1000, said: 1000 };
        let mut socket = WebSocket::from_raw_socket(pings(count), Role::Server, Some(largest.config()));
        for _ in 0..count {
            assert!(matches!(socket.read(), Ok(Message::Ping(_))));
        }
        let said = socket.write(Message::text("x".repeat(length)));
        matches!(said, Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// A backend sends so many pings, without masks, and takes nothing.
    #[test]
    fn what_is_held_for_a_backend_has_an_end() {
        let ping = [[0x89, 125].as_slice(), [0; 125].as_slice()].concat();
        let (message, count) = (1000, 4 * SPARE / 125);
        let config = Largest::of_backend(1 << 20, message).config();
        let stuck = Stuck(Cursor::new(ping.repeat(count)));
        let mut socket = WebSocket::from_raw_socket(stuck, Role::Client, Some(config));
        for _ in 0..count {
            assert!(matches!(socket.read(), Ok(Message::Ping(_))));
        }
        let said = socket.write(Message::text("x".repeat(message)));
        assert!(matches!(said, Err(Error::WriteBufferFull(_))), "{said:?}");
    }

    #[test]
    fn answers_to_pings_take_no_more_than_their_place_and_leave_room_for_a_message() {
        assert!(has_room(8 * PINGS, 1000));
        assert!(!has_room(2 * SPARE / 125, 1000), "there is an end to it");
    }
}
