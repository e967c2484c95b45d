use crate::memo::MEMO_TEXT_MAX;
use crate::text::TextError;
use crate::{Address, Amount, AmountError, Network};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt;

/// What a request begins with.
const SCHEME: &str = "trellis:";
/// Longer than every request: memo and label percent-encoded, and room for keys of the future.
const REQUEST_MAX: usize = 8192;
/// What values need not escape (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// "Pay me this", as a link or a QR code (payments.md, 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    /// Where to.
    pub address: Address,
    /// Of which asset; 0 is native coin.
    pub asset: u32,
    /// How much, if the payer is not free to say.
    pub amount: Option<Amount>,
    /// What the note is to say.
    pub memo: Option<String>,
    /// What the payer's wallet may call the payee.
    pub label: Option<String>,
}

/// Why a link is no payment request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Another kind of link.
    #[error("the link does not begin with trellis:")]
    Scheme,
    /// Longer than any request.
    #[error("the link has {0} characters, which is too many")]
    TooLong(usize),
    /// No address, or a wrong one.
    #[error("the address: {0}")]
    Address(#[from] TextError),
    /// Not pairs of key and value.
    #[error("\"{0}\" is not a key and a value")]
    Pair(String),
    /// Not the encoding of a text.
    #[error("the value of \"{0}\" is not percent-encoded UTF-8")]
    Encoding(String),
    /// A key that says two things.
    #[error("\"{0}\" is there twice")]
    Twice(String),
    /// The payee wants something that this software does not know.
    #[error("the request needs \"{0}\", which is not known")]
    Required(String),
    /// Not a number below 2^32.
    #[error("the asset is not a number below 2^32")]
    Asset,
    /// Not an amount.
    #[error("the amount: {0}")]
    Amount(#[from] AmountError),
    /// More than fits.
    #[error("the memo has {0} bytes, more than 512")]
    Memo(usize),
}

impl PaymentRequest {
    /// A request that leaves everything else to the payer.
    pub const fn new(address: Address) -> Self {
        Self {
            address,
            asset: 0,
            amount: None,
            memo: None,
            label: None,
        }
    }

    /// Reads a link to an address of this network.
    pub fn parse(network: Network, link: &str) -> Result<Self, RequestError> {
        if link.len() > REQUEST_MAX {
            return Err(RequestError::TooLong(link.len()));
        }
        let (scheme, rest) = link
            .split_at_checked(SCHEME.len())
            .ok_or(RequestError::Scheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(RequestError::Scheme);
        }
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut request = Self::new(Address::parse(network, address)?);
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| RequestError::Pair(pair.to_owned()))?;
            if seen.contains(&key) {
                return Err(RequestError::Twice(key.to_owned()));
            }
            seen.push(key);
            request.set(key, unescape(key, value)?)?;
        }
        Ok(request)
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), RequestError> {
        match key {
            "asset" => {
                let asset: u32 = value.parse().map_err(|_| RequestError::Asset)?;
                if asset.to_string() != value {
                    return Err(RequestError::Asset);
                }
                self.asset = asset;
            }
            "amount" => self.amount = Some(value.parse()?),
            "memo" if value.len() > MEMO_TEXT_MAX => return Err(RequestError::Memo(value.len())),
            "memo" => self.memo = Some(value),
            "label" => self.label = Some(value),
            _ if key.starts_with("req-") => return Err(RequestError::Required(key.to_owned())),
            _ => {}
        }
        Ok(())
    }
}

fn unescape(key: &str, value: &str) -> Result<String, RequestError> {
    let wrong = || RequestError::Encoding(key.to_owned());
    let escapes = value.split('%').skip(1);
    let complete = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.into_iter().all(complete) {
        return Err(wrong());
    }
    let text = percent_decode_str(value).decode_utf8();
    text.map(std::borrow::Cow::into_owned).map_err(|_| wrong())
}

impl fmt::Display for PaymentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}?asset={}", self.address, self.asset)?;
        if let Some(amount) = self.amount {
            write!(f, "&amount={amount}")?;
        }
        for (key, value) in [("memo", &self.memo), ("label", &self.label)] {
            if let Some(value) = value {
                write!(f, "&{key}={}", utf8_percent_encode(value, ESCAPED))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HERE, account};
    use proptest::prelude::*;

    fn parse(rest: &str) -> Result<PaymentRequest, RequestError> {
        let address = account(0).incoming().address(0);
        PaymentRequest::parse(HERE, &format!("trellis:{address}{rest}"))
    }

    #[test]
    fn unknown_keys_are_skipped_unless_they_are_required() {
        let plain = PaymentRequest::new(account(0).incoming().address(0));
        assert_eq!(parse(""), Ok(plain.clone()));
        assert_eq!(parse("?new=1&x=%20"), Ok(plain));
        let required = RequestError::Required("req-new".into());
        assert_eq!(parse("?req-new=1"), Err(required));
        let full = parse("?asset=3&amount=1.50&memo=a%26b&label=%C3%A9").unwrap();
        let texts = (full.memo.as_deref(), full.label.as_deref());
        assert_eq!((full.asset, texts), (3, (Some("a&b"), Some("é"))));
        assert_eq!(full.amount.unwrap().to_string(), "1.5");
    }

    #[test]
    fn each_wrong_link_has_its_error() {
        use RequestError as E;
        assert_eq!(parse("?asset"), Err(E::Pair("asset".into())));
        assert_eq!(parse("?asset=1&asset=1"), Err(E::Twice("asset".into())));
        for asset in ["", "-1", "01", "+1", "4294967296"] {
            assert_eq!(parse(&format!("?asset={asset}")), Err(E::Asset));
        }
        let amount = E::Amount(AmountError::Syntax);
        assert_eq!(parse("?amount=1,5"), Err(amount));
        for memo in ["%", "%2", "%zz", "%ff", "a%é"] {
            let link = format!("?memo={memo}");
            assert_eq!(parse(&link), Err(E::Encoding("memo".into())), "{memo}");
        }
        let long = format!("?memo={}", "x".repeat(513));
        assert_eq!(parse(&long), Err(E::Memo(513)));
        let link = |link: &str| PaymentRequest::parse(HERE, link).unwrap_err();
        assert_eq!(link("bitcoin:x"), E::Scheme);
        assert_eq!(link("é"), E::Scheme);
        assert_eq!(link(&"x".repeat(8193)), E::TooLong(8193));
        assert_eq!(link("trellis:?"), E::Address(TextError::Characters));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_request_is_read_as_it_is_written(asset: u32, units: Option<u128>, memo in proptest::option::of(".{0,100}"), label in proptest::option::of(".{0,40}")) {
            let address = account(0).incoming().address(3);
            let amount = units.map(|units| Amount::from_units(units, 18));
            let request = PaymentRequest { address, asset, amount, memo, label };
            prop_assert_eq!(PaymentRequest::parse(HERE, &request.to_string()), Ok(request));
        }

        #[test]
        fn junk_is_refused(junk in ".{0,200}") {
            prop_assert!(PaymentRequest::parse(HERE, &junk).is_err());
            let _ = parse(&format!("?{junk}"));
        }
    }
}
