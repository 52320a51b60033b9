//! Clocks that differ between operators, at a change of the leader.

use crate::{act::Act, manifest, scenario::Scenario, workload::submit};

fn with(name: String) -> Scenario {
    Scenario::new(&name).at(0, Act::Create(manifest::cluster("a", 4)))
}

/// One of two operators has a clock that is ahead, and comes to lead while a person's shrink waits for a long task.
pub fn all() -> Vec<Scenario> {
    let mut out = Vec::new();
    for ahead in [60, 600] {
        for second in [50, 62, 75] {
            let mut skewed = with(format!(
                "leader-clock: from second {second} on the clock of who leads is {ahead} s ahead"
            ))
            .operators(2, true)
            .at(5, Act::Skew { operator: 1, seconds: ahead })
            .at(40, submit(4, 150))
            .at(45, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
            .at(48, Act::Scale { group: "a-default".into(), replicas: 1 });
            skewed = skewed.at(second, Act::Crash { operator: 0 });
            out.push(skewed.calm_at(170));
        }
    }
    out
}
