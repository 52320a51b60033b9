//! Schedulers that are silent, refuse, lie, or are others by now.

use std::time::Duration;

use crate::{
    act::Act,
    dask::{Floods, Mood, Says},
    manifest,
    scenario::Scenario,
    workload::submit,
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Four workers; one is busy, one holds what cannot be computed again; at second 60 two of them are to go.
fn shrinking(name: String) -> Scenario {
    Scenario::new(&name)
        .at(0, Act::Create(manifest::cluster("a", 4)))
        .at(40, Act::Scatter { cluster: "a".into(), size: 60, nth: 0 })
        .at(41, Act::Scatter { cluster: "a".into(), size: 60, nth: 1 })
        .at(58, submit(3, 15))
        .at(60, Act::Scale { group: "a-default".into(), replicas: 2 })
}

fn autoscaled(name: String) -> Scenario {
    Scenario::new(&name)
        .at(0, Act::Create(manifest::cluster("a", 1)))
        .at(1, Act::Create(manifest::autoscaler("a", 1, 5)))
        .at(30, submit(30, 5))
        .at(50, Act::Scatter { cluster: "a".into(), size: 60, nth: 2 })
}

fn mood(mood: Mood) -> Act {
    Act::Mood { cluster: "a".into(), mood }
}

pub fn all() -> Vec<Scenario> {
    [silences(), epochs(), retirements(), lies(), floods(), waves()].concat()
}

fn silences() -> Vec<Scenario> {
    let mut out = Vec::new();
    for from in 58..68 {
        for time in [3, 30, 300] {
            out.push(
                shrinking(format!("silent-scheduler: silent for {time} s from second {from}"))
                    .at(from, Act::Silence { cluster: "a".into(), time: seconds(time) })
                    .calm_at(120.max(from + time)),
            );
        }
    }
    for from in [35, 60, 75, 90] {
        out.push(
            autoscaled(format!("silent-scheduler: an autoscaler's scheduler is silent from second {from}"))
                .at(from, Act::Silence { cluster: "a".into(), time: seconds(60) })
                .calm_at(180),
        );
    }
    out
}

fn epochs() -> Vec<Scenario> {
    let kill = || Act::KillScheduler { cluster: "a".into() };
    let mut out = Vec::new();
    for second in 59..70 {
        out.push(
            shrinking(format!("new-scheduler: another scheduler from second {second}"))
                .at(second, kill())
                .calm_at(150),
        );
    }
    let late = Mood { connects_late: Duration::from_millis(2800), ..Mood::default() };
    for second in 59..76 {
        out.push(
            shrinking(format!(
                "new-scheduler: the same workers at another scheduler from second {second}, while we connect"
            ))
            .at(30, Act::Agents)
            .at(59, mood(late.clone()))
            .at(second, kill())
            .calm_at(150),
        );
    }
    out.push(autoscaled("new-scheduler: another scheduler under load".into()).at(55, kill()).calm_at(200));
    out.push(
        autoscaled("new-scheduler: another scheduler twice".into())
            .at(50, kill())
            .at(68, kill())
            .calm_at(200),
    );
    out
}

fn retirements() -> Vec<Scenario> {
    let mut out = Vec::new();
    let moods = [
        ("refuses", Mood { refuses: true, ..Mood::default() }),
        ("accepts one at a time", Mood { accepts_one: true, ..Mood::default() }),
        ("answers a retirement late", Mood { answers_late: seconds(20), ..Mood::default() }),
        ("answers a retirement after our limit", Mood { answers_late: seconds(140), ..Mood::default() }),
        ("answers everything slowly", Mood { slow: seconds(3), ..Mood::default() }),
        ("answers everything too late", Mood { slow: seconds(7), ..Mood::default() }),
        ("tells of no worker", Mood { garbles: true, ..Mood::default() }),
    ];
    for (name, how) in moods {
        out.push(
            shrinking(format!("odd-retirements: a scheduler that {name}"))
                .at(59, mood(how.clone()))
                .calm_at(260),
        );
        out.push(
            shrinking(format!("odd-retirements: a scheduler that {name}, for a while"))
                .at(59, mood(how))
                .at(75, mood(Mood::default()))
                .calm_at(160),
        );
    }
    // Questions go on, over a connection that is open; calls need new ones.
    let takes_no_connection = Mood { connects_late: seconds(4), ..Mood::default() };
    for second in 60..76 {
        out.push(
            shrinking(format!("odd-retirements: a scheduler that takes no connection from second {second}"))
                .at(second, mood(takes_no_connection.clone()))
                .at(second + 12, mood(Mood::default()))
                .calm_at(150),
        );
    }
    let mut late = shrinking("late-data: data comes while workers leave".into());
    for second in 60..75 {
        late = late.at(
            second,
            Act::Scatter { cluster: "a".into(), size: 5, nth: usize::try_from(second).unwrap_or(0) },
        );
        late = late.at(second, submit(1, 3));
    }
    out.push(late.calm_at(160));
    out
}

fn lies() -> Vec<Scenario> {
    let mut out = Vec::new();
    for says in [Says::Nonsense, Says::Millions, Says::Error, Says::Double] {
        out.push(
            autoscaled(format!("wrong-targets: a target of {says:?}"))
                .at(60, mood(Mood { says, ..Mood::default() }))
                .at(100, mood(Mood::default()))
                .calm_at(180),
        );
    }
    out
}

/// One tenant's scheduler floods the operator while another's cluster shrinks and grows; when it stops, its own
/// shrink goes on.
fn floods() -> Vec<Scenario> {
    let mut out = Vec::new();
    for floods in [Floods::Bulk, Floods::Crowd, Floods::Nested] {
        out.push(
            shrinking(format!("flood: a scheduler that sends {floods:?} beside another cluster"))
                .at(0, Act::Create(manifest::cluster("b", 3)))
                .at(59, mood(Mood { floods, ..Mood::default() }))
                .at(62, Act::Scale { group: "b-default".into(), replicas: 1 })
                .at(90, Act::Scale { group: "b-default".into(), replicas: 3 })
                .at(120, mood(Mood::default()))
                .calm_at(220),
        );
    }
    out
}

fn waves() -> Vec<Scenario> {
    let mut out = Vec::new();
    for period in [4, 8, 14, 16, 30, 45] {
        let mut wave = autoscaled(format!("waves: work comes every {period} s"));
        for n in 0..(100 / period) {
            wave = wave.at(40 + n * period, submit(12, 2));
        }
        out.push(wave.calm_at(200));
    }
    out
}
