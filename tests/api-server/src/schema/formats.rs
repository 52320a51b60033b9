//! The formats of texts that the API server enforces.

use std::{net::IpAddr, sync::LazyLock};

use regex::Regex;

type Test = fn(&str) -> bool;

/// A format that is enforced.
pub(super) struct Format {
    /// As the schema writes it, for messages.
    pub name: String,
    pub holds: Test,
}

/// What is done with a `format`.
pub(super) enum Found {
    Enforced(Format),
    /// The API server does not look at it, as with `int32`.
    Ignored,
    /// The API server enforces it, and this code does not.
    Unsupported,
}

/// What is done with the format of this name; the API server does not look at dashes in it.
pub(super) fn find(name: &str) -> Found {
    let holds: Test = match name.replace('-', "").as_str() {
        "datetime" => is_date_time,
        "date" => is_date,
        "duration" => is_duration,
        "byte" => |text| BYTE.is_match(text),
        "uuid" => |text| UUID.is_match(text),
        "uuid3" => |text| UUID3.is_match(text),
        "uuid4" => |text| UUID4.is_match(text),
        "uuid5" => |text| UUID5.is_match(text),
        "ipv4" => |text| text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()),
        "ipv6" => |text| text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()),
        "cidr" => is_cidr,
        "hexcolor" => |text| HEX_COLOR.is_match(text),
        "ssn" => |text| text.len() == 11 && SSN.is_match(text),
        "password" => |_| true,
        "k8sshortname" => |text| text.len() <= 63 && SHORT_NAME.is_match(text),
        "k8slongname" => |text| text.len() <= 253 && LONG_NAME.is_match(text),
        "bsonobjectid" | "uri" | "email" | "hostname" | "mac" | "isbn" | "isbn10" | "isbn13"
        | "creditcard" | "rgbcolor" => return Found::Unsupported,
        _ => return Found::Ignored,
    };
    Found::Enforced(Format { name: name.to_owned(), holds })
}

macro_rules! patterns {
    ($($name:ident = $pattern:expr;)*) => {
        $(static $name: LazyLock<Pattern> = LazyLock::new(|| Pattern(Regex::new($pattern).ok()));)*
    };
}

/// A pattern of this file; the tests see that each of them is one.
struct Pattern(Option<Regex>);

impl Pattern {
    fn is_match(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|pattern| pattern.is_match(text))
    }
}

patterns! {
    BYTE = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$";
    UUID = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
    UUID3 = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
    UUID4 = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
    UUID5 = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
    HEX_COLOR = "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$";
    SSN = "^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$";
    SHORT_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
    LONG_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    TIME = "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$";
    DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
    GO_DURATION = "^[-+]?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";
    LONG_DURATION = concat!(
        r"[0-9]+\s*(?i:(ns|us|µs|ms|s|m|h|hr|d|w|wk)([^A-Za-zµ]|$)",
        "|nano|micro|milli|sec|min|hour|day|week)"
    );
}

fn is_date(text: &str) -> bool {
    DATE.is_match(text) && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    let within = |range, limit: &str| time.get(range).is_some_and(|part: &str| part <= limit);
    is_date(date) && TIME.is_match(time) && within(0..2, "23") && within(3..5, "59") && within(6..8, "59")
}

fn is_duration(text: &str) -> bool {
    GO_DURATION.is_match(text) || LONG_DURATION.is_match(text)
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    address.parse::<IpAddr>().is_ok_and(|ip| {
        digits && bits.parse::<u8>().is_ok_and(|bits| bits <= if ip.is_ipv4() { 32 } else { 128 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(name: &str, text: &str) -> bool {
        match find(name) {
            Found::Enforced(format) => (format.holds)(text),
            _ => panic!("{name} is not enforced"),
        }
    }

    #[test]
    fn each_format_takes_what_is_one_and_nothing_else() {
        for (name, good, bad) in [
            ("date-time", "2024-01-02T03:04:05Z", "2024-01-02T24:04:05Z"),
            ("date-time", "2024-01-02t03:04:05.123+02:00", "2024-01-02 03:04:05Z"),
            ("date", "2024-02-29", "2023-02-29"),
            ("duration", "1h30m", "1"),
            ("duration", "3 days", "h"),
            ("duration", "3 h", "3 hx"),
            ("byte", "YQ==", "YQ"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            ("uuid3", "123e4567-e89b-32d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
            ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-32d3-a456-426614174000"),
            ("uuid5", "123e4567-e89b-52d3-a456-426614174000", "123e4567-e89b-42d3-a456-426614174000"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("hexcolor", "#12aBcd", "#12aBc"),
            ("ssn", "123-45-6789", "123456789"),
            ("k8s-short-name", "a-b", "a.b"),
            ("k8s-long-name", "a.b", "a..b"),
        ] {
            assert!(holds(name, good), "{name}: {good}");
            assert!(!holds(name, bad), "{name}: {bad}");
        }
        assert!(holds("password", ""));
    }

    #[test]
    fn other_formats_are_ignored_as_the_api_server_does_or_refused() {
        assert!(matches!(find("int32"), Found::Ignored));
        assert!(matches!(find("email"), Found::Unsupported));
    }
}
