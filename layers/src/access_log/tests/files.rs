//! Files, their names, and when another one is begun.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::*;
use crate::access_log::file::LogFile;

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("access-log-{:016x}", fastrand::u64(..)));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write(file: &mut impl Write, text: &str) {
    file.write_all(text.as_bytes()).unwrap();
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn a_log_is_appended_to() {
    let folder = Folder::new();
    let path = folder.file("access.jsonl");
    for _ in 0..2 {
        let layer = AccessLogLayer::to_file(info(), LogFile::new(&path)).unwrap();
        send(&layer, |call| call.dispatched = Some(add())).await;
        layer.flush();
    }
    assert_eq!(read(&path).lines().count(), 2);
}

#[test]
fn placeholders_stand_for_the_process_and_the_server() {
    let folder = Folder::new();
    let open = |name: &str| LogFile::new(folder.file(name)).open("a/b");
    open("{server_id}-{pid}.jsonl").unwrap();
    assert!(folder.file(&format!("a_b-{}.jsonl", std::process::id())).exists());
    let error = open("{host}.jsonl").unwrap_err().to_string();
    assert!(error.contains("{host}") && error.contains("{pid} and {server_id}"), "{error}");
    let error = LogFile::new(folder.file("missing/x")).open("a").unwrap_err().to_string();
    assert!(error.contains("cannot be opened"), "{error}");
}

#[test]
fn a_large_file_is_renamed_between_two_lines() {
    let folder = Folder::new();
    let path = folder.file("log");
    let mut file = LogFile::new(&path).max_bytes(10).keep(2).open("").unwrap();
    write(&mut file, "1234\n6789\nabcd\n");
    assert_eq!((read(&path), read(&folder.file("log.1"))), ("abcd\n".to_owned(), "1234\n6789\n".to_owned()));
    write(&mut file, "a line that is longer\nx\ny\n");
    assert_eq!(read(&path), "x\ny\n");
    assert_eq!(read(&folder.file("log.1")), "a line that is longer\n");
    assert_eq!(read(&folder.file("log.2")), "abcd\n");
    assert!(!folder.file("log.3").exists());
}

#[test]
fn a_line_is_not_torn_by_another_file() {
    let folder = Folder::new();
    let path = folder.file("log");
    let mut file = LogFile::new(&path).max_bytes(4).open("").unwrap();
    assert_eq!(file.write(b"half of a li").unwrap(), 12);
    write(&mut file, "ne\nnext\n");
    assert_eq!((read(&folder.file("log.1")), read(&path)), ("half of a line\n".to_owned(), "next\n".to_owned()));
}

#[test]
fn no_earlier_file_may_be_kept() {
    let folder = Folder::new();
    let path = folder.file("log");
    let mut file = LogFile::new(&path).max_bytes(4).keep(0).open("").unwrap();
    write(&mut file, "one\ntwo\n");
    assert_eq!(read(&path), "two\n");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}

#[test]
fn a_file_of_an_earlier_time_is_renamed() {
    let folder = Folder::new();
    let path = folder.file("log");
    let hour = Duration::from_secs(3600);
    write(&mut LogFile::new(&path).every(hour).open("").unwrap(), "old\n");
    let handle = fs::OpenOptions::new().append(true).open(&path).unwrap();
    handle.set_modified(SystemTime::now() - 2 * hour).unwrap();
    let mut file = LogFile::new(&path).every(hour).open("").unwrap();
    write(&mut file, "new\n");
    assert_eq!((read(&folder.file("log.1")), read(&path)), ("old\n".to_owned(), "new\n".to_owned()));
}

#[test]
fn where_a_file_cannot_be_renamed_it_is_gone_on_with() {
    let folder = Folder::new();
    let path = folder.file("log");
    fs::create_dir_all(folder.file("log.1/x")).unwrap();
    let mut file = LogFile::new(&path).max_bytes(4).keep(1).open("").unwrap();
    write(&mut file, "one\ntwo\n");
    assert_eq!(read(&path), "one\ntwo\n");
}

#[cfg(unix)]
#[test]
fn a_file_that_somebody_moves_away_is_begun_again() {
    let folder = Folder::new();
    let path = folder.file("log");
    let mut file = LogFile::new(&path).open("").unwrap();
    write(&mut file, "one\n");
    fs::rename(&path, folder.file("moved")).unwrap();
    write(&mut file, "two\n");
    fs::rename(&path, folder.file("moved-too")).unwrap();
    fs::write(&path, "another\n").unwrap();
    write(&mut file, "three\n");
    assert_eq!([read(&folder.file("moved")), read(&folder.file("moved-too"))], ["one\n", "two\n"]);
    assert_eq!(read(&path), "another\nthree\n");
}
