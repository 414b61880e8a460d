//! `vgi_rpc.Reflection.v1`: the description of the namespaced generation (wire specification §10.2).

use std::sync::{Arc, OnceLock};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};

use super::hash::{method_type, protocol_hash};
use crate::Result;
pub(crate) use crate::reflection::REFLECTION;
use crate::reflection::{MethodDetails, MethodInfo, ProtocolList, ProtocolSummary, ServiceDescription};
use crate::rpc::method::{Method, MethodDescription, MethodKind, Protocol};
use crate::rpc::route::protocol_not_supported;

/// What the protocol answers; made when all protocols are known, this one included.
pub(crate) struct Catalog {
    list: ProtocolList,
    services: Vec<ServiceDescription>,
}

impl Catalog {
    pub(crate) fn new<'a>(
        server_id: &str,
        server_version: &str,
        protocols: impl Iterator<Item = &'a Protocol>,
    ) -> Self {
        let services: Vec<ServiceDescription> = protocols.map(service).collect();
        let list = ProtocolList {
            server_id: server_id.to_owned(),
            server_version: server_version.to_owned(),
            request_version: "1".to_owned(),
            protocols: services.iter().map(summary).collect(),
        };
        Self { list, services }
    }

    fn describe(&self, protocol: &str) -> Result<ServiceDescription> {
        let found = self.services.iter().find(|service| service.protocol == protocol);
        Ok(found.cloned().ok_or_else(|| {
            let names: Vec<&str> = self.services.iter().map(|service| service.protocol.as_str()).collect();
            protocol_not_supported(format!(
                "This server does not host protocol '{protocol}'. Hosted: {}.",
                names.join(", ")
            ))
        })?)
    }
}

/// The protocol, over a catalog that is filled when the service is complete.
pub(crate) fn protocol(catalog: Arc<OnceLock<Catalog>>) -> Protocol {
    let empty = || Catalog::new("", "", std::iter::empty());
    let list = catalog.clone();
    let mut protocol = Protocol::new(REFLECTION)
        .doc("Describes the protocols that this server hosts.")
        .method(Method::unary("list_protocols").doc("All protocols, the primary first.").handler(move |_, _| {
            let list = list.get_or_init(empty).list.clone();
            async move { Ok(list) }
        }))
        .method(
            Method::unary("describe").doc("One protocol with its methods.").parameter::<String>("protocol").handler(
                move |_, params| {
                    let catalog = catalog.clone();
                    async move { catalog.get_or_init(empty).describe(&params.get::<String>(0)?) }
                },
            ),
        );
    protocol.reserved = true;
    protocol
}

fn summary(service: &ServiceDescription) -> ProtocolSummary {
    ProtocolSummary {
        protocol: service.protocol.clone(),
        protocol_version: service.protocol_version.clone(),
        protocol_hash: service.protocol_hash.clone(),
        deprecated: service.deprecated,
        deprecation_message: service.deprecation_message.clone(),
        features: service.features.clone(),
    }
}

fn service(protocol: &Protocol) -> ServiceDescription {
    let mut methods: Vec<&MethodDescription> = protocol.methods().collect();
    methods.sort_by(|a, b| a.name.cmp(&b.name));
    ServiceDescription {
        protocol: protocol.name.clone(),
        protocol_version: protocol.version.clone().unwrap_or_default(),
        protocol_hash: protocol_hash(protocol),
        deprecated: false,
        deprecation_message: String::new(),
        features: Vec::new(),
        methods: methods.into_iter().map(method_info).collect(),
        tower_vgi_doc: protocol.doc.clone(),
    }
}

fn method_info(method: &MethodDescription) -> MethodInfo {
    let message = |schema: Option<&Arc<crate::wire::WireSchema>>| {
        schema.map_or_else(Vec::new, |schema| schema.message().to_vec())
    };
    MethodInfo {
        name: method.name.clone(),
        method_type: method_type(method.kind).to_owned(),
        has_return: method.has_result(),
        has_header: method.header.is_some(),
        stream_kind: match method.kind {
            MethodKind::Unary => "",
            MethodKind::Producer => "producer",
            MethodKind::Exchange => "exchange",
        }
        .to_owned(),
        params_schema_ipc: message(Some(&method.wire.parameters)),
        result_schema_ipc: message(method.has_result().then_some(&method.wire.result)),
        header_schema_ipc: message(method.wire.header.as_ref()),
        idempotency: "unknown".to_owned(),
        deprecated: false,
        deprecation_message: String::new(),
        tower_vgi_details: details(method),
    }
}

fn details(method: &MethodDescription) -> MethodDetails {
    let message =
        |schema: &Option<Arc<crate::wire::WireSchema>>| schema.as_ref().map(|schema| schema.message().to_vec());
    let with_default = method.parameters.iter().filter_map(|parameter| {
        let default = parameter.default.clone()?;
        Some((parameter.field.clone(), default))
    });
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = with_default.unzip();
    MethodDetails {
        doc: method.doc.clone(),
        parameter_docs: method.parameters.iter().map(|parameter| parameter.doc.clone()).collect(),
        defaults: (!fields.is_empty())
            .then(|| RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).ok())
            .flatten(),
        input_schema_ipc: message(&method.wire.input),
        output_schema_ipc: message(&method.wire.output),
    }
}
