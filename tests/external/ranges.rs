//! Large objects by several requests at the same time.

use tower_vgi::Reference;
use tower_vgi::external::Fetcher;

use crate::fetcher;
use crate::store::{Fault, Store};

const SIZE: usize = 5_000_000;

fn object() -> Vec<u8> {
    (0..SIZE).map(|index| ((index * 31) >> 5) as u8).collect()
}

fn parallel(requests: usize) -> Fetcher {
    fetcher().parallel_threshold(1 << 20).parallel_requests(300_000, requests).build().unwrap()
}

#[tokio::test]
async fn parts_make_the_whole() {
    let store = Store::start().await;
    let reference = Reference::new(store.keep("x", object(), None)).unwrap();
    for requests in [1, 2, 8, 100] {
        assert_eq!(parallel(requests).fetch(&reference).await.unwrap(), object(), "{requests}");
        let made = store.requests();
        let ranges = made.iter().filter(|line| line.contains("bytes=")).count();
        assert_eq!(made.len() - ranges, 1, "one request begins");
        assert!(ranges <= SIZE / 300_000 && (ranges > 0) == (requests > 1), "{requests}: {made:?}");
    }
    let small = Reference::new(store.keep("y", "small", None)).unwrap();
    parallel(8).fetch(&small).await.unwrap();
    assert_eq!(store.requests().len(), 1);
}

#[tokio::test]
async fn parts_of_something_else_are_refused() {
    let store = Store::start().await;
    let reference = Reference::new(store.keep("x", object(), None)).unwrap();
    for (fault, says) in [
        (Fault::WholeForRange, "in place of a part"),
        (Fault::WrongRange, "asked for a range"),
        (Fault::Changing, "has changed while it was read"),
        (Fault::Truncate, "broke off"),
    ] {
        store.set(fault.clone());
        let error = parallel(4).fetch(&reference).await.unwrap_err();
        assert!(error.message().contains(says), "{fault:?}: {error}");
        assert!(!error.message().contains("secret"), "{error}");
    }
    store.set(Fault::None);
    assert_eq!(parallel(4).fetch(&reference).await.unwrap(), object());
}
