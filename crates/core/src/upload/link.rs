//! Which texts are links, by the kind of destination that returned them.

use snaplark_api::Profile;
use snaplark_api::untrusted::is_web_link;

/// Returns whether a text may be the link of an item at a destination with this profile: a web address, or in a folder
/// of this computer a file's whole path.
pub fn is_link_of(profile: Profile, text: &str) -> bool {
    let is_path = || {
        let is_whole = text.starts_with('/') || text.get(1..3) == Some(":\\");
        is_whole && !text.chars().any(char::is_control)
    };
    is_web_link(text) || (profile == Profile::Folder && is_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_has_paths_as_links() {
        for path in ["/media/work/Shared/Über (2).webm", "C:\\Users\\me\\a.webm"] {
            assert!(is_link_of(Profile::Folder, path), "{path}");
            assert!(!is_link_of(Profile::Spec, path), "{path}");
        }
        assert!(is_link_of(Profile::Spec, "https://a.example/1"));
        for bad in ["a.webm", "file:///a", "/a\nb", "C:a", ""] {
            assert!(!is_link_of(Profile::Folder, bad), "{bad}");
        }
    }
}
