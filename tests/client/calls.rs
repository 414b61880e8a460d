//! The same calls give the same results, whatever the way.

use futures_util::TryStreamExt as _;
use tower_vgi::VgiArrow as _;
use tower_vgi::client::UseDefault;

use crate::calculator::{Announcement, CalculatorClient, Point, Rounding, Row, Tick};
use crate::support::Arguments;
use crate::ways::{clients, serve, stack};

#[tokio::test]
async fn unary_methods() {
    for (way, client) in clients().await {
        assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0, "{way}");
        assert_eq!(client.add(1.0, UseDefault).await.unwrap(), 2.0, "{way}");
        assert_eq!(client.greet(UseDefault, Some("Dr".to_owned())).await.unwrap(), "Hello, Dr World!", "{way}");
        assert_eq!(client.greet("Ada".to_owned(), None).await.unwrap(), "Hello, Ada!", "{way}");
        assert_eq!(client.round(1.5, Rounding::Up).await.unwrap(), 2, "{way}");
        assert_eq!(client.round(1.5, UseDefault).await.unwrap(), 1, "{way}");
        let point = |x, y| Point { x, y };
        let mirrored = client.mirror_point(point(1.0, 2.0), Some(point(3.0, 4.0))).await.unwrap();
        assert_eq!(mirrored, Some(point(2.0, 3.0)), "{way}");
        assert_eq!(client.mirror_point(point(1.0, 2.0), None).await.unwrap(), None, "{way}");
        client.nothing().await.unwrap();
        assert_eq!(client.begin().await.unwrap(), 1, "{way}");
        assert_eq!(client.provided(2).await.unwrap(), 42, "{way}");
        assert_eq!(client.whoami(1, 2).await.unwrap(), "whoami false 1 2", "{way}");
    }
}

#[tokio::test]
async fn producers() {
    for (way, client) in clients().await {
        for n in [0, 1, 2, 100] {
            let ticks: Vec<Tick> = client.countdown(n).await.unwrap().try_collect().await.unwrap();
            let expected: Vec<Tick> = (0..n).rev().map(|left| Tick { left }).collect();
            assert_eq!(ticks, expected, "{way}");
        }
        let announced = client.announced(2).await.unwrap();
        assert_eq!(announced.header(), &Announcement { total: 2, label: "ticks".to_owned() }, "{way}");
        assert_eq!(announced.collect().await.unwrap().len(), 2, "{way}");
        let mut columns = client.columns("price".to_owned()).await.unwrap();
        let batch = columns.next().await.unwrap().unwrap();
        assert_eq!(columns.schema().unwrap().field(0).name(), "price", "{way}");
        assert_eq!(i64::from_array(batch.batch.column(0), 0).unwrap(), 7, "{way}");
        assert!(columns.next().await.unwrap().is_none(), "{way}");
    }
}

#[tokio::test]
async fn exchanges() {
    for (way, client) in clients().await {
        let mut scale = client.scale(3.0).await.unwrap();
        for value in [1.0, 2.0] {
            let scaled = scale.exchange(&[Row { value }, Row { value: 5.0 }]).await.unwrap();
            assert_eq!(scaled, [Row { value: value * 3.0 }, Row { value: 15.0 }], "{way}");
        }
        assert_eq!(scale.exchange(&[]).await.unwrap(), [], "{way}");
        scale.cancel().await;
        scale.cancel().await;
        assert_eq!(scale.exchange(&[Row { value: 1.0 }]).await.unwrap_err().type_name(), "ProtocolError", "{way}");
        let announced = client.scale_announced(2.0).await.unwrap();
        assert_eq!(announced.header().label, "scale_announced", "{way}");
        let mut mirror = client.mirror("x".to_owned()).await.unwrap();
        let answer = mirror.exchange(Arguments::none().with("x", 5_i64).batch()).await.unwrap();
        assert_eq!(i64::from_array(answer.batch.column(0), 0).unwrap(), 5, "{way}");
        assert!(answer.metadata.is_empty(), "{way}: {:?}", answer.metadata);
    }
}

#[tokio::test]
async fn calls_by_name() {
    for (way, client) in clients().await {
        let channel = client.channel();
        let call = |method| channel.method("acme.Calculator.v1", method).version("1.2.0");
        let sum = call("add").unary(Arguments::none().with("a", 1.0).with("b", 2.0).batch()).await.unwrap();
        assert_eq!(f64::from_array(sum.batch.column(0), 0).unwrap(), 3.0, "{way}");
        let n = || Arguments::none().with("n", 3_i64).batch();
        let stream = call("countdown").producer(n()).await.unwrap();
        assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().len(), 3, "{way}");
        let stream = call("announced").with_header().producer(n()).await.unwrap();
        assert_eq!(stream.header().as_ref().unwrap().batch.num_rows(), 1, "{way}");
    }
}

#[tokio::test]
async fn a_producer_goes_on_from_any_of_its_places() {
    for (way, client) in clients().await {
        let mut stream = client.countdown(70).await.unwrap().into_batches();
        let mut taken = 0;
        let mut resumed = 0;
        while let Some((batch, token)) = stream.next_with_token().await.unwrap() {
            taken += batch.batch.num_rows();
            let Some(token) = token.filter(|_| taken % 10 == 0) else { continue };
            let token = tower_vgi::client::ResumeToken::from_bytes(&token.to_bytes()).unwrap();
            let call = client.channel().method("acme.Calculator.v1", "countdown");
            let rest: Vec<_> = call.resume(token).await.unwrap().try_collect().await.unwrap();
            assert_eq!(taken + rest.len(), 70, "{way}");
            resumed += 1;
        }
        assert_eq!(taken, 70, "{way}");
        assert!(resumed >= 6, "{way}: {resumed}");
    }
}

#[tokio::test]
async fn a_cancelled_producer_has_ended() {
    for (way, client) in clients().await {
        let mut stream = client.countdown(50).await.unwrap();
        assert_eq!(stream.next().await.unwrap(), Some(Tick { left: 49 }), "{way}");
        stream.cancel().await;
        stream.cancel().await;
        assert_eq!(stream.next().await.unwrap(), None, "{way}");
        assert_eq!(stream.resume_token(), None, "{way}");
    }
}

#[tokio::test]
async fn a_proxy_connects_by_itself() {
    let url = serve(stack()).await;
    let client = CalculatorClient::connect(&url).await.unwrap();
    assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
    assert!(CalculatorClient::connect("ftp://x").await.is_err());
}
