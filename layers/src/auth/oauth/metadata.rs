//! [`ResourceMetadata`]: what the document and the challenge say.

use std::error::Error;
use std::fmt;

use http::{HeaderValue, Uri};
use serde_json::{Map, Value};

use super::WELL_KNOWN;
use crate::auth::private::is_private;
use crate::origin;

/// What this service tells clients about tokens for it: the members of RFC 9728, and those that the protocol adds.
///
/// `client_secret` and its like go to everybody. Identity providers have them for programs on the user's own machine,
/// where they are no secrets; never give the secret of a server here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a document does nothing until a layer serves it"]
pub struct ResourceMetadata {
    resource: String,
    authorization_servers: Vec<String>,
    scopes: Vec<String>,
    bearer_methods: Vec<String>,
    signing_algorithms: Vec<String>,
    name: Option<String>,
    documentation: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    device_code_client_id: Option<String>,
    device_code_client_secret: Option<String>,
    use_id_token_as_bearer: bool,
    token_endpoint: Option<String>,
}

macro_rules! optional {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(mut self, value: impl Into<String>) -> Self {
                self.$name = Some(value.into());
                self
            }
        )*
    };
}

impl ResourceMetadata {
    /// `resource` is the URL of the service as callers see it; tokens come from one of the authorization servers.
    pub fn new<S: Into<String>>(
        resource: impl Into<String>,
        authorization_servers: impl IntoIterator<Item = S>,
    ) -> Self {
        Self { resource: resource.into(), authorization_servers: texts(authorization_servers), ..Self::default() }
    }

    /// The scopes that mean something here.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = texts(scopes);
        self
    }

    /// How tokens may be sent. Default: in the header only, which goes without saying.
    pub fn bearer_methods<S: Into<String>>(mut self, methods: impl IntoIterator<Item = S>) -> Self {
        self.bearer_methods = texts(methods);
        self
    }

    /// The algorithms by which the service signs what it answers.
    pub fn signing_algorithms<S: Into<String>>(mut self, algorithms: impl IntoIterator<Item = S>) -> Self {
        self.signing_algorithms = texts(algorithms);
        self
    }

    optional! {
        /// The name of the service for people.
        name;
        /// The URL of its documentation.
        documentation;
        /// The URL of what it does with data.
        policy_uri;
        /// The URL of its terms.
        tos_uri;
        /// The client id that programs are to use with the authorization server.
        client_id;
        /// What goes with the client id; see the type.
        client_secret;
        /// The client id for the device code flow, if it is another one.
        device_code_client_id;
        /// What goes with that; see the type.
        device_code_client_secret;
    }

    /// Clients are to send the `id_token` rather than the `access_token`.
    pub fn use_id_token_as_bearer(mut self) -> Self {
        self.use_id_token_as_bearer = true;
        self
    }

    /// Where clients are to exchange codes and refresh tokens, in place of the authorization server: a service that has the
    /// client's secret does so for those that have not, as `auth::login` can where `Login::exchange_tokens` says so. It has
    /// to be of https, unless it is this machine.
    pub fn token_endpoint(mut self, url: impl Into<String>) -> Self {
        self.token_endpoint = Some(url.into());
        self
    }

    /// The document.
    pub(super) fn document(&self) -> String {
        let mut document = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                document.insert(name.to_owned(), value);
            }
        };
        let list = |list: &[String]| (!list.is_empty()).then(|| Value::from(list));
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        add("resource", Some(self.resource.as_str().into()));
        add("authorization_servers", Some(self.authorization_servers.as_slice().into()));
        add("scopes_supported", list(&self.scopes));
        add("bearer_methods_supported", list(&self.bearer_methods).filter(|_| self.bearer_methods != ["header"]));
        add("resource_signing_alg_values_supported", list(&self.signing_algorithms));
        add("resource_name", text(&self.name));
        add("resource_documentation", text(&self.documentation));
        add("resource_policy_uri", text(&self.policy_uri));
        add("resource_tos_uri", text(&self.tos_uri));
        add("client_id", text(&self.client_id));
        add("client_secret", text(&self.client_secret));
        add("use_id_token_as_bearer", self.use_id_token_as_bearer.then_some(true.into()));
        add("device_code_client_id", text(&self.device_code_client_id));
        add("device_code_client_secret", text(&self.device_code_client_secret));
        add("token_endpoint", text(&self.token_endpoint));
        Value::from(document).to_string()
    }

    /// The `WWW-Authenticate` that leads to the document of a service mounted at `prefix` (`/vgi`, or empty).
    ///
    /// # Errors
    ///
    /// When a URL is none, when there is no authorization server, when a client id or its like has other characters than
    /// letters, digits, `-`, `.`, `_` and `~`, or when there is a token endpoint that others can read, or one and the
    /// secret is given away as well.
    pub fn challenge(&self, prefix: &str) -> Result<HeaderValue, InvalidMetadata> {
        let origin = self.check()?;
        let mut challenge = format!("Bearer resource_metadata=\"{origin}{WELL_KNOWN}{prefix}\"");
        let id_token = self.use_id_token_as_bearer.then(|| "true".to_owned());
        for (name, value) in [
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("use_id_token_as_bearer", &id_token),
            ("device_code_client_id", &self.device_code_client_id),
            ("device_code_client_secret", &self.device_code_client_secret),
        ] {
            if let Some(value) = value {
                challenge.push_str(&format!(", {name}=\"{value}\""));
            }
        }
        HeaderValue::from_str(&challenge).map_err(|_| InvalidMetadata(format!("the prefix {prefix:?} is no path")))
    }

    /// The scheme and the host of the service.
    pub(super) fn check(&self) -> Result<String, InvalidMetadata> {
        let Some(server) = self.authorization_servers.iter().map(|server| origin_of(server)).next() else {
            return Err(InvalidMetadata("the metadata name no authorization server".to_owned()));
        };
        server?;
        for server in &self.authorization_servers {
            origin_of(server)?;
        }
        for (what, value) in [
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("device_code_client_id", &self.device_code_client_id),
            ("device_code_client_secret", &self.device_code_client_secret),
        ] {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            if value.as_ref().is_some_and(|value| value.is_empty() || !value.bytes().all(fits)) {
                return Err(InvalidMetadata(format!("{what} has to be of letters, digits, '-', '.', '_' and '~'")));
            }
        }
        if let Some(endpoint) = &self.token_endpoint {
            origin_of(endpoint)?;
            if !endpoint.parse().is_ok_and(|url| is_private(&url)) {
                let why = "codes and refresh tokens are sent there, which others are not to read";
                return Err(InvalidMetadata(format!("{endpoint:?} has to be of https, or this machine: {why}")));
            }
            if self.client_secret.is_some() {
                let why = "a service that exchanges codes for its clients does not give them the client's secret";
                return Err(InvalidMetadata(format!("{why}: leave out client_secret or token_endpoint")));
            }
        }
        origin_of(&self.resource)
    }
}

fn texts<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Vec<String> {
    texts.into_iter().map(Into::into).collect()
}

fn origin_of(url: &str) -> Result<String, InvalidMetadata> {
    let is_of_web = |origin: &str| ["http://", "https://"].iter().any(|scheme| origin.starts_with(scheme));
    match origin::split(url) {
        Ok((origin, _)) if is_of_web(&origin) && url.parse::<Uri>().is_ok() => Ok(origin),
        _ => Err(InvalidMetadata(format!("{url:?} is no URL of http or https, as the metadata need it"))),
    }
}

/// Why metadata cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMetadata(String);

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for InvalidMetadata {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn small() -> ResourceMetadata {
        ResourceMetadata::new("https://api.example:8443/vgi", ["https://login.example"])
    }

    #[test]
    fn members_are_there_when_they_are_set() {
        let document = |metadata: ResourceMetadata| serde_json::from_str::<Value>(&metadata.document()).unwrap();
        let least = json!({
            "resource": "https://api.example:8443/vgi", "authorization_servers": ["https://login.example"]
        });
        assert_eq!(document(small()), least);
        assert_eq!(document(small().bearer_methods(["header"])), least);
        let all = small()
            .scopes(["a", "b"])
            .bearer_methods(["header", "body"])
            .signing_algorithms(["ES256"])
            .name("API")
            .documentation("https://d.example")
            .policy_uri("https://p.example")
            .tos_uri("https://t.example")
            .client_id("c")
            .client_secret("s")
            .device_code_client_id("dc")
            .device_code_client_secret("ds")
            .use_id_token_as_bearer();
        let expected = json!({
            "resource": "https://api.example:8443/vgi", "authorization_servers": ["https://login.example"],
            "scopes_supported": ["a", "b"], "bearer_methods_supported": ["header", "body"],
            "resource_signing_alg_values_supported": ["ES256"], "resource_name": "API",
            "resource_documentation": "https://d.example", "resource_policy_uri": "https://p.example",
            "resource_tos_uri": "https://t.example", "client_id": "c", "client_secret": "s",
            "use_id_token_as_bearer": true, "device_code_client_id": "dc", "device_code_client_secret": "ds"
        });
        assert_eq!(document(all.clone()), expected);
        assert_eq!(
            all.challenge("/vgi").unwrap(),
            "Bearer resource_metadata=\"https://api.example:8443/.well-known/oauth-protected-resource/vgi\", \
             client_id=\"c\", client_secret=\"s\", use_id_token_as_bearer=\"true\", device_code_client_id=\"dc\", \
             device_code_client_secret=\"ds\""
        );
        let endpoint = "https://api.example:8443/vgi/_oauth/token";
        assert_eq!(document(small().token_endpoint(endpoint))["token_endpoint"], endpoint);
        let bare = "Bearer resource_metadata=\"https://api.example:8443/.well-known/oauth-protected-resource\"";
        assert_eq!(small().challenge("").unwrap(), bare);
    }

    #[test]
    fn what_would_break_a_header_or_lead_nowhere_is_refused() {
        for metadata in [
            small().client_id("a\"b"),
            small().client_secret(""),
            small().device_code_client_id("ä"),
            small().token_endpoint("/_oauth/token"),
            small().token_endpoint("http://api.example/_oauth/token"),
            small().token_endpoint("https://api.example/_oauth/token").client_secret("s"),
            ResourceMetadata::new("/vgi", ["https://login.example"]),
            ResourceMetadata::new("https://api.example", ["login"]),
            ResourceMetadata::new("https://api.example", Vec::<String>::new()),
        ] {
            assert!(metadata.challenge("").is_err(), "{metadata:?}");
        }
    }
}
