//! What sockets may not take without end: places, and memory for a backend that doesn't listen.

use std::{net::TcpStream, sync::mpsc, thread, time::Duration};

use serde_json::json;

use super::{
    ACCEPT, echo, head, send, status,
    talk::{CURRENT, Listener, Order, Talk},
    upgrade,
};
use crate::support::gateway::{AUTH, Setup};

#[test]
fn there_are_so_many_sockets_and_no_more() {
    let stub = echo("");
    let gateway = Setup::before(&stub, "[server]\nthreads = 2\n[websocket]\nmax_sockets = 2\n").start();
    let asked = || -> (u16, String, TcpStream) {
        let mut stream = send(gateway.port, upgrade("/live", "").as_bytes());
        let head = head(&mut stream);
        (status(&head), head.to_lowercase(), stream)
    };
    let inside = [asked(), asked()];
    assert!(inside.iter().all(|(status, head, _)| *status == 101 && head.contains(&ACCEPT.to_lowercase())));
    let (status_of_third, head_of_third, _stream) = asked();
    assert_eq!(status_of_third, 503, "{head_of_third}");
    assert!(head_of_third.contains("retry-after: 1\r\n"), "{head_of_third}");
    let offer = format!("Sec-WebSocket-Protocol: {CURRENT}\r\n");
    let mut on_graphql = send(gateway.port, upgrade(AUTH, &offer).as_bytes());
    assert_eq!(status(&head(&mut on_graphql)), 503, "on whatever path");
    assert_eq!(gateway.client().get("/x").unwrap().status, 200, "requests go on");
    drop(inside);
    while asked().0 == 503 {
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_backend_that_takes_nothing_is_given_up() {
    let backend = Listener::start();
    let gateway = Setup::before(&backend.stub, "[websocket]\nmax_message = \"1KiB\"\n").start();
    let mut talk = Talk::begun(gateway.port, AUTH, json!({}));
    let (tell, has_asked) = mpsc::channel();
    backend.order(Order::Deaf(tell));
    talk.subscribe("1", "{ order }");
    has_asked.recv_timeout(Duration::from_secs(120)).expect("the gateway reads what a backend says");
    let mut gateway = gateway;
    // Longer than what one more answer to a ping would not have found room in.
    talk.subscribe("2", &format!("{{ one }} #{}", "x".repeat(500)));
    assert_eq!(talk.closed_because(), (1013, "The backend takes nothing".into()));
    gateway.process.wait_for_line("takes nothing, and asks");
}
