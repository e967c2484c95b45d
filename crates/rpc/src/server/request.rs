//! What clients send, as JSON-RPC 2.0 (section 4), borrowed from the bytes they sent.
//!
//! Nothing is built from a request but views into it: a batch of thousands costs one scan, and each argument is decoded
//! once, straight into the type its method wants.

use crate::RpcError;
use core::fmt;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The `id` of an answer to a request whose id is unknown.
pub(super) const NULL_ID: &str = "null";

/// A body: one request or several, not looked into yet.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// One value.
    Single(&'a RawValue),
    /// The members of a list.
    Batch(Vec<&'a RawValue>),
}

/// A well-formed request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The id as sent, to be echoed byte for byte; `None` for a notification.
    pub(super) id: Option<&'a str>,
    /// The method's name.
    pub(super) method: Cow<'a, str>,
    /// The arguments as sent.
    pub(super) params: Option<&'a RawValue>,
}

/// A value that is not a request.
#[derive(Debug)]
pub(super) struct Rejected<'a> {
    /// The id to answer with.
    pub(super) id: &'a str,
    /// What is wrong.
    pub(super) error: RpcError,
}

/// Splits a body.
///
/// # Errors
/// Parse error for what is not JSON; invalid request for an empty batch; limit exceeded for more than `batch_max` members.
pub(super) fn split(body: &[u8], batch_max: usize) -> Result<Body<'_>, RpcError> {
    let parse_error =
        |error: &dyn fmt::Display| RpcError::parse_error(format!("parse error: {error}"));
    let text = core::str::from_utf8(body).map_err(|error| parse_error(&error))?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| parse_error(&error))?;
    if !raw.get().starts_with('[') {
        return Ok(Body::Single(raw));
    }
    let batch = raw
        .deserialize_seq(BatchVisitor { max: batch_max })
        .map_err(|e| parse_error(&e))?;
    match batch.count {
        0 => Err(RpcError::invalid_request("the batch is empty")),
        count if count > batch_max => Err(RpcError::limit_exceeded(format!(
            "batch of {count} requests exceeds the limit of {batch_max} requests"
        ))),
        _ => Ok(Body::Batch(batch.items)),
    }
}

impl<'a> Request<'a> {
    /// Reads one member of a body.
    pub(super) fn parse(raw: &'a RawValue) -> Result<Self, Rejected<'a>> {
        let reject = |id, text: &str| Rejected {
            id,
            error: RpcError::invalid_request(text),
        };
        if !raw.get().starts_with('{') {
            return Err(reject(NULL_ID, "a request must be an object"));
        }
        let members = Members::deserialize(raw)
            .map_err(|error| reject(NULL_ID, &format!("the request is malformed: {error}")))?;
        let id = members.id.map(RawValue::get);
        if id.is_some_and(|id| !matches!(id.as_bytes()[0], b'"' | b'n' | b'-' | b'0'..=b'9')) {
            return Err(reject(NULL_ID, "id must be a string, a number or null"));
        }
        let echo = id.unwrap_or(NULL_ID);
        // Some wallets leave the version out; another version is another protocol.
        if members
            .jsonrpc
            .is_some_and(|version| !matches!(version.get(), "\"2.0\"" | "null"))
        {
            return Err(reject(echo, "jsonrpc must be \"2.0\""));
        }
        let Some(method) = members.method else {
            return Err(reject(echo, "the request has no method"));
        };
        let Ok(Text(method)) = Text::deserialize(method) else {
            return Err(reject(echo, "method must be a string"));
        };
        Ok(Self {
            id,
            method,
            params: members.params,
        })
    }
}

struct Batch<'a> {
    items: Vec<&'a RawValue>,
    count: usize,
}

/// Collects up to `max` members and counts the rest, so that memory follows the limit and not the body (NET-1).
struct BatchVisitor {
    max: usize,
}

impl<'de> de::Visitor<'de> for BatchVisitor {
    type Value = Batch<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of requests")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut batch = Batch {
            items: Vec::new(),
            count: 0,
        };
        while let Some(item) = list.next_element::<&RawValue>()? {
            batch.count += 1;
            if batch.count <= self.max {
                batch.items.push(item);
            }
        }
        Ok(batch)
    }
}

/// The members of a request object. Unknown ones are skipped; of a repeated one the last counts.
#[derive(Default)]
struct Members<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> de::Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(Text(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            match &*name {
                "jsonrpc" => members.jsonrpc = Some(value),
                "id" => members.id = Some(value),
                "method" => members.method = Some(value),
                "params" => members.params = Some(value),
                _ => {}
            }
        }
        Ok(members)
    }
}

/// A string, borrowed unless it has escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> de::Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
