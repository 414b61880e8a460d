//! Doc comments as the text that callers see.

use syn::{Attribute, Expr, Lit, Meta};

/// The text of the doc comments among some attributes; empty where there are none.
pub(super) fn text(attributes: &[Attribute]) -> String {
    let comments: Vec<String> = attributes.iter().filter_map(comment).collect();
    let lines: Vec<&str> = comments.iter().flat_map(|comment| comment.split('\n')).collect();
    // `/// text` begins with the space that people write after the slashes.
    let lines: Vec<&str> = lines.into_iter().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

fn comment(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn lines_lose_the_space_after_the_slashes_and_keep_their_indentation() {
        let item: syn::ItemStruct = parse_quote! {
            /// Adds.
            ///
            ///     1 + 2
            #[allow(dead_code)]
            /// Done.
            struct Anything;
        };
        assert_eq!(text(&item.attrs), "Adds.\n\n    1 + 2\nDone.");
    }

    #[test]
    fn no_comment_is_no_text() {
        assert_eq!(text(&[]), "");
    }
}
