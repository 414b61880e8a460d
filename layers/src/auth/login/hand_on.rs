//! Gives tokens to pages elsewhere.

use http::Response;
use tower_vgi::Body;

use super::cookies::LATEST;
use super::destination::with_fragment;
use super::flow::{Flow, Presented};
use super::latest::Latest;

impl Flow {
    /// Whether pages elsewhere can have a token renewed: here, or by the provider, where nobody has to know a secret.
    pub(super) fn renews(&self) -> bool {
        self.login.exchanges_tokens || self.login.client_secret.is_none()
    }

    /// Sends somebody whom authentication knows back to a page elsewhere. Of a login just now that has everything that it
    /// needs to call and to have the token renewed, except the client's secret.
    pub(super) async fn return_to(&self, url: &str, presented: &Presented, latest: Option<Latest>) -> Response<Body> {
        let mut pairs = vec![("token", presented.token.as_str())];
        let Some(Latest::LoggedIn { refresh }) = latest else {
            return self.redirect(&with_fragment(url, &pairs), None);
        };
        let endpoint = match (self.renews(), self.login.exchanges_tokens) {
            (false, _) => None,
            (true, true) => Some(self.login.token_endpoint()),
            (true, false) => self.provider.endpoints(&self.login).await.ok().map(|known| known.token.to_string()),
        };
        if let Some(endpoint) = endpoint.as_deref() {
            let refresh_token = refresh.as_ref().and_then(|refresh| refresh.of(&presented.token, url));
            pairs.extend(refresh_token.map(|token| ("refresh_token", token)));
            pairs.push(("token_endpoint", endpoint));
        }
        pairs.push(("client_id", &self.login.client_id));
        if self.login.use_id_token {
            pairs.push(("use_id_token", "true"));
        }
        self.redirect(&with_fragment(url, &pairs), self.cookies.clear(LATEST))
    }
}
