//! The manual pages and completions of the package, made by its own programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::steps::answer;

const PROGRAMS: [&str; 2] = ["snaplark", "snaplark-cloud"];

/// The folders in which Debian's shells look, and the parts of the file name around the program's name.
const COMPLETIONS: [(&str, &str, &str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions", "", ""),
    ("zsh", "usr/share/zsh/vendor-completions", "_", ""),
    ("fish", "usr/share/fish/vendor_completions.d", "", ".fish"),
];
const PAGES: &str = "usr/share/man/man1";

/// Writes the pages and completions into the tree that contains the programs.
pub fn lay_out(tree: &Path) -> Result<()> {
    let pages = tree.join(PAGES);
    for name in PROGRAMS {
        let program = tree.join("usr/bin").join(name);
        for (shell, folder, before, after) in COMPLETIONS {
            let written = answer(Command::new(&program).args(["completions", shell]))?;
            let folder = tree.join(folder);
            fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
            let file = folder.join(format!("{before}{name}{after}"));
            fs::write(&file, written).with_context(|| file.display().to_string())?;
        }
        answer(Command::new(&program).arg("man").arg(&pages))?;
    }
    let mut gzip = Command::new("gzip");
    // The time of packing is left out, so that the same sources make the same package.
    gzip.arg("-9n");
    let mut count = 0;
    for page in fs::read_dir(&pages).with_context(|| pages.display().to_string())? {
        gzip.arg(page?.path());
        count += 1;
    }
    ensure!(count > 0, "the programs wrote no manual pages");
    answer(&mut gzip).map(drop)
}

/// Refuses a package without them.
pub fn verify(root: &Path) -> Result<()> {
    for name in PROGRAMS {
        let page = root.join(PAGES).join(format!("{name}.1.gz"));
        ensure!(page.is_file(), "{} is not in the package", page.display());
        for (_, folder, before, after) in COMPLETIONS {
            let file = root.join(folder).join(format!("{before}{name}{after}"));
            ensure!(file.is_file(), "{} is not in the package", file.display());
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A fake program: prints a completion, and writes a page into the folder.
    const PROGRAM: &str = r#"#!/bin/sh
name=$(basename "$0")
case $1 in
  completions) echo "$name for $2" ;;
  man) mkdir -p "$2" && echo "page" > "$2/$name.1" ;;
esac
"#;

    #[test]
    fn pages_and_completions_are_laid_out_where_debian_looks() {
        let tree = std::env::temp_dir().join(format!("snaplark-package-{}", std::process::id()));
        let bin = tree.join("usr/bin");
        fs::create_dir_all(&bin).unwrap();
        for name in PROGRAMS {
            fs::write(bin.join(name), PROGRAM).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert!(verify(&tree).is_err(), "nothing is there yet");
        lay_out(&tree).unwrap();
        verify(&tree).unwrap();
        let zsh = fs::read_to_string(tree.join("usr/share/zsh/vendor-completions/_snaplark"));
        assert_eq!(zsh.unwrap(), "snaplark for zsh\n");
        fs::remove_dir_all(&tree).unwrap();
    }
}
