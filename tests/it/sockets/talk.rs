//! Both ends of a GraphQL socket by hand: a client, and a backend that notes what it is told.

use std::{
    io,
    net::TcpStream,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{CloseFrame, Role, WebSocket},
};

use super::{head, is_silence, send, status, upgrade};
use crate::support::stub::{Received, Stub};

pub(crate) const CURRENT: &str = "graphql-transport-ws";
pub(crate) const OLDER: &str = "graphql-ws";

/// A client's end.
pub(crate) struct Talk {
    socket: WebSocket<TcpStream>,
}

impl Talk {
    /// A socket that is open, of which nobody has said anything yet.
    pub(crate) fn open(port: u16, path: &str, dialect: &str, headers: &str) -> Self {
        let offer =
            format!("Sec-WebSocket-Protocol: soap, {dialect}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
        let mut stream = send(port, upgrade(path, &format!("{offer}{headers}")).as_bytes());
        let head = head(&mut stream).to_lowercase();
        assert_eq!(status(&head), 101, "{head}");
        assert!(head.contains(&format!("sec-websocket-protocol: {dialect}\r\n")), "{head}");
        assert!(!head.contains("extensions"), "{head}");
        Self { socket: WebSocket::from_raw_socket(stream, Role::Client, None) }
    }

    /// One past its handshake.
    pub(crate) fn begun(port: u16, path: &str, payload: Value) -> Self {
        let mut talk = Self::open(port, path, CURRENT, "");
        talk.init(payload);
        talk
    }

    /// Says who it is, and is let in.
    pub(crate) fn init(&mut self, payload: Value) {
        self.say(json!({ "type": "connection_init", "payload": payload }));
        assert_eq!(self.hear()["type"], json!("connection_ack"));
    }

    pub(crate) fn say(&mut self, message: Value) {
        self.say_text(&message.to_string());
    }

    pub(crate) fn say_text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    pub(crate) fn send(&mut self, message: Message) {
        self.socket.send(message).expect("sent");
    }

    pub(crate) fn subscribe(&mut self, id: &str, document: &str) {
        self.say(json!({ "type": "subscribe", "id": id, "payload": { "query": document } }));
    }

    /// The next message.
    pub(crate) fn hear(&mut self) -> Value {
        loop {
            match self.socket.read().expect("a message") {
                Message::Text(text) => return serde_json::from_str(text.as_str()).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Has an operation answered, or else is told why the socket is closed; of one that breaks off nobody says why.
    pub(crate) fn operation(&mut self) -> Result<(), Option<u16>> {
        let asked = json!({ "type": "subscribe", "id": "one", "payload": { "query": "{ once }" } });
        // What was said before a socket was closed is still there to be read.
        let _sent = self.socket.send(Message::text(asked.to_string()));
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) if text.as_str().contains("complete") => return Ok(()),
                Ok(Message::Close(frame)) => return Err(frame.map(|frame| frame.code.into())),
                Ok(_) => {}
                Err(_gone) => return Err(None),
            }
        }
    }

    /// The code that the socket is closed with; nothing is said before.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> u16 {
        self.closed_because().0
    }

    #[track_caller]
    pub(crate) fn closed_because(&mut self) -> (u16, String) {
        loop {
            match self.socket.read() {
                Ok(Message::Close(Some(frame))) => return (frame.code.into(), frame.reason.as_str().to_owned()),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The connection ends in time, without a word but pings.
    pub(crate) fn is_given_up(&mut self, in_time: Duration) -> bool {
        let begun = Instant::now();
        self.stream().set_read_timeout(Some(in_time)).expect("a timeout");
        while begun.elapsed() < in_time {
            match self.socket.read() {
                Ok(Message::Ping(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(Error::Io(error)) => return !is_silence(&error),
                Err(_gone) => return true,
            }
        }
        false
    }

    /// The connection itself, for what no client would send.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.socket.get_mut()
    }

    /// What is said is answered.
    #[track_caller]
    pub(crate) fn is_alive(&mut self) {
        self.subscribe("alive", "{ once }");
        assert_eq!(self.hear()["type"], json!("next"));
        assert_eq!(self.hear(), json!({ "id": "alive", "type": "complete" }));
    }
}

/// A backend's end: agrees to everything, answers each operation with one result, and ends those that ask for `once`.
pub(crate) struct Listener {
    pub(crate) stub: Stub,
    heard: Arc<Mutex<Vec<String>>>,
    orders: mpsc::Sender<Order>,
}

/// What a test has a backend do, when it next hears `{ order }`.
pub(crate) enum Order {
    /// Says this.
    Say(Value),
    Close(u16, &'static str),
    /// Breaks off.
    Vanish,
    /// Says so much that it has to wait for the client, and tells how many bytes it could say.
    Flood(mpsc::Sender<usize>),
    /// Says something so many times, every 300 ms.
    Tick(usize),
    /// Asks without end whether the gateway is there, takes nothing more, and tells when it has asked for long.
    Deaf(mpsc::Sender<()>),
}

impl Listener {
    pub(crate) fn start() -> Self {
        Self::beside(|_, stream| io::Write::write_all(stream, crate::support::stub::answer("", "{}").as_bytes()))
    }

    /// One that answers by this handler what is no socket.
    pub(crate) fn beside(other: impl Fn(&Received, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let (heard, (orders, taken)) = (Arc::new(Mutex::new(Vec::new())), mpsc::channel());
        let (noted, taken) = (Arc::clone(&heard), Mutex::new(taken));
        let stub = Stub::with(move |received: &Received, stream: &mut TcpStream| {
            if received.all("Upgrade").is_empty() {
                return other(received, stream);
            }
            io::Write::write_all(stream, agreed(received).as_bytes())?;
            let socket = WebSocket::from_raw_socket(stream.try_clone()?, Role::Server, None);
            let _ended = converse(socket, &noted, &taken);
            Err(io::ErrorKind::ConnectionAborted.into())
        });
        Self { stub, heard, orders }
    }

    /// What it was told so far, to the letter.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// The payload of the one `connection_init`; the log is empty afterwards.
    pub(crate) fn take_init(&self) -> Value {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        let init: Value = serde_json::from_str(&heard[0]).unwrap();
        assert_eq!(init["type"], json!("connection_init"), "{heard:?}");
        init["payload"].clone()
    }

    pub(crate) fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }
}

/// The answer that agrees to an upgrade.
pub(crate) fn agreed(received: &Received) -> String {
    let digest = Sha1::new()
        .chain_update(received.all("Sec-WebSocket-Key").join(""))
        .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        .finalize();
    let (accept, protocol) = (STANDARD.encode(digest), received.all("Sec-WebSocket-Protocol").join(""));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
    )
}

fn converse(
    mut socket: WebSocket<TcpStream>,
    noted: &Mutex<Vec<String>>,
    orders: &Mutex<mpsc::Receiver<Order>>,
) -> Result<(), Error> {
    loop {
        let Message::Text(text) = socket.read()? else { continue };
        noted.lock().unwrap().push(text.as_str().to_owned());
        let message: Value = serde_json::from_str(text.as_str()).unwrap();
        let id = &message["id"];
        match message["type"].as_str().unwrap() {
            "connection_init" => socket.send(Message::text(r#"{"type":"connection_ack","payload":{"stub":1}}"#))?,
            "subscribe" | "start" => {
                let document = message["payload"]["query"].as_str().unwrap();
                if document.contains("order") {
                    obey(&mut socket, orders.lock().unwrap().recv().unwrap())?;
                    continue;
                }
                let next = json!({ "id": id, "type": "next", "payload": { "data": { "n": 1 } } });
                socket.send(Message::text(next.to_string()))?;
                if document.contains("once") {
                    socket.send(Message::text(json!({ "id": id, "type": "complete" }).to_string()))?;
                }
            }
            "ping" => socket.send(Message::text(r#"{"type":"pong"}"#))?,
            _ => {}
        }
    }
}

fn obey(socket: &mut WebSocket<TcpStream>, order: Order) -> Result<(), Error> {
    match order {
        Order::Say(message) => socket.send(Message::text(message.to_string())),
        Order::Close(code, reason) => socket.close(Some(CloseFrame { code: code.into(), reason: reason.into() })),
        Order::Vanish => Err(Error::ConnectionClosed),
        Order::Tick(count) => {
            let message = json!({ "id": "x", "type": "next", "payload": { "data": { "n": 1 } } }).to_string();
            for _ in 0..count {
                std::thread::sleep(Duration::from_millis(300));
                socket.send(Message::text(message.clone()))?;
            }
            Ok(())
        }
        Order::Deaf(tell) => {
            for _ in 0..300_000 {
                socket.send(Message::Ping(vec![b'x'; 125].into()))?;
            }
            tell.send(()).unwrap();
            std::thread::sleep(Duration::from_secs(300));
            Err(Error::ConnectionClosed)
        }
        Order::Flood(tell) => {
            socket.get_mut().set_write_timeout(Some(Duration::from_secs(2))).unwrap();
            let message = json!({ "id": "x", "type": "next", "payload": "x".repeat(100_000) }).to_string();
            let mut said = 0;
            while said < 200_000_000 && socket.send(Message::text(message.clone())).is_ok() {
                said += message.len();
            }
            tell.send(said).unwrap();
            Err(Error::ConnectionClosed)
        }
    }
}
