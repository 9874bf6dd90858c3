//! Parses times and ranges of a recording, as `--keep` takes them: `0:05-1:20.5,2:00-`. Pure.

use std::ops::Range;

/// The ranges of `--keep`. The last one may go to the end of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRanges(Vec<(u64, Option<u64>)>);

impl KeptRanges {
    /// Returns the ranges of a recording of that length, or a sentence about one that doesn't fit it.
    pub fn of(&self, duration_ms: u64) -> Result<Vec<Range<u64>>, String> {
        let length = shown(duration_ms);
        self.0
            .iter()
            .map(|(start, end)| {
                let end = end.unwrap_or(duration_ms);
                match (*start < duration_ms, end <= duration_ms) {
                    (false, _) => Err(format!(
                        "{} is not in the recording, which is {length} long",
                        shown(*start)
                    )),
                    (true, false) => Err(format!(
                        "{} is after the end of the recording, which is {length} long",
                        shown(end)
                    )),
                    (true, true) => Ok(*start..end),
                }
            })
            .collect()
    }
}

/// Reads the ranges of `--keep`.
pub fn ranges(text: &str) -> Result<KeptRanges, String> {
    let mut ranges: Vec<(u64, Option<u64>)> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (start, end) = part.split_once('-').ok_or_else(|| {
            format!("'{part}' is no range; expected START-END, such as 0:05-1:20.5")
        })?;
        let start_ms = if start.trim().is_empty() { 0 } else { time(start)? };
        let end_ms = if end.trim().is_empty() { None } else { Some(time(end)?) };
        if let Some((_, last)) = ranges.last() {
            match last {
                None => return Err(format!("nothing can follow a range without an end: '{part}'")),
                Some(last) if *last > start_ms => {
                    return Err(format!(
                        "'{part}' begins before the range in front of it ends, at {}",
                        shown(*last)
                    ));
                }
                Some(_) => {}
            }
        }
        if end_ms.is_some_and(|end_ms| end_ms <= start_ms) {
            return Err(format!("'{part}' ends before it begins"));
        }
        ranges.push((start_ms, end_ms));
    }
    Ok(KeptRanges(ranges))
}

/// Reads a time: seconds, minutes and seconds, or hours, minutes and seconds, with up to three decimals.
pub fn time(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let bad = || format!("'{text}' is no time; expected 90, 1:30, 1:02:03 or 1:30.25");
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) if (1..=3).contains(&decimals.len()) => (whole, decimals),
        Some(_) => return Err(bad()),
        None => (text, "0"),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = whole.split(':').collect();
    if parts.len() > 3 || !is_number(decimals) || !parts.iter().all(|part| is_number(part)) {
        return Err(bad());
    }
    let mut seconds = 0_u64;
    for (place, part) in parts.iter().enumerate() {
        let value: u64 = part.parse().map_err(|_| bad())?;
        // 1:60 and 1:5 are more likely mistakes than times.
        if place > 0 && (value > 59 || part.len() != 2) {
            return Err(bad());
        }
        seconds = seconds.checked_mul(60).and_then(|sum| sum.checked_add(value)).ok_or_else(bad)?;
    }
    let fraction: u64 = format!("{decimals:0<3}").parse().map_err(|_| bad())?;
    seconds.checked_mul(1_000).and_then(|ms| ms.checked_add(fraction)).ok_or_else(bad)
}

/// Formats a time to the millisecond, without zeros that say nothing: 1:20.5
pub fn shown(ms: u64) -> String {
    let whole = crate::say::time(ms);
    match ms % 1_000 {
        0 => whole,
        rest => format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "an edit may keep one range")]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_to_the_millisecond() {
        let of = |text: &str| ranges(text).unwrap().of(7_200_000);
        assert_eq!(of("0:05-1:20.5,2:00-"), Ok(vec![5_000..80_500, 120_000..7_200_000]));
        assert_eq!(of("-90"), Ok(vec![0..90_000]));
        assert_eq!(of(" 1:02:03.25 - 1:02:04.007 "), Ok(vec![3_723_250..3_724_007]));
        assert_eq!(of("0-1, 1-2"), Ok(vec![0..1_000, 1_000..2_000]));
    }

    #[test]
    fn ranges_that_are_none_are_refused_with_what_is_wrong() {
        for (text, words) in [
            ("", "'' is no range"),
            ("1:20", "expected START-END"),
            ("1:60-2:00", "'1:60' is no time"),
            ("1:5-2:00", "'1:5' is no time"),
            ("1.2345-3", "'1.2345' is no time"),
            ("1.-3", "'1.' is no time"),
            ("a-b", "'a' is no time"),
            ("1:00:00:00-", "is no time"),
            ("99999999999999999999-", "is no time"),
            ("5-3", "ends before it begins"),
            ("5-5", "ends before it begins"),
            ("0-5,4-6", "begins before the range in front of it ends, at 0:05"),
            ("5-,6-7", "nothing can follow"),
            ("0-5,", "'' is no range"),
        ] {
            let error = ranges(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn ranges_outside_of_the_recording_are_refused() {
        let of = |text: &str| ranges(text).unwrap().of(60_500).unwrap_err();
        let end = "which is 1:00.5 long";
        assert_eq!(of("2:00-"), format!("2:00 is not in the recording, {end}"));
        assert_eq!(of("0-1:01"), format!("1:01 is after the end of the recording, {end}"));
    }
}
