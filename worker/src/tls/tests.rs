//! Who is believed, and who is not: handshakes between two sides of the agent's own making.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A client with a certificate of this authority, who believes the authority `believed`.
    fn member(&self, believed: &Self) -> Settings {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["any.name".into()]).unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        let text = |text: String| Some(text);
        Settings {
            ca: text(believed.0.pem()),
            cert: text(cert.pem()),
            key: text(key.serialize_pem()),
            ..Settings::default()
        }
    }
}

/// One certificate for all, as of `Security.temporary`.
fn everybody(is_authority: bool) -> Settings {
    everybody_until(is_authority, 4096)
}

fn everybody_until(is_authority: bool, year: i32) -> Settings {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["dask-internal".into()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let cert = params.self_signed(&key).unwrap().pem();
    // The key beside the certificate.
    let both = cert.clone() + &key.serialize_pem();
    Settings { ca: Some(cert), cert: Some(both), ..Settings::default() }
}

/// Whether both sides accept each other.
async fn meet(client: &Settings, server: &Settings) -> bool {
    let (client, server) = (Tls::new(client).unwrap(), Tls::new(server).unwrap());
    let (near, far) = tokio::io::duplex(1 << 16);
    let name = "10.0.0.1".to_owned().try_into().unwrap();
    let connect = async {
        let mut stream = TlsConnector::from(client.client).connect(name, near).await?;
        // With TLS 1.3 a client hears of its refusal by what it reads then.
        tokio::io::AsyncReadExt::read_u8(&mut stream).await
    };
    let accept = async {
        let mut stream = TlsAcceptor::from(server.server).accept(far).await?;
        tokio::io::AsyncWriteExt::write_u8(&mut stream, 7).await?;
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await
    };
    let (connected, accepted) = tokio::join!(connect, accept);
    connected.is_ok() && accepted.is_ok()
}

#[tokio::test]
async fn members_of_one_authority_believe_each_other_whatever_their_names_are() {
    let ours = Authority::new();
    let newest = Settings { only_newest: true, ..ours.member(&ours) };
    assert!(meet(&ours.member(&ours), &ours.member(&ours)).await);
    assert!(meet(&newest, &ours.member(&ours)).await && meet(&ours.member(&ours), &newest).await);
}

#[tokio::test]
async fn others_are_not_believed_by_either_side() {
    let (ours, other) = (Authority::new(), Authority::new());
    let ourselves = ours.member(&ours);
    for stranger in [other.member(&ours), everybody(true), everybody(false)] {
        let stranger = Settings { ca: Some(ours.0.pem()), ..stranger };
        assert!(!meet(&stranger, &ourselves).await && !meet(&ourselves, &stranger).await);
    }
}

#[tokio::test]
async fn one_certificate_may_be_everybodys() {
    for is_authority in [true, false] {
        let all = everybody(is_authority);
        assert!(meet(&all, &all).await, "{is_authority}");
        let over = everybody_until(is_authority, 2020);
        assert!(!meet(&over, &over).await, "{is_authority}: its time is over");
    }
}

#[test]
fn what_is_missing_is_named() {
    let ours = Authority::new();
    let whole = ours.member(&ours);
    let said = |settings: Settings| Tls::new(&settings).unwrap_err().to_string();
    assert!(said(Settings::default()).contains("--tls-ca-file"));
    let broken = |text: &str| Some(text.to_owned());
    assert!(
        said(Settings { cert: broken("/no/such.pem"), ..whole.clone() }).contains("worker's certificate")
    );
    assert!(said(Settings { key: broken("no\nkey\n"), ..whole.clone() }).contains("worker's key"));
    assert!(said(Settings { ca: broken("not\npem\n"), ..whole.clone() }).contains("authority's certificate"));
    let another = ours.member(&ours);
    assert!(said(Settings { key: another.key, ..whole }).contains("cannot be used"));
}
