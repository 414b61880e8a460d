//! [`Login`]: where people log in, and as which client.

use std::error::Error;
use std::fmt;

use http::Uri;

use super::frontends::Frontends;
use crate::auth::private::is_private;
use crate::origin;

/// Where people log in, and what the identity provider knows this service as.
#[derive(Clone)]
#[must_use = "a login does nothing until a layer has it"]
pub struct Login {
    /// The URL of the service as browsers see it, without a slash at its end.
    pub(super) service: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<String>,
    pub(super) scopes: String,
    pub(super) use_id_token: bool,
    pub(super) frontends: Vec<String>,
    pub(super) exchanges_tokens: bool,
    pub(super) tls: Option<Box<rustls::ClientConfig>>,
}

impl Login {
    /// `service` is the URL of this service as browsers see it, with its prefix. It has to be of https, unless it is this
    /// machine: the cookies let their owner in. `issuer` is the identity provider, whose discovery document says where to
    /// log in. The provider has to know `<service>/_oauth/callback`.
    pub fn new(service: impl Into<String>, issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        let trimmed = |url: String| url.trim_end_matches('/').to_owned();
        Self {
            service: trimmed(service.into()),
            issuer: issuer.into(),
            client_id: client_id.into(),
            client_secret: None,
            scopes: "openid".to_owned(),
            use_id_token: false,
            frontends: Vec::new(),
            exchanges_tokens: false,
            tls: None,
        }
    }

    /// What this service proves itself by to the provider. Browsers never see it. Default: none.
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// The scopes that are asked for. Default: `openid`.
    pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(|scope| scope.as_ref().to_owned()).collect();
        self.scopes = scopes.join(" ");
        self
    }

    /// Takes the `id_token` rather than the `access_token`, for providers whose access tokens only they can read.
    pub fn use_id_token(mut self) -> Self {
        self.use_id_token = true;
        self
    }

    /// The pages on other hosts that get the tokens of people who log in here: origins such as `https://ui.example`, or a
    /// path of one, such as `https://ui.example/app`, for that page and those below it.
    ///
    /// Such a page sends people to any page of this service with `?_vgi_return_to=<its own URL>`. They come back with
    /// `#token=…`, once they are logged in: at once, where they are. Scripts of these pages may then call as the person
    /// who looks at them, so name only those that you trust with that.
    ///
    /// An origin stands for all of its pages. One that sends people on to wherever its address says would give their tokens
    /// to anybody: name the path of the page that wants them where you are not sure that there is none.
    ///
    /// They have to be of `https`, or of `http` on the person's own machine, where `http://localhost` stands for all ports.
    /// Any program there can then have the token of whoever follows its link: that is for trying things out. Default: none.
    pub fn frontends<S: Into<String>>(mut self, pages: impl IntoIterator<Item = S>) -> Self {
        self.frontends = pages.into_iter().map(Into::into).collect();
        self
    }

    /// Exchanges codes and refresh tokens at `<service>/_oauth/token` for programs that do not have the client's secret:
    /// pages of the [frontends](Self::frontends), and programs outside of browsers. See the [module](super).
    ///
    /// Tell them of it with `ResourceMetadata::token_endpoint`. Whoever has a code with what its challenge was made of,
    /// or a refresh token, gets a token without the secret then. The provider has to require PKCE of this client, so that a
    /// code that was stolen is of no use. Default: nobody.
    pub fn exchange_tokens(mut self) -> Self {
        self.exchanges_tokens = true;
        self
    }

    /// Where tokens are exchanged, if they [are](Self::exchange_tokens).
    pub fn token_endpoint(&self) -> String {
        // As browsers write it, also before it is known whether all of this can be used.
        let service = origin::split(&self.service).map(|(origin, prefix)| format!("{origin}{prefix}"));
        format!("{}/_oauth/token", service.as_ref().unwrap_or(&self.service))
    }

    /// Whom the server trusts when it asks the provider over TLS. Default: the system's authorities.
    pub fn tls(mut self, config: rustls::ClientConfig) -> Self {
        self.tls = Some(Box::new(config));
        self
    }

    /// The pages that get tokens, if all of this can be used. The service's URL then is as browsers write it.
    pub(super) fn check(&mut self) -> Result<Frontends, InvalidLogin> {
        let is_https = |url: &str| url.parse::<Uri>().is_ok_and(|url| is_private(&url) && url.query().is_none());
        let (origin, prefix) = origin::split(&self.service)
            .map_err(|why| InvalidLogin(format!("the service {:?} is no URL: {}", self.service, why.as_str())))?;
        // It becomes the path of cookies.
        if prefix.contains(['?', '#', ';']) || !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidLogin(format!("the path of the service {:?} is none that it can have", self.service)));
        }
        self.service = format!("{origin}{prefix}");
        for (what, url) in [("service", &self.service), ("issuer", &self.issuer)] {
            if !is_https(url) {
                return Err(InvalidLogin(format!(
                    "the {what} {url:?} has to be a URL of https, or of http where it is this machine"
                )));
            }
        }
        match self.client_id.is_empty() {
            true => Err(InvalidLogin("say as which client people log in: the client id is empty".to_owned())),
            false => Frontends::new(&self.frontends),
        }
    }

    /// The scheme and the host, and the prefix, of the service.
    pub(super) fn origin_and_prefix(&self) -> (&str, &str) {
        let prefix = origin::split(&self.service).map_or("", |(_, prefix)| prefix);
        self.service.split_at(self.service.len() - prefix.len())
    }

    pub(super) fn callback(&self) -> String {
        format!("{}/_oauth/callback", self.service)
    }
}

/// Shows no secret.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Login")
            .field("service", &self.service)
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why nobody can log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLogin(pub(super) String);

impl fmt::Display for InvalidLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for InvalidLogin {}
