//! The agent's part in Dask's mutual TLS: its own certificate, and how it verifies peers.

mod probe_config;
mod settings;
mod verifier;

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use thiserror::Error;

pub use probe_config::{configuration, settings};
pub use settings::Settings;

use verifier::Peers;

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// No setting names the files.
    #[error(
        "no certificates: give --tls-ca-file, --tls-cert and --tls-key, or set distributed.comm.tls.ca-file, \
         distributed.comm.tls.worker.cert and distributed.comm.tls.worker.key"
    )]
    NoFiles,
    /// One of them cannot be read.
    #[error("cannot read the {what}: {source}")]
    Read {
        /// Which one.
        what: &'static str,
        /// Why not.
        source: rustls::pki_types::pem::Error,
    },
    /// They do not do for TLS.
    #[error("the certificates cannot be used: {0}")]
    Unfit(#[from] rustls::Error),
    /// No peer could be verified.
    #[error("the CA file has no certificate that can be used: {0}")]
    Authority(#[from] rustls::client::VerifierBuilderError),
}

/// How connections are made and taken, as `distributed.security.Security` does for the role of a worker: both sides show
/// a certificate of one authority, and names in them mean nothing.
#[derive(Clone, Debug)]
pub struct Tls {
    /// For connections that the agent makes.
    pub client: Arc<ClientConfig>,
    /// For those that it takes.
    pub server: Arc<ServerConfig>,
    /// The name to ask the scheduler for, where it is not its host's (`--scheduler-sni`).
    pub sni: Option<String>,
}

impl Tls {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(settings: &Settings) -> Result<Self, TlsError> {
        let (Some(ca), Some(cert)) = (&settings.ca, &settings.cert) else { return Err(TlsError::NoFiles) };
        let authorities = certificates(ca, "authority's certificate")?;
        let own = certificates(cert, "worker's certificate")?;
        let key = key(settings.key.as_deref().unwrap_or(cert))?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let (roots, provider) = (Arc::new(roots), Arc::new(default_provider()));
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
        let peers =
            Arc::new(Peers::new(roots, authorities, clients, provider.signature_verification_algorithms));
        let versions: &[_] = if settings.only_newest { &[&TLS13] } else { &[&TLS13, &TLS12] };
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(peers.clone())
            .with_client_auth_cert(own.clone(), key.clone_key())?;
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(peers)
            .with_single_cert(own, key)?;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), sni: settings.sni.clone() })
    }
}

/// What a setting names: a file, or its text, which has several lines.
fn certificates(setting: &str, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = if setting.contains('\n') {
        CertificateDer::pem_slice_iter(setting.as_bytes()).collect::<Result<Vec<_>, _>>()
    } else {
        CertificateDer::pem_file_iter(setting).and_then(Iterator::collect)
    };
    let found = read.map_err(|source| TlsError::Read { what, source })?;
    if found.is_empty() {
        return Err(TlsError::Read { what, source: rustls::pki_types::pem::Error::NoItemsFound });
    }
    Ok(found)
}

fn key(setting: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    let key = if setting.contains('\n') {
        PrivateKeyDer::from_pem_slice(setting.as_bytes())
    } else {
        PrivateKeyDer::from_pem_file(setting)
    };
    key.map_err(|source| TlsError::Read { what: "worker's key", source })
}

#[cfg(test)]
mod tests;
