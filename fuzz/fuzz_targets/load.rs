//! The target of cargo-fuzz.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| specmake_fuzz::once(data));
