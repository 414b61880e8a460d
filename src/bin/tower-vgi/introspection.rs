//! What the server offers, or that it does not say.

use http::StatusCode;
use tower_vgi::RpcError;
use tower_vgi::client::{Channel, ServiceDescription};

use crate::failure::Failure;

/// Asks the server what it offers.
pub(crate) async fn introspect(channel: &Channel) -> Result<ServiceDescription, Failure> {
    tower_vgi::client::introspect(channel).await.map_err(|error| {
        // A server of the protocol says so in its own way: that error has a type of its own.
        let unknown = error.http_status() == Some(StatusCode::NOT_FOUND) && error.type_name() != "HttpError";
        if !unknown {
            return error.into();
        }
        let text = "the server does not describe its methods: it was started without introspection";
        Failure::Refused(RpcError::new(error.type_name().to_owned(), text))
    })
}
