//! Frames to messages and back, on both sides: bounded, without extensions, and with what is held in memory for each socket.

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

/// One side of a socket. Pings are answered by whoever reads from it.
pub(super) type Frames = WebSocketStream<TokioIo<Upgraded>>;

/// Read at once, and held for each side of a socket.
const READ_BUFFER: usize = 4096;
/// How long the other side may take to hear that a socket is closed.
const GOODBYE: Duration = Duration::from_secs(1);

/// The side of a socket that the gateway plays this role on; no message there is larger than this.
pub(super) async fn frames(upgraded: Upgraded, role: Role, largest: usize) -> Frames {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), role, Some(config)).await
}

/// The next text of a client's, or why there is none; `None` when it has said goodbye, or nothing has come for so long that it
/// is gone.
pub(super) async fn text_of(
    client: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    patience: Duration,
) -> Result<String, Option<Close>> {
    loop {
        let message = tokio::time::timeout(patience, client.next()).await.map_err(|_elapsed| None)?;
        match message {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Binary(_))) => return Err(Some(Close::INVALID)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
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
