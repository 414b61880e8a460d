//! The channel that the command line asks for.

use http::{HeaderName, HeaderValue};
use tower_vgi::client::{Channel, ChannelBuilder};

use crate::failure::Failure;
use crate::options::Server;
use crate::status::Status;

/// Opens the channel. Nothing is sent yet.
pub(crate) fn channel(server: &Server, status: &Status) -> Result<Channel, Failure> {
    let mut builder = Channel::builder().prefix(server.prefix.clone());
    for header in &server.headers {
        builder = match header.strip_prefix('@') {
            None => add(builder, header)?,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Failure::local(format_args!("the headers in '{path}' cannot be read"), &error))?;
                text.lines().filter(|line| !line.trim().is_empty()).try_fold(builder, add)?
            }
        };
    }
    if let Some(timeout) = server.timeout {
        builder = builder.timeout(timeout).connect_timeout(timeout);
    }
    if let Some(generation) = server.generation {
        builder = builder.generation(generation.into());
    }
    if server.http2 {
        builder = builder.http2_prior_knowledge();
    }
    if let Some(file) = &server.ca {
        if !server.url.starts_with("https://") {
            return Err(Failure::usage("--ca is for https:// URLs"));
        }
        let pem = std::fs::read(file).map_err(|error| {
            Failure::local(format_args!("the certificates in '{}' cannot be read", file.display()), &error)
        })?;
        builder = builder.ca_certificates(pem);
    }
    if !server.quiet {
        let status = status.clone();
        builder = builder.on_log(move |log| status.log(log));
    }
    Ok(builder.connect(&server.url)?)
}

fn add(builder: ChannelBuilder, header: &str) -> Result<ChannelBuilder, Failure> {
    // The value may be a secret: it is not repeated.
    let Some((name, value)) = header.split_once(':') else {
        return Err(Failure::usage("a header is given as 'Name: value'; there is no ':' in it"));
    };
    let (name, value) = (name.trim(), value.trim());
    let wrong =
        |what| Failure::usage(format!("the {what} of the header '{name}' has characters that HTTP does not allow"));
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("name"))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong("value"))?;
    value.set_sensitive(true);
    Ok(builder.header(parsed, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_header_is_told_without_its_value() {
        let text = |header| match add(Channel::builder(), header) {
            Err(Failure::Usage(text)) => text,
            other => panic!("{other:?}"),
        };
        assert!(!text("secret").contains("secret"));
        let text = text("authorization: Bearer secr\u{0}et");
        assert!(text.contains("authorization") && !text.contains("secr"), "{text}");
        assert!(add(Channel::builder(), "authorization:Bearer secret").is_ok());
    }
}
