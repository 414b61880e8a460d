//! [`ErrorDetail`]: what an error says to programs.

use std::borrow::Cow;

use serde_json::{Map, Value};

pub(super) const RETRY_INFO: &str = "vgi_rpc.RetryInfo";
pub(super) const RETRY_DELAY: &str = "retry_delay_seconds";

/// One structured detail of an error: a JSON object with an `@type` (wire specification §1.9).
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorDetail {
    type_name: Cow<'static, str>,
    members: Map<String, Value>,
}

impl ErrorDetail {
    /// A detail of a protocol's own type. The name has to contain a `.`, and `vgi_rpc.` is reserved:
    /// a caller gets no details at all where that is broken.
    pub fn new(type_name: impl Into<Cow<'static, str>>, members: Map<String, Value>) -> Self {
        Self { type_name: type_name.into(), members }
    }

    fn framework(type_name: &'static str, members: Value) -> Self {
        let members = match members {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Self::new(type_name, members)
    }

    /// `vgi_rpc.RetryInfo`: when to try again.
    pub fn retry_info(delay: std::time::Duration) -> Self {
        let seconds = delay.as_secs_f64();
        let number = if delay.subsec_nanos() == 0 { Value::from(delay.as_secs()) } else { Value::from(seconds) };
        Self::framework(RETRY_INFO, serde_json::json!({ RETRY_DELAY: number }))
    }

    /// `vgi_rpc.ErrorInfo`: names with values.
    pub fn error_info<K: Into<String>, V: Into<String>>(metadata: impl IntoIterator<Item = (K, V)>) -> Self {
        let metadata: Map<_, _> = metadata.into_iter().map(|(k, v)| (k.into(), Value::String(v.into()))).collect();
        Self::framework("vgi_rpc.ErrorInfo", serde_json::json!({ "metadata": metadata }))
    }

    /// `vgi_rpc.BadRequest`: fields with what is wrong about each.
    pub fn bad_request<F: Into<String>, D: Into<String>>(violations: impl IntoIterator<Item = (F, D)>) -> Self {
        let list: Vec<_> = violations
            .into_iter()
            .map(|(field, text)| serde_json::json!({ "field": field.into(), "description": text.into() }))
            .collect();
        Self::framework("vgi_rpc.BadRequest", serde_json::json!({ "field_violations": list }))
    }

    /// `vgi_rpc.PreconditionFailure`: one precondition that does not hold.
    pub fn precondition_failure(
        violation: impl Into<String>,
        subject: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        let violations = serde_json::json!([{
            "type": violation.into(), "subject": subject.into(), "description": description.into(),
        }]);
        Self::framework("vgi_rpc.PreconditionFailure", serde_json::json!({ "violations": violations }))
    }

    /// `vgi_rpc.QuotaFailure`: one quota that is used up.
    pub fn quota_failure(subject: impl Into<String>, description: impl Into<String>) -> Self {
        let violations = serde_json::json!([{ "subject": subject.into(), "description": description.into() }]);
        Self::framework("vgi_rpc.QuotaFailure", serde_json::json!({ "violations": violations }))
    }

    /// `vgi_rpc.ResourceInfo`: the resource that the call was about.
    pub fn resource_info(
        resource_type: impl Into<String>,
        resource_name: impl Into<String>,
        owner: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self::framework(
            "vgi_rpc.ResourceInfo",
            serde_json::json!({
                "resource_type": resource_type.into(),
                "resource_name": resource_name.into(),
                "owner": owner.into(),
                "description": description.into(),
            }),
        )
    }

    /// `vgi_rpc.Help`: links with what each is for.
    pub fn help<D: Into<String>, U: Into<String>>(links: impl IntoIterator<Item = (D, U)>) -> Self {
        let links: Vec<_> = links
            .into_iter()
            .map(|(text, url)| serde_json::json!({ "description": text.into(), "url": url.into() }))
            .collect();
        Self::framework("vgi_rpc.Help", serde_json::json!({ "links": links }))
    }

    /// `vgi_rpc.LocalizedMessage`: the text in a language of people.
    pub fn localized_message(locale: impl Into<String>, message: impl Into<String>) -> Self {
        Self::framework(
            "vgi_rpc.LocalizedMessage",
            serde_json::json!({ "locale": locale.into(), "message": message.into() }),
        )
    }

    /// The value of `@type`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The members besides `@type`.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The whole object, `@type` first.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("@type".to_owned(), Value::String(self.type_name.to_string()));
        object.extend(self.members.clone());
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_retry_delays_are_integers() {
        let whole = ErrorDetail::retry_info(std::time::Duration::from_secs(1)).to_json().to_string();
        assert_eq!(whole, r#"{"@type":"vgi_rpc.RetryInfo","retry_delay_seconds":1}"#);
        let part = ErrorDetail::retry_info(std::time::Duration::from_millis(1500)).to_json().to_string();
        assert_eq!(part, r#"{"@type":"vgi_rpc.RetryInfo","retry_delay_seconds":1.5}"#);
    }
}
