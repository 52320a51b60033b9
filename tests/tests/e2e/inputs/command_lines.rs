//! Command lines: entry points, proxies, flags and programs of the past, ports.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, START, Wanted},
    driver::Driver,
    inputs,
    namespace::test,
    settings,
    wait::{secs, throughout, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_entry_point_gets_the_arguments_as_written() -> Result<()> {
    test("entry-roles", async |space| {
        let dask = inputs::apply(&space, "entry-point-of-roles").await?;
        dask.settled(2, START).await?;
        let told =
            dask.group_condition(&dask.default_group(), Wanted("WorkerAgent", false, ""), secs(5)).await?;
        ensure!(told.message.contains("args"), "{}", told.message);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_proxy_gets_no_agent() -> Result<()> {
    test("proxy", async |space| {
        let dask = inputs::apply(&space, "script-behind-a-proxy").await?;
        dask.settled(1, START).await?;
        let containers = json!(inputs::a_pod(&dask).await?.spec)["containers"].clone();
        ensure!(containers[0]["args"] == json!(["--upstream=worker"]), "{}", containers[0]);
        ensure!(containers[0]["command"].is_null(), "{}", containers[0]);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn flags_of_the_past_are_told() -> Result<()> {
    test("old-flags", async |space| {
        let dask = inputs::apply(&space, "flags-of-the-past").await?;
        let group = dask.default_group();
        let told = dask.group_condition(&group, Wanted("PodsFailing", true, ""), START).await?;
        ensure!(told.message.contains("worker") && told.message.contains("log"), "{}", told.message);
        let told = dask.group_condition(&group, Wanted("WorkerAgent", true, "Drain"), secs(5)).await?;
        ensure!(told.message.contains("--nprocs") || told.message.contains("--no-bokeh"), "{}", told.message);
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_program_of_the_past_is_told() -> Result<()> {
    test("old-program", async |space| {
        let dask = inputs::apply(&space, "program-of-the-past").await?;
        let group = dask.default_group();
        until("what to write is told", START, async || {
            let told = dask.group_condition(&group, Wanted("PodsFailing", true, ""), secs(20)).await?;
            ensure!(told.message.contains("dask-worker"), "{}", told.message);
            ensure!(told.message.contains("dask worker"), "{}", told.message);
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_worker_may_have_port_8790() -> Result<()> {
    test("port-8790", async |space| {
        let dask = inputs::apply(&space, "dashboard-at-8790").await?;
        dask.settled(1, START).await?;
        let pod = inputs::a_pod(&dask).await?;
        let answer = get(&pod, "/health").await?;
        ensure!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
        // Three of its liveness probes in a row would end it.
        throughout("it stays", secs(8), async || {
            let pod = space.api::<Pod>().get(&pod.name_any()).await?;
            let statuses = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
            let restarts = statuses.and_then(|s| s.first()).map(|s| s.restart_count);
            ensure!(restarts == Some(0), "{restarts:?} restarts");
            Ok(())
        })
        .await
    })
    .await
}

async fn get(pod: &Pod, path: &str) -> Result<String> {
    let ip = pod.status.as_ref().and_then(|s| s.pod_ip.clone()).context("no address")?;
    let mut stream = TcpStream::connect((ip.as_str(), 8790)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {ip}:8790\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_command_in_one_string_is_understood() -> Result<()> {
    test("one-string", async |space| {
        let args = [&space.name, "text", &settings::dask_image()?];
        let program = "tests/inputs/worker_command_as_a_string.py";
        let mut client = Driver::start("E2E_CLIENT_PYTHON", program, &args).await?;
        let dask = Dask { space: space.clone(), name: "text".into() };
        client.tell("create").await?;
        dask.settled(1, START).await?;
        dask.group_condition(&dask.default_group(), Wanted("WorkerAgent", true, "Full"), secs(5)).await?;
        let told = dask.condition(Wanted("SpecWarning", true, "UnknownField"), secs(10)).await?;
        ensure!(told.message.contains("resources.limit"), "{}", told.message);
        ensure!(client.tell("compute").await? == 6);
        client.tell("close").await.map(drop)
    })
    .await
}
