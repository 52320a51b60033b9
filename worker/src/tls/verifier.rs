//! Verification of peers: any certificate of the cluster's authority is accepted, as in Dask. Names are not checked.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

/// What a certificate is compared with.
#[derive(Debug)]
pub struct Peers {
    roots: Arc<RootCertStore>,
    /// The same as they are in the file: one of them may be everybody's own certificate (`Security.temporary`), which is
    /// believed even where it says that it is an authority's.
    authorities: Vec<CertificateDer<'static>>,
    clients: Arc<dyn ClientCertVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Peers {
    /// Believes certificates of these authorities; `clients` checks those of clients.
    pub fn new(
        roots: Arc<RootCertStore>,
        authorities: Vec<CertificateDer<'static>>,
        clients: Arc<dyn ClientCertVerifier>,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self { roots, authorities, clients, algorithms }
    }

    /// An authority's certificate is no member's by webpki's rules (`CaUsedAsEndEntity`, which is none of the errors that
    /// rustls names); its dates were looked at before.
    fn unless_everybodys(&self, certificate: &CertificateDer<'_>, error: Error) -> Result<(), Error> {
        let is_everybodys = || self.authorities.iter().any(|a| a.as_ref() == certificate.as_ref());
        match error {
            Error::InvalidCertificate(CertificateError::Other(_)) if is_everybodys() => Ok(()),
            error => Err(error),
        }
    }
}

impl ServerCertVerifier for Peers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let all = self.algorithms.all;
        let checked =
            verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, all);
        checked.or_else(|error| self.unless_everybodys(end_entity, error))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Peers {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.clients.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let checked = self.clients.verify_client_cert(end_entity, intermediates, now);
        checked.or_else(|error| {
            self.unless_everybodys(end_entity, error)?;
            Ok(ClientCertVerified::assertion())
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.supported_verify_schemes()
    }
}
