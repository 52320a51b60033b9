//! Quantities such as `500m` and `1Gi`: parsing, comparing, and the one form that the API server writes.

use std::{cmp::Ordering, fmt};

/// What the API server says of text that is none.
pub(crate) const RULE: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Binary,
    Decimal,
    Exponent,
}

/// An exact amount, in billionths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    nano: i128,
    format: Format,
}

impl Quantity {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).ok_or_else(|| RULE.to_string())
    }

    fn read(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (power, scale, format) = unit(suffix)?;
        let mut nano: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            nano = nano.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        let shift = scale + 9 - i32::try_from(fraction.len()).ok()?;
        nano = nano.checked_mul(1_i128.checked_shl(power)?)?;
        if shift >= 0 {
            nano = nano.checked_mul(10_i128.checked_pow(shift.unsigned_abs())?)?;
        } else {
            // What is finer than a billionth is rounded up.
            let by = 10_i128.checked_pow(shift.unsigned_abs())?;
            nano = nano.checked_add(by - 1)? / by;
        }
        Some(Self { nano: if negative { -nano } else { nano }, format })
    }

    /// Whether it is below zero.
    pub(crate) fn is_negative(&self) -> bool {
        self.nano < 0
    }

    /// Whether it is a whole number.
    pub(crate) fn is_whole(&self) -> bool {
        self.nano % 1_000_000_000 == 0
    }

    /// Whether it is nothing.
    pub(crate) fn is_zero(&self) -> bool {
        self.nano == 0
    }
}

fn unit(suffix: &str) -> Option<(u32, i32, Format)> {
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((*power, 0, Format::Binary));
    }
    if let Some((_, scale)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((0, *scale, Format::Decimal));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((0, exponent, Format::Exponent))
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.nano.partial_cmp(&other.nano)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ONE: i128 = 1_000_000_000;
        if self.nano == 0 {
            return f.write_str("0");
        }
        let is_binary =
            self.format == Format::Binary && self.nano % ONE == 0 && self.nano.abs() >= 1024 * ONE;
        if is_binary {
            let (mut amount, mut unit) = (self.nano / ONE, "");
            for (name, _) in BINARY {
                if amount % 1024 != 0 {
                    break;
                }
                (amount, unit) = (amount / 1024, name);
            }
            return write!(f, "{amount}{unit}");
        }
        let (mut amount, mut scale) = (self.nano, -9);
        while amount % 1000 == 0 && scale < 18 {
            (amount, scale) = (amount / 1000, scale + 3);
        }
        if self.format == Format::Exponent {
            return if scale == 0 { write!(f, "{amount}") } else { write!(f, "{amount}e{scale}") };
        }
        let unit = DECIMAL.iter().find(|(_, s)| *s == scale).map_or("", |(name, _)| name);
        write!(f, "{amount}{unit}")
    }
}
