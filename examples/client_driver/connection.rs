//! [`Connected`]: a connection, its stream and its sessions.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tower_vgi::client::{
    Channel, ExchangeStream, MethodCall, ProducerStream, ServerCapabilities, Session, request_upload_urls,
};
use tower_vgi::external::{Fetcher, UrlPolicy};
use tower_vgi::wire::{AnnotatedBatch, keys};
use tower_vgi::{RpcError, client};

use crate::{Object, Refusal, describe, object, relay};

/// Everything of the one connection that a driver has.
pub(crate) struct Connected {
    channel: Channel,
    protocol: String,
    stream: Stream,
    /// The innermost is the last.
    sessions: Vec<Session>,
    logs: Arc<Mutex<Vec<Value>>>,
}

enum Stream {
    None,
    Producer(ProducerStream<client::Connection, Option<AnnotatedBatch>>),
    Exchange(Box<ExchangeStream<client::Connection, Option<AnnotatedBatch>>>),
}

impl Connected {
    pub(crate) fn new(request: &Object) -> Result<Self, Refusal> {
        let text = |member: &str| request.get(member).and_then(Value::as_str);
        if text("transport") != Some("http") {
            return Err("this client speaks HTTP only".to_owned());
        }
        let protocol = text("protocol").filter(|name| !name.is_empty()).ok_or("there is no 'protocol'")?.to_owned();
        let logs = Arc::new(Mutex::new(Vec::new()));
        let seen = logs.clone();
        // Nothing ahead of its turn: what a turn logs belongs to it.
        let mut builder = Channel::builder().request_ahead(false).on_log(move |message| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(relay::log(message));
        });
        if request.get("external").and_then(Value::as_bool) == Some(true) {
            // The storage of the suite is on this machine.
            let fetcher = Fetcher::builder().policy(UrlPolicy::any()).build().map_err(|error| error.to_string())?;
            builder = builder.external(fetcher);
        }
        match request.get("compression_level") {
            None => {}
            Some(Value::Null) => builder = builder.compression_level(None),
            Some(level) => builder = builder.compression_level(level.as_i64().and_then(|level| level.try_into().ok())),
        }
        for (name, value) in request.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let bad = |error: &dyn std::fmt::Display| format!("the header {name}: {error}");
            let header = HeaderName::try_from(name).map_err(|error| bad(&error))?;
            let value = HeaderValue::from_str(value.as_str().unwrap_or_default()).map_err(|error| bad(&error))?;
            builder = builder.header(header, value);
        }
        let target = text("target").ok_or("there is no 'target'")?;
        let channel = builder.connect(target).map_err(|error| error.to_string())?;
        Ok(Self { channel, protocol, stream: Stream::None, sessions: Vec::new(), logs })
    }

    /// What has been logged since this was asked last.
    pub(crate) fn logs(&self) -> Vec<Value> {
        std::mem::take(&mut self.logs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn carry_out(&mut self, op: &str, request: &Object) -> Result<Object, Refusal> {
        match op {
            "unary" => self.unary(request).await,
            "stream_open" => self.open(request).await,
            "tick" | "next_with_token" => self.next(op, request).await,
            "exchange" => self.exchange(request).await,
            "cancel" => {
                match std::mem::replace(&mut self.stream, Stream::None) {
                    Stream::None => {}
                    Stream::Producer(mut stream) => stream.cancel().await,
                    Stream::Exchange(mut stream) => stream.cancel().await,
                }
                Ok(Object::new())
            }
            "close" => {
                self.stream = Stream::None;
                Ok(Object::new())
            }
            "describe" => describe::describe(self.channel()).await,
            "capabilities" => Ok(match self.channel().capabilities().await {
                Ok(capabilities) => object(json!({"caps": shown(&capabilities)})),
                Err(error) => failed(&error),
            }),
            "request_upload_urls" => self.upload_urls(request).await,
            op if op.starts_with("session_") => self.session(op, request).await,
            op => Err(format!("there is no op '{op}'")),
        }
    }

    /// The innermost session's channel, or the connection's own.
    fn channel(&self) -> &Channel {
        self.sessions.last().map_or(&self.channel, Session::channel)
    }

    /// The call that a request makes; everything in its metadata goes with it.
    fn call(&self, request: &AnnotatedBatch) -> Result<MethodCall<'_, client::Connection>, Refusal> {
        let method = relay::text(&request.metadata, keys::METHOD)?;
        Ok(self.channel().method(&self.protocol, &method).metadata(request.metadata.clone()))
    }

    async fn unary(&self, request: &Object) -> Result<Object, Refusal> {
        let parameters = relay::batch(request, "request_b64")?.ok_or("there is no 'request_b64'")?;
        Ok(match self.call(&parameters)?.unary(parameters.batch).await {
            Ok(batch) => object(json!({"result_b64": relay::stream(&batch)?, "error": null})),
            Err(error) => failed(&error),
        })
    }

    async fn open(&mut self, request: &Object) -> Result<Object, Refusal> {
        if !matches!(self.stream, Stream::None) {
            return Err("there is a stream already".to_owned());
        }
        let parameters = relay::batch(request, "request_b64")?.ok_or("there is no 'request_b64'")?;
        let is = |member: &str| request.get(member).and_then(Value::as_bool).unwrap_or_default();
        let call = self.call(&parameters)?;
        let call = if is("has_header") { call.with_header() } else { call };
        let (header, stream) = if is("is_exchange") {
            match call.exchange(parameters.batch).await {
                Ok(stream) => (stream.header().clone(), Stream::Exchange(Box::new(stream))),
                Err(error) => return Ok(failed(&error)),
            }
        } else {
            match call.producer(parameters.batch).await {
                Ok(stream) => (stream.header().clone(), Stream::Producer(stream)),
                Err(error) => return Ok(failed(&error)),
            }
        };
        self.stream = stream;
        let header = header.as_ref().map(relay::stream).transpose()?;
        Ok(object(json!({"header_b64": header, "error": null})))
    }

    async fn next(&mut self, op: &str, request: &Object) -> Result<Object, Refusal> {
        let Stream::Producer(stream) = &mut self.stream else { return Err("there is no producer".to_owned()) };
        let metadata = relay::batch(request, "input_b64")?.map(|input| input.metadata);
        stream.set_metadata(metadata.unwrap_or_default());
        let mut token = None;
        let outcome = match op {
            "next_with_token" => stream.next_with_token().await.map(|next| {
                next.map(|(batch, place)| {
                    token = place;
                    batch
                })
            }),
            _ => stream.next().await,
        };
        if !matches!(outcome, Ok(Some(_))) {
            self.stream = Stream::None;
        }
        let mut response = relay::turn(outcome)?;
        if op == "next_with_token" {
            response.insert("token".to_owned(), json!(token.map(|token| relay::base64(&token.to_bytes()))));
        }
        Ok(response)
    }

    async fn exchange(&mut self, request: &Object) -> Result<Object, Refusal> {
        let input = relay::batch(request, "input_b64")?.ok_or("there is no 'input_b64'")?;
        let Stream::Exchange(stream) = &mut self.stream else { return Err("there is no exchange".to_owned()) };
        let outcome = stream.exchange(input).await;
        if outcome.is_err() {
            self.stream = Stream::None;
        }
        relay::turn(outcome.map(Some))
    }

    async fn upload_urls(&self, request: &Object) -> Result<Object, Refusal> {
        let count = request.get("count").and_then(Value::as_u64).unwrap_or(1);
        let count = count.try_into().map_err(|_| "so many URLs cannot be asked for".to_owned())?;
        Ok(match request_upload_urls(self.channel(), count).await {
            Ok(urls) => {
                let urls: Vec<_> = urls
                    .iter()
                    .map(|url| {
                        json!({
                            "upload_url": url.upload_url,
                            "download_url": url.download_url,
                            "expires_at": url.expires_at.map(|until| until.timestamp()),
                        })
                    })
                    .collect();
                object(json!({"urls": urls}))
            }
            Err(error) => failed(&error),
        })
    }

    async fn session(&mut self, op: &str, request: &Object) -> Result<Object, Refusal> {
        let innermost = self.sessions.last();
        let response = match op {
            "session_begin" => {
                let token = request.get("token").and_then(Value::as_str).filter(|token| !token.is_empty());
                self.sessions.push(match token {
                    None => self.channel.session(),
                    Some(token) => Session::resume(&self.channel, token).map_err(|error| error.to_string())?,
                });
                json!({})
            }
            "session_token" => json!({"token": innermost.and_then(Session::token)}),
            "session_detach" => json!({"token": innermost.and_then(Session::detach)}),
            "session_echo_headers" => {
                let echoes = innermost.map(Session::echo_headers).unwrap_or_default();
                let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
                let echoes: Object =
                    echoes.iter().map(|(name, value)| (name.as_str().to_owned(), text(value).into())).collect();
                json!({"headers": echoes})
            }
            "session_end" => {
                if let Some(session) = self.sessions.pop() {
                    // As well as can be: who ends a session has no use for the reason why that failed.
                    let _ = session.close().await;
                }
                json!({})
            }
            op => return Err(format!("there is no op '{op}'")),
        };
        Ok(object(response))
    }

    /// Ends what is open, the innermost first.
    pub(crate) async fn close(mut self) {
        self.stream = Stream::None;
        while let Some(session) = self.sessions.pop() {
            let _ = session.close().await;
        }
    }
}

fn failed(error: &RpcError) -> Object {
    object(json!({"result_b64": null, "error": relay::failure(error)}))
}

fn shown(capabilities: &ServerCapabilities) -> Value {
    json!({
        "sticky_enabled": capabilities.sticky_enabled,
        "sticky_default_ttl": capabilities.sticky_default_ttl.map(|ttl| ttl.as_secs()),
        "sticky_echo_headers": capabilities.sticky_echo_headers,
        "upload_url_support": capabilities.upload_url_support,
        "max_request_bytes": capabilities.max_request_bytes,
        "max_response_bytes": capabilities.max_response_bytes,
        "max_externalized_response_bytes": capabilities.max_externalized_response_bytes,
        "externalization_enabled": capabilities.externalization_enabled,
        "max_upload_bytes": capabilities.max_upload_bytes,
        "supported_encodings": capabilities.supported_encodings,
    })
}
