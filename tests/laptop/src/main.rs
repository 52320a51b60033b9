//! The program: a Kubernetes cluster of processes, until it is interrupted.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::Parser;
use dask_operator_api_server::{ApiServer, Settings, http};
use dask_operator_laptop::streams;
use tokio::net::TcpListener;

/// Runs a Kubernetes cluster of processes on this machine.
#[derive(Debug, Parser)]
struct Args {
    /// Port of the API server on 127.0.0.1; 0: any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let settings =
        Settings { managed_fields: true, journal: false, services: [127, 96], ..Settings::default() };
    let server = ApiServer::with_dask(jiff::Timestamp::now, settings);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    println!("http://{}", listener.local_addr()?);
    let routes = streams::routes(Arc::new(streams::Listed(server.clone()))).merge(http::router(server));
    axum::serve(listener, routes).await.context("serving the API")
}
