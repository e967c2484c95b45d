//! Values as a person writes them on a command line, in the environment or in a file: one parser for all three.

use core::time::Duration;
use std::net::IpAddr;
use trellis_primitives::{ModuleName, limits};

/// Fewest and most validators one process runs. Four tolerate one fault, seven tolerate two.
pub(crate) const VALIDATORS: core::ops::RangeInclusive<u32> = 1..=16;

/// Shortest and longest block time.
pub(crate) const BLOCK_TIME: core::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_secs(60);

/// A comma-separated list of module names, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModuleNames(pub(crate) Vec<ModuleName>);

/// `hub,market,pay`: at least one name, none twice.
pub(crate) fn modules(text: &str) -> Result<ModuleNames, String> {
    let mut names: Vec<ModuleName> = Vec::new();
    for part in text.split(',') {
        let name: ModuleName = part.trim().parse().map_err(|error| format!("{error}"))?;
        if names.contains(&name) {
            return Err(format!("module `{name}` is named twice"));
        }
        names.push(name);
    }
    if names.len() > limits::MODULES_MAX {
        return Err(format!(
            "{} modules are more than the {} a network can have",
            names.len(),
            limits::MODULES_MAX
        ));
    }
    Ok(ModuleNames(names))
}

/// The same, or `none`.
pub(crate) fn private(text: &str) -> Result<ModuleNames, String> {
    match text.trim() {
        "none" => Ok(ModuleNames(Vec::new())),
        names => modules(names),
    }
}

/// `100ms`, `1s`, `1.5s`, or a plain number of milliseconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time: write 100ms, 1s or a number of milliseconds");
    let text = text.trim();
    let (digits, unit) = text.split_at(
        text.find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(text.len()),
    );
    let millis = match unit {
        "" | "ms" => 1.0,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * millis / 1_000.0).map_err(|_| wrong())
}

/// [`duration`] within [`BLOCK_TIME`].
pub(crate) fn block_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if BLOCK_TIME.contains(&time) {
        Ok(time)
    } else {
        Err(format!(
            "{time:?} is outside {:?} to {:?}",
            BLOCK_TIME.start(),
            BLOCK_TIME.end()
        ))
    }
}

/// A whole number; `_` may separate digits.
pub(crate) fn integer(text: &str) -> Result<u64, String> {
    let digits = text.trim().replace('_', "");
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !whole {
        return Err(format!("`{text}` is not a whole number"));
    }
    digits
        .parse()
        .map_err(|_| format!("`{text}` is larger than {}", u64::MAX))
}

/// A whole number of at least 1.
pub(crate) fn positive(text: &str) -> Result<u64, String> {
    match integer(text)? {
        0 => Err("it must be at least 1".to_owned()),
        number => Ok(number),
    }
}

/// How many validators, within [`VALIDATORS`].
pub(crate) fn validators(text: &str) -> Result<u32, String> {
    let number = integer(text)?;
    u32::try_from(number)
        .ok()
        .filter(|count| VALIDATORS.contains(count))
        .ok_or_else(|| {
            format!(
                "{number} is outside {} to {}",
                VALIDATORS.start(),
                VALIDATORS.end()
            )
        })
}

/// A block gas limit a genesis may set.
pub(crate) fn gas_limit(text: &str) -> Result<u64, String> {
    let number = integer(text)?;
    if limits::GAS_LIMIT_RANGE.contains(&number) {
        Ok(number)
    } else {
        let range = limits::GAS_LIMIT_RANGE;
        Err(format!(
            "{number} is outside {} to {}",
            range.start(),
            range.end()
        ))
    }
}

/// A TCP port; 0 lets the system choose one.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    let number = integer(text)?;
    u16::try_from(number).map_err(|_| format!("{number} is not a TCP port (0 to 65535)"))
}

/// An address to listen on.
pub(crate) fn host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::from([127, 0, 0, 1]));
    }
    text.parse().map_err(|_| {
        format!("`{text}` is not an IP address to listen on, such as 127.0.0.1 or 0.0.0.0")
    })
}

/// `true` or `false`, also `1`/`0`, `yes`/`no`, `on`/`off`.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// A base URL this program can talk to, without a trailing slash.
pub(crate) fn url(text: &str) -> Result<String, String> {
    let parsed =
        reqwest::Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(format!(
            "`{}` is not supported: write an http:// or https:// URL",
            parsed.scheme()
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling() {
        for (text, millis) in [
            ("100", 100),
            ("100ms", 100),
            ("1s", 1_000),
            ("1.5s", 1_500),
            ("2 s", 2_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "1h", "-1s", "1e400s", "nan", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(block_time("0").is_err() && block_time("2min").is_err());
    }

    #[test]
    fn module_lists_are_checked() {
        assert_eq!(modules("hub, pay").map(|names| names.0.len()), Ok(2));
        assert!(modules("hub,hub").is_err_and(|text| text.contains("twice")));
        for text in ["", "hub,", "Hub", "ready"] {
            assert!(modules(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_bounded() {
        assert_eq!(gas_limit("200_000_000"), Ok(200_000_000));
        assert!(gas_limit("1").is_err());
        assert!(
            port("65536").is_err()
                && integer("+5").is_err()
                && integer("99999999999999999999").is_err()
        );
        assert!(validators("0").is_err() && validators("4").is_ok() && validators("17").is_err());
    }

    #[test]
    fn urls_lose_their_slash_and_need_http() {
        for base in ["http://127.0.0.1:8545", "https://node.example"] {
            assert_eq!(url(&format!("{base}/")), Ok(base.to_owned()));
        }
        assert!(url("ws://127.0.0.1").is_err() && url("127.0.0.1:8545").is_err());
    }
}
