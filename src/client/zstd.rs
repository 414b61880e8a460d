//! zstd of request and response bodies. Contexts are kept: making one costs more than a small body.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, InBuffer, OutBuffer, compress_bound, get_error_name};

use crate::RpcError;

/// Contexts that are not in use.
#[derive(Default)]
pub(crate) struct Contexts {
    compressors: Mutex<Vec<CCtx<'static>>>,
    decompressors: Mutex<Vec<DCtx<'static>>>,
}

/// How many of each kind are kept.
const KEPT: usize = 8;

/// The largest that is kept, in bytes. The windows of common levels are smaller by far.
const LARGEST: usize = 10 << 20;

/// How much room output gets at once.
const STEP: usize = 64 * 1024;

impl Contexts {
    /// The body as one frame; `None` where that is no gain or impossible.
    pub(crate) fn compress(&self, pieces: &[Bytes], length: usize, level: i32) -> Option<Bytes> {
        let mut context = lock(&self.compressors).pop().or_else(CCtx::try_create)?;
        context.set_parameter(CParameter::CompressionLevel(level)).ok()?;
        let joined;
        let whole: &[u8] = match pieces {
            [only] => only,
            several => {
                joined = several.concat();
                &joined
            }
        };
        let mut output = Vec::with_capacity(compress_bound(length));
        context.compress2(&mut output, whole).ok()?;
        let size = context.sizeof();
        keep(&self.compressors, context, size);
        (output.len() < length).then(|| output.into())
    }

    pub(crate) fn decompressor(self: &Arc<Self>) -> Option<Decompressor> {
        let context = lock(&self.decompressors).pop().or_else(DCtx::try_create)?;
        Some(Decompressor { context: Some(context), contexts: self.clone(), between_frames: true })
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Contexts")
    }
}

/// Decompresses one body as it comes in.
pub(crate) struct Decompressor {
    context: Option<DCtx<'static>>,
    contexts: Arc<Contexts>,
    between_frames: bool,
}

impl Decompressor {
    /// What a piece of the body stands for, handed over in steps.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        mut give: impl FnMut(Bytes) -> Result<(), RpcError>,
    ) -> Result<(), RpcError> {
        let Some(context) = &mut self.context else { return Ok(()) };
        let mut source = InBuffer::around(piece);
        loop {
            let mut output: Vec<u8> = Vec::with_capacity(STEP.min(piece.len().saturating_mul(8).max(1024)));
            let capacity = output.capacity();
            let mut target = OutBuffer::around(&mut output);
            let left = context.decompress_stream(&mut target, &mut source).map_err(corrupt)?;
            self.between_frames = left == 0;
            let full = output.len() == capacity;
            if !output.is_empty() {
                give(output.into())?;
            }
            // A full buffer may mean that there is more to come without more input.
            if source.pos == piece.len() && !full {
                return Ok(());
            }
        }
    }

    /// Whether the body may end here.
    pub(crate) fn is_complete(&self) -> bool {
        self.between_frames
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        if let Some(mut context) = self.context.take()
            && context.reset(zstd::zstd_safe::ResetDirective::SessionOnly).is_ok()
        {
            let size = context.sizeof();
            keep(&self.contexts.decompressors, context, size);
        }
    }
}

/// A context keeps the largest window it has seen, and how large that is, the other side decides.
fn keep<T>(contexts: &Mutex<Vec<T>>, context: T, size: usize) {
    let mut contexts = lock(contexts);
    if contexts.len() < KEPT && size <= LARGEST {
        contexts.push(context);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn corrupt(code: usize) -> RpcError {
    RpcError::new("HttpError", format!("the response is not valid zstd: {}", get_error_name(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back_in_any_pieces() {
        let contexts = Arc::new(Contexts::default());
        let plain = Bytes::from((0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect::<Vec<u8>>());
        let compressed = contexts.compress(std::slice::from_ref(&plain), plain.len(), 1).unwrap();
        for size in [1, 1000, usize::MAX] {
            let mut decompressor = contexts.decompressor().unwrap();
            let mut output = Vec::new();
            for piece in compressed.chunks(size.min(compressed.len())) {
                decompressor
                    .push(piece, |bytes| {
                        output.extend_from_slice(&bytes);
                        Ok(())
                    })
                    .unwrap();
            }
            assert!(decompressor.is_complete());
            assert_eq!(output, plain);
        }
    }

    #[test]
    fn contexts_are_kept_unless_they_have_grown_large() {
        let contexts = Arc::new(Contexts::default());
        // A frame that says it needs a window of 64 MiB, as any server can.
        let large = {
            let mut context = CCtx::create();
            context.set_parameter(CParameter::WindowLog(26)).unwrap();
            let mut output = Vec::with_capacity(100);
            let mut target = OutBuffer::around(&mut output);
            context.compress_stream(&mut target, &mut InBuffer::around(b"abc")).unwrap();
            context.end_stream(&mut target).unwrap();
            output
        };
        let small = contexts.compress(&[Bytes::from(vec![0; 1000])], 1000, 1).unwrap();
        for (body, kept) in [(&small[..], 1), (&large, 0)] {
            let mut decompressor = contexts.decompressor().unwrap();
            decompressor.push(body, |_| Ok(())).unwrap();
            drop(decompressor);
            assert_eq!(lock(&contexts.decompressors).len(), kept);
        }
    }

    #[test]
    fn what_does_not_shrink_is_sent_as_it_is_and_damage_is_an_error() {
        let contexts = Arc::new(Contexts::default());
        assert_eq!(contexts.compress(&[Bytes::from_static(b"x")], 1, 1), None);
        let mut decompressor = contexts.decompressor().unwrap();
        assert!(decompressor.push(b"no zstd at all", |_| Ok(())).is_err());
    }
}
