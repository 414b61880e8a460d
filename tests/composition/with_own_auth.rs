//! `examples/own_auth.rs`.

#[allow(dead_code, unreachable_pub)]
#[path = "../../examples/own_auth.rs"]
mod example;

use http::{Request, StatusCode};
use tower::ServiceExt as _;
use tower_vgi::Body;

use crate::support::{Arguments, Caller};

#[tokio::test]
async fn the_method_knows_whom_the_layer_let_in() {
    let app = example::app().unwrap();
    for caller in Caller::both(app.clone(), "Door") {
        let refused = caller.call("whoami", Arguments::none()).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.unwrap_error().0, "AuthenticationError");
        let known = caller.header("x-api-key", "s3cret");
        assert_eq!(known.call("whoami", Arguments::none()).await.value::<String>(), "alice");
    }
    for path in ["/health", "/health/ready"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), StatusCode::OK);
    }
    let nowhere = Request::get("/nowhere/at/all").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(nowhere).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}
