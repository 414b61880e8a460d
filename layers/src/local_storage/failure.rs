//! What goes wrong with a disk, in words that name no path of this machine.

use std::error::Error as StdError;
use std::io;

use http::StatusCode;

/// Why a store failed, for those who are not on this machine.
pub(super) fn reason(error: &(dyn StdError + 'static)) -> String {
    match io_error(error) {
        // The texts of the operating system name no file; those of others might.
        Some(error) if error.raw_os_error().is_some() => error.to_string(),
        Some(error) => error.kind().to_string(),
        None => known(error).unwrap_or_else(|| "the store failed".to_owned()),
    }
}

/// The status of a request that failed by it. Both may pass.
pub(super) fn status(error: &(dyn StdError + 'static)) -> StatusCode {
    match io_error(error).map(io::Error::kind) {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The innermost error of the operating system.
fn io_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut found = error.downcast_ref();
    let mut next = error.source();
    while let Some(error) = next {
        found = error.downcast_ref().or(found);
        next = error.source();
    }
    found
}

/// What is said in our own words further in.
fn known(error: &(dyn StdError + 'static)) -> Option<String> {
    match error.downcast_ref()? {
        object_store::Error::Generic { store: "local storage", source } => Some(source.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use object_store::local::LocalFileSystem;
    use object_store::path::Path;
    use object_store::{ObjectStoreExt as _, PutPayload};

    use super::*;

    #[tokio::test]
    async fn no_path_is_told() {
        let file = std::env::temp_dir().join(format!("tower-vgi-secret-{}", std::process::id()));
        std::fs::write(&file, "no directory").unwrap();
        let store = LocalFileSystem::new();
        let inside = Path::from_absolute_path(file.canonicalize().unwrap()).unwrap().join("object");
        let error = store.put(&inside, PutPayload::from_static(b"x")).await.unwrap_err();
        assert!(error.to_string().contains("secret"), "{error}");
        let told = reason(&error);
        assert!(!told.contains("secret") && told.contains("os error"), "{told}");
        assert_eq!(status(&error), StatusCode::SERVICE_UNAVAILABLE);
        std::fs::remove_file(file).unwrap();

        let full = object_store::Error::Generic { store: "x", source: io::Error::from_raw_os_error(28).into() };
        assert_eq!(status(&full), StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(reason(&full), "No space left on device (os error 28)");
    }
}
