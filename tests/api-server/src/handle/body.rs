//! Bodies of requests: JSON, or protobuf that is made JSON; and the reviews, which are no more than a body.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::Value;

use super::{Answer, Asking};
use crate::{asked::Asked, decode, protobuf, review, status::Status, store::written};

/// A header as text; empty if there is none.
pub(super) fn header(request: &Request<Bytes>, name: header::HeaderName) -> &str {
    request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// The media type of a body.
pub(super) fn media(request: &Request<Bytes>) -> &str {
    header(request, header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim()
}

/// The JSON of a body that came as protobuf.
fn unpacked(body: &[u8]) -> Result<Bytes, Status> {
    protobuf::decode(body).map(|value| written(&value))
}

/// The answer where a review is asked for.
pub(super) fn review(user: &str, request: &Request<Bytes>) -> Option<Result<Answer, Status>> {
    if *request.method() != Method::POST {
        return None;
    }
    let reviewed = review::asked(request.uri().path())?;
    let body = match media(request) {
        protobuf::MEDIA => unpacked(request.body()),
        _ => Ok(request.body().clone()),
    };
    let answer = body.and_then(|body| reviewed.answer(user, &body));
    Some(answer.map(|review| Answer { code: StatusCode::CREATED, ..Answer::json(&review) }))
}

impl Asking<'_> {
    pub(super) fn body(&self, asked: &mut Asked<'_>) -> Result<Value, Status> {
        let media = media(self.request);
        match media {
            "application/json" | "" => {}
            protobuf::MEDIA => return decode::json(&self.target.kind, &unpacked(self.request.body())?),
            "application/yaml" => {
                return Err(Status::unsupported_media_type(format!(
                    "this API server in memory does not support bodies of {media}, only application/json"
                )));
            }
            _ => {
                return Err(Status::unsupported_media_type(
                    "the body of the request was in an unknown format - accepted media types include: \
                     application/json, application/yaml, application/vnd.kubernetes.protobuf",
                ));
            }
        }
        let body = decode::json(&self.target.kind, self.request.body())?;
        asked.warnings.extend(decode::twice(&self.target.kind, self.request.body(), asked.validation)?);
        Ok(body)
    }
}
