//! Receives requests over HTTP as exporters send them, and answers all of them alike.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Listens until the process ends. One request of a connection is taken, then the connection is closed.
pub(crate) fn listen(answer: &'static str, take: impl Fn(&str, &[u8]) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (head, body) = read_message(&mut stream);
            take(&head, &body);
            let answer = format!("HTTP/1.1 200 OK\r\n{answer}Content-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// Head and body of a message with a `Content-Length`.
pub(crate) fn read_message(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length =
                head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let length: usize = length.unwrap_or(0);
            while bytes.len() < end + length {
                let read = stream.read(&mut piece).unwrap();
                bytes.extend_from_slice(&piece[..read]);
            }
            return (head, bytes.split_off(end));
        }
        let read = stream.read(&mut piece).unwrap();
        if read == 0 {
            return (String::new(), Vec::new());
        }
        bytes.extend_from_slice(&piece[..read]);
    }
}
