//! Passwords, kept as Argon2id hashes (RFC 9106) in PHC strings.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};

use super::credentials::{self, Mistakes};
use super::tokens::Token;

/// More than this is no password, and would cost time before it is wrong.
const PASSWORD_BYTES: usize = 1024;

/// The most memory, in KiB, passes and lanes that a hash may ask for: each request that tries
/// a password costs that.
const MOST: (u32, u32, u32) = (256 * 1024, 32, 16);

/// A password as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Box<str>,
    hash: phc::PasswordHash,
}

/// Everybody who has a password.
pub struct Users {
    by_name: HashMap<Arc<str>, Arc<PasswordHash>>,
    /// Whose hash is tried for names that nobody has; never empty.
    decoys: Vec<Arc<PasswordHash>>,
    /// The same name always meets the same decoy, and nobody can tell which.
    pick: RandomState,
}

/// What is tried where there is no user at all. The password is random and forgotten.
static NOBODY: LazyLock<Arc<PasswordHash>> = LazyLock::new(|| {
    let password = Token::generate().expect("a system without randomness has no TLS either");
    let hash = PasswordHash::of(password.as_str(), &[7; 16]);
    Arc::new(hash.expect("the default parameters hash every password"))
});

/// Whether a password can be sent and kept (RFC 7617 section 2: no control characters).
pub fn check_password(password: &str) -> Result<(), String> {
    if password.is_empty() || password.len() > PASSWORD_BYTES {
        return Err(format!("a password has 1 to {PASSWORD_BYTES} bytes"));
    }
    if password.chars().any(char::is_control) {
        return Err("a password has no control characters, so that it can be sent".to_owned());
    }
    Ok(())
}

// === impl PasswordHash ===

impl PasswordHash {
    /// Hashes a password with the parameters that OWASP recommends (19 MiB, two passes).
    pub fn of(password: &str, salt: &[u8; 16]) -> Result<Self, String> {
        check_password(password)?;
        let hash: phc::PasswordHash = Argon2::default()
            .hash_password_with_salt(password.as_bytes(), salt)
            .map_err(|error| error.to_string())?;
        Ok(Self { text: hash.to_string().into(), hash })
    }

    /// Whether it is the hash of this password. Takes tens of milliseconds of one core.
    pub(super) fn is_of(&self, password: &str) -> bool {
        password.len() <= PASSWORD_BYTES
            && Argon2::default().verify_password(password.as_bytes(), &self.hash).is_ok()
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PasswordHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "this is no Argon2id hash (`$argon2id$v=19$...`); `borderpost passwd` writes one"
                .to_owned()
        };
        let hash = phc::PasswordHash::new(text).map_err(|_| wrong())?;
        let known = hash.algorithm.as_str() == "argon2id" && hash.version == Some(19);
        if !known || hash.salt.is_none() || hash.hash.is_none() {
            return Err(wrong());
        }
        let params = Params::try_from(&hash).map_err(|_| wrong())?;
        let (memory, passes, lanes) = MOST;
        if params.m_cost() > memory || params.t_cost() > passes || params.p_cost() > lanes {
            return Err(format!("this hash costs more than m={memory},t={passes},p={lanes}"));
        }
        Ok(Self { text: text.into(), hash })
    }
}

/// A hash can be guessed at, so it is shown to nobody.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

// === impl Users ===

impl Users {
    /// Reads a file of users.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let found = credentials::read(text, str::parse::<PasswordHash>)?;
        let found = found.into_iter().map(|(name, hash)| (Arc::from(name), Arc::new(hash)));
        let by_name: HashMap<_, _> = found.collect();
        let mut decoys: Vec<_> = by_name.values().cloned().collect();
        if decoys.is_empty() {
            decoys.push(Arc::clone(&NOBODY));
        }
        Ok(Self { by_name, decoys, pick: RandomState::new() })
    }

    /// Whether there is such a user.
    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The user's name and hash.
    pub(super) fn find(&self, name: &str) -> Option<(&Arc<str>, &Arc<PasswordHash>)> {
        self.by_name.get_key_value(name)
    }

    /// A hash of somebody else, so that an unknown name costs what a wrong password does.
    pub(super) fn decoy(&self, name: &str) -> Arc<PasswordHash> {
        let hash = usize::try_from(self.pick.hash_one(name) >> 32).unwrap_or_default();
        let decoy = self.decoys.get(hash % self.decoys.len());
        Arc::clone(decoy.expect("a remainder is within the list, which is never empty"))
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.by_name.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash without its last part.
    const CUT: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21l$";

    #[test]
    fn a_hash_is_of_one_password() {
        let hash = PasswordHash::of("correct horse", &[1; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let read: PasswordHash = hash.as_str().parse().unwrap();
        assert!(read == hash && read.is_of("correct horse") && !read.is_of("Correct horse"));
        assert!(!format!("{read:?}").contains("argon2"));
        for wrong in ["", "a\nb", &"p".repeat(1025)] {
            assert!(PasswordHash::of(wrong, &[1; 16]).is_err());
        }
    }

    #[test]
    fn other_hashes_are_refused() {
        let good = PasswordHash::of("p", &[1; 16]).unwrap();
        let good = good.as_str();
        let dear = good.replace("m=19456", "m=4000000");
        let other = good.replace("argon2id", "argon2i");
        for text in ["", "p", "$2y$10$abcdefghijklmnopqrstuv", CUT, &dear, &other, "{SHA}x"] {
            assert!(text.parse::<PasswordHash>().is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_names_meet_a_decoy_and_always_the_same() {
        let users = Users::parse("").unwrap();
        assert!(users.find("a").is_none() && !users.has("a"));
        assert!(!users.decoy("a").is_of("a"));
        let line = |n: u8| {
            let hash = PasswordHash::of("p", &[n; 16]).unwrap();
            format!("u{n}:{}", hash.as_str())
        };
        let users = Users::parse(&[0, 1, 2].map(line).join("\n")).unwrap();
        assert!(users.has("u1") && users.decoy("x") == users.decoy("x"));
        assert_eq!(format!("{users:?}"), "Users(3)");
    }
}
