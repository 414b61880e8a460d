//! The places of a stack, in their order.

/// A place in a [`Stack`](super::Stack), named after the layer that belongs there. The outermost comes first.
///
/// Why each stands where it stands:
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Takes the prefix off, so that everything inside sees the same paths wherever it is mounted.
    Mount,
    /// Gives the request its id, so that everything inside can name it and every response carries it.
    RequestId,
    /// Spans and metrics of OpenTelemetry: outside of the spans of tracing, which are parts of its own.
    Otel,
    /// Spans and events: inside of the id, which they show, and outside of everything that may answer.
    Trace,
    /// A line for every call: outside of all that changes bodies, so that sizes are those on the wire.
    AccessLog,
    /// Says what the server can do, on whatever response comes from inside: errors and preflights included.
    Capabilities,
    /// Answers preflights, which carry no credentials, before anybody asks for some; lets pages read refusals too.
    Cors,
    /// Turns a panic of anything inside into a response, which then gets its headers outside.
    CatchPanic,
    /// Work before the first request of all: whatever that is, it has to wait.
    StartHook,
    /// Discovery and liveness: needs neither credentials nor a body.
    Health,
    /// What clients have to know to get a token, which they ask before they have one.
    ResourceMetadata,
    /// Serves what the server keeps itself to those who have a URL that it has signed, and need nothing else.
    LocalStorage,
    /// Who calls: outside of all that reads a body or looks at what is called, so that those who are not let in learn
    /// nothing. Everything inside is for callers who were.
    Auth,
    /// Bounds how slowly a body may come: nearest to the wire of those that read it.
    BodyTimeout,
    /// Bounds how large a body may be, as it is sent.
    RequestLimit,
    /// Bounds the memory of all requests together: outside of what decodes, which reserves what it needs.
    RequestMemory,
    /// Decodes requests, under a limit of its own, and encodes responses: inside of all that counts bytes on the wire.
    Compression,
    /// Pages for people, which need no decoding and answer in place of the service.
    Pages,
    /// Tells whose a credential is, to those on a list: inside of whatever says who calls.
    TokenIntrospection,
    /// Gives out URLs for uploads, to those who may call.
    UploadUrls,
    /// How large a response may be, told to the service.
    ResponseLimit,
    /// Finds the caller's session: inside of whatever says who calls, and nearest to the methods that use it.
    Sticky,
}

impl Place {
    /// All places, the outermost first.
    pub const ALL: [Self; 22] = [
        Self::Mount,
        Self::RequestId,
        Self::Otel,
        Self::Trace,
        Self::AccessLog,
        Self::Capabilities,
        Self::Cors,
        Self::CatchPanic,
        Self::StartHook,
        Self::Health,
        Self::ResourceMetadata,
        Self::LocalStorage,
        Self::Auth,
        Self::BodyTimeout,
        Self::RequestLimit,
        Self::RequestMemory,
        Self::Compression,
        Self::Pages,
        Self::TokenIntrospection,
        Self::UploadUrls,
        Self::ResponseLimit,
        Self::Sticky,
    ];
}
