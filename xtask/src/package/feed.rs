//! The update feed's entry for a package: its version, its address, and a signature that covers the version
//! too. Written if the distributor provides a key (docs/updates.md). The `minisign` program signs it, so
//! that no key is ever in this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::Place;
use crate::progress::Progress;
use crate::steps::{answer, has_program};

/// The file of the secret key.
const KEY: &str = "SNAPLARK_UPDATE_SIGN_KEY";
/// The URL of the folder that contains packages and feed.
const PLACE: &str = "SNAPLARK_UPDATE_PLACE";
/// A file with the release notes. Without it there are none.
const NOTES: &str = "SNAPLARK_UPDATE_NOTES";

pub fn write(place: &Place, deb: &Path, version: &str) -> Result<()> {
    let given = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let Some(key) = given(KEY) else {
        println!("No feed of updates: {KEY} names no key.");
        return Ok(());
    };
    let web = given(PLACE).with_context(|| format!("{KEY} is set, but {PLACE} is not"))?;
    let notes = given(NOTES).map(|file| fs::read_to_string(&file).context(file)).transpose()?;
    let progress = Progress::begin("sign the package");
    let signature = sign(deb, Path::new(&key), version)?;
    let entry = entry(deb, version, &web, &signature, &notes.unwrap_or_default())?;
    let feed = deb.with_file_name("latest.json");
    fs::write(&feed, serde_json::to_string_pretty(&entry)?)
        .with_context(|| feed.display().to_string())?;
    progress.done("");
    let feed = feed.strip_prefix(&place.root).unwrap_or(&feed);
    println!("Put the package and {} into {web}", feed.display());
    Ok(())
}

/// Signs the package. Returns the signature's file, beside the package.
fn sign(deb: &Path, key: &Path, version: &str) -> Result<PathBuf> {
    if !has_program("minisign") {
        bail!("minisign is not here: it signs the package. Install it from your system");
    }
    let mut name = deb.as_os_str().to_owned();
    name.push(".sig");
    let signature = PathBuf::from(name);
    let file = deb.file_name().unwrap_or_default().to_string_lossy();
    let mut minisign = Command::new("minisign");
    minisign.arg("-S").arg("-s").arg(key).arg("-m").arg(deb).arg("-x").arg(&signature);
    // The version is signed too, so that an old package can't be presented as a new one.
    minisign.arg("-t").arg(format!("file:{file}\tversion:{version}"));
    answer(&mut minisign).context("the package can't be signed")?;
    Ok(signature)
}

fn entry(deb: &Path, version: &str, web: &str, signature: &Path, notes: &str) -> Result<Value> {
    let signed = answer(Command::new("base64").arg("-w0").arg(signature))?;
    let file =
        deb.file_name().and_then(|name| name.to_str()).context("a package without a name")?;
    let target = format!("{}-{}-deb", std::env::consts::OS, std::env::consts::ARCH);
    let url = format!("{}/{file}", web.trim_end_matches('/'));
    Ok(json!({
        "version": version,
        "notes": notes.trim(),
        "platforms": { target: { "url": url, "signature": signed.trim() } },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_names_the_package_and_its_signature_the_version() {
        let folder = std::env::temp_dir().join(format!("snaplark-feed-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        let deb = at("snaplark_1.2.3_amd64.deb");
        fs::write(&deb, "a package").unwrap();
        let mut generate = Command::new("minisign");
        generate.args(["-G", "-W", "-f", "-p"]).arg(at("key.pub")).arg("-s").arg(at("key"));
        answer(&mut generate).unwrap();

        let signature = sign(&deb, &at("key"), "1.2.3").unwrap();
        let entry = entry(&deb, "1.2.3", "https://host/updates/", &signature, " Trim.\n").unwrap();
        assert_eq!(entry["version"], "1.2.3");
        assert_eq!(entry["notes"], "Trim.");
        let (_, platform) = entry["platforms"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(platform["url"], "https://host/updates/snaplark_1.2.3_amd64.deb");

        let mut verify = Command::new("minisign");
        verify.args(["-V", "-Q", "-p"]).arg(at("key.pub")).arg("-m").arg(&deb);
        let said = answer(verify.arg("-x").arg(&signature)).unwrap();
        assert!(said.contains("version:1.2.3"), "{said}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
