//! URLs of Google Cloud Storage. There is no server of it that could be started here, so that its own library says whether
//! they are signed right: it signs the same, and RSA gives the same for the same.
//!
//! `TOWER_VGI_GCS_PYTHON` names a Python that has the package `google-cloud-storage`.

use std::process::{Command, Stdio};
use std::time::Duration;

use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::{Value, json};
use tower_vgi::external::UploadUrls as _;
use tower_vgi_layers::object_storage::ObjectStorage;
use tower_vgi_layers::object_storage::object_store::gcp::GoogleCloudStorageBuilder;

/// Signs what it is asked to, as the library does it for its users.
const SIGN: &str = r#"
import json, sys
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit
from google.cloud.storage import _signing
from google.oauth2 import service_account

asked = json.load(sys.stdin)
credentials = service_account.Credentials.from_service_account_info(asked["account"])
signed = []
for method, url in asked["urls"]:
    date, seconds = (parse_qs(urlsplit(url).query)[name][0] for name in ("X-Goog-Date", "X-Goog-Expires"))
    signed.append(_signing.generate_signed_url_v4(
        credentials, resource=urlsplit(url).path, expiration=timedelta(seconds=int(seconds)), method=method,
        api_access_endpoint="https://storage.googleapis.com", _request_timestamp=date,
    ))
json.dump(signed, sys.stdout)
"#;

/// An account with a key of its own.
fn account() -> Value {
    let key = rsa::PrivateKey::new(&mut rand::rng(), 2048).unwrap();
    json!({
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": key.to_pkcs8_pem(LineEnding::LF).unwrap().as_str(),
        "client_email": "rpc@project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

/// What Google's library gives for the same objects, methods and times; `None` where it is not there.
fn signed_by_google(account: &Value, urls: &[(&str, &str)]) -> Option<Vec<String>> {
    let required = std::env::var_os("TOWER_VGI_REQUIRE_INTEROP").is_some_and(|value| value == "1");
    let Some(python) = std::env::var_os("TOWER_VGI_GCS_PYTHON") else {
        assert!(!required, "TOWER_VGI_GCS_PYTHON names no Python with google-cloud-storage");
        eprintln!("skipped: TOWER_VGI_GCS_PYTHON names no Python with google-cloud-storage");
        return None;
    };
    let mut command = Command::new(python);
    let mut child =
        command.args(["-c", SIGN]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    serde_json::to_writer(child.stdin.take().unwrap(), &json!({"account": account, "urls": urls})).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "Google's library fails");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Scheme, host and path, and the query's pairs in order of their names.
fn parts(url: &str) -> (&str, Vec<&str>) {
    let (path, query) = url.split_once('?').unwrap();
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    (path, pairs)
}

#[tokio::test]
async fn urls_are_those_that_googles_own_library_signs() {
    let account = account();
    let bucket = GoogleCloudStorageBuilder::new()
        .with_service_account_key(account.to_string())
        .with_bucket_name("bucket-1")
        .build()
        .unwrap();
    for (prefix, seconds) in [("vgi-rpc", 3600), ("deep/er", 1), ("a b", 604_800)] {
        let storage = ObjectStorage::new(bucket.clone()).prefix(prefix).url_lifetime(Duration::from_secs(seconds));
        let pair = storage.upload_url().await.unwrap();
        for url in [&pair.upload_url, &pair.download_url] {
            assert!(url.starts_with("https://storage.googleapis.com/bucket-1/"), "{url}");
            assert!(url.contains(&format!("X-Goog-Expires={seconds}&")), "{url}");
        }
        let urls = [("PUT", pair.upload_url.as_str()), ("GET", pair.download_url.as_str())];
        let Some(signed) = signed_by_google(&account, &urls) else { return };
        for ((method, ours), theirs) in urls.iter().zip(&signed) {
            assert_eq!(parts(ours), parts(theirs), "{method} {prefix}");
        }
    }
}

#[tokio::test]
async fn google_knows_no_more_than_seven_days() {
    let account = account().to_string();
    let bucket = GoogleCloudStorageBuilder::new().with_service_account_key(account).with_bucket_name("bucket-1");
    let storage = ObjectStorage::new(bucket.build().unwrap()).url_lifetime(Duration::from_secs(604_801));
    let error = storage.upload_url().await.unwrap_err();
    assert!(error.to_string().contains("7 days"), "{error}");
}
