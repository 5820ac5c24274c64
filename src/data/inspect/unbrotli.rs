//! Brotli (RFC 7932), without the large windows of its extension: at most 16 MiB, which are
//! taken when the stream asks for them.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::coding::{Step, Turn};
use super::stage::Cannot;

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Decodes one stream.
pub(super) struct Unbrotli {
    state: Box<State>,
    taken: u64,
    done: bool,
}

impl std::fmt::Debug for Unbrotli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unbrotli").field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl Unbrotli {
    /// Octets that the decoder may have taken without having given all that is in them.
    const LAG: u64 = 16;

    pub(super) fn new() -> Self {
        let memory = StandardAlloc::default;
        Self {
            state: Box::new(State::new_strict(memory(), memory(), memory())),
            taken: 0,
            done: false,
        }
    }

    /// From which octet of the input on something may still come.
    pub(super) fn position(&self) -> Option<u64> {
        (!self.done).then(|| self.taken.saturating_sub(Self::LAG))
    }

    /// Whether the stream is at its end.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Decodes a little.
    pub(super) fn step(&mut self, input: &mut &[u8], output: &mut [u8]) -> Result<Step, Cannot> {
        if self.done {
            return Ok(Step::of(Turn::Ended));
        }
        let from = self.taken.saturating_sub(Self::LAG);
        let (mut left, mut read) = (input.len(), 0);
        let (mut room, mut written, mut total) = (output.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut written,
            output,
            &mut total,
            &mut self.state,
        );
        *input = input.get(read..).unwrap_or_default();
        self.taken += u64::try_from(read).unwrap_or(0);
        let turn = match result {
            // What was written before the fault counts; the fault is met again.
            BrotliResult::ResultFailure if written > 0 => Turn::Again,
            BrotliResult::ResultFailure => return Err(Cannot::Broken),
            BrotliResult::NeedsMoreInput => Turn::Fed,
            BrotliResult::NeedsMoreOutput => Turn::Again,
            BrotliResult::ResultSuccess => {
                self.done = true;
                Turn::Again
            }
        };
        Ok(Step { written, from, turn })
    }
}
