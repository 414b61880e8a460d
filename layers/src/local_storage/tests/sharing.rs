//! Several workers, and time.

use tower_vgi::external::{UploadUrls as _, UrlPolicy};

use super::*;

#[tokio::test]
async fn workers_with_a_directory_and_a_key_are_one_storage() {
    let folder = Folder::new();
    let (one, other) = (folder.storage(), folder.storage());
    let url = put(&one, 1000).await;
    assert_eq!(get(&other, &url).await.body, bytes(1000));
    let url = other.upload_url().await.unwrap();
    assert_eq!(send(&one, Method::PUT, &url.upload_url, bytes(10)).await.status, StatusCode::CREATED);
    assert_eq!(get(&one, &url.download_url).await.body, bytes(10));

    let stranger = LocalStorage::directory(&folder.0, &TokenKeys::new([8; 32])).unwrap().public_url(BASE).unwrap();
    assert_eq!(get(&stranger, &url.download_url).await.status, StatusCode::FORBIDDEN);
    let rotated = TokenKeys::new([8; 32]).with_previous([7; 32]);
    let rotated = LocalStorage::directory(&folder.0, &rotated).unwrap().public_url(BASE).unwrap();
    assert_eq!(get(&rotated, &url.download_url).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_old_enough_goes_while_the_storage_is_used() {
    let folder = Folder::new();
    let storage = folder.storage();
    for _ in 0..3 {
        put(&storage, 10).await;
    }
    std::fs::write(folder.objects().join("x.arrow#1"), "what a server that has ended was writing").unwrap();
    assert_eq!(storage.sweep().await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let short = folder.storage().object_lifetime(Duration::from_millis(20));
    short.upload_url().await.unwrap();
    folder.settles_at(0).await;
}

#[tokio::test]
async fn what_others_keep_in_the_directory_stays() {
    let folder = Folder::new();
    let storage = folder.storage();
    let other = folder.0.join("report.arrow");
    std::fs::write(&other, "somebody's").unwrap();
    std::fs::write(folder.0.join("report.arrow#1"), "somebody's").unwrap();
    put(&storage, 10).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    storage.object_lifetime(Duration::ZERO).sweep().await.unwrap();
    folder.settles_at(0).await;
    assert!(other.exists() && folder.0.join("report.arrow#1").exists());
}

#[cfg(unix)]
#[test]
fn a_directory_is_for_its_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    folder.storage();
    assert_eq!(std::fs::metadata(&folder.0).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn the_server_knows_its_own_urls() {
    let storage = memory();
    let uploads = storage.upload_url().await.unwrap();
    for (url, read) in [
        (uploads.download_url.clone(), true),
        (uploads.upload_url, false),
        (uploads.download_url.replace(".arrow", ""), false),
        ("http://here:1/vgi/__objects__/x".to_owned(), false),
        ("http://here:1/vgi/Calculator/add".to_owned(), false),
        ("http://here:1/".to_owned(), false),
    ] {
        assert_eq!(storage.check_own(&url.parse().unwrap()).is_ok(), read, "{url}");
    }
    let policy = format!("{:?}", storage.allow_own(UrlPolicy::new()));
    assert!(policy.contains("given: 1") && policy.contains("checks: 0"), "{policy}");
}
