//! How often processes of a pod were started again.

/// How often processes were started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    /// All of them.
    pub restarts: u32,
    /// Processes that the kernel ended for want of memory.
    pub oom_kills: u32,
}

impl Restarts {
    /// These, too.
    pub fn add(&mut self, more: Self) {
        self.restarts = self.restarts.saturating_add(more.restarts);
        self.oom_kills = self.oom_kills.saturating_add(more.oom_kills);
    }

    /// The larger number of each.
    #[must_use]
    pub fn most(self, other: Self) -> Self {
        Self { restarts: self.restarts.max(other.restarts), oom_kills: self.oom_kills.max(other.oom_kills) }
    }
}
