//! `snaplark settings`: reads the stored settings, and changes one at a time, through the running program
//! if there is one. Which settings there are is declared in `snaplark_app::SETTINGS`.

use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use serde_json::{Map, Value};
use snaplark_app::{
    AppError, Home, SETTINGS, Setting, Settings, control, store_setting, stored_settings,
};
use snaplark_terminal::output;

use crate::say;

/// Parses the name of a setting. Help and completions list all of them.
pub fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(SETTINGS.iter().map(|setting| {
        let Setting { name, allowed, about, .. } = setting;
        let default = setting.default_value();
        let about = about.trim_end_matches('.');
        PossibleValue::new(name).help(format!("{about} ({allowed}; default: {default})"))
    }))
}

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
    let shown: Vec<&Setting> = match name {
        Some(name) => vec![Setting::named(name)?],
        None => SETTINGS.iter().collect(),
    };
    if say::is_json() {
        say::json(&serde_json::json!({ "settings": json(&settings, &shown) }))?;
    } else if let ([setting], None) = (&shown[..], value) {
        // Printed without the name, for scripts.
        output::answer(&setting.value(&settings));
    } else {
        for setting in shown {
            output::answer(&format!("{:<22} {}", setting.name, setting.value(&settings)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn json(settings: &Settings, shown: &[&Setting]) -> Map<String, Value> {
    shown.iter().map(|setting| (camel_case(setting.name), setting.json(settings))).collect()
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
    use clap::CommandFactory as _;
    use clap::Parser as _;
    use snaplark_terminal::manual::{Shell, completions};

    use super::*;
    use crate::args::Args;

    #[test]
    fn settings_are_camel_case_in_json() {
        let shown: Vec<&Setting> = SETTINGS.iter().collect();
        let json = json(&Settings::default(), &shown);
        assert_eq!(json["fps"], 30);
        assert_eq!(json["hardwareEncoding"], true);
        assert_eq!(json["uploadLimit"], "none");
    }

    #[test]
    fn help_and_completions_list_every_declared_setting() {
        let help =
            Args::try_parse_from(["snaplark", "settings", "--help"]).unwrap_err().to_string();
        let completed = completions(Args::command(), Shell::Bash);
        let completed = String::from_utf8(completed).unwrap();
        for Setting { name, about, .. } in SETTINGS {
            let about = about.trim_end_matches('.');
            assert!(help.contains(name) && help.contains(about), "{name}: {help}");
            assert!(completed.contains(name), "{name}: {completed}");
        }
    }

    #[test]
    fn misspelled_setting_is_answered_with_a_similar_one() {
        let refused = Args::try_parse_from(["snaplark", "settings", "qualty", "sharp"]);
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("'quality'"), "{said}");
    }
}
