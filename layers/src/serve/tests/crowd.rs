//! Many connections that do nothing, or little.

use super::*;
use std::time::Duration;

/// Sends a byte of a request's body now and then, until the server ends the connection.
async fn dribble(mut stream: TcpStream) {
    while stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_and_dribbling_connections_hold_nobody_up_and_end_with_the_drain() {
    let mut running = Running::start(&Desk::default(), |serve| serve.drain_timeout(Duration::from_millis(200))).await;
    let mut idle = Vec::new();
    for number in 0..500 {
        let mut stream = running.connect().await;
        match number % 3 {
            // Without a word, with half a head, and between two requests.
            0 => {}
            1 => stream.write_all(b"GET / HTT").await.unwrap(),
            _ => {
                stream.write_all(b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
                let mut answer = [0; 12];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(&answer, b"HTTP/1.1 200");
            }
        }
        idle.push(stream);
    }
    let mut dribbling = Vec::new();
    for _ in 0..50 {
        let mut stream = running.connect().await;
        let head = b"POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        dribbling.push(tokio::spawn(dribble(stream)));
    }
    let mut sender = http1(running.connect().await).await;
    for _ in 0..200 {
        assert_eq!(get(&mut sender, "/version").await.unwrap().0, StatusCode::OK);
    }

    running.stop();
    running.ended().await;
    for dribbling in dribbling {
        dribbling.await.unwrap();
    }
    for mut stream in idle {
        // The end of the connection, in order or not, after what was answered.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_one_to_end() {
    let running = Running::start(&Desk::default(), |serve| serve.max_connections(2)).await;
    let mut first = http1(running.connect().await).await;
    let mut second = http1(running.connect().await).await;
    assert_eq!(get(&mut first, "/version").await.unwrap().0, StatusCode::OK);
    assert_eq!(get(&mut second, "/version").await.unwrap().0, StatusCode::OK);

    let mut third = http1(running.connect().await).await;
    {
        let mut waiting = std::pin::pin!(get(&mut third, "/version"));
        let early = tokio::time::timeout(Duration::from_millis(100), waiting.as_mut()).await;
        assert!(early.is_err(), "a connection above the limit was served");
        drop(first);
        assert_eq!(waiting.await.unwrap().0, StatusCode::OK);
    }
    assert_eq!(get(&mut second, "/version").await.unwrap().0, StatusCode::OK);
}
