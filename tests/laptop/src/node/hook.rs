//! `preStop`: what a container does before it is told to end. The time counts against the pod's grace period.

use std::{fs::File, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Container, ExecAction};
use tokio::time::Instant;

use super::{
    command::{Line, Signals},
    pod::Inside,
    probe,
    process::Process,
    start::Within,
};

/// What a container has at least after its hook (`minimumGracePeriodInSeconds` of a kubelet).
const LEAST: Duration = Duration::from_secs(2);

/// Ends a container's process as a kubelet does: first its hook, then SIGTERM, at last SIGKILL.
pub async fn end(
    pod: &Arc<Inside>,
    container: &Container,
    within: &Within,
    process: &mut Process,
) -> std::process::ExitStatus {
    let until = Instant::now() + pod.grace();
    tokio::select! {
        // With it ends all that runs in its container.
        status = process.wait() => return status,
        () = before(pod, container, within) => {}
        () = tokio::time::sleep_until(until) => {}
        () = pod.kill.cancelled() => {}
    }
    let left = until.saturating_duration_since(Instant::now()).max(LEAST);
    process.stop(left, pod.kill.cancelled()).await
}

/// Runs the hook, if there is one, and waits for its end.
async fn before(pod: &Arc<Inside>, container: &Container, within: &Within) {
    let Some(hook) = container.lifecycle.as_ref().and_then(|l| l.pre_stop.as_ref()) else { return };
    let ran = if let Some(exec) = &hook.exec {
        run(pod, exec, within).await
    } else if let Some(sleep) = &hook.sleep {
        tokio::time::sleep(Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0))).await;
        Ok(())
    } else if let Some(http) = &hook.http_get {
        probe::get_of(http, container, pod.ip).await
    } else {
        Ok(())
    };
    if let Err(why) = ran {
        pod.event("Warning", "FailedPreStopHook", &format!("PreStopHook failed: {why}"));
    }
}

async fn run(pod: &Arc<Inside>, exec: &ExecAction, within: &Within) -> Result<(), String> {
    let words = exec.command.iter().flatten().map(|word| within.paths.rewrite(word)).collect();
    let line = Line { words, signals: Signals::Group };
    let nowhere = File::options().write(true).open("/dev/null").map_err(|e| e.to_string())?;
    let mut process = Process::start(&line, within, &nowhere, &pod.node.watchdog)?;
    let status = process.wait().await;
    process.over(&pod.node.watchdog);
    if status.success() { Ok(()) } else { Err(format!("{:?}: {status}", line.words)) }
}
