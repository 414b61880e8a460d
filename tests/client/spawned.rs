//! Everything that waits can be given to a runtime's tasks, over every service.

use tower_vgi::client::{Channel, HttpService, capabilities, introspect, request_upload_urls};

use crate::calculator::{CalculatorClient, Row};
use crate::ways::{Any, all};

fn spawned<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::spawn(future)
}

/// That this compiles is most of it: what is generic over services is checked for one whose errors are boxed.
async fn everything(channel: Channel<Any>) -> f64 {
    let client = CalculatorClient::new(channel.clone());
    spawned(async move {
        let batch = || crate::support::Arguments::none().batch();
        let _ = channel.generation().await;
        let _ = channel.capabilities().await;
        let _ = capabilities(&channel).await;
        let _ = introspect(&channel).await;
        let _ = request_upload_urls(&channel, 1).await;
        let _ = channel.unary("acme.Calculator.v1", "absent", batch()).await;
        let _ = channel.producer("acme.Calculator.v1", "absent", batch()).await;
        let _ = channel.exchange("acme.Calculator.v1", "absent", batch()).await;
        let _ = channel.method("acme.Calculator.v1", "absent").unary(batch()).await;
        let mut rows = client.countdown(5).await.unwrap();
        let _ = rows.next().await;
        let token = rows.resume_token();
        rows.cancel().await;
        if let Some(token) = token {
            let _ = channel.method("acme.Calculator.v1", "countdown").resume(token).await;
        }
        let _ = client.countdown(2).await.unwrap().collect().await;
        let mut batches = client.countdown(5).await.unwrap().into_batches();
        let _ = batches.next_with_token().await;
        batches.cancel().await;
        let session = client.session();
        let _ = session.add(1.0, 2.0).await;
        session.close().await.unwrap();
        channel.session().close().await.unwrap();
        let mut scale = client.scale(2.0).await.unwrap();
        let answer = scale.exchange(&[Row { value: 1.5 }]).await.unwrap();
        scale.cancel().await;
        answer[0].value
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn calls_run_in_tasks() {
    for (way, channel) in all().await {
        assert_eq!(everything(channel).await, 3.0, "{way}");
    }
}

/// Generic callers as well.
#[allow(dead_code)]
fn generic<S: HttpService>(client: CalculatorClient<S>) -> tokio::task::JoinHandle<()> {
    spawned(async move {
        let mut scale = client.scale(2.0).await.unwrap();
        let _ = scale.exchange(&[Row { value: 1.5 }]).await;
        let session = client.session();
        session.close().await.unwrap();
    })
}
