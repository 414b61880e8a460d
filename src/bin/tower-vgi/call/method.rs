//! The method that is meant.

use tower_vgi::client::{Channel, DescribedMethod, DescribedProtocol, Generation};

use crate::failure::Failure;
use crate::introspection::introspect;
use crate::options::Call;

/// A method, and what a call of it needs besides.
pub(super) struct Method {
    pub(super) protocol: String,
    pub(super) version: Option<String>,
    pub(super) generation: Generation,
    pub(super) description: DescribedMethod,
}

/// Asks the server what it offers, and finds the method there.
pub(super) async fn find(channel: &Channel, options: &Call) -> Result<Method, Failure> {
    let service = introspect(channel).await?;
    let (protocol, name) = match options.method.rsplit_once('/') {
        Some((protocol, name)) => (Some(protocol), name),
        None => (options.protocol.as_deref(), options.method.as_str()),
    };
    let (protocol, description) = choose(&service.protocols, protocol, name).map_err(Failure::Usage)?;
    Ok(Method {
        protocol: protocol.name.clone(),
        version: protocol.version.clone(),
        generation: service.generation,
        description: description.clone(),
    })
}

fn choose<'a>(
    protocols: &'a [DescribedProtocol],
    wanted: Option<&str>,
    name: &str,
) -> Result<(&'a DescribedProtocol, &'a DescribedMethod), String> {
    let candidates: Vec<&DescribedProtocol> =
        protocols.iter().filter(|protocol| wanted.is_none_or(|wanted| protocol.name == wanted)).collect();
    if let (Some(wanted), true) = (wanted, candidates.is_empty()) {
        let names = listed(protocols.iter().map(|protocol| protocol.name.as_str()));
        return Err(format!("the server has no protocol '{wanted}'; it has {names}"));
    }
    let found = candidates.iter().find_map(|protocol| {
        let method = protocol.methods.iter().find(|method| method.name == name)?;
        Some((*protocol, method))
    });
    found.ok_or_else(|| {
        let names = candidates.iter().flat_map(|protocol| &protocol.methods).map(|method| method.name.as_str());
        format!("the server has no method '{name}'; it has {}", listed(names))
    })
}

/// Names for people; not all, where there are many.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let names: Vec<&str> = names.collect();
    match names.get(..SHOWN) {
        _ if names.is_empty() => "none".to_owned(),
        Some(shown) if names.len() > SHOWN => format!("{} and {} more", shown.join(", "), names.len() - SHOWN),
        _ => names.join(", "),
    }
}
