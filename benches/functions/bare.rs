//! Bare cryptography: reads `hash`, `rs256`, `es256` or `eddsa` as a line, does that once, and says so by a line.
//!
//! Its processor time is read from outside, as that of the functions is.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufRead as _, Write as _};

fn main() -> Result<(), Box<dyn Error>> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None)?);
    let mut memory = vec![Block::default(); 19_456];
    let (rsa, p256, ed25519) = (
        RsaKeyPair::generate(KeySize::Rsa2048)?,
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
        Ed25519KeyPair::generate()?,
    );
    let (random, message, mut out) = (SystemRandom::new(), [7; 600], io::stdout().lock());
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "hash" => {
                let mut hash = [0; 32];
                argon2.hash_password_into_with_memory(
                    b"correct horse battery staple",
                    &[1; 16],
                    &mut hash,
                    &mut memory,
                )?;
                black_box(hash);
            }
            "rs256" => {
                let mut signature = vec![0; rsa.public_modulus_len()];
                rsa.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature)?;
                black_box(signature);
            }
            "es256" => drop(black_box(p256.sign(&random, &message)?)),
            "eddsa" => drop(black_box(ed25519.sign(&message))),
            other => return Err(format!("what is {other}?").into()),
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}
