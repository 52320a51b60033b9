//! What keeps a group's size from being what the work asks for.

use crate::autoscaler::policy::Pool;

/// What keeps a group's size from being what the work asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It is at its maximum, and more are wanted.
    Maximum,
    /// The same, of the operator's default.
    DefaultMaximum,
    /// It is at its minimum, and fewer are wanted.
    Minimum,
    /// More are wanted than one decision adds.
    Step,
    /// Workers are kept that are not wanted any more.
    Keep,
    /// More are wanted, and its pods do not come.
    PodsFailing,
}

impl Limit {
    /// For a group that gets this size, where all have so many workers of those that are wanted.
    pub fn of(pool: &Pool, size: i32, (wanted, supply): (u64, u64)) -> Option<Self> {
        let is_short = wanted > supply || pool.reserved > size;
        if is_short && pool.missing > 0 && size > 0 {
            return Some(Self::PodsFailing);
        }
        if is_short {
            return Some(if size >= pool.most() { Self::Maximum } else { Self::Step });
        }
        let is_needed = supply - wanted < u64::from(pool.processes.max(1)) || size <= pool.reserved;
        match size {
            _ if is_needed || size <= 0 => None,
            _ if size <= pool.limits.minimum => Some(Self::Minimum),
            _ => Some(Self::Keep),
        }
    }

    /// For an autoscaler that has no maximum of its own.
    pub fn of_default(self) -> Self {
        if self == Self::Maximum { Self::DefaultMaximum } else { self }
    }

    /// As a change of size says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Maximum => "spec.maximum allows no more",
            Self::DefaultMaximum => "the operator's default maximum allows no more",
            Self::Minimum => "spec.minimum allows no fewer",
            Self::Step => "more come with its next answer",
            Self::PodsFailing => "pods of the group do not come (PodsFailing)",
            Self::Keep => "workers that were wanted a moment ago stay for a while",
        }
    }

    /// As status says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Maximum => "Maximum",
            Self::DefaultMaximum => "DefaultMaximum",
            Self::Minimum => "Minimum",
            Self::Step => "Step",
            Self::Keep => "Keep",
            Self::PodsFailing => "PodsFailing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoscaler::policy::Limits;

    fn of(size: i32, wanted: u64, supply: u64) -> Option<Limit> {
        with(size, 0, (wanted, supply))
    }

    fn with(size: i32, missing: i32, of: (u64, u64)) -> Option<Limit> {
        let limits = Limits { minimum: 2, maximum: 10 };
        Limit::of(&Pool { size, limits, processes: 2, reserved: 0, missing }, size, of)
    }

    #[test]
    fn what_binds_is_named() {
        assert_eq!(of(10, 30, 20), Some(Limit::Maximum));
        assert_eq!(of(5, 30, 10), Some(Limit::Step));
        assert_eq!(of(2, 0, 4), Some(Limit::Minimum));
        assert_eq!(of(5, 8, 10), Some(Limit::Keep));
        assert_eq!([of(5, 10, 10), of(5, 9, 10)], [None, None], "whole pods");
        assert_eq!(of(0, 8, 10), None, "another group has too many");
        assert_eq!([with(5, 3, (30, 4)), with(5, 3, (4, 4))], [Some(Limit::PodsFailing), None]);
        assert_eq!(Limit::Maximum.of_default().as_str(), "DefaultMaximum");
    }
}
