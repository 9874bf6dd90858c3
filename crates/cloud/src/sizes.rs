//! Formats and parses sizes.

const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];

/// Formats a size: 31 MB, 1.2 GB.
pub fn words(bytes: u64) -> String {
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95 && unit > 0);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Parses `500MB`, `1.5 GiB`, `1000000`. Units are of 1000, or of 1024 with an i.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let power = |letters: &str| ["k", "m", "g", "t"].iter().position(|letter| *letter == letters);
    let factor = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 1.0,
        unit => match unit.strip_suffix('i') {
            Some(letter) => 1024_f64.powi(power(letter)? as i32 + 1),
            None => 1000_f64.powi(power(unit)? as i32 + 1),
        },
    };
    Some((number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (bytes, text) in
            [(400, "0 kB"), (31_400_000, "31 MB"), (4_200_000, "4.2 MB"), (999_900_000, "1.0 GB")]
        {
            assert_eq!(words(bytes), text);
        }
    }

    #[test]
    fn sizes_are_written_as_people_do() {
        for (text, bytes) in [
            ("1000000", 1_000_000),
            ("500MB", 500_000_000),
            ("1.5 GiB", 1_610_612_736),
            ("2tb", 2_000_000_000_000),
            ("10 k", 10_000),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "GB", "1 parsec", "-1", "1..2", "1 GBB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
