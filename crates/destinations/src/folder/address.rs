//! The address of a folder: `folder:/absolute/path?id=ID&public=TEMPLATE`.
//!
//! `id` is the folder's identity, which a file in the folder repeats. `public` is the address under which the folder is
//! served, with `{name}` where the file's name belongs.

use std::path::{Path, PathBuf};

use snaplark_api::untrusted::is_web_link;
use uuid::Uuid;

/// How an address of a folder begins.
const SCHEME: &str = "folder:";
/// Where a file's name belongs in the template of its link.
const NAME: &str = "{name}";

/// Why a text is not the address of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderAddressError {
    /// It names no folder of this computer.
    NoPath,
    /// The links that it would make are none.
    NoTemplate,
}

impl std::fmt::Display for FolderAddressError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FolderAddressError::NoPath => {
                "it isn't the whole path of a folder, such as /media/work/Shared"
            }
            FolderAddressError::NoTemplate => {
                "the public address isn't a web address, such as https://files.example.com/{name}"
            }
        })
    }
}

impl std::error::Error for FolderAddressError {}

/// A folder that items go to, and the links that its files have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderAddress {
    path: PathBuf,
    public: Option<String>,
    id: Option<Uuid>,
}

impl FolderAddress {
    /// Returns the folder with this path. `public`: the address under which it is served.
    pub fn new(path: &Path, public: Option<&str>) -> Result<Self, FolderAddressError> {
        let text = path.to_str().ok_or(FolderAddressError::NoPath)?;
        if !path.is_absolute() || text.chars().any(char::is_control) {
            return Err(FolderAddressError::NoPath);
        }
        let public = public.map(str::trim).filter(|template| !template.is_empty());
        let public = match public {
            Some(template) if !template.contains(NAME) => {
                Some(format!("{}/{NAME}", template.trim_end_matches('/')))
            }
            other => other.map(str::to_owned),
        };
        let makes_links = |template: &String| is_web_link(&template.replace(NAME, "a"));
        match public.as_ref().is_none_or(makes_links) {
            true => Ok(FolderAddress { path: path.components().collect(), public, id: None }),
            false => Err(FolderAddressError::NoTemplate),
        }
    }

    /// Reads an address. In its path and its parameters `%`, `?`, `#` and `&` are escaped as in a URL.
    pub fn parse(address: &str) -> Result<Self, FolderAddressError> {
        let rest = address.strip_prefix(SCHEME).ok_or(FolderAddressError::NoPath)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let parameters: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), unescaped(value)))
            .collect();
        let value = |name: &str| {
            let found = parameters.iter().find(|(found, _)| found == name);
            found.map(|(_, value)| value.as_str())
        };
        let address = FolderAddress::new(Path::new(&unescaped(path)), value("public"))?;
        Ok(FolderAddress { id: value("id").and_then(|id| id.parse().ok()), ..address })
    }

    /// Returns whether a text is meant as the address of a folder.
    pub fn is_meant(address: &str) -> bool {
        address.starts_with(SCHEME)
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder's identity, if the address has one.
    pub(super) fn id(&self) -> Option<Uuid> {
        self.id
    }

    pub(super) fn with_id(self, id: Uuid) -> Self {
        FolderAddress { id: Some(id), ..self }
    }

    /// Returns the link of a file: where it is served, or else its path.
    pub(super) fn link(&self, name: &str) -> String {
        match &self.public {
            Some(template) => template.replace(NAME, &escaped(name, "")),
            None => self.path.join(name).to_string_lossy().into_owned(),
        }
    }
}

impl std::fmt::Display for FolderAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}{}", escaped(&self.path.to_string_lossy(), "/ \\:"))?;
        let id = self.id.map(|id| format!("id={id}"));
        let public = self.public.as_ref().map(|it| format!("public={}", escaped(it, "/:{}")));
        let parameters: Vec<String> = id.into_iter().chain(public).collect();
        match parameters.is_empty() {
            true => Ok(()),
            false => write!(f, "?{}", parameters.join("&")),
        }
    }
}

/// Escapes what isn't a letter, a digit or `-._~`, or one of these characters, as URLs do. Letters of other scripts than
/// ASCII are escaped, too.
fn escaped(text: &str, kept: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || kept.contains(c) {
            escaped.push(c);
        } else {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).bytes();
            escaped.extend(bytes.map(|byte| format!("%{byte:02X}")));
        }
    }
    escaped
}

/// Reverses [`escaped`]. A `%` that begins no escape stays.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn address_is_read_as_it_was_written() {
        let path = Path::new("/srv/100 % «Über»? #1");
        let address = FolderAddress::new(path, Some("https://files.example/a b/".trim_end()));
        assert_eq!(
            address,
            Err(FolderAddressError::NoTemplate),
            "a space is no part of an address"
        );
        let address =
            FolderAddress::new(path, Some("https://files.example/?file={name}&x=1")).unwrap();
        let address = address.with_id(Uuid::from_u128(7));
        assert_eq!(FolderAddress::parse(&address.to_string()).unwrap(), address);
        assert_eq!(
            FolderAddress::parse("folder:/srv/My Videos/").unwrap().path(),
            Path::new("/srv/My Videos")
        );
    }

    #[test]
    fn address_without_an_absolute_path_is_refused() {
        for bad in ["folder:", "folder:videos", "folder:../x", "https://x", "folder:/a%0Ab"] {
            assert_eq!(FolderAddress::parse(bad), Err(FolderAddressError::NoPath), "{bad}");
        }
        let script = FolderAddress::parse("folder:/a?public=javascript:alert(1)");
        assert_eq!(script, Err(FolderAddressError::NoTemplate));
    }

    #[test]
    fn link_is_the_public_address_or_else_the_path() {
        let link = |address: &str| FolderAddress::parse(address).unwrap().link("Über (2).webm");
        assert_eq!(link("folder:/srv/v"), "/srv/v/Über (2).webm");
        let served = "https://files.example/%C3%9Cber%20%282%29.webm";
        assert_eq!(link("folder:/srv/v?public=https://files.example/"), served);
        assert_eq!(link("folder:/srv/v?public=https://files.example/{name}"), served);
    }
}
