//! `snaplark settings`: reads the stored settings, and changes one at a time, through the running program
//! if there is one.

use std::process::ExitCode;

use serde_json::{Map, Value};
use snaplark_app::{
    AppError, Home, SETTING_NAMES, Settings, control, setting, store_setting, stored_settings,
};
use snaplark_terminal::output;

use crate::say;

/// Settings whose values are always text, even if they look like a number.
const TEXTS: [&str; 3] = ["microphone", "camera", "save-folder"];

pub async fn settings(
    home: &Home,
    name: Option<&str>,
    value: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let settings = match (name, value) {
        (Some(name), Some(value)) => match control::change_setting(home, name, value).await {
            Err(AppError::NotRunning) => store_setting(home, name, value)?,
            changed => changed?,
        },
        _ => stored_settings(home)?,
    };
    let shown = |name: &str| setting(&settings, name).map_err(anyhow::Error::msg);
    let names: Vec<&str> = match (name, value) {
        (Some(name), _) => vec![name],
        (None, _) => SETTING_NAMES.to_vec(),
    };
    if say::is_json() {
        say::json(&serde_json::json!({ "settings": json(&settings, &names)? }))?;
    } else if let (Some(name), None) = (name, value) {
        // Printed without the name, for scripts.
        output::answer(&shown(name)?);
    } else {
        for name in names {
            output::answer(&format!("{name:<22} {}", shown(name)?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn json(settings: &Settings, names: &[&str]) -> anyhow::Result<Map<String, Value>> {
    let pairs = names.iter().map(|name| {
        let text = setting(settings, name).map_err(anyhow::Error::msg)?;
        Ok((camel_case(name), typed(name, text)))
    });
    pairs.collect()
}

/// Converts a value to JSON: yes and no to booleans, numbers to numbers, the rest to strings.
fn typed(name: &str, text: String) -> Value {
    if TEXTS.contains(&name) {
        return text.into();
    }
    match (text.as_str(), text.parse::<u64>()) {
        ("yes", _) => true.into(),
        ("no", _) => false.into(),
        (_, Ok(number)) => number.into(),
        (_, Err(_)) => text.into(),
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |so_far, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        so_far + &initial.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_camel_case_and_typed_in_json() {
        let json = json(&Settings::default(), &SETTING_NAMES).unwrap();
        assert_eq!(json["fps"], 30);
        assert_eq!(json["hardwareEncoding"], true);
        assert_eq!(json["keepLocalDays"], 7);
        assert_eq!(json["uploadLimit"], "none");
        assert_eq!(typed("microphone", "2".into()), "2");
    }
}
