//! Random scenarios: a seed makes one, and the same seed the same one.

use std::time::Duration;

use serde_json::json;

use crate::{
    act::{Act, PodFate},
    dask::{Floods, Mood, Says},
    manifest,
    network::{CrashPoint, Planned, Rates},
    scenario::Scenario,
    seeded_random::Chance,
};

/// The last second in which anything goes wrong.
const TROUBLE: u64 = 150;

/// The scenario of this seed.
pub fn scenario(seed: u64) -> Scenario {
    let mut chance = Chance::new(seed, 3);
    let mut scenario = Scenario::new(&format!("seed {seed}")).calm_at(TROUBLE + 10);
    scenario = operators(scenario, &mut chance);
    scenario = wishes(scenario, &mut chance);
    for _ in 0..chance.below(8) {
        scenario = scenario.at(10 + chance.below(TROUBLE - 10), people(&mut chance));
    }
    for _ in 0..chance.below(7) {
        scenario = scenario.at(5 + chance.below(TROUBLE - 5), machines(&mut chance));
    }
    for _ in 0..chance.below(5) {
        scenario = scenario.at(5 + chance.below(TROUBLE - 5), network(&mut chance));
    }
    // By dice of its own: what else happens with a seed stays as it was.
    let mut more = Chance::new(seed, 4);
    for _ in 0..if more.flip(0.15) { 1 + more.below(2) } else { 0 } {
        let time = Duration::from_secs(more.below(90));
        scenario = scenario.at(20 + more.below(TROUBLE - 20), Act::NodeLeaves { time });
    }
    let mut unseen = Chance::new(seed, 5);
    if unseen.flip(0.1) {
        let resource =
            ["pods", "daskworkergroups", "daskclusters", "deployments", "daskjobs"][unseen.index(5)];
        let time = Duration::from_secs(5 + unseen.below(120));
        scenario = scenario.at(5 + unseen.below(TROUBLE - 5), Act::Unseen { resource, time });
    }
    // By dice of its own, too.
    let mut more = Chance::new(seed, 6);
    if more.flip(0.3) {
        let bounds = (n(&mut more, 2), 2 + n(&mut more, 4));
        scenario = scenario.at(more.below(20), Act::Create(manifest::autoscaler_of("more", "a", bounds)));
    }
    scenario = agents(scenario, seed);
    scenario = own_keys(scenario, seed);
    if chance.flip(0.4) {
        let point = if chance.flip(0.5) { CrashPoint::Before } else { CrashPoint::After };
        scenario = scenario.write(chance.below(40), Planned::Crash(point));
    }
    scenario
}

/// Workers under the agent, in some worlds; some of them drain all their nodes, some more than once. By dice of its own.
fn agents(mut scenario: Scenario, seed: u64) -> Scenario {
    let mut chance = Chance::new(seed, 7);
    if chance.flip(0.25) {
        scenario = scenario.at(0, Act::Agents);
        for _ in 0..chance.below(3) {
            scenario = scenario.at(20 + chance.below(TROUBLE - 20), Act::DrainAll);
        }
    }
    scenario
}

/// A template that says what is ours to say of pods, in some worlds. By dice of its own.
fn own_keys(scenario: Scenario, seed: u64) -> Scenario {
    let mut chance = Chance::new(seed, 8);
    if !chance.flip(0.1) {
        return scenario;
    }
    let keys = ["retiring", "template-hash", "agent-hash", "copied-replicas", "outcome", "job"];
    let name = format!("kubernetes.dask.org/{}", keys[chance.index(keys.len())]);
    let place = ["annotations", "labels"][chance.index(2)];
    let patch = json!({"spec": {"worker": {"metadata": {place: {name: "1"}}}}});
    scenario.at(
        5 + chance.below(TROUBLE - 5),
        Act::Edit { resource: "daskworkergroups", name: "a-default".into(), patch },
    )
}

fn operators(scenario: Scenario, chance: &mut Chance) -> Scenario {
    match chance.below(10) {
        0 => scenario.operators(2, false),
        1 | 2 => scenario.operators(2, true),
        _ => scenario,
    }
}

/// What people want from the beginning.
fn wishes(mut scenario: Scenario, chance: &mut Chance) -> Scenario {
    scenario = scenario.at(0, Act::Create(manifest::cluster("a", n(chance, 4))));
    if chance.flip(0.3) {
        scenario = scenario.at(1, Act::Create(manifest::group("more", "a", n(chance, 3))));
    }
    if chance.flip(0.5) {
        let least = n(chance, 2);
        let most = least + n(chance, 5);
        scenario = scenario.at(chance.below(20), Act::Create(manifest::autoscaler("a", least, most)));
    }
    if chance.flip(0.2) {
        scenario = scenario.at(chance.below(20), Act::Create(manifest::job("j", 5 + chance.below(60))));
    }
    if chance.flip(0.2) {
        scenario = scenario.at(chance.below(30), Act::Create(manifest::cluster("b", n(chance, 3))));
    }
    scenario
}

fn n(chance: &mut Chance, below: u64) -> i64 {
    i64::try_from(chance.below(below)).unwrap_or(0)
}

fn a() -> String {
    "a".into()
}

/// Something that people do.
fn people(chance: &mut Chance) -> Act {
    let seconds = |s| Duration::from_secs(s);
    match chance.below(14) {
        0..=2 => Act::Scale { group: "a-default".into(), replicas: n(chance, 6) },
        3 => Act::Scale { group: "more".into(), replicas: n(chance, 4) },
        4 => {
            let patch = json!({"spec": {"worker": {"replicas": chance.below(5)}}});
            Act::Edit { resource: "daskclusters", name: a(), patch }
        }
        5..=7 => Act::Submit {
            cluster: a(),
            tasks: 1 + chance.index(30),
            takes: seconds(1 + chance.below(20)),
            result: chance.below(2) * (1 + chance.below(60)),
        },
        8..=9 => Act::Scatter { cluster: a(), size: 1 + chance.below(200), nth: chance.index(5) },
        10 => Act::Release { cluster: a() },
        11 => {
            let image = ["v1", "v2", "v3"][chance.index(3)];
            let patch = json!({"spec": {"worker": {"spec": manifest::worker(image)}}});
            Act::Edit { resource: "daskworkergroups", name: "a-default".into(), patch }
        }
        12 => {
            let (resource, name) = [
                ("daskworkergroups", "more"),
                ("daskautoscalers", "a"),
                ("daskclusters", "b"),
                ("daskjobs", "j"),
                ("daskworkergroups", "a-default"),
                ("services", "a-scheduler"),
                ("deployments", "a-scheduler"),
            ][chance.index(7)];
            let propagation = ["Background", "Foreground", "Background"][chance.index(3)];
            Act::Delete { resource, name: name.into(), propagation }
        }
        _ => {
            let least = n(chance, 3);
            let patch = json!({"spec": {"minimum": least, "maximum": least + n(chance, 4)}});
            Act::Edit { resource: "daskautoscalers", name: a(), patch }
        }
    }
}

/// Something that happens to machines and schedulers.
fn machines(chance: &mut Chance) -> Act {
    let fate = match chance.below(6) {
        0 => PodFate::Deleted,
        1 => PodFate::Evicted,
        2 => PodFate::Ends(n(chance, 2)),
        3 => PodFate::NodeLost(Duration::from_secs(5 + chance.below(100))),
        _ => PodFate::Hangs(Duration::from_secs(5 + chance.below(60))),
    };
    let cluster = a();
    match chance.below(12) {
        0..=4 => Act::Pod { nth: chance.index(8), scheduler: chance.flip(0.15), fate },
        5 => Act::KillScheduler { cluster },
        6 => Act::Silence { cluster, time: Duration::from_secs(1 + chance.below(60)) },
        7 => Act::Images { good: chance.flip(0.6) },
        8 => Act::Nodes { room: chance.flip(0.6) },
        9 => Act::Forbid { resource: "pods", code: 403, time: Duration::from_secs(5 + chance.below(60)) },
        _ => Act::Mood { cluster, mood: mood(chance) },
    }
}

fn mood(chance: &mut Chance) -> Mood {
    Mood {
        refuses: chance.flip(0.2),
        accepts_one: chance.flip(0.2),
        answers_late: if chance.flip(0.2) { Duration::from_secs(chance.below(150)) } else { Duration::ZERO },
        slow: if chance.flip(0.2) { Duration::from_millis(chance.below(7000)) } else { Duration::ZERO },
        says: [Says::Truth, Says::Truth, Says::Nonsense, Says::Millions, Says::Error][chance.index(5)],
        garbles: chance.flip(0.1),
        floods: [Floods::Bulk, Floods::Crowd, Floods::Nested, Floods::No][chance.index(12).min(3)],
        ..Mood::default()
    }
}

/// Something that happens between the operators and the API server.
fn network(chance: &mut Chance) -> Act {
    let resource =
        ["pods", "daskworkergroups", "daskclusters", "deployments", "daskautoscalers"][chance.index(5)];
    let operator = chance.index(2);
    match chance.below(9) {
        0 => Act::Cut { gone: chance.flip(0.5) },
        1 => Act::Away { time: Duration::from_secs(1 + chance.below(60)) },
        2..=3 => Act::Crash { operator },
        4 => Act::Freeze { operator, time: Duration::from_secs(1 + chance.below(50)) },
        5 => Act::Skew { operator, seconds: [-3600, -60, 60, 3600][chance.index(4)] },
        6 => Act::Lag { resource, time: Duration::from_secs(chance.below(20)) },
        _ => Act::Rates(Rates {
            conflict: chance.below(3) as f64 * 0.05,
            busy: chance.below(3) as f64 * 0.05,
            request_lost: chance.below(2) as f64 * 0.03,
            answer_lost: chance.below(2) as f64 * 0.03,
            slow: Duration::from_millis(chance.below(3) * 400),
        }),
    }
}
