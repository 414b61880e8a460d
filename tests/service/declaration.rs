//! Traits may be declared in all the ways that Rust has for them.

use std::sync::Arc;

use tower_vgi::rpc::RpcService;
use tower_vgi::{Result, VgiArrow};

use crate::support::{Arguments, Caller};

/// Lints that users of the macro may have set are quiet about what it writes.
mod strict {
    #![deny(missing_docs, unreachable_pub, unused, missing_debug_implementations)]
    #![deny(clippy::all, clippy::pedantic)]
    #![forbid(unsafe_code)]

    /// A trait under strict lints.
    #[tower_vgi::service(version = "0.1.0")]
    pub(crate) trait Strict {
        /// Answers.
        async fn answer(&self) -> tower_vgi::Result<i64>;

        /// Is there only sometimes.
        #[cfg(any())]
        async fn absent(&self, nowhere: Nowhere) -> tower_vgi::Result<i64>;
    }
}

struct Fixed(i64);

impl strict::Strict for Fixed {
    async fn answer(&self) -> Result<i64> {
        Ok(self.0)
    }
}

#[tokio::test]
async fn methods_that_are_configured_away_are_absent() {
    let implementation = Arc::new(Fixed(42));
    let server = strict::StrictServer::from_arc(implementation.clone());
    assert!(std::ptr::eq(server.get_ref(), &*implementation));
    let service = RpcService::builder().protocol(server).build().unwrap();
    for caller in Caller::both(service, "Strict").map(|caller| caller.version("0.1.0")) {
        assert_eq!(caller.call("answer", Arguments::none()).await.value::<i64>(), 42);
        assert_eq!(caller.call("absent", Arguments::none()).await.status, 404);
    }
}

/// What the macro writes names everything by its full path.
mod shadowed {
    #![allow(dead_code)]

    struct Option;
    struct Arc;
    struct Send;
    struct Clone;
    struct Future;
    struct String;
    struct Protocol;
    #[derive(tower_vgi::VgiArrow)]
    pub(crate) struct T {
        pub(crate) value: i64,
    }
    struct Method;

    #[tower_vgi::service]
    pub(crate) trait Shadowed {
        async fn same(
            &self,
            params: i64,
            context: i64,
            implementation: i64,
            argument_0: i64,
        ) -> std::result::Result<i64, tower_vgi::RpcError>;
    }

    #[tower_vgi::service]
    pub(crate) trait OfT {
        async fn wrap(&self, value: T) -> std::result::Result<T, tower_vgi::RpcError>;
    }

    pub(crate) struct Implementation;

    impl OfT for Implementation {
        async fn wrap(&self, value: T) -> std::result::Result<T, tower_vgi::RpcError> {
            Ok(T { value: value.value + 1 })
        }
    }

    impl Shadowed for Implementation {
        async fn same(&self, a: i64, b: i64, c: i64, d: i64) -> std::result::Result<i64, tower_vgi::RpcError> {
            Ok(1000 * a + 100 * b + 10 * c + d)
        }
    }
}

#[tokio::test]
async fn names_of_the_user_do_not_collide_with_generated_ones() {
    let server = shadowed::ShadowedServer::new(shadowed::Implementation);
    let service = RpcService::builder().protocol(server).build().unwrap();
    for caller in Caller::both(service, "Shadowed") {
        let arguments = Arguments::none().with("params", 1_i64).with("context", 2_i64);
        let arguments = arguments.with("implementation", 3_i64).with("argument_0", 4_i64);
        assert_eq!(caller.call("same", arguments).await.value::<i64>(), 1234);
    }
}

#[tokio::test]
async fn a_service_may_be_declared_in_a_function_and_implemented_for_a_generic_type() {
    #[derive(VgiArrow)]
    struct Local {
        value: i64,
    }

    #[tower_vgi::service]
    trait Inner: std::fmt::Debug {
        async fn twice(&self, local: Local) -> Result<i64>;
    }

    #[derive(Debug)]
    struct Times<T>(T);

    impl<T: Into<i64> + Copy + std::fmt::Debug + Send + Sync + 'static> Inner for Times<T> {
        async fn twice(&self, local: Local) -> Result<i64> {
            Ok(local.value * self.0.into())
        }
    }

    let service = RpcService::builder().protocol(InnerServer::new(Times(2_u8))).build().unwrap();
    for caller in Caller::both(service, "Inner") {
        let answer = caller.call("twice", Arguments::none().with("local", Local { value: 4 })).await;
        assert_eq!(answer.value::<i64>(), 8);
    }
}

#[tokio::test]
async fn several_services_share_a_server() {
    let service = RpcService::builder()
        .protocol(strict::StrictServer::new(Fixed(1)))
        .protocol(shadowed::ShadowedServer::new(shadowed::Implementation))
        .protocol(shadowed::OfTServer::new(shadowed::Implementation))
        .build()
        .unwrap();
    let strict = Caller::namespaced(service.clone(), "Strict").version("0.1.0");
    assert_eq!(strict.call("answer", Arguments::none()).await.value::<i64>(), 1);
    let shadowed = Caller::namespaced(service.clone(), "Shadowed");
    assert_eq!(shadowed.call("answer", Arguments::none()).await.status, 404);
    let of_t = Caller::namespaced(service, "OfT");
    let answer = of_t.call("wrap", Arguments::none().with("value", shadowed::T { value: 1 })).await;
    assert_eq!(answer.value::<shadowed::T>().value, 2);
}
