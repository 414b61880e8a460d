//! What comes back: batches as they come in, errors, and answers that are none of the protocol.

pub(crate) mod reader;
pub(crate) mod refusal;

pub(crate) use reader::{ReadError, ResponseReader};

pub(crate) use crate::received as error;
