//! The scopes of a token: what it may be used for. Pure.
//!
//! ```text
//! upload   send recordings, screenshots and captions; see how an upload of its own stands
//! read     list what is in the account, and watch and download it
//! account  rename, share and delete what is in the account
//! ```

use std::fmt;

/// One kind of use of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Sending recordings, screenshots and captions.
    Upload,
    /// Listing, watching and downloading.
    Read,
    /// Renaming, sharing and deleting.
    Account,
}

impl Scope {
    /// Lists all scopes.
    pub const ALL: [Scope; 3] = [Scope::Upload, Scope::Read, Scope::Account];

    /// Returns the word for it in OAuth and in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Upload => "upload",
            Scope::Read => "read",
            Scope::Account => "account",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Scope::Upload => 1,
            Scope::Read => 2,
            Scope::Account => 4,
        }
    }
}

/// A set of scopes. As text it is their names, separated by spaces (RFC 6749, 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// The token may do everything.
    pub const ALL: Scopes = Scopes(7);

    /// Returns a single scope.
    pub const fn of(scope: Scope) -> Scopes {
        Scopes(scope.bit())
    }

    /// Parses a list of scopes. Returns `None` if it is empty or holds an unknown name.
    pub fn parse(text: &str) -> Option<Scopes> {
        let mut scopes = Scopes(0);
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == word)?;
            scopes.0 |= scope.bit();
        }
        (scopes.0 != 0).then_some(scopes)
    }

    /// Returns whether this scope is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Returns them one by one.
    pub fn each(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.each().map(Scope::name).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_as_they_are_read() {
        for text in ["upload", "upload read", "upload read account", "account"] {
            assert_eq!(Scopes::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Scopes::parse("account  upload upload").unwrap().to_string(), "upload account");
        for text in ["", " ", "upload everything", "Upload"] {
            assert_eq!(Scopes::parse(text), None, "{text}");
        }
    }
}
