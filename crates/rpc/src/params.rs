//! A call's arguments, taken one by one from the client's own bytes.

use crate::RpcError;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// Arguments kept for reading; methods have at most four, the rest is only counted (NET-1).
const ARGUMENTS_MAX: usize = 16;

/// The `params` member of a request, unparsed; `None` when it is missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Option<Box<RawValue>>);

impl Params {
    /// The arguments in this JSON text.
    pub(crate) fn new(raw: Option<Box<RawValue>>) -> Self {
        Self(raw)
    }

    /// The arguments by position. Missing and null params are an empty list, and a single object stands for a list of
    /// that object, because wallets send both.
    ///
    /// # Errors
    /// Invalid params when they are a number, text or boolean.
    pub(crate) fn positional(&self) -> Result<Positional<'_>, RpcError> {
        let Some(raw) = self.0.as_deref() else {
            return Ok(Positional::default());
        };
        match raw.get().as_bytes().first() {
            Some(b'[') => raw.deserialize_seq(ListVisitor).map_err(|error| {
                RpcError::invalid_params(format!("params are not a list: {error}"))
            }),
            Some(b'{') => Ok(Positional {
                values: vec![raw],
                count: 1,
                ..Positional::default()
            }),
            Some(b'n') => Ok(Positional::default()),
            _ => Err(RpcError::invalid_params(
                "params must be a list of arguments",
            )),
        }
    }
}

/// A call's arguments by position. Take each with [`Self::required`] or [`Self::optional`], then [`Self::finish`].
#[derive(Debug, Default)]
pub(crate) struct Positional<'a> {
    values: Vec<&'a RawValue>,
    /// Arguments up to the last one that is not null.
    count: usize,
    next: usize,
}

impl<'a> Positional<'a> {
    /// The next argument.
    ///
    /// # Errors
    /// Invalid params naming position and `name`, when it is missing, null or of another type.
    pub(crate) fn required<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, RpcError> {
        let position = self.next;
        self.optional(name)?.ok_or_else(|| {
            RpcError::invalid_params(format!(
                "missing value for required argument {position} ({name})"
            ))
        })
    }

    /// The next argument; `None` when it is missing or null.
    ///
    /// # Errors
    /// Invalid params naming position and `name`, when it is of another type.
    pub(crate) fn optional<T: Deserialize<'a>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, RpcError> {
        let position = self.next;
        self.next += 1;
        let Some(raw) = self.values.get(position).filter(|raw| raw.get() != "null") else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map(Some).map_err(|error| {
            RpcError::invalid_params(format!("invalid argument {position} ({name}): {error}"))
        })
    }

    /// Ends the list.
    ///
    /// # Errors
    /// Invalid params naming both counts, when there are more arguments than were taken. Trailing nulls do not count.
    pub(crate) fn finish(self) -> Result<(), RpcError> {
        let (want, got) = (self.next, self.count);
        if got > want {
            let message = format!("too many arguments, want at most {want}, got {got}");
            return Err(RpcError::invalid_params(message));
        }
        Ok(())
    }
}

struct ListVisitor;

impl<'de> de::Visitor<'de> for ListVisitor {
    type Value = Positional<'de>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a list of arguments")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut out = Positional::default();
        let mut seen = 0;
        while let Some(raw) = list.next_element::<&RawValue>()? {
            seen += 1;
            if raw.get() != "null" {
                out.count = seen;
            }
            if out.values.len() < ARGUMENTS_MAX {
                out.values.push(raw);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, U64};

    fn params(json: &str) -> Params {
        Params::new(Some(RawValue::from_string(json.to_owned()).unwrap()))
    }

    #[test]
    fn missing_null_and_empty_are_no_arguments() {
        for none in [
            Params::default(),
            params("null"),
            params("[]"),
            params("[null, null]"),
        ] {
            let mut list = none.positional().unwrap();
            assert_eq!(list.optional::<u64>("block").unwrap(), None);
            list.finish().unwrap();
        }
    }

    #[test]
    fn arguments_come_in_order() {
        let json = r#" ["0x00000000000000000000000000000000000000ff", null, "0x10"] "#;
        let params = params(json.trim());
        let mut list = params.positional().unwrap();
        assert_eq!(
            list.required::<Address>("address").unwrap(),
            Address::with_last_byte(255)
        );
        assert_eq!(list.optional::<U64>("block").unwrap(), None);
        assert_eq!(list.optional::<U64>("index").unwrap(), Some(U64::from(16)));
        list.finish().unwrap();
    }

    #[test]
    fn an_object_is_one_argument() {
        let params = params(r#"{"to":"x"}"#);
        let mut list = params.positional().unwrap();
        let object: serde_json::Value = list.required("call").unwrap();
        assert_eq!(object["to"], "x");
        list.finish().unwrap();
    }

    #[test]
    fn errors_name_position_and_argument() {
        let wrong = params(r#"["0x1", 5]"#);
        let error = wrong
            .positional()
            .unwrap()
            .required::<Address>("address")
            .unwrap_err();
        assert_eq!(error.code, RpcError::INVALID_PARAMS);
        assert!(
            error.message.starts_with("invalid argument 0 (address): "),
            "{error}"
        );
        let missing = params("[null]");
        let error = missing
            .positional()
            .unwrap()
            .required::<Address>("address")
            .unwrap_err();
        assert_eq!(
            error.message,
            "missing value for required argument 0 (address)"
        );
    }

    #[test]
    fn too_many_arguments_name_the_counts() {
        let many = params("[1, 2, 3, null]");
        let mut list = many.positional().unwrap();
        let _: Option<u64> = list.optional("a").unwrap();
        let error = list.finish().unwrap_err();
        assert_eq!(error.message, "too many arguments, want at most 1, got 3");
        let flood = params(&format!("[{}1]", "1,".repeat(100_000)));
        assert!(
            flood
                .positional()
                .unwrap()
                .finish()
                .unwrap_err()
                .message
                .ends_with("got 100001")
        );
    }

    #[test]
    fn scalars_are_refused() {
        for scalar in ["1", "\"a\"", "true", "-1"] {
            let error = params(scalar).positional().unwrap_err();
            assert_eq!(error.code, RpcError::INVALID_PARAMS, "{scalar}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_stack_overflow() {
        // NET-1: serde_json stops at a depth of 128.
        let deep = format!("[{}{}]", "[".repeat(200_000), "]".repeat(200_000));
        let deep = params(&deep);
        let error = deep
            .positional()
            .unwrap()
            .required::<serde_json::Value>("x")
            .unwrap_err();
        assert!(error.message.contains("recursion limit"), "{error}");
    }
}
