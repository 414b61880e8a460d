//! Files that were being written when their server ended. The crate `object_store` does not list them.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Removes those that nobody has written to for so long; gives how many.
pub(super) fn remove(directory: &Path, lifetime: Duration) -> io::Result<u64> {
    let Some(oldest) = SystemTime::now().checked_sub(lifetime) else { return Ok(0) };
    let mut removed = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !is_unfinished(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let old = entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|modified| modified < oldest);
        if old && fs::remove_file(entry.path()).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

/// `object_store` puts a number behind the name for as long as a file is written.
fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use object_store::local::LocalFileSystem;
    use object_store::{ObjectStoreExt as _, PutPayload};

    use super::*;

    #[tokio::test]
    async fn what_a_dead_server_was_writing_goes_and_nothing_else() {
        let directory = std::env::temp_dir().join(format!("tower-vgi-leftovers-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let store = LocalFileSystem::new_with_prefix(&directory).unwrap();
        let mut upload = store.put_multipart(&"a.arrow".into()).await.unwrap();
        upload.put_part(PutPayload::from_static(b"half")).await.unwrap();
        std::mem::forget(upload);
        store.put(&"b.arrow".into(), PutPayload::from_static(b"whole")).await.unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);

        assert_eq!(remove(&directory, Duration::from_secs(60)).unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(remove(&directory, Duration::ZERO).unwrap(), 1);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_dir_all(directory).unwrap();
    }
}
