//! One container of a pod, from its first start to its last end.

use std::{fs::File, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Container;

use super::{
    command, hook, image,
    pod::Inside,
    probe::{self, Pace},
    process::Process,
    start::Within,
    view::{Ended, State},
};

/// First and longest wait before a container that ended is started again.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// After so long a run, waits begin anew.
const LASTED: Duration = Duration::from_secs(600);
/// Of so many failures of a readiness probe in a row, one is told.
const TOLD: u32 = 20;
/// Wait before a container is tried again whose configuration is wrong.
const CONFIG: Duration = Duration::from_secs(5);

/// Runs a container as long as its pod wants it; one that comes before the others until it has done its work.
pub async fn run(pod: Arc<Inside>, index: usize, container: Container) {
    let mut failures = 0_u32;
    loop {
        let Some(ended) = once(&pod, index, &container).await else { break };
        let restarts = match pod.restart_policy.as_str() {
            "Never" => false,
            "Always" if index >= pod.first => true,
            _ => ended.code != 0,
        };
        failures = if ended.lasted() >= LASTED { 0 } else { failures };
        let wait = if failures == 0 {
            Duration::ZERO
        } else {
            BACK_OFF.0.saturating_mul(1 << (failures - 1).min(10)).min(BACK_OFF.1)
        };
        failures += 1;
        let message = format!("back-off {}s restarting failed container={}", wait.as_secs(), container.name);
        let again = restarts && !pod.stop.is_cancelled();
        pod.change(index, |view| {
            (view.ready, view.started) = (false, false);
            if again && !wait.is_zero() {
                view.last = Some(ended);
                view.state = State::Waiting { reason: "CrashLoopBackOff", message: message.clone() };
            } else if again {
                view.last = Some(ended);
            } else {
                view.state = State::Terminated(ended);
            }
        });
        if !again {
            break;
        }
        if !wait.is_zero() {
            pod.event("Warning", "BackOff", &message);
        }
        if pod.rests(wait).await {
            pod.change(index, |view| {
                if let Some(last) = view.last.take() {
                    view.state = State::Terminated(last);
                }
            });
            break;
        }
        pod.change(index, |view| view.restarts += 1);
    }
    pod.change(index, |view| view.over = true);
}

/// From one start to its end; none: it was stopped before it started.
async fn once(pod: &Arc<Inside>, index: usize, container: &Container) -> Option<Ended> {
    let within = loop {
        match pod.node.within(&pod.pod, container, pod.variables()) {
            Ok(within) => break within,
            Err(refusal) => {
                pod.event("Warning", "Failed", &format!("Error: {}", refusal.message));
                let (reason, message) = (refusal.reason, refusal.message);
                pod.change(index, |view| view.state = State::Waiting { reason, message });
            }
        }
        if pod.rests(CONFIG).await {
            return None;
        }
    };
    let restarts = pod.view(index).map_or(0, |v| v.restarts);
    let log = pod.log(&container.name, restarts);
    let mut process = match start(pod, container, &within, &log) {
        Ok(process) => process,
        Err(message) => {
            pod.event("Warning", "Failed", &format!("Error: {message}"));
            let now = Timestamp::now();
            return Some(Ended { code: 128, reason: "StartError", message, began: now, at: now });
        }
    };
    pod.event("Normal", "Started", &format!("Started container {}", container.name));
    let began = process.began();
    pod.change(index, |view| {
        view.state = State::Running(began);
        view.started = container.startup_probe.is_none();
        view.ready = view.started && container.readiness_probe.is_none();
    });
    let status = tokio::select! {
        status = process.wait() => status,
        () = pod.stop.cancelled() => hook::end(pod, container, &within, &mut process).await,
        why = watch(pod, index, container) => {
            pod.event("Normal", "Killing", &format!("Container {} failed liveness probe, {why}", container.name));
            hook::end(pod, container, &within, &mut process).await
        }
    };
    let tells = container.termination_message_policy.as_deref() == Some("FallbackToLogsOnError");
    Some(process.ended(status, &within, tells.then_some(log.as_path()), &pod.node.watchdog))
}

/// Starts the container's process, with its log in that file.
fn start(pod: &Inside, container: &Container, within: &Within, log: &Path) -> Result<Process, String> {
    std::fs::create_dir_all(&within.dir).map_err(|e| format!("its folder: {e}"))?;
    std::fs::write(&within.last_words, "").map_err(|e| format!("its last words: {e}"))?;
    let log = File::create(log).map_err(|e| format!("its log: {e}"))?;
    let image = container.image.as_deref().unwrap_or_default();
    let image = image::find(image, &pod.node.version).map_err(|refusal| refusal.message)?;
    let line = command::line(container, image, &pod.node.agent, within);
    Process::start(&line, within, &log, &pod.node.watchdog)
}

/// Asks the probes for as long as the container runs; ends when it should be started again, with the reason.
async fn watch(pod: &Arc<Inside>, index: usize, container: &Container) -> String {
    if let Some(startup) = &container.startup_probe {
        let pace = Pace::of(startup);
        let mut failures = 0;
        tokio::time::sleep(pace.delay).await;
        while let Err(why) = probe::ask(startup, container, pod.ip).await {
            failures += 1;
            if failures >= pace.failures {
                return format!("will be restarted: startup probe failed: {why}");
            }
            tokio::time::sleep(pace.period).await;
        }
        pod.change(index, |view| {
            (view.started, view.ready) = (true, container.readiness_probe.is_none());
        });
    }
    tokio::join!(readiness(pod, index, container), liveness(pod, container)).1
}

async fn readiness(pod: &Arc<Inside>, index: usize, container: &Container) {
    let Some(probe) = &container.readiness_probe else { return };
    let pace = Pace::of(probe);
    let (mut good, mut bad) = (0, 0);
    tokio::time::sleep(pace.delay).await;
    loop {
        match probe::ask(probe, container, pod.ip).await {
            Ok(()) => (good, bad) = (good + 1, 0),
            Err(why) => {
                (good, bad) = (0, bad + 1);
                if bad % TOLD == 1 {
                    pod.event("Warning", "Unhealthy", &format!("Readiness probe failed: {why}"));
                }
            }
        }
        let is_ready = pod.view(index).is_some_and(|v| v.ready);
        if good >= pace.successes && !is_ready {
            pod.change(index, |view| view.ready = true);
        }
        if bad >= pace.failures && is_ready {
            pod.change(index, |view| view.ready = false);
        }
        // Until it is ready for the first time a caller waits for it.
        let period = if is_ready { pace.period } else { pace.period.min(Duration::from_millis(500)) };
        tokio::time::sleep(period).await;
    }
}

async fn liveness(pod: &Arc<Inside>, container: &Container) -> String {
    let Some(probe) = &container.liveness_probe else { return std::future::pending().await };
    let pace = Pace::of(probe);
    let mut bad = 0;
    tokio::time::sleep(pace.delay).await;
    loop {
        match probe::ask(probe, container, pod.ip).await {
            Ok(()) => bad = 0,
            Err(why) => {
                bad += 1;
                pod.event("Warning", "Unhealthy", &format!("Liveness probe failed: {why}"));
                if bad >= pace.failures {
                    return "will be restarted".into();
                }
            }
        }
        tokio::time::sleep(pace.period).await;
    }
}
