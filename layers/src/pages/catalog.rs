//! What the describe page shows: a section a protocol, a card a method.

use arrow_schema::{Field, Schema};
use tower_vgi::ServiceInfo;
use tower_vgi::rpc::{MethodDescription, MethodKind, Parameter, Protocol, type_name};

use super::document::{BASE, PREFIX};
use super::prose::{self, Block};
use super::snippet;

/// One protocol.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) version: Option<String>,
    /// The fragment of the section's address.
    pub(super) id: String,
    pub(super) doc: Vec<Block>,
    /// Whether only callers of the flat routes reach it.
    pub(super) flat_only: bool,
    pub(super) cards: Vec<Card>,
}

/// One method.
pub(super) struct Card {
    pub(super) name: String,
    /// What the search looks at.
    pub(super) key: String,
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) kind_meaning: &'static str,
    pub(super) has_header: bool,
    pub(super) doc: Vec<Block>,
    pub(super) routes: Vec<String>,
    pub(super) is_stream: bool,
    pub(super) parameters: Table,
    /// The type of the result, where there is one.
    pub(super) result: Option<Row>,
    pub(super) record_result: bool,
    /// The schemas of a stream.
    pub(super) schemas: Vec<Table>,
    pub(super) python: Option<String>,
    pub(super) rust: Option<String>,
}

/// Parameters, or the columns of a schema.
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row>,
    /// Said in place of rows.
    pub(super) empty: &'static str,
    pub(super) has_defaults: bool,
    pub(super) has_docs: bool,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) nullable: bool,
    pub(super) default: Option<String>,
    pub(super) doc: Vec<Block>,
}

/// All that a server hosts, the primary protocol first, methods by name.
pub(super) fn sections(info: &ServiceInfo) -> Vec<Section> {
    let flat = info.flat.as_ref();
    let on_flat_routes =
        |method: &MethodDescription| flat.is_some_and(|flat| flat.methods().any(|other| std::ptr::eq(other, method)));
    let mut sections: Vec<Section> = info
        .protocols
        .iter()
        .map(|protocol| {
            let cards = methods(protocol).into_iter().map(|method| {
                let path = format!("/{}/{}", protocol.name(), method.name);
                let flat_path = on_flat_routes(method).then(|| format!("/{}", method.name));
                Card::new(protocol, method, "", [path].into_iter().chain(flat_path).collect())
            });
            Section::new(protocol, "", cards.collect())
        })
        .collect();
    if let Some(flat) = flat {
        // Those that the primary protocol has as well are there already.
        let shown = |method: &&MethodDescription| {
            let mut others = info.protocols.iter().flat_map(Protocol::methods);
            others.any(|other| std::ptr::eq(other, *method))
        };
        let own: Vec<Card> = methods(flat)
            .into_iter()
            .filter(|method| !shown(method))
            .map(|method| Card::new(flat, method, FLAT, vec![format!("/{}", method.name)]))
            .collect();
        if !own.is_empty() || info.protocols.is_empty() {
            sections.push(Section { flat_only: true, ..Section::new(flat, FLAT, own) });
        }
    }
    sections
}

/// Before the fragments of what is on flat routes only; no protocol's name has a slash.
const FLAT: &str = "flat/";

/// What the protocol has for callers, by name.
pub(super) fn methods(protocol: &Protocol) -> Vec<&MethodDescription> {
    let is_introspection = |name: &str| name.starts_with("__") && name.ends_with("__");
    let mut methods: Vec<_> = protocol.methods().filter(|method| !is_introspection(&method.name)).collect();
    methods.sort_by(|a, b| a.name.cmp(&b.name));
    methods
}

impl Section {
    fn new(protocol: &Protocol, scope: &str, cards: Vec<Card>) -> Self {
        Self {
            name: protocol.name().to_owned(),
            version: protocol.declared_version().map(str::to_owned),
            id: format!("{scope}{}", protocol.name()),
            doc: prose::blocks(protocol.documentation()),
            flat_only: false,
            cards,
        }
    }
}

impl Card {
    fn new(protocol: &Protocol, method: &MethodDescription, scope: &str, paths: Vec<String>) -> Self {
        let (kind, kind_meaning) = match method.kind {
            MethodKind::Unary => ("unary", "one row in, one row out"),
            MethodKind::Producer => ("producer", "one row in, batches out"),
            MethodKind::Exchange => ("exchange", "batch for batch"),
        };
        Self {
            name: method.name.clone(),
            key: method.name.to_lowercase(),
            id: format!("{scope}{}.{}", protocol.name(), method.name),
            kind,
            kind_meaning,
            has_header: method.header.is_some(),
            doc: prose::blocks(&method.doc),
            routes: paths.into_iter().map(|path| format!("{PREFIX}{path}")).collect(),
            is_stream: method.kind.is_stream(),
            parameters: Table::of_parameters(&method.parameters),
            result: method.result.fields().first().map(|field| Row::of_field(field)),
            record_result: method.record_result,
            schemas: schemas(method),
            python: snippet::python(protocol, method, BASE),
            rust: snippet::rust(protocol, method, BASE),
        }
    }
}

impl Section {
    /// The id as part of an address.
    pub(super) fn href(&self) -> String {
        fragment(&self.id)
    }
}

impl Card {
    /// The id as part of an address.
    pub(super) fn href(&self) -> String {
        fragment(&self.id)
    }
}

/// An id as it stands behind `#`: names on the wire need nothing escaped, others do.
pub(super) fn fragment(id: &str) -> String {
    let mut fragment = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            fragment.push(char::from(byte));
        } else {
            fragment.push_str(&format!("%{byte:02X}"));
        }
    }
    fragment
}

fn schemas(method: &MethodDescription) -> Vec<Table> {
    let mut tables = Vec::new();
    if let Some(header) = method.header.as_deref() {
        tables.push(Table::of_schema("Header", Some(header)));
    }
    if method.kind == MethodKind::Exchange {
        tables.push(Table::of_schema("Input", method.input.as_deref()));
    }
    if method.kind.is_stream() {
        tables.push(Table::of_schema("Output", method.output.as_deref()));
    }
    tables
}

impl Table {
    fn of_parameters(parameters: &[Parameter]) -> Self {
        let rows: Vec<Row> = parameters
            .iter()
            .map(|parameter| Row {
                default: parameter.default_text.clone(),
                doc: prose::blocks(&parameter.doc),
                ..Row::of_field(&parameter.field)
            })
            .collect();
        Self {
            title: "Parameters",
            empty: "None.",
            has_defaults: rows.iter().any(|row| row.default.is_some()),
            has_docs: rows.iter().any(|row| !row.doc.is_empty()),
            rows,
        }
    }

    fn of_schema(title: &'static str, schema: Option<&Schema>) -> Self {
        let rows = schema.map(|schema| schema.fields().iter().map(|field| Row::of_field(field)).collect());
        Self {
            title,
            empty: if rows.is_some() { "No columns." } else { "The schema comes with each call." },
            rows: rows.unwrap_or_default(),
            has_defaults: false,
            has_docs: false,
        }
    }
}

impl Row {
    fn of_field(field: &Field) -> Self {
        Self {
            name: field.name().clone(),
            type_name: type_name(field),
            nullable: field.is_nullable(),
            default: None,
            doc: Vec::new(),
        }
    }

    /// The type, in pieces between which a line may end.
    pub(super) fn type_pieces(&self) -> impl Iterator<Item = &str> {
        self.type_name.split_inclusive([',', '<', ':'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_vgi::rpc::Method;

    fn protocol(name: &str, methods: &[&str]) -> Protocol {
        methods.iter().fold(Protocol::new(name), |protocol, name| {
            protocol.method(Method::unary(*name).handler(|_, _| async { Ok(()) }))
        })
    }

    fn shown(info: &ServiceInfo) -> Vec<(String, String)> {
        let sections = sections(info);
        let cards = sections.iter().flat_map(|section| &section.cards);
        cards.map(|card| (card.id.clone(), card.routes.join(" ").replace(PREFIX, ""))).collect()
    }

    fn expected(cards: &[(&str, &str)]) -> Vec<(String, String)> {
        cards.iter().map(|(id, routes)| ((*id).to_owned(), (*routes).to_owned())).collect()
    }

    #[test]
    fn methods_are_sorted_and_have_both_routes_where_both_lead_to_them() {
        let primary = protocol("A", &["b", "__describe__", "a"]);
        let info = ServiceInfo::new("n", "A").with_protocol(primary.clone()).with_flat_protocol(primary);
        let info = info.with_protocol(protocol("B", &["a"]));
        assert_eq!(shown(&info), expected(&[("A.a", "/A/a /a"), ("A.b", "/A/b /b"), ("B.a", "/B/a")]));
    }

    #[test]
    fn what_only_earlier_callers_reach_is_told_apart() {
        let current = protocol("A", &["a", "b"]);
        let earlier = current.clone().without_method("b").method(Method::unary("b").handler(|_, _| async { Ok(1.0) }));
        let info = ServiceInfo::new("n", "A").with_protocol(current).with_flat_protocol(earlier);
        assert_eq!(shown(&info), expected(&[("A.a", "/A/a /a"), ("A.b", "/A/b"), ("flat/A.b", "/b")]));
        assert!(sections(&info)[1].flat_only);
    }

    #[test]
    fn a_server_of_flat_routes_only_is_shown_too() {
        let info = ServiceInfo::new("n", "A").with_flat_protocol(protocol("A", &["a"]));
        assert_eq!(shown(&info), expected(&[("flat/A.a", "/a")]));
    }
}
