//! What is told of the work that waits: whether it is known, and whether workers can do it.

use crate::{
    autoscaler::{input::Input, wanted::Wanted, wish::Infeasible},
    model::{demand::DemandReading, object::Autoscaler},
    plan::conditions::{self, DEMAND_KNOWN, INFEASIBLE, Observed},
};

/// Most shapes of work that are named.
const NAMED: usize = 4;

/// Whether it is known what waits; as before, while the scheduler is not asked.
pub(crate) fn known(input: &Input<'_>, autoscaler: &Autoscaler, is_off: bool) -> Vec<Observed> {
    let follows = "sizes follow Dask's adaptive_target, which also counts work that no worker can do";
    if is_off {
        let message = format!("spec.demandProbe is Off in a DaskAutoscaler of the cluster; {follows}");
        return vec![conditions::no(DEMAND_KNOWN, "Off", message)];
    }
    match input.scheduler.known().map(|s| &s.demand) {
        Some(DemandReading::Known(_)) => {
            let message = "the scheduler tells what waits, and what it needs of its workers";
            vec![conditions::yes(DEMAND_KNOWN, "Known", message)]
        }
        Some(DemandReading::Unavailable { why }) => {
            let message = format!("the scheduler cannot be made to tell what waits ({why}); {follows}");
            vec![conditions::no(DEMAND_KNOWN, "Unavailable", message)]
        }
        _ => conditions::kept(&autoscaler.status.conditions, &[DEMAND_KNOWN]),
    }
}

/// Whether work waits that no worker can do; as before, while that is not known.
pub(crate) fn infeasible(wanted: Option<&Wanted<'_>>, autoscaler: &Autoscaler) -> Vec<Observed> {
    let Some(wanted) = wanted else {
        return conditions::kept(&autoscaler.status.conditions, &[INFEASIBLE]);
    };
    if wanted.infeasible.is_empty() {
        return vec![conditions::no(INFEASIBLE, "Feasible", "no work is known that no worker can do")];
    }
    let named: Vec<String> = wanted.infeasible.iter().take(NAMED).map(asks).collect();
    let more = wanted.infeasible.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more kinds") } else { String::new() };
    let message = format!(
        "{}{more}: no worker is added for them; give the workers of a group what they ask for (--resources), or correct \
         the tasks",
        named.join("; ")
    );
    vec![conditions::yes(INFEASIBLE, "NoWorkerFits", message)]
}

/// What tasks ask for in vain.
fn asks(infeasible: &Infeasible) -> String {
    let Infeasible { shape, tasks } = infeasible;
    let amounts: Vec<String> = shape.resources.iter().map(|(name, n)| format!("{name}={n}")).collect();
    let resources = if amounts.is_empty() { String::new() } else { format!(" {}", amounts.join(" ")) };
    match (shape.is_pinned, amounts.is_empty()) {
        (true, true) => format!("{tasks} tasks may run only on workers or hosts that are not there"),
        (true, false) => format!("{tasks} tasks ask for{resources} on workers or hosts that do not have it"),
        _ => format!("{tasks} tasks ask for{resources}, which no worker has"),
    }
}
