//! Durations as Dask writes them.

use std::time::Duration;

/// A duration as Dask writes them (`parse_timedelta`): seconds, or a number and its unit. `None`: not understood, and
/// the worker itself will say so.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" | "s" | "sec" | "second" | "seconds" => 1.0,
        "ms" => 1e-3,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(text[..digits].parse::<f64>().ok()? * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_meant_where_no_unit_is_written() {
        let seconds = |text| duration(text).map(|d| d.as_secs_f64());
        assert_eq!([seconds("60"), seconds("1.5 s"), seconds("2h")], [Some(60.0), Some(1.5), Some(7200.0)]);
        assert_eq!([seconds("soon"), seconds(""), seconds("1e999h")], [None; 3]);
    }
}
