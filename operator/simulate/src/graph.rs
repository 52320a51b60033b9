//! The tasks: which are ready, where results are, and what is computed again when results are lost.

use std::collections::BTreeSet;

use crate::workload::Workload;

/// How it stands with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Was not submitted, or waits for inputs.
    Waits,
    Ready,
    Runs,
    /// Its result is on this worker.
    Done(usize),
    /// No task needs its result any more.
    Released,
}

/// All tasks.
pub(crate) struct Graph<'a> {
    workload: &'a Workload,
    states: Vec<State>,
    submitted: Vec<bool>,
    dependents: Vec<Vec<usize>>,
    /// How many tasks that are not done need the result.
    needed_by: Vec<usize>,
    /// Ready tasks of each kind.
    pub ready: Vec<BTreeSet<usize>>,
    /// Tasks of each kind that are not done.
    pub left: Vec<usize>,
}

impl<'a> Graph<'a> {
    pub fn new(workload: &'a Workload) -> Self {
        let mut dependents = vec![Vec::new(); workload.tasks.len()];
        let mut left = vec![0; workload.kinds.len()];
        for (n, task) in workload.tasks.iter().enumerate() {
            left[task.kind] += 1;
            task.inputs.iter().for_each(|i| dependents[*i].push(n));
        }
        Self {
            workload,
            states: vec![State::Waits; workload.tasks.len()],
            submitted: vec![false; workload.tasks.len()],
            needed_by: dependents.iter().map(Vec::len).collect(),
            dependents,
            ready: vec![BTreeSet::new(); workload.kinds.len()],
            left,
        }
    }

    pub fn submit(&mut self, task: usize) {
        self.submitted[task] = true;
        self.make_ready(task);
    }

    /// It begins to run.
    pub fn take(&mut self, task: usize) {
        self.ready[self.workload.tasks[task].kind].remove(&task);
        self.states[task] = State::Runs;
    }

    /// It has ended on this worker; answers the tasks whose results are not needed any more, with their workers.
    pub fn done(&mut self, task: usize, worker: usize) -> Vec<(usize, usize)> {
        self.states[task] = State::Done(worker);
        self.left[self.workload.tasks[task].kind] -= 1;
        for n in 0..self.dependents[task].len() {
            self.make_ready(self.dependents[task][n]);
        }
        let mut released = Vec::new();
        if self.needed_by[task] == 0 {
            self.release(task, &mut released);
        }
        for input in &self.workload.tasks[task].inputs {
            self.needed_by[*input] -= 1;
            if self.needed_by[*input] == 0 {
                self.release(*input, &mut released);
            }
        }
        released
    }

    /// It was interrupted.
    pub fn interrupted(&mut self, task: usize) {
        self.states[task] = State::Waits;
        self.make_ready(task);
    }

    /// The results on this worker are on that one now.
    pub fn moved(&mut self, from: usize, to: usize) {
        for state in &mut self.states {
            if *state == State::Done(from) {
                *state = State::Done(to);
            }
        }
    }

    /// The results on this worker are gone; answers how many tasks are computed again.
    pub fn lost(&mut self, worker: usize) -> usize {
        let on_it: Vec<usize> =
            (0..self.states.len()).filter(|n| self.states[*n] == State::Done(worker)).collect();
        on_it.into_iter().map(|task| self.again(task)).sum()
    }

    /// Computes it again, and what it needs.
    fn again(&mut self, task: usize) -> usize {
        if !matches!(self.states[task], State::Done(_) | State::Released) {
            return 0;
        }
        self.states[task] = State::Waits;
        self.left[self.workload.tasks[task].kind] += 1;
        for dependent in &self.dependents[task] {
            if self.states[*dependent] == State::Ready {
                self.states[*dependent] = State::Waits;
                self.ready[self.workload.tasks[*dependent].kind].remove(dependent);
            }
        }
        let mut count = 1;
        for input in &self.workload.tasks[task].inputs {
            self.needed_by[*input] += 1;
            if self.states[*input] == State::Released {
                count += self.again(*input);
            }
        }
        self.make_ready(task);
        count
    }

    fn make_ready(&mut self, task: usize) {
        let is_there = |i: &usize| matches!(self.states[*i], State::Done(_));
        let of = &self.workload.tasks[task];
        if self.states[task] == State::Waits && self.submitted[task] && of.inputs.iter().all(is_there) {
            self.states[task] = State::Ready;
            self.ready[of.kind].insert(task);
        }
    }

    fn release(&mut self, task: usize, released: &mut Vec<(usize, usize)>) {
        if let State::Done(worker) = self.states[task] {
            released.push((task, worker));
            self.states[task] = State::Released;
        }
    }
}
