//! What a person wants to see of a test that failed.

use crate::{kubectl, settings::OPERATOR};

/// Most lines shown of the operator's log.
const LOG_LINES: usize = 150;
const OURS: &str = "daskclusters,daskworkergroups,daskjobs,daskautoscalers";

/// Prints objects, conditions, events and the operator's log of a namespace.
pub async fn print(namespace: &str) {
    let everything = format!("{OURS},deployments,services,pods");
    let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,STATUS:.status";
    for args in [
        vec!["get", everything.as_str(), "-o", "wide"],
        vec!["get", OURS, "-o", columns],
        vec!["get", "events", "--sort-by=.lastTimestamp"],
        vec!["logs", "-l", "dask.org/component=scheduler", "--tail=30", "--prefix"],
        vec!["logs", "-l", "dask.org/component=worker", "--tail=15", "--prefix", "--max-log-requests=20"],
    ] {
        let args: Vec<&str> = ["-n", namespace].into_iter().chain(args).collect();
        show(&args, |_| true).await;
    }
    let (system, name) = OPERATOR;
    let deployment = format!("deployment/{name}");
    let of_it = format!("\"{namespace}\"");
    for earlier in [&["--previous"][..], &[]] {
        let args: Vec<&str> =
            ["-n", system, "logs", &deployment].into_iter().chain(earlier.iter().copied()).collect();
        show(&args, |line| line.contains(&of_it)).await;
    }
}

async fn show(args: &[&str], wanted: impl Fn(&str) -> bool) {
    eprintln!("--- kubectl {}", args.join(" "));
    match kubectl::run(args).await {
        Ok(text) => {
            let lines: Vec<&str> = text.lines().filter(|l| wanted(l)).collect();
            lines.iter().skip(lines.len().saturating_sub(LOG_LINES)).for_each(|l| eprintln!("{l}"));
        }
        Err(error) => eprintln!("{error:#}"),
    }
}
