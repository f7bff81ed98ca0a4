//! Frames as they come: what is one message in several is one, what is none is refused by the code that says why.

use std::{io::Write as _, time::Duration};

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::talk::{CURRENT, Listener, Talk};
use crate::support::gateway::{AUTH, Gateway, Setup};

const FINAL: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CONTINUATION: u8 = 0;
const PING: u8 = 9;

/// A frame of a client's: these first bits, masked.
fn frame(bits: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];
    let mut frame = vec![bits];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn gateway(backend: &Listener) -> Gateway {
    Setup::before(&backend.stub, "[websocket]\nmax_message = \"8KiB\"\n").start()
}

#[test]
fn a_message_in_pieces_is_one_whatever_comes_between_them() {
    let backend = Listener::start();
    let gateway = gateway(&backend);
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    let text = r#"{"type":"subscribe","id":"1","payload":{"query":"mutation { log"#;
    let pieces = [
        frame(TEXT, text.as_bytes()),
        frame(FINAL | PING, b"between"),
        frame(CONTINUATION, b"out { ok } "),
        frame(CONTINUATION, b""),
        frame(FINAL | CONTINUATION, b"}\"}}"),
    ];
    talk.stream().write_all(&pieces.concat()).unwrap();
    let refusal = talk.hear();
    assert_eq!(refusal["payload"][0]["extensions"]["code"], json!("HTTP_ONLY"), "{refusal}");
    for byte in frame(FINAL | TEXT, br#"{"type":"subscribe","id":"2","payload":{"query":"{ once }"}}"#) {
        talk.stream().write_all(&[byte]).unwrap();
    }
    assert_eq!((&talk.hear()["id"], talk.hear()["type"].clone()), (&json!("2"), json!("complete")));
    assert_eq!(backend.heard().len(), 2, "{:?}", backend.heard());
}

#[test]
fn what_is_no_frame_is_refused_and_nothing_of_it_goes_on() {
    let backend = Listener::start();
    let gateway = gateway(&backend);
    let subscribe = br#"{"type":"subscribe","id":"1","payload":{"query":"{ once }"}}"#;
    let unmasked = [&[FINAL | TEXT, subscribe.len() as u8], subscribe.as_slice()].concat();
    let large = "x".repeat(9_000);
    for (bytes, code, what) in [
        (unmasked, 1002, "unmasked"),
        (frame(FINAL | 0x40 | TEXT, subscribe), 1002, "compressed"),
        (frame(FINAL | 3, subscribe), 1002, "an unknown kind"),
        (frame(FINAL | CONTINUATION, subscribe), 1002, "nothing to continue"),
        ([frame(TEXT, b"{"), frame(FINAL | TEXT, subscribe)].concat(), 1002, "a message within another"),
        (frame(PING, b""), 1002, "a control frame in pieces"),
        (frame(FINAL | PING, &[0; 126]), 1002, "a long control frame"),
        (frame(FINAL | TEXT, b"{\"type\":\"\xff\"}"), 1007, "no UTF-8"),
        (frame(FINAL | TEXT, large.as_bytes()), 1009, "too large"),
        ([frame(TEXT, &large.as_bytes()[..5_000]), frame(FINAL, &large.as_bytes()[..5_000])].concat(), 1009, "in sum"),
        (frame(FINAL | BINARY, subscribe), 4400, "binary"),
        (frame(FINAL | TEXT, b"{"), 4400, "no JSON"),
    ] {
        let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
        talk.stream().write_all(&bytes).unwrap();
        assert_eq!(talk.closed(), code, "{what}");
        let heard = backend.heard();
        assert!(heard.iter().all(|text| text.contains("connection_init")), "{what}: {heard:?}");
        // Before anybody has said who it is, too.
        let mut talk = Talk::open(gateway.port, AUTH, CURRENT, "");
        talk.stream().write_all(&bytes).unwrap();
        assert_eq!(talk.closed(), code, "{what}, first");
    }
}

#[test]
fn a_client_that_takes_nothing_stops_the_backend_and_costs_no_memory() {
    let backend = Listener::start();
    let gateway = gateway(&backend);
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    let (tell, told) = std::sync::mpsc::channel();
    backend.order(super::talk::Order::Flood(tell));
    talk.subscribe("x", "{ order }");
    let said = told.recv().unwrap();
    assert!(said < 100_000_000, "{said} bytes went somewhere");
    assert!(gateway.process.peak_memory() < 100_000_000, "{}", gateway.process.peak_memory());
    talk.send(Message::Close(None));
}

#[test]
fn a_client_that_pings_and_takes_no_answer_is_stopped_and_costs_no_memory() {
    let backend = Listener::start();
    let gateway = gateway(&backend);
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    talk.stream().set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let pings = frame(FINAL | PING, &[0; 125]).repeat(1000);
    let mut said = 0;
    while said < 200_000_000 && talk.stream().write_all(&pings).is_ok() {
        said += pings.len();
    }
    assert!(said < 100_000_000, "{said} bytes were answered to nobody");
    assert!(gateway.process.peak_memory() < 100_000_000, "{}", gateway.process.peak_memory());
}

#[test]
fn pings_are_answered_but_say_nothing_of_who_calls() {
    let backend = Listener::start();
    let gateway = gateway(&backend);
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    for _ in 0..200 {
        talk.send(Message::Ping(vec![1_u8].into()));
    }
    talk.is_alive();
    let mut silent = Talk::open(gateway.port, AUTH, CURRENT, "");
    silent.stream().write_all(&frame(FINAL | PING, b"").repeat(40)).unwrap();
    assert_eq!(silent.closed(), 4400);
}
