//! Flags of features that do not exist yet: accepted, checked, and without effect.

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

/// What a flag takes.
enum Takes {
    Nothing,
    /// A word that asks for nothing, or one that does.
    Word {
        off: &'static [&'static str],
        on: &'static [&'static str],
    },
}

const FLAGS: &[(&str, Takes)] = &[
    ("identity", Takes::Word { off: &["off"], on: &["both", "introspect-only", "grants"] }),
    ("introspect", Takes::Nothing),
];

/// The flags for the command line's parser.
pub(crate) fn flags() -> impl Iterator<Item = Arg> {
    FLAGS.iter().map(|(name, takes)| {
        let flag = Arg::new(*name).long(*name).help("Not supported yet");
        let parser: ValueParser = match takes {
            Takes::Nothing => return flag.action(ArgAction::SetTrue),
            Takes::Word { off, on } => PossibleValuesParser::new(off.iter().chain(*on)).into(),
        };
        flag.value_parser(parser)
    })
}

/// The flags of the command line that have no effect.
pub(crate) fn given(matches: &ArgMatches) -> Vec<&'static str> {
    FLAGS.iter().filter(|(name, takes)| is_given(matches, name, takes)).map(|(name, _)| *name).collect()
}

fn is_given(matches: &ArgMatches, name: &str, takes: &Takes) -> bool {
    matches.value_source(name) == Some(ValueSource::CommandLine)
        && match takes {
            Takes::Word { on, .. } => matches.get_one::<String>(name).is_some_and(|word| on.contains(&word.as_str())),
            _ => true,
        }
}
