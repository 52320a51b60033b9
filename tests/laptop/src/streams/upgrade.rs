//! What a request wants to become, and the answer that it does.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use kube_memory_api_server::Status;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Names the protocols that a client wants in streams of SPDY, and the one that it gets.
const STREAM_PROTOCOL: &str = "x-stream-protocol-version";

/// What a client wants.
#[derive(Debug)]
pub(super) enum Wanted {
    /// A WebSocket with one of these protocols.
    WebSocket { accept: String, protocols: Vec<String> },
    /// SPDY with one of these protocols inside of it.
    Spdy { protocols: Vec<String> },
}

impl Wanted {
    /// Reads the headers of a request.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Status> {
        let upgrades = listed(headers, header::UPGRADE.as_str());
        let is = |name: &str| upgrades.iter().any(|u| u.eq_ignore_ascii_case(name));
        let is_upgrade = listed(headers, header::CONNECTION.as_str())
            .iter()
            .any(|option| option.eq_ignore_ascii_case("upgrade"));
        if is_upgrade && is("websocket") {
            return web_socket(headers);
        }
        if is_upgrade && is("SPDY/3.1") {
            return Ok(Self::Spdy { protocols: listed(headers, STREAM_PROTOCOL) });
        }
        Err(Status::bad_request("Upgrade request required"))
    }
}

fn web_socket(headers: &HeaderMap) -> Result<Wanted, Status> {
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|v| v != "13") {
        return Err(Status::bad_request("only version 13 of the WebSocket protocol is supported"));
    }
    if !is_own_origin(headers) {
        return Err(Status::new(403, "Forbidden", "pages of other origins get no streams"));
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return Err(Status::bad_request("a WebSocket needs the header Sec-WebSocket-Key"));
    };
    let protocols = listed(headers, header::SEC_WEBSOCKET_PROTOCOL.as_str());
    Ok(Wanted::WebSocket { accept: derive_accept_key(key.as_bytes()), protocols })
}

/// Browsers let any page open a WebSocket, but tell where the page is from.
fn is_own_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some() && origin.split_once("://").map(|(_, host)| host) == host
}

/// All values of a header, separated by commas or not.
fn listed(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let values = lines.flat_map(|line| line.split(',')).map(str::trim);
    values.filter(|value| !value.is_empty()).map(ToString::to_string).collect()
}

/// The connection below a request, once the answer is sent.
pub(super) fn connection(request: &mut Request) -> OnUpgrade {
    hyper::upgrade::on(request)
}

/// 101 for a WebSocket.
pub(super) fn to_web_socket(accept: &str, protocol: Option<&str>) -> Response {
    let mut response = switching("websocket");
    put(&mut response, header::SEC_WEBSOCKET_ACCEPT.as_str(), accept);
    if let Some(protocol) = protocol {
        put(&mut response, header::SEC_WEBSOCKET_PROTOCOL.as_str(), protocol);
    }
    response
}

/// 101 for SPDY.
pub(super) fn to_spdy(protocol: &str) -> Response {
    let mut response = switching("SPDY/3.1");
    put(&mut response, STREAM_PROTOCOL, protocol);
    response
}

fn switching(upgrade: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    put(&mut response, header::CONNECTION.as_str(), "Upgrade");
    put(&mut response, header::UPGRADE.as_str(), upgrade);
    response
}

fn put(response: &mut Response, name: &str, value: &str) {
    let header = header::HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
    // Names and values are our own, and those that may be in headers.
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &'static str)]) -> Result<Wanted, u16> {
        let line = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Wanted::read(&lines.iter().map(line).collect()).map_err(|status| status.code)
    }

    #[test]
    fn headers_tell_what_a_request_wants_to_become() {
        let socket = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("host", "here:1"),
        ];
        let with = |line| read(&[&socket[..], &[line]].concat());
        let Ok(Wanted::WebSocket { accept, protocols }) = with(("sec-websocket-protocol", "a, b")) else {
            panic!("no WebSocket");
        };
        assert_eq!(
            (accept.as_str(), protocols),
            ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", vec!["a".into(), "b".into()])
        );
        assert!(with(("origin", "http://here:1")).is_ok());
        assert_eq!(with(("origin", "http://there")).err(), Some(403));
        assert_eq!(with(("origin", "null")).err(), Some(403));
        assert_eq!(read(&socket[..3]).err(), Some(400));
        assert_eq!(read(&socket[1..]).err(), Some(400));
        let spdy = read(&[("connection", "Upgrade"), ("upgrade", "SPDY/3.1"), (STREAM_PROTOCOL, "x")]);
        assert!(matches!(spdy, Ok(Wanted::Spdy { protocols }) if protocols == ["x"]));
        assert_eq!(read(&[("connection", "Upgrade"), ("upgrade", "h2c")]).err(), Some(400));
    }
}
