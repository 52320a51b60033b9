//! Work that is submitted: tasks with their inputs, what they ask of a worker, and when they come.

pub mod builtin;
pub mod file;

/// Tasks that take about as long as one another and ask for the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kind {
    /// As the scheduler groups them: the key's first part.
    pub prefix: String,
    /// Amounts of abstract resources that one takes, by name.
    pub resources: Vec<(String, f64)>,
}

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// When it is submitted, milliseconds from the beginning.
    pub at: u64,
    /// How long it takes, milliseconds.
    pub takes: u64,
    /// Its kind, a place in [`Workload::kinds`].
    pub kind: usize,
    /// The tasks whose results it needs, places in [`Workload::tasks`].
    pub inputs: Vec<usize>,
    /// Size of its result.
    pub bytes: u64,
}

/// Workers that are lost without notice, as spot nodes are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// When, milliseconds from the beginning.
    pub at: u64,
    /// One in this many of the workers that run then.
    pub one_in: usize,
}

/// All work of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// What it is called.
    pub name: String,
    /// The kinds of its tasks.
    pub kinds: Vec<Kind>,
    /// Its tasks; inputs come before the tasks that need them.
    pub tasks: Vec<Task>,
    /// Losses of workers.
    pub losses: Vec<Loss>,
}

impl Workload {
    /// The place of this kind, which is added if there is none.
    pub fn kind(&mut self, kind: Kind) -> usize {
        self.kinds.iter().position(|k| *k == kind).unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        })
    }

    /// The earliest end of all tasks of `kinds` with workers without number, each of which takes `startup` milliseconds
    /// to start: no policy is faster.
    pub fn earliest_end(&self, startup: u64, counts: impl Fn(usize) -> bool) -> u64 {
        let mut ends: Vec<u64> = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            let inputs = task.inputs.iter().map(|i| ends[*i]).max().unwrap_or(0);
            ends.push(task.at.max(startup).max(inputs) + task.takes);
        }
        let counted = self.tasks.iter().zip(ends).filter(|(t, _)| counts(t.kind));
        counted.map(|(_, end)| end).max().unwrap_or(0)
    }

    /// What all tasks of these kinds take together, milliseconds.
    pub fn work(&self, counts: impl Fn(usize) -> bool) -> u64 {
        self.tasks.iter().filter(|t| counts(t.kind)).map(|t| t.takes).sum()
    }
}
