//! One block as one zstd frame (RFC 8878), and back.

use std::fmt;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, FrameCompressor};

use super::matcher::{Chains, WINDOW};

/// The most octets a block unpacks to; ours are cut at 1 MiB and end with a whole frame.
pub(in super::super) const MOST: usize = 4 << 20;

/// Packs blocks.
pub(super) struct Packer {
    encoder: FrameCompressor<Cursor<Vec<u8>>, Vec<u8>, Chains>,
    unpacker: Unpacker,
    check: Vec<u8>,
}

/// Unpacks blocks.
pub(in super::super) struct Unpacker(FrameDecoder);

impl Packer {
    pub(super) fn new() -> Self {
        Self { encoder: encoder(), unpacker: Unpacker::new(), check: Vec::new() }
    }

    /// Packs a block. What comes out was unpacked again and compared: the encoder is young, and
    /// this is evidence. Where it fails, the block is stored as it is.
    pub(super) fn pack(&mut self, block: &mut Vec<u8>) -> Vec<u8> {
        self.encoder.set_source(Cursor::new(std::mem::take(block)));
        self.encoder.set_drain(Vec::new());
        let compressed = catch_unwind(AssertUnwindSafe(|| self.encoder.compress()));
        let (source, packed) = (self.encoder.take_source(), self.encoder.take_drain());
        *block = source.map(Cursor::into_inner).unwrap_or_default();
        let packed = packed.unwrap_or_default();
        self.check.clear();
        let unpacked = self.unpacker.unpack(&mut &*packed, &mut self.check);
        if compressed.is_ok() && unpacked.is_ok() && self.check == *block {
            return packed;
        }
        self.encoder = encoder();
        stored(block)
    }
}

fn encoder() -> FrameCompressor<Cursor<Vec<u8>>, Vec<u8>, Chains> {
    FrameCompressor::new_with_matcher(Chains::new(), CompressionLevel::Fastest)
}

/// The frame without compression: its blocks are the octets themselves.
fn stored(block: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(block, CompressionLevel::Uncompressed)
}

impl Unpacker {
    pub(in super::super) fn new() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self(decoder)
    }

    /// Appends what the next frame holds.
    pub(in super::super) fn unpack(
        &mut self,
        packed: &mut impl Read,
        block: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let broken = "a block cannot be unpacked";
        let begin = block.len();
        self.0.reset(&mut *packed).map_err(|_| broken)?;
        loop {
            // 128 KiB at most.
            let next = BlockDecodingStrategy::UptoBlocks(1);
            let done = self.0.decode_blocks(&mut *packed, next).map_err(|_| broken)?;
            self.0.collect_to_writer(&mut *block).map_err(|_| broken)?;
            // What is not collected yet is less than a window and a block.
            if block.len() - begin > MOST {
                return Err("a block unpacks to more than 4 MiB");
            }
            if done {
                return Ok(());
            }
        }
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(block: &[u8]) -> (usize, bool) {
        let mut packer = Packer::new();
        let mut given = block.to_vec();
        let packed = packer.pack(&mut given);
        assert_eq!(given, block, "the block is left as it was");
        let (mut rest, mut out) = (&packed[..], b"before".to_vec());
        Unpacker::new().unpack(&mut rest, &mut out).unwrap();
        assert!(rest.is_empty() && out.strip_prefix(b"before").unwrap() == block);
        (packed.len(), packed == stored(block))
    }

    #[test]
    fn what_repeats_becomes_small() {
        let line = |n: u32| format!("{{\"id\":{},\"host\":\"h{}.example\"}}\n", n * 7_919, n % 50);
        let text: String = (0..20_000).map(line).collect();
        let (size, stored) = there_and_back(text.as_bytes());
        assert!(!stored && size * 5 < text.len(), "{size} of {}", text.len());
        // Blocks whose matches are all of one kind, which the encoder alone fails on.
        for pattern in ["a", "ab", "abcdefgh", "0123456789abcdef"] {
            for length in [0, 1, 5, 6, 4_096, 131_071, 131_072, 131_073, 400_000] {
                let text: Vec<u8> = pattern.bytes().cycle().take(length).collect();
                there_and_back(&text);
            }
        }
    }

    #[test]
    fn what_does_not_repeat_is_kept() {
        let noise = |n: u64| *crate::audit::journal::hash::Hash::of(&n.to_be_bytes()).octets();
        let noise: Vec<u8> = (0..20_000).flat_map(noise).collect();
        assert!(there_and_back(&noise).0 < noise.len() + 100);
        // Noise between text: a raw block after one whose table would be used again.
        let text = b"words and words again, ".repeat(6_000);
        there_and_back(&[&text[..], &noise[..200_000], &text, &noise[..140_000], &text].concat());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = vec![0; MOST + 1];
        let packed = ruzstd::encoding::compress_to_vec(&bomb[..], CompressionLevel::Fastest);
        let found = Unpacker::new().unpack(&mut &packed[..], &mut Vec::new());
        assert_eq!(found, Err("a block unpacks to more than 4 MiB"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_block_comes_back(
            words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..20),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..4_000),
        ) {
            let block: Vec<u8> =
                order.iter().flat_map(|index| words[index.index(words.len())].clone()).collect();
            there_and_back(&block);
        }

        #[test]
        fn no_input_makes_it_panic(packed in proptest::collection::vec(any::<u8>(), 0..200)) {
            let frame = [&[0x28, 0xb5, 0x2f, 0xfd], &packed[..]].concat();
            drop(Unpacker::new().unpack(&mut &frame[..], &mut Vec::new()));
        }
    }
}
