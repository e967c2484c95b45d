//! Networks in this process, and what is refused before one starts.

mod running;

use super::*;

fn names(texts: &[&str]) -> Vec<ModuleName> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn rule(edit: impl FnOnce(&mut DevConfig)) -> String {
    let mut config = DevConfig::default();
    edit(&mut config);
    match rules::check(&config).expect_err("must be refused") {
        NodeError::Config(text) => text,
        other => panic!("refused for another reason: {other}"),
    }
}

fn allowed(edit: impl FnOnce(&mut DevConfig)) {
    let mut config = DevConfig::default();
    edit(&mut config);
    rules::check(&config).unwrap();
}

#[test]
fn the_defaults_are_allowed() {
    allowed(|_| {});
    let config = DevConfig::default();
    assert_eq!(config.modules, names(&["hub", "market", "pay"]));
    assert_eq!((config.validators, config.port), (1, 8545));
    assert!(
        config.host.is_loopback(),
        "a development network is not offered to others"
    );
}

#[test]
fn modules_with_private_payments_exist() {
    assert_eq!(DevConfig::default().private(), ["pay"]);
    let without = DevConfig {
        modules: names(&["hub"]),
        ..DevConfig::default()
    };
    assert!(without.private().is_empty());
    assert_eq!(
        rule(|c| c.private = Some(names(&["market", "energy"]))),
        "--private: there is no module `energy`"
    );
    allowed(|c| c.private = Some(Vec::new()));
    allowed(|c| c.private = Some(names(&["hub", "market"])));
}

#[test]
fn modules_are_counted_and_named_once() {
    let many = |count: usize| {
        (0..count)
            .map(|i| format!("m{i}").parse().unwrap())
            .collect()
    };
    assert_eq!(
        rule(|c| c.modules.clear()),
        "--modules: 0 modules, from 1 to 64 are possible"
    );
    assert_eq!(
        rule(|c| c.modules = many(65)),
        "--modules: 65 modules, from 1 to 64 are possible"
    );
    allowed(|c| c.modules = many(64));
    allowed(|c| c.modules = many(1));
    assert_eq!(
        rule(|c| c.modules = names(&["hub", "pay", "hub"])),
        "--modules: a name appears twice"
    );
}

#[test]
fn validators_are_counted() {
    for count in [0, 17, u32::MAX] {
        assert_eq!(
            rule(|c| c.validators = count),
            format!("--validators: {count} validators, from 1 to 16 are possible")
        );
    }
    allowed(|c| c.validators = 16);
}

#[test]
fn every_validator_needs_a_port() {
    let config = |port, validators| {
        move |c: &mut DevConfig| {
            c.port = port;
            c.validators = validators;
        }
    };
    assert_eq!(
        rule(config(65_533, 4)),
        "--port: 4 validators need the ports up to 65536, there are 65535"
    );
    allowed(config(65_532, 4));
    allowed(config(65_535, 1));
    allowed(config(0, 16));
}

#[test]
fn the_gas_limit_has_a_range() {
    for gas in [0, 19_999_999, 2_000_000_001, u64::MAX] {
        assert_eq!(
            rule(|c| c.gas_limit = gas),
            format!("--gas-limit: {gas}, from 20000000 to 2000000000 are possible")
        );
    }
    allowed(|c| c.gas_limit = 20_000_000);
    allowed(|c| c.gas_limit = 2_000_000_000);
}

#[test]
fn the_network_id_has_a_range() {
    for id in [0, 1_000_000_000, u64::MAX] {
        assert_eq!(
            rule(|c| c.network_id = Some(id)),
            format!("--network-id: {id}, from 1 to 999999999 are possible")
        );
    }
    allowed(|c| c.network_id = Some(1));
    allowed(|c| c.network_id = Some(999_999_999));
}

#[test]
fn some_history_is_kept() {
    assert_eq!(rule(|c| c.history = 0), "--history: at least 1 block");
    allowed(|c| c.history = 1);
}

#[test]
fn a_panic_is_told_in_its_own_words() {
    let text = |panic: Box<dyn std::any::Any + Send>| panic_text(&*panic);
    assert_eq!(text(Box::new("plain")), "plain");
    assert_eq!(text(Box::new("formatted".to_owned())), "formatted");
    assert_eq!(text(Box::new(7)), "a task panicked");
    assert!(outcome(None).is_ok());
    assert!(outcome(Some(String::new())).is_ok());
    let error = outcome(Some("disk".into())).unwrap_err();
    assert_eq!(error.to_string(), "the node stopped: disk");
}
