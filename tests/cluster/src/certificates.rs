//! Certificates of a cluster with TLS: files, and how Dask's programs are told of them.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Files of the authority, of the one certificate that all members show, and of its key.
pub const FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];

/// Makes them in a folder.
pub fn make(dir: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // One of the same name would seem to have signed itself.
    params.distinguished_name.push(DnType::CommonName, "authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    let cert = params.signed_by(&key, &authority).unwrap();
    for (file, text) in FILES.into_iter().zip([authority.pem(), cert.pem(), key.serialize_pem()]) {
        std::fs::write(dir.join(file), text).unwrap();
    }
}

/// Options of Dask's programs that name the files.
pub fn options(dir: &Path) -> Vec<String> {
    let flags = ["--tls-ca-file", "--tls-cert", "--tls-key"];
    flags.into_iter().zip(paths(dir)).flat_map(|(flag, path)| [flag.to_owned(), path]).collect()
}

/// Variables that name them, and have all of Dask's programs use them.
pub fn variables(dir: &Path) -> Vec<(String, String)> {
    let [ca, cert, key] = paths(dir);
    let mut all = vec![("TLS__CA_FILE".to_owned(), ca), ("DEFAULT_SCHEME".to_owned(), "tls".to_owned())];
    for role in ["SCHEDULER", "WORKER", "CLIENT"] {
        all.push((format!("TLS__{role}__CERT"), cert.clone()));
        all.push((format!("TLS__{role}__KEY"), key.clone()));
    }
    all.into_iter().map(|(name, value)| (format!("DASK_DISTRIBUTED__COMM__{name}"), value)).collect()
}

/// What a file of Dask's configuration says of them.
pub fn config(dir: &Path) -> String {
    let [ca, cert, key] = paths(dir);
    let role = |name: &str| format!("{name}: {{cert: {cert}, key: {key}}}");
    format!("distributed: {{comm: {{tls: {{ca-file: {ca}, {}, {}}}}}}}\n", role("worker"), role("client"))
}

fn paths(dir: &Path) -> [String; 3] {
    FILES.map(|file| dir.join(file).display().to_string())
}
