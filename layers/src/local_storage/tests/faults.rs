//! URLs that give no access, and disks that fail.

use tower_vgi::external::UploadUrls as _;

use super::*;

async fn refused(storage: &LocalStorage, method: Method, url: &str, says: &str) {
    let answer = send(storage, method.clone(), url, bytes(10)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {url}");
    assert!(answer.text().contains(says), "{method} {url}: {}", answer.text());
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test]
async fn a_url_is_for_one_object_and_one_method() {
    let folder = Folder::new();
    for storage in [folder.storage(), memory()] {
        let (one, other) = (storage.upload_url().await.unwrap(), storage.upload_url().await.unwrap());
        refused(&storage, Method::PUT, &one.download_url, "does not fit").await;
        refused(&storage, Method::GET, &one.upload_url, "does not fit").await;
        refused(&storage, Method::HEAD, &one.upload_url, "").await;
        let (path, _) = one.upload_url.split_once('?').unwrap();
        let (_, signature) = other.upload_url.split_once('?').unwrap();
        refused(&storage, Method::PUT, &format!("{path}?{signature}"), "does not fit").await;
        refused(&storage, Method::GET, path, "is not signed").await;
        refused(&storage, Method::PUT, &format!("{path}?signature="), "does not fit").await;
        let changed = one.upload_url.replace(".arrow", ".arrow2");
        refused(&storage, Method::PUT, &changed, "does not fit").await;
        for method in [Method::DELETE, Method::POST, Method::OPTIONS, Method::PATCH] {
            let answer = send(&storage, method, &one.upload_url, Body::empty()).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(answer.headers["allow"], "GET, HEAD, PUT");
        }
    }
    folder.settles_at(0).await;
}

#[tokio::test]
async fn a_url_expires() {
    let storage = memory().url_lifetime(Duration::ZERO);
    let url = storage.upload_url().await.unwrap();
    refused(&storage, Method::PUT, &url.upload_url, "the URL was good until 20").await;
    refused(&storage, Method::GET, &url.download_url, "ask for a new one").await;
}

#[tokio::test]
async fn nothing_leads_out_of_the_directory_and_nothing_is_listed() {
    let folder = Folder::new();
    let storage = folder.storage();
    let url = put(&storage, 10).await;
    let (_, query) = url.split_once('?').unwrap();
    for path in [
        "",
        "..",
        "../x",
        "../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "/etc/passwd",
        "a/../../x",
        "*",
        "a%00b",
    ] {
        for query in [query, ""] {
            let answer = get(&storage, &format!("/__objects__/{path}?{query}")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_said_to_without_a_path() {
    let folder = Folder::new();
    let storage = folder.storage();
    let (read, upload) = (put(&storage, 10).await, storage.upload_url().await.unwrap());
    // No directory any more, but a file in its place.
    std::fs::remove_dir_all(&folder.0).unwrap();
    std::fs::write(&folder.0, "no directory").unwrap();
    for (method, url) in [(Method::GET, &read), (Method::PUT, &upload.upload_url)] {
        let answer = send(&storage, method, url, bytes(10)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.text().contains("cannot be") && answer.text().contains("Not a directory"), "{}", answer.text());
        assert!(!answer.text().contains("tower-vgi"), "{}", answer.text());
    }
    let error = storage.put(&ObjectId::random().unwrap(), object(&bytes(10), None)).await.unwrap_err().to_string();
    assert!(error.contains("Not a directory") && !error.contains("tower-vgi"), "{error}");
    assert!(LocalStorage::directory(&folder.0, &keys()).is_err());
}

#[tokio::test]
async fn an_object_that_is_cut_while_it_is_read_is_an_error() {
    let folder = Folder::new();
    let storage = folder.storage();
    let url = put(&storage, 3_000_000).await;
    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let request = Request::get(url.strip_prefix(BASE).unwrap()).body(Body::empty()).unwrap();
    let response = storage.layer().layer(inner).oneshot(request).await.unwrap();
    let file = folder.objects().join(&folder.files()[0]);
    std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(1_000_000).unwrap();
    let error = collect(response.into_body()).await.unwrap_err();
    assert!(error.to_string().contains("shorter than it was"), "{error}");
}

#[tokio::test]
async fn without_a_public_url_there_is_no_url() {
    let storage = LocalStorage::memory(&keys());
    for error in [
        storage.upload_url().await.unwrap_err(),
        storage.put(&ObjectId::random().unwrap(), object(&bytes(10), None)).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("set it with LocalStorage::public_url"), "{error}");
    }
    let folder = Folder::new();
    let storage = LocalStorage::directory(&folder.0, &keys()).unwrap();
    storage.put(&ObjectId::random().unwrap(), object(&bytes(10), None)).await.unwrap_err();
    assert_eq!(folder.files(), Vec::<String>::new());
}
