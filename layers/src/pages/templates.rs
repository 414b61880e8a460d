//! The templates, and what they are told.

use askama::Template;
use tower_vgi::rpc::MethodKind;

use super::assets::{SCRIPT, STYLE};
use super::catalog::{self, Section};
use super::document::{BASE, PREFIX};
use super::prose::{self, Block};
use super::site::{Name, Site};
use super::snippet;

pub(super) fn landing(site: &Site) -> String {
    let info = site.info();
    // Which protocols and methods there are is told only where callers may ask for it.
    let protocols = if info.describe { hosted(site) } else { Vec::new() };
    let primary = info.describe.then(|| info.protocols.first().or(info.flat.as_ref())).flatten();
    let doc = primary.map(|protocol| prose::blocks(protocol.documentation())).unwrap_or_default();
    let example = primary.and_then(|protocol| {
        let unary = protocol.methods().filter(|method| method.kind == MethodKind::Unary);
        unary.into_iter().find_map(|method| snippet::python(protocol, method, BASE))
    });
    write(Landing {
        page: Page::new(site),
        version: primary.and_then(|protocol| protocol.declared_version()),
        server_id: &info.server_id,
        server_version: &info.server_version,
        doc,
        example: example.or_else(|| snippet::python_outline(&info.protocol, BASE)),
        protocols: if protocols.len() > 1 { protocols } else { Vec::new() },
    })
}

pub(super) fn describe(site: &Site) -> String {
    let sections = catalog::sections(site.info());
    write(Describe {
        page: Page::new(site),
        methods: sections.iter().map(|section| section.cards.len()).sum(),
        sections,
    })
}

pub(super) fn not_found(site: &Site) -> String {
    let info = site.info();
    write(NotFound { page: Page::new(site), namespaced: !info.protocols.is_empty(), flat: info.flat.is_some() })
}

/// Writing to a String cannot fail.
fn write(template: impl Template) -> String {
    template.render().unwrap_or_default()
}

/// What all pages have.
struct Page<'a> {
    protocol: &'a str,
    /// Whether there is one to link to.
    landing: bool,
    describe: bool,
    repository: Option<&'a str>,
}

impl<'a> Page<'a> {
    fn new(site: &'a Site) -> Self {
        Self {
            protocol: &site.info().protocol,
            landing: site.has(Name::Landing),
            describe: site.has(Name::Describe),
            repository: site.repository(),
        }
    }
}

/// A protocol on the landing page.
struct Hosted {
    name: String,
    version: Option<String>,
    id: String,
    summary: Option<Block>,
    methods: usize,
}

impl Hosted {
    fn href(&self) -> String {
        catalog::fragment(&self.id)
    }
}

fn hosted(site: &Site) -> Vec<Hosted> {
    let sections = catalog::sections(site.info()).into_iter();
    let hosted = sections.map(|section| Hosted {
        name: section.name,
        version: section.version,
        id: section.id,
        summary: section.doc.into_iter().find(|block| matches!(block, Block::Paragraph(_))),
        methods: section.cards.len(),
    });
    hosted.collect()
}

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing<'a> {
    page: Page<'a>,
    version: Option<&'a str>,
    server_id: &'a str,
    server_version: &'a str,
    doc: Vec<Block>,
    example: Option<String>,
    protocols: Vec<Hosted>,
}

#[derive(Template)]
#[template(path = "describe.html")]
struct Describe<'a> {
    page: Page<'a>,
    methods: usize,
    sections: Vec<Section>,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound<'a> {
    page: Page<'a>,
    namespaced: bool,
    flat: bool,
}
