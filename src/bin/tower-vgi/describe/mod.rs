//! `tower-vgi describe`.

mod json;
mod names;
mod python;
mod rust;
mod table;

use std::io::{self, Write as _};

use tower_vgi::client::ServiceDescription;

use crate::connect;
use crate::failure::Failure;
use crate::introspection::introspect;
use crate::options::{Describe, DescribeFormat};
use crate::status::{Status, printable};

pub(crate) async fn run(options: Describe) -> Result<(), Failure> {
    let channel = connect::channel(&options.server, &Status::default())?;
    let mut service = introspect(&channel).await?;
    if let Some(wanted) = &options.protocol {
        let names: Vec<String> = service.protocols.iter().map(|protocol| protocol.name.clone()).collect();
        service.protocols.retain(|protocol| protocol.name == *wanted);
        if service.protocols.is_empty() {
            return Err(Failure::usage(format!("the server has no protocol '{wanted}'; it has {}", names.join(", "))));
        }
    }
    let text = text(&service, options.format);
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| Failure::output(&error))
}

fn text(service: &ServiceDescription, format: DescribeFormat) -> String {
    match format {
        DescribeFormat::Table => printable(&table::describe(service)),
        DescribeFormat::Json => format!("{:#}\n", json::describe(service)),
        DescribeFormat::Rust => rust::describe(service),
        DescribeFormat::Python => python::describe(service),
    }
}
