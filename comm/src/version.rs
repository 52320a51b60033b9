//! Versions of the `distributed` package, which are dates.

use std::fmt;

/// A `distributed` release, ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DistributedVersion {
    /// Year, e.g. 2024.
    pub year: u32,
    /// Month, 1 to 12.
    pub month: u32,
    /// Release within the month, from 0.
    pub patch: u32,
}

impl DistributedVersion {
    /// Reads `2024.12.1`, and development builds such as `2024.12.1+8.gdeadbee`; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (year, month, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (patch, suffix) = rest.split_at(end);
        let version = Self { year: number(year)?, month: number(month)?, patch: number(patch)? };
        let known_suffix = ["", "+", ".", "a", "b", "rc", "-"].iter().any(|s| match *s {
            "" => suffix.is_empty(),
            s => suffix.starts_with(s),
        });
        ((1..=12).contains(&version.month) && known_suffix).then_some(version)
    }
}

impl fmt::Display for DistributedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.year, self.month, self.patch)
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_development_builds() {
        let parse = DistributedVersion::parse;
        assert_eq!(parse("2024.12.1").unwrap().to_string(), "2024.12.1");
        assert_eq!(parse("2025.7.0+12.gdeadbee.dirty"), parse("2025.7.0"));
        assert_eq!(parse("2025.7.0.dev3"), parse("2025.7.0rc1"));
        assert!(parse("2024.2.0") < parse("2024.12.1") && parse("2024.12.1") < parse("2025.1.0"));
    }

    #[test]
    fn anything_else_is_none() {
        for bad in [
            "",
            "2024",
            "2024.1",
            "2024.13.0",
            "2024.0.1",
            "a.1.2",
            "2024.1.x",
            "+2024.1.0",
            "2024.1.",
            "2024.1.0?",
        ] {
            assert_eq!(DistributedVersion::parse(bad), None, "{bad}");
        }
        assert_eq!(DistributedVersion::parse("99999999999.1.0"), None);
    }
}
