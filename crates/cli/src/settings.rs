//! `snaplark settings`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use snaplark_app::{Home, UploadSettings};

use crate::program::Program;

pub async fn settings(home: Home, set: Option<(String, String)>) -> anyhow::Result<ExitCode> {
    let program = Program::open(home).await?;
    let mut settings = program.app.upload_settings().await?;
    let changed = match set {
        Some((name, value)) => change(&mut settings, &name, &value).map(|()| true),
        None => Ok(false),
    };
    let outcome = match changed {
        Ok(true) => program.app.set_upload_settings(settings.clone()).await.map_err(Into::into),
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    program.close().await?;
    outcome?;
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
    let UploadSettings { bytes_per_second_max, wait_on_metered, keep_local_days } = settings;
    println!("upload-limit     {}", or(bytes_per_second_max.map(|n| n.to_string()), "none"));
    println!("wait-on-metered  {}", if wait_on_metered { "yes" } else { "no" });
    println!("keep-local-days  {}", or(keep_local_days.map(|n| n.to_string()), "forever"));
    Ok(ExitCode::SUCCESS)
}

fn change(settings: &mut UploadSettings, name: &str, value: &str) -> anyhow::Result<()> {
    match (name, value) {
        ("upload-limit", "none") => settings.bytes_per_second_max = None,
        ("upload-limit", number) => {
            let limit = number.parse().context("upload-limit is bytes a second, or none")?;
            settings.bytes_per_second_max = Some(limit);
        }
        ("wait-on-metered", "yes") => settings.wait_on_metered = true,
        ("wait-on-metered", "no") => settings.wait_on_metered = false,
        ("wait-on-metered", _) => bail!("wait-on-metered is yes or no"),
        ("keep-local-days", "forever") => settings.keep_local_days = None,
        ("keep-local-days", number) => {
            let days = number.parse().context("keep-local-days is a number, or forever")?;
            settings.keep_local_days = Some(days);
        }
        (name, _) => bail!(
            "There is no setting '{name}'. There are upload-limit, wait-on-metered, keep-local-days"
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_people_write_them() {
        let mut settings = UploadSettings::default();
        for (name, value) in
            [("upload-limit", "250000"), ("wait-on-metered", "yes"), ("keep-local-days", "forever")]
        {
            change(&mut settings, name, value).unwrap();
        }
        let want = UploadSettings {
            bytes_per_second_max: Some(250_000),
            wait_on_metered: true,
            keep_local_days: None,
        };
        assert_eq!(settings, want);
        for (name, value) in [("upload-limit", "fast"), ("wait-on-metered", "maybe"), ("x", "1")] {
            assert!(change(&mut settings, name, value).is_err(), "{name} {value}");
        }
    }
}
