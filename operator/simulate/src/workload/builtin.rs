//! Workloads that come with the program: what people run, in nine kinds.

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    numbers::scaled,
    setup::normal,
    workload::{Kind, Loss, Task, Workload},
};

/// Makes the tasks of a workload.
type Maker = fn(&mut Builder);

/// All of them.
const ALL: [(&str, Maker); 9] = [
    ("burst", burst),
    ("ramp", ramp),
    ("diurnal", diurnal),
    ("long-tail", long_tail),
    ("map-reduce", map_reduce),
    ("interactive", interactive),
    ("spot-storm", spot_storm),
    ("mixed-shapes", mixed_shapes),
    ("infeasible-mix", infeasible_mix),
];

/// The resource that only the second group of a simulated cluster has.
pub const GPU: &str = "GPU";
/// A resource that no group has.
const FPGA: &str = "FPGA";
/// Size of a result, unless something else is said.
const BYTES: u64 = 1 << 20;

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The workload of this name, as this seed makes it; `None` if there is none of that name.
pub fn workload(name: &str, seed: u64) -> Option<Workload> {
    let (name, make) = ALL.iter().find(|(n, _)| *n == name)?;
    let workload = Workload { name: (*name).into(), ..Workload::default() };
    let mut builder = Builder { workload, random: StdRng::seed_from_u64(seed) };
    make(&mut builder);
    Some(builder.workload)
}

struct Builder {
    workload: Workload,
    random: StdRng,
}

impl Builder {
    fn kind(&mut self, prefix: &str) -> usize {
        self.workload.kind(Kind { prefix: prefix.into(), resources: Vec::new() })
    }

    fn kind_with(&mut self, prefix: &str, resource: &str) -> usize {
        self.workload.kind(Kind { prefix: prefix.into(), resources: vec![(resource.into(), 1.0)] })
    }

    /// Adds a task without inputs.
    fn task(&mut self, at: u64, kind: usize, takes: u64) -> usize {
        self.task_after(at, kind, takes, Vec::new())
    }

    fn task_after(&mut self, at: u64, kind: usize, takes: u64, inputs: Vec<usize>) -> usize {
        self.workload.tasks.push(Task { at, takes, kind, inputs, bytes: BYTES });
        self.workload.tasks.len() - 1
    }

    /// A duration about this one: the deviation of its logarithm is 0.5.
    fn about(&mut self, milliseconds: u64) -> u64 {
        scaled(milliseconds, (0.5 * normal(&mut self.random)).exp()).max(1)
    }

    /// Time until the next of events that come without order, this far apart on average.
    fn pause(&mut self, milliseconds: u64) -> u64 {
        let random: f64 = self.random.random_range(f64::EPSILON..1.0);
        scaled(milliseconds, -random.ln())
    }

    /// Tasks that come one by one from the beginning until `end`; `every` tells how far apart they are on average at a time.
    fn stream(&mut self, kind: usize, takes: u64, end: u64, every: impl Fn(u64) -> u64) {
        let mut at = 0;
        loop {
            at += self.pause(every(at)).max(1);
            if at >= end {
                return;
            }
            let takes = self.about(takes);
            self.task(at, kind, takes);
        }
    }
}

/// Much work at once, then nothing, three times.
fn burst(b: &mut Builder) {
    let kind = b.kind("simulate");
    for (at, tasks) in [(0, 400), (300_000, 1_500), (900_000, 200)] {
        let takes = b.random.random_range(1_000..10_000);
        for _ in 0..tasks {
            let takes = b.about(takes);
            b.task(at, kind, takes);
        }
    }
}

/// Ever more tasks for ten minutes, from one to twenty in a second; then fewer again.
fn ramp(b: &mut Builder) {
    let kind = b.kind("score");
    let rate = |at: u64| 1 + 19 * at.min(1_200_000 - at.min(1_200_000)) / 600_000;
    b.stream(kind, 2_000, 1_200_000, |at| 1_000 / rate(at));
}

/// Two waves in an hour, from none to ten tasks in a second.
fn diurnal(b: &mut Builder) {
    let kind = b.kind("serve");
    let every = |at: u64| {
        let wave = at % 1_800_000;
        let height = wave.min(1_800_000 - wave);
        scaled(100_000_000, 1.0 / f64::from(u32::try_from(height.max(20_000)).unwrap_or(u32::MAX)))
    };
    b.stream(kind, 3_000, 3_600_000, every);
}

/// Most tasks take a second, some a minute, a few longer.
fn long_tail(b: &mut Builder) {
    let kind = b.kind("train");
    for at in [0, 400_000] {
        for _ in 0..500 {
            let random: f64 = b.random.random_range(f64::EPSILON..1.0);
            let takes = scaled(1_200, random.powf(-1.0 / 1.3)).min(150_000);
            b.task(at, kind, takes);
        }
    }
}

/// Three rounds of many small tasks, few large ones that need all of those, and one at the end.
fn map_reduce(b: &mut Builder) {
    let kinds = [b.kind("map"), b.kind("reduce"), b.kind("join")];
    let mut before = Vec::new();
    for round in 0..3 {
        let at = round * 240_000;
        let mut maps = Vec::new();
        for _ in 0..300 {
            let takes = b.about(4_000);
            maps.push(b.task_after(at, kinds[0], takes, before.clone()));
        }
        let mut reduced = Vec::new();
        for _ in 0..40 {
            let takes = b.about(10_000);
            reduced.push(b.task_after(at, kinds[1], takes, maps.clone()));
        }
        let takes = b.about(5_000);
        before = vec![b.task_after(at, kinds[2], takes, reduced)];
    }
}

/// A person who asks, looks at the answer, and asks again, for half an hour.
fn interactive(b: &mut Builder) {
    let kinds = [b.kind("read"), b.kind("filter"), b.kind("mean"), b.kind("fit")];
    let mut at = 0;
    while at < 1_800_000 {
        let kind = kinds[b.random.random_range(0..kinds.len())];
        let takes = b.random.random_range(300..6_000);
        for _ in 0..b.random.random_range(8..80) {
            let takes = b.about(takes);
            b.task(at, kind, takes);
        }
        at += 10_000 + b.pause(40_000);
    }
}

/// A long piece of work, in which a third of the workers is lost three times.
fn spot_storm(b: &mut Builder) {
    let kinds = [b.kind("load"), b.kind("clean")];
    for _ in 0..1_200 {
        let (one, two) = (b.about(6_000), b.about(12_000));
        let first = b.task(0, kinds[0], one);
        b.task_after(0, kinds[1], two, vec![first]);
    }
    b.workload.losses.extend([120_000, 180_000, 240_000].map(|at| Loss { at, one_in: 3 }));
}

/// Plain tasks, and some that need a GPU.
fn mixed_shapes(b: &mut Builder) {
    let (plain, gpu) = (b.kind("prepare"), b.kind_with("infer", GPU));
    for at in [0, 300_000] {
        for _ in 0..400 {
            let (one, two) = (b.about(3_000), b.about(8_000));
            let input = b.task(at, plain, one);
            if b.random.random_bool(0.2) {
                b.task_after(at, gpu, two, vec![input]);
            }
        }
    }
}

/// Plain tasks, and some that no worker can do.
fn infeasible_mix(b: &mut Builder) {
    let (plain, never) = (b.kind("prepare"), b.kind_with("flash", FPGA));
    for n in 0..600 {
        let takes = b.about(4_000);
        b.task(n / 300 * 200_000, plain, takes);
    }
    for _ in 0..200 {
        b.task(5_000, never, 10_000);
    }
}
