//! Objects that are there.

use http::header::RANGE;

use super::*;

#[tokio::test]
async fn what_is_put_is_read_under_its_url() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        for length in [5, 300_000, 5_000_000] {
            let url = put(&storage, length).await;
            assert!(url.starts_with("http://here:1/vgi/__objects__/") && url.contains(".arrow?signature="), "{url}");
            let answer = get(&storage, &url).await;
            assert_eq!((answer.status, answer.body), (StatusCode::OK, Bytes::from(bytes(length))));
            assert_eq!(answer.headers["content-type"], "application/vnd.apache.arrow.stream");
            assert_eq!(answer.headers["content-length"], length.to_string());
            assert_eq!(answer.headers["accept-ranges"], "bytes");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
            assert_eq!(answer.headers.get("content-encoding"), None);
        }
    }
    assert!(folder.files().iter().all(|name| name.len() == 38 && name.ends_with(".arrow")), "{:?}", folder.files());
}

#[tokio::test]
async fn what_is_compressed_says_so() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        for (compression, name) in [(Compression::default(), "zstd"), (Compression::Gzip(6), "gzip")] {
            let object = object(&bytes(100_000), Some(compression));
            let url = storage.put(&ObjectId::random().unwrap(), object).await.unwrap();
            let answer = get(&storage, &url).await;
            assert_eq!(answer.headers["content-encoding"], name);
            assert!(answer.body.len() < 100_000);
        }
    }
}

#[tokio::test]
async fn head_says_what_get_would() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let url = put(&storage, 1000).await;
        let (read, asked) = (get(&storage, &url).await, send(&storage, Method::HEAD, &url, Body::empty()).await);
        assert_eq!((asked.status, asked.body.len()), (StatusCode::OK, 0));
        assert_eq!(asked.headers, read.headers);
        // Ranges are of GET alone.
        for range in ["bytes=0-3", "bytes=5000-"] {
            let request = Request::head(&url).header("range", range).body(Body::empty()).unwrap();
            let asked = ask(&storage, request).await;
            assert_eq!((asked.status, &asked.headers), (StatusCode::OK, &read.headers));
        }
    }
}

#[tokio::test]
async fn parts_are_read() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let (url, whole) = (put(&storage, 1_000_000).await, bytes(1_000_000));
        let part = async |range: &str| {
            ask(&storage, Request::get(&url).header(RANGE, range).body(Body::empty()).unwrap()).await
        };
        for (range, expected) in [
            ("bytes=0-3", 0..4),
            ("bytes=3-700002", 3..700_003),
            ("bytes=999999-", 999_999..1_000_000),
            ("bytes=-5", 999_995..1_000_000),
            ("bytes=5-99999999", 5..1_000_000),
        ] {
            let answer = part(range).await;
            assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
            let said = format!("bytes {}-{}/1000000", expected.start, expected.end - 1);
            assert_eq!(answer.headers["content-range"], said);
            assert_eq!(answer.headers["content-length"], expected.len().to_string());
            assert_eq!(answer.body, whole[expected], "{range}");
        }
        let answer = part("bytes=1000000-").await;
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(answer.headers["content-range"], "bytes */1000000");
        let answer = part("bytes=0-1,5-6").await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 1_000_000), "several are not sent");

        let etag = get(&storage, &url).await.headers["etag"].clone();
        for (known, status) in [(etag.to_str().unwrap(), 206), ("\"other\"", 200)] {
            let request = Request::get(&url).header(RANGE, "bytes=1-2").header("if-range", known);
            let answer = ask(&storage, request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, status, "{known}");
        }
    }
}

#[tokio::test]
async fn a_large_object_is_never_in_memory_as_a_whole() {
    let folder = Folder::new();
    let storage = folder.storage();
    let url = put(&storage, 10_000_000).await;
    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let request = Request::get(url.strip_prefix(BASE).unwrap()).body(Body::empty()).unwrap();
    let response = storage.layer().layer(inner).oneshot(request).await.unwrap();
    let mut body = std::pin::pin!(response.into_body());
    let mut length = 0;
    while let Some(frame) = http_body_util::BodyExt::frame(&mut body).await {
        let piece = frame.unwrap().into_data().unwrap();
        assert!(piece.len() <= 256 * 1024);
        length += piece.len();
    }
    assert_eq!(length, 10_000_000);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let id = ObjectId::random().unwrap();
        let url = storage.put(&id, object(&bytes(10), None)).await.unwrap();
        storage.delete(&id).await.unwrap();
        storage.delete(&id).await.unwrap();
        let answer = get(&storage, &url).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.text().contains("there is no such object"), "{}", answer.text());
    }
}
