//! Objects that callers put.

use futures_util::stream::{self, StreamExt as _};
use http_body::Frame;
use http_body_util::StreamBody;
use tower_vgi::BoxError;
use tower_vgi::external::UploadUrls as _;

use super::*;

/// A body in pieces whose length nobody knows beforehand, which ends or breaks off.
fn pieces(bytes: Vec<u8>, breaks: bool) -> Body {
    let pieces: Vec<_> = bytes.chunks(100_000).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let end = breaks.then(|| Err::<_, BoxError>("broken on purpose".into()));
    Body::new(StreamBody::new(stream::iter(pieces.into_iter().chain(end))))
}

#[tokio::test]
async fn what_is_put_with_one_url_is_read_with_the_other() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        for length in [5, 3_000_000] {
            let url = storage.upload_url().await.unwrap();
            assert!(url.expires_at.unwrap() > chrono::Utc::now());
            assert_eq!(get(&storage, &url.download_url).await.status, StatusCode::NOT_FOUND);
            let answer = send(&storage, Method::PUT, &url.upload_url, pieces(bytes(length), false)).await;
            assert_eq!((answer.status, answer.text()), (StatusCode::CREATED, ""));
            assert_eq!(get(&storage, &url.download_url).await.body, bytes(length));
        }
    }
    folder.settles_at(2).await;
}

#[tokio::test]
async fn the_coding_of_an_upload_is_kept() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let url = storage.upload_url().await.unwrap();
        let compressed = object(&bytes(100_000), Some(Compression::default())).into_bytes().await.unwrap();
        let put = |coding: &str| {
            let request = Request::put(&url.upload_url).header("content-encoding", coding);
            request.body(Body::from(compressed.clone())).unwrap()
        };
        let answer = ask(&storage, put("br")).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(answer.text().contains("not as 'br'"), "{}", answer.text());
        assert_eq!(ask(&storage, put("ZSTD")).await.status, StatusCode::CREATED);
        assert_eq!(get(&storage, &url.download_url).await.headers["content-encoding"], "zstd");
    }
}

#[tokio::test]
async fn nothing_is_put_twice() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let url = storage.upload_url().await.unwrap();
        assert_eq!(send(&storage, Method::PUT, &url.upload_url, bytes(10)).await.status, StatusCode::CREATED);
        let answer = send(&storage, Method::PUT, &url.upload_url, bytes(20)).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.text().contains("none is put twice"), "{}", answer.text());
        assert_eq!(get(&storage, &url.download_url).await.body, bytes(10));

        // Of two at the same time one is first.
        let url = storage.upload_url().await.unwrap();
        let both = tokio::join!(
            send(&storage, Method::PUT, &url.upload_url, pieces(bytes(2_000_000), false)),
            send(&storage, Method::PUT, &url.upload_url, pieces(bytes(2_000_000), false)),
        );
        let mut statuses = [both.0.status.as_u16(), both.1.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
    folder.settles_at(2).await;
}

#[tokio::test]
async fn no_more_is_taken_than_the_url_allows() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let storage = storage.max_upload_bytes(2_000_000);
        for (body, status) in [
            (Body::from(bytes(2_000_001)), StatusCode::PAYLOAD_TOO_LARGE),
            (pieces(bytes(2_000_001), false), StatusCode::PAYLOAD_TOO_LARGE),
            (pieces(bytes(20_000_000), false), StatusCode::PAYLOAD_TOO_LARGE),
            (pieces(bytes(2_000_000), false), StatusCode::CREATED),
        ] {
            let url = storage.upload_url().await.unwrap();
            // The limit is that of the URL, and not of whoever takes it.
            let answer = send(&storage.clone().max_upload_bytes(1 << 30), Method::PUT, &url.upload_url, body).await;
            assert_eq!(answer.status, status);
            if status != StatusCode::CREATED {
                assert!(answer.text().contains("at most 2000000 bytes"), "{}", answer.text());
                assert_eq!(get(&storage, &url.download_url).await.status, StatusCode::NOT_FOUND);
            }
        }
    }
    folder.settles_at(1).await;
}

#[tokio::test]
async fn what_breaks_off_is_never_there() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let url = storage.upload_url().await.unwrap();
        for length in [0, 50, 100_000, 5_000_000] {
            let answer = send(&storage, Method::PUT, &url.upload_url, pieces(bytes(length), true)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert_eq!(answer.text(), format!("the object broke off after {length} bytes\n"));
            assert_eq!(get(&storage, &url.download_url).await.status, StatusCode::NOT_FOUND);
        }
        let answer = send(&storage, Method::PUT, &url.upload_url, Body::empty()).await;
        assert_eq!((answer.status, answer.text().starts_with("nothing was sent")), (StatusCode::BAD_REQUEST, true));
        // It can be tried again with the same URL.
        assert_eq!(send(&storage, Method::PUT, &url.upload_url, bytes(10)).await.status, StatusCode::CREATED);
    }
    folder.settles_at(1).await;
}

#[tokio::test]
async fn who_gives_up_leaves_nothing() {
    let folder = Folder::new();
    let storage = folder.storage();
    let url = storage.upload_url().await.unwrap();
    let begun = stream::iter([Ok::<_, BoxError>(Frame::data(Bytes::from(bytes(5_000_000))))]).chain(stream::pending());
    let putting = send(&storage, Method::PUT, &url.upload_url, Body::new(StreamBody::new(begun)));
    assert!(tokio::time::timeout(Duration::from_millis(200), putting).await.is_err());
    folder.settles_at(0).await;
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let storage = memory();
    let url = storage.upload_url().await.unwrap();
    let silent = Body::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, BoxError>>()));
    let answer = send(&storage, Method::PUT, &url.upload_url, silent).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::REQUEST_TIMEOUT, "the object did not come in time\n"));
    // A byte now and then does not keep it up for ever.
    let trickle = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Some((Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x"))), ()))
    });
    let answer = send(&storage, Method::PUT, &url.upload_url, Body::new(StreamBody::new(trickle))).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}
