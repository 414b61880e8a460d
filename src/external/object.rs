//! [`Object`]: what is put into a store, and [`ObjectId`]: how it is told from all others.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::compression::{Compression, ContentCoding};
use crate::headers::ARROW_STREAM;
use crate::wire::Frames;
use crate::{Body, BoxError, RpcError};

/// An Arrow IPC stream on its way into a store.
pub struct Object {
    body: Body,
    coding: Option<ContentCoding>,
    length: Option<u64>,
}

impl Object {
    /// What has been encoded, as it is or compressed on the way.
    pub fn new(frames: Frames, compression: Option<Compression>) -> Self {
        let length = frames.len() as u64;
        match compression {
            None => Self { body: Body::from_frames(frames.into_vec()), coding: None, length: Some(length) },
            Some(compression) => {
                let coding = Some(compression.coding());
                Self { body: Body::new(compression.body(frames.into_vec(), length)), coding, length: None }
            }
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        ARROW_STREAM
    }

    /// The value of `Content-Encoding`, which readers have to be told.
    pub fn content_encoding(&self) -> Option<&'static str> {
        self.coding.map(ContentCoding::as_str)
    }

    /// How many bytes there are; unknown beforehand where they are compressed on the way.
    pub fn len(&self) -> Option<u64> {
        self.length
    }

    /// Whether there are none. An Arrow IPC stream is never empty.
    pub fn is_empty(&self) -> bool {
        self.length == Some(0)
    }

    /// The bytes as they are made, in pieces of their own sizes. Large ones are those of the batch itself.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// When compression fails.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, BoxError> {
        loop {
            match poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(piece) = frame?.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// All bytes in one piece.
    ///
    /// # Errors
    ///
    /// When compression fails.
    pub async fn into_bytes(mut self) -> Result<Bytes, BoxError> {
        let Some(first) = self.next_piece().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next_piece().await? else { return Ok(first) };
        let mut all = BytesMut::with_capacity(self.length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0));
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(piece) = self.next_piece().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Object").field("length", &self.length).field("coding", &self.coding).finish()
    }
}

/// Tells an object from all others: 16 random bytes, shown as 32 hexadecimal digits. Nobody can guess it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId([u8; 16]);

impl ObjectId {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When the operating system has no randomness to give.
    pub fn random() -> Result<Self, RpcError> {
        let mut bytes = [0; 16];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| RpcError::runtime_error("the operating system gives no random bytes"))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ObjectId({self})")
    }
}
