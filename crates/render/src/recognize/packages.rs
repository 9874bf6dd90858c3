//! The names of the packages of the engine and of its languages, as the system's package manager has them.

use snaplark_core::render::TextLanguage;

use super::tesseract;

/// Returns what to install for the languages that are missing, separated by spaces.
pub(super) fn names(missing: &[TextLanguage]) -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    names_for(&release, missing, tesseract::is_installed())
}

fn names_for(os_release: &str, missing: &[TextLanguage], has_engine: bool) -> String {
    let family = |name: &str| {
        os_release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
            .flat_map(|value| value.trim_matches('"').split_whitespace())
            .any(|id| id == name)
    };
    let (engine, prefix) = match () {
        () if cfg!(windows) => return "Tesseract-OCR (UB Mannheim)".to_owned(),
        () if cfg!(target_os = "macos") => return "tesseract tesseract-lang".to_owned(),
        () if family("fedora") => ("tesseract", "tesseract-langpack-"),
        () if family("arch") => ("tesseract", "tesseract-data-"),
        () => ("tesseract-ocr", "tesseract-ocr-"),
    };
    let mut names = Vec::new();
    if !has_engine {
        names.push(engine.to_owned());
    }
    names.extend(missing.iter().map(|language| format!("{prefix}{}", tesseract::code(*language))));
    names.join(" ")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_as_the_distribution_has_them() {
        let german = [TextLanguage::German];
        let of = |release, has_engine| names_for(release, &german, has_engine);
        assert_eq!(of("ID=debian\n", false), "tesseract-ocr tesseract-ocr-deu");
        assert_eq!(of("ID=ubuntu\nID_LIKE=debian\n", true), "tesseract-ocr-deu");
        assert_eq!(of("NAME=x\nID=fedora\n", false), "tesseract tesseract-langpack-deu");
        let manjaro = "ID=manjaro\nID_LIKE=\"arch\"\n";
        let both = [TextLanguage::English, TextLanguage::Arabic];
        assert_eq!(names_for(manjaro, &both, true), "tesseract-data-eng tesseract-data-ara");
    }
}
