//! Names and headers of the objects that items become, and the sessions that name them durably.
//!
//! - The key of a recording or a file ends with the id in its address, which nobody can guess, and begins with its
//!   title, so that a person finds it in the bucket: `PREFIX/monday-standup-ID.webm`.
//! - The key of a picture is made of its id alone: `PREFIX/screenshot-ID`. A later version replaces the object, so the
//!   key may depend neither on a title nor on a format that can change in between. What was covered since would stay
//!   readable under the key before.

use snaplark_api::untrusted::{NAME_CHARS_MAX, plain_line};
use snaplark_core::SessionId;
use uuid::Uuid;

use super::sign::encoded;
use crate::{Opening, OutgoingPicture};

/// Longer words of a title are left out of the key, which S3 limits to 1,024 bytes.
const SLUG_CHARS_MAX: usize = 60;

/// The kind of data that a session sends, as its id says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ObjectSession {
    /// An upload in parts, with the id that the store gave it.
    Parts { upload: String, key: String },
    /// A file that is one request.
    Whole { key: String, mime: String, filename: String },
    /// A version of a picture.
    Picture { id: Uuid, version: u32 },
}

impl ObjectSession {
    /// Returns the session's id. Its fields are encoded, so no space is in them.
    pub(super) fn id(&self) -> SessionId {
        let fields = match self {
            ObjectSession::Parts { upload, key } => vec!["parts", upload.as_str(), key.as_str()],
            ObjectSession::Whole { key, mime, filename } => {
                vec!["whole", key.as_str(), mime.as_str(), filename.as_str()]
            }
            ObjectSession::Picture { id, version } => {
                return SessionId(format!("picture {id} {version}"));
            }
        };
        let fields: Vec<String> = fields.into_iter().map(|field| encoded(field, true)).collect();
        SessionId(fields.join(" "))
    }

    /// Reads a session's id; `None` if it is another destination's.
    pub(super) fn read(id: &SessionId) -> Option<ObjectSession> {
        let fields: Option<Vec<String>> =
            id.0.split(' ').map(super::address::percent_decoded).collect();
        let mut fields = fields?.into_iter();
        let session = match fields.next()?.as_str() {
            "parts" => ObjectSession::Parts { upload: fields.next()?, key: fields.next()? },
            "whole" => {
                let (key, mime) = (fields.next()?, fields.next()?);
                ObjectSession::Whole { key, mime, filename: fields.next()? }
            }
            "picture" => ObjectSession::Picture {
                id: fields.next()?.parse().ok()?,
                version: fields.next()?.parse().ok()?,
            },
            _ => return None,
        };
        fields.next().is_none().then_some(session)
    }
}

/// The name of an object and how it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectName {
    pub(super) key: String,
    /// The end of the key, by which an upload is found again after its title has changed.
    pub(super) key_end: String,
    pub(super) mime: String,
    /// The name under which a browser saves it.
    pub(super) filename: String,
}

impl ObjectName {
    /// Returns the name of a recording's or a file's object.
    pub(super) fn of(opening: &Opening, prefix: &str) -> ObjectName {
        let id = opening.address.as_ref().map_or(opening.item, |address| address.id);
        let (named, mime) = match &opening.file {
            Some(file) => (file.filename.as_str(), file.mime.as_str()),
            None => (opening.media.filename.as_str(), "video/webm"),
        };
        let (stem, ending) = named.rsplit_once('.').unwrap_or((named, ""));
        let is_ending = |ending: &str| {
            (1..=5).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric())
        };
        let ending = match is_ending(ending) {
            true => format!(".{}", ending.to_ascii_lowercase()),
            false => String::new(),
        };
        let title = opening.title.as_deref().filter(|title| !title.trim().is_empty());
        let title = title.unwrap_or(stem);
        let slug = slug(title);
        let key_end = format!("{id}{ending}");
        let key = match slug.is_empty() {
            true => format!("{prefix}{key_end}"),
            false => format!("{prefix}{slug}-{key_end}"),
        };
        let filename = format!("{title}{ending}");
        ObjectName { key, key_end, mime: mime.to_owned(), filename }
    }
}

/// Returns the key of a picture's object.
pub(super) fn picture_key(id: Uuid, prefix: &str) -> String {
    format!("{prefix}screenshot-{id}")
}

/// Returns the name under which a browser saves a picture.
pub(super) fn picture_filename(picture: &OutgoingPicture) -> String {
    let ending = picture.filename.rsplit_once('.').map(|(_, ending)| ending);
    match (&picture.title, ending) {
        (Some(title), Some(ending)) => format!("{title}.{ending}"),
        _ => picture.filename.clone(),
    }
}

/// Returns the headers with which an object is served. A browser shows it, and saves it under its name (RFC 5987).
pub(super) fn served_as(
    mime: &str,
    filename: &str,
    cached: &'static str,
) -> Vec<(&'static str, String)> {
    let filename = plain_line(filename, NAME_CHARS_MAX).replace(['/', '\\'], "-");
    let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
    let ascii: String =
        filename.chars().map(|c| if is_plain(c) && c != '"' { c } else { '_' }).collect();
    let disposition =
        format!("inline; filename=\"{ascii}\"; filename*=UTF-8''{}", encoded(&filename, false));
    let is_mime = !mime.is_empty() && mime.chars().all(|c| c.is_ascii_graphic());
    let mime = if is_mime { mime } else { "application/octet-stream" };
    vec![
        ("cache-control", cached.to_owned()),
        ("content-disposition", disposition),
        ("content-type", mime.to_owned()),
    ]
}

/// Returns a title's letters and digits of ASCII, in lower case and with `-` between its words.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => slug.push(c.to_ascii_lowercase()),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
        if slug.len() >= SLUG_CHARS_MAX {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use snaplark_api::Media;

    use super::*;
    use crate::{Address, FileFacts};

    fn opening(title: Option<&str>) -> Opening {
        Opening {
            item: Uuid::from_u128(1),
            file: None,
            whole: None,
            media: Media {
                filename: "recording_2026-11-29T10-30-45.webm".into(),
                started_text: String::new(),
                started_unix_ms: 0,
                fps: 30,
                bitrate: 1,
                width: 1,
                height: 1,
            },
            address: Some(Address { id: Uuid::from_u128(2), secret: None }),
            title: title.map(str::to_owned),
            picture: None,
            version: None,
        }
    }

    #[test]
    fn key_is_found_by_people_and_guessed_by_nobody() {
        let id = Uuid::from_u128(2);
        let key = |opening: &Opening| ObjectName::of(opening, "team/").key;
        assert_eq!(
            key(&opening(Some("Monday: Stand-up, 9 h"))),
            format!("team/monday-stand-up-9-h-{id}.webm")
        );
        assert_eq!(key(&opening(None)), format!("team/recording-2026-11-29t10-30-45-{id}.webm"));
        assert_eq!(key(&opening(Some("月曜日"))), format!("team/{id}.webm"));
        let long = key(&opening(Some(&"long ".repeat(100))));
        assert!(long.len() < 120, "{long}");
        let file = FileFacts {
            filename: "My Talk.MP4".into(),
            mime: "video/mp4".into(),
            size_bytes: 1,
            description: None,
        };
        let file = Opening { file: Some(file), ..opening(None) };
        let name = ObjectName::of(&file, "");
        assert_eq!(
            (name.key.as_str(), name.mime.as_str()),
            (format!("my-talk-{id}.mp4").as_str(), "video/mp4")
        );
        assert_eq!(name.filename, "My Talk.mp4");
        assert!(name.key.ends_with(&name.key_end));
    }

    #[test]
    fn session_is_read_from_its_id_whatever_is_in_it() {
        for session in [
            ObjectSession::Parts { upload: "2~a b/=".into(), key: "ü/ %20.webm".into() },
            ObjectSession::Whole {
                key: "k".into(),
                mime: "image/svg+xml; a=b".into(),
                filename: "A \"b\" 月.mp4".into(),
            },
            ObjectSession::Picture { id: Uuid::from_u128(9), version: 3 },
        ] {
            assert_eq!(ObjectSession::read(&session.id()), Some(session));
        }
        for other in ["", "session-1", "parts a", "parts a b c", "picture x 1"] {
            assert_eq!(ObjectSession::read(&SessionId(other.into())), None, "{other}");
        }
    }

    #[test]
    fn object_is_saved_under_its_title() {
        let headers = served_as("video/webm", "Ü \"x\"/\r\n.webm", "no-cache");
        let [_, (_, disposition), (_, mime)] = &headers[..] else { panic!("{headers:?}") };
        assert_eq!(
            disposition,
            "inline; filename=\"_ _x_- .webm\"; filename*=UTF-8''%C3%9C%20%22x%22-%20.webm"
        );
        assert_eq!(mime, "video/webm");
        assert_eq!(served_as("a\r\nb", "n", "no-cache")[2].1, "application/octet-stream");
    }
}
