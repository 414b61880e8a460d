//! Request bodies, however they come.

use super::*;
use std::time::Duration;

/// What a raw request's body was, as the service read it; the parts are sent with pauses between them.
async fn echoed(stream: &mut TcpStream, parts: &[&[u8]]) -> String {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        stream.write_all(part).await.unwrap();
    }
    answer(stream).await
}

/// The body of an answer, which has to announce its length.
async fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                return body.to_owned();
            }
        }
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "ended after {text:?}");
    }
}

#[tokio::test]
async fn bodies_arrive_whole_however_they_are_cut() {
    let running = Running::start(&Desk::default(), |serve| serve).await;
    let mut stream = running.connect().await;
    let head = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\n";
    assert_eq!(echoed(&mut stream, &[&[&head[..], b"abcdef"].concat()]).await, "abcdef");
    assert_eq!(echoed(&mut stream, &[head, b"abcdef"]).await, "abcdef");
    assert_eq!(echoed(&mut stream, &[&[&head[..], b"abc"].concat(), b"d", b"ef"]).await, "abcdef");

    let head = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(echoed(&mut stream, &[&[&head[..], b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"].concat()]).await, "abcdef");
    assert_eq!(
        echoed(&mut stream, &[&[&head[..], b"3\r\nabc\r\n"].concat(), b"3\r\nde", b"f\r\n0\r\n\r\n"]).await,
        "abcdef"
    );

    let head = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(echoed(&mut stream, &[head]).await, "");
    let large = "x".repeat(1_000_000);
    let head = format!("POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", large.len());
    let (mut reading, mut writing) = stream.split();
    let sent = [head.as_bytes(), large.as_bytes()].concat();
    let (sent, received) = tokio::join!(writing.write_all(&sent), async {
        let mut received = Vec::new();
        while !received.ends_with(large.as_bytes()) {
            assert_ne!(reading.read_buf(&mut received).await.unwrap(), 0);
        }
        received.len()
    });
    sent.unwrap();
    assert!(received > large.len());
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_is_asked_by_the_service() {
    let running = Running::start(&Desk::default(), |serve| serve).await;
    let mut stream = running.connect().await;
    let request =
        |path| format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    stream.write_all(request("/echo").as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(echoed(&mut stream, &[b"abc"]).await, "abc");

    // One that is answered without its body is not asked for it.
    stream.write_all(request("/version").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await, "HTTP/1.1");
}
