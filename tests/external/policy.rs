//! Which URLs are read.

use tower_vgi::Reference;
use tower_vgi::external::{Fetcher, UrlPolicy};

use crate::store::{Fault, Store};
use crate::{LARGE, builder, client, layer, stack};

fn fetcher(policy: UrlPolicy) -> Fetcher {
    Fetcher::builder().policy(policy).build().unwrap()
}

async fn refused(fetcher: &Fetcher, url: &str) -> String {
    let error = fetcher.fetch(&Reference::new(url).unwrap()).await.unwrap_err();
    assert_eq!(error.type_name(), "ValueError", "{url}: {error}");
    assert!(error.message().starts_with("ExternalLocation URL rejected: "), "{url}: {error}");
    assert!(!error.message().contains("secret"), "{error}");
    error.message().to_owned()
}

#[tokio::test]
async fn by_default_only_https_and_only_public_addresses() {
    let store = Store::start().await;
    let url = store.keep("x", "x", None);
    assert!(refused(&fetcher(UrlPolicy::new()), &url).await.contains("scheme 'http' is not allowed"));
    for url in ["file:///etc/passwd", "ftp://host/x", "no URL", "http://", "https://user:secret@host/x"] {
        refused(&fetcher(UrlPolicy::new()), url).await;
    }
    let http = fetcher(UrlPolicy::new().allow_http());
    // By address, by name, and by what resolvers take for an address.
    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "169.254.169.254", "[::ffff:127.0.0.1]"] {
        let url = url.replace("127.0.0.1", host);
        match http.fetch(&Reference::new(url.as_str()).unwrap()).await {
            Err(error) if error.type_name() == "ValueError" => {
                assert!(error.message().contains("public address") || error.message().contains("absolute"), "{error}");
            }
            // Not every resolver takes every form.
            Err(error) => assert!(error.message().contains("no response"), "{host}: {error}"),
            Ok(_) => panic!("{host} was read"),
        }
    }
    assert!(store.requests().is_empty(), "nothing was asked of it");
}

#[tokio::test]
async fn redirects_are_held_to_the_same() {
    let (store, inner) = (Store::start().await, Store::start().await);
    let url = store.keep("x", "x", None);
    let allowed = fetcher(UrlPolicy::new().allow_origin(&store.url).unwrap());
    allowed.fetch(&Reference::new(url.as_str()).unwrap()).await.unwrap();

    store.set(Fault::Redirect(inner.keep("x", "inner", None)));
    refused(&allowed, &url).await;
    let open = fetcher(UrlPolicy::new().allow_http().allow_origin(&store.url).unwrap());
    assert!(refused(&open, &url).await.contains("no public address"));
    assert!(inner.requests().is_empty(), "what is refused is not asked");

    let both = UrlPolicy::only([store.url.as_str(), inner.url.as_str()]).unwrap();
    assert_eq!(fetcher(both).fetch(&Reference::new(url.as_str()).unwrap()).await.unwrap(), "inner");

    store.set(Fault::Redirect(url.clone()));
    let error = allowed.fetch(&Reference::new(url.as_str()).unwrap()).await.unwrap_err();
    assert!(error.message().contains("redirect limit exceeded (max_redirects=5)"), "{error}");
    assert!(!error.message().contains("secret"), "{error}");
    store.set(Fault::Redirect("::::".to_owned()));
    assert!(allowed.fetch(&Reference::new(url.as_str()).unwrap()).await.is_err());
}

#[tokio::test]
async fn a_check_of_ones_own_is_asked_about_every_hop() {
    let (store, inner) = (Store::start().await, Store::start().await);
    let url = store.keep("x", "x", None);
    store.set(Fault::Redirect(inner.keep("x", "inner", None)));
    let own = store.url.clone();
    let policy = UrlPolicy::any().check(move |uri| match uri.to_string().starts_with(&own) {
        true => Ok(()),
        false => Err(format!("not {uri}")),
    });
    assert!(refused(&fetcher(policy), &url).await.contains("not http"));
    assert!(inner.requests().is_empty());
}

#[tokio::test]
async fn the_channels_own_origin_may_be_read() {
    let store = Store::start().await;
    let service = stack(&layer(&store));
    let fetcher = fetcher(UrlPolicy::new());
    // The server as if it kept its objects itself.
    let own = builder().external(fetcher.clone()).service(service.clone(), &store.url).unwrap();
    assert_eq!(crate::service::LibraryClient::new(own).text(LARGE).await.unwrap().len(), LARGE as usize);
    let error = client(service, builder().external(fetcher)).text(LARGE).await.unwrap_err();
    assert!(error.message().contains("URL rejected"), "{error}");
}
