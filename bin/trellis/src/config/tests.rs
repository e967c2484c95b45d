use super::{file::KEYS, *};
use crate::args::Cli;
use clap::CommandFactory;

fn file(text: &str) -> Result<ConfigFile, String> {
    ConfigFile::parse_text("trellis.toml", text).map_err(|error| error.to_string())
}

fn merged(args: &DevArgs, text: &str) -> Result<Settings, String> {
    let file = file(text)?;
    Settings::merge(args, &|_| Origin::Flag, &file).map_err(|error| error.to_string())
}

#[test]
fn the_file_has_a_key_for_every_option() {
    let command = Cli::command();
    let dev = command
        .find_subcommand("dev")
        .expect("the dev command exists");
    let mut options: Vec<&str> = dev
        .get_arguments()
        .filter_map(|option| option.get_long())
        .collect();
    options.retain(|name| !["config", "help", "version"].contains(name));
    let mut keys = KEYS.to_vec();
    options.sort_unstable();
    keys.sort_unstable();
    assert_eq!(options, keys);
}

#[test]
fn every_option_has_the_environment_variable_of_its_name() {
    let command = Cli::command();
    let dev = command
        .find_subcommand("dev")
        .expect("the dev command exists");
    for option in dev.get_arguments() {
        let (Some(long), Some(env)) = (option.get_long(), option.get_env()) else {
            continue;
        };
        assert_eq!(
            env.to_str(),
            Some(format!("TRELLIS_{}", long.to_uppercase().replace('-', "_")).as_str())
        );
    }
}

#[test]
fn an_option_beats_the_file_and_the_file_beats_the_default() {
    let args = DevArgs {
        port: Some(9000),
        ..DevArgs::default()
    };
    let settings = merged(&args, "port = 7000\nhistory = 12\nblock-time = 250\n").unwrap();
    assert_eq!(
        (settings.port.value, settings.port.origin),
        (9000, Origin::Flag)
    );
    assert_eq!(
        (settings.history.value, settings.history.origin),
        (12, Origin::File)
    );
    assert_eq!(settings.block_time.value, Duration::from_millis(250));
    assert_eq!(settings.gas_limit.origin, Origin::Default);
}

#[test]
fn unknown_keys_name_their_line_and_the_nearest_known_key() {
    let error = file("# comment\nport = 1\nblok-time = \"1s\"\n").unwrap_err();
    assert!(
        error.contains("trellis.toml, line 3: unknown key `blok-time`"),
        "{error}"
    );
    assert!(error.contains("did you mean `block-time`?"), "{error}");
    let error = file("[qqqq]\nport = 1\n").unwrap_err();
    assert!(
        error.contains("line 1: unknown key `qqqq`") && error.contains("known keys are modules"),
        "{error}"
    );
}

#[test]
fn wrong_values_name_their_line_and_the_rule() {
    let error = merged(&DevArgs::default(), "host = \"0.0.0.0\"\nport = 70000\n").unwrap_err();
    assert!(
        error.contains("line 2: invalid value `70000` for `port`: 70000 is not a TCP port"),
        "{error}"
    );
    let error = merged(
        &DevArgs {
            port: Some(1),
            ..DevArgs::default()
        },
        "port = \"x\"",
    )
    .unwrap_err();
    assert!(
        error.contains("invalid value `x` for `port`"),
        "an overruled value is checked too: {error}"
    );
    let error = file("port = 1\nport = 2\n").unwrap_err();
    assert!(error.contains("line 2: not valid TOML"), "{error}");
    let error = file("\nport = { a = 1 }\n").unwrap_err();
    assert!(error.contains("line 2: `port` must be"), "{error}");
}

#[test]
fn what_show_prints_reads_back_as_the_same_settings() {
    let args = DevArgs {
        modules: values::modules("hub,energy").ok(),
        network_id: Some(77),
        data_dir: Some(PathBuf::from("a \"b\"\\c")),
        ephemeral: Some(true),
        log: Some("trellis_rpc=debug".to_owned()),
        ..DevArgs::default()
    };
    for args in [DevArgs::default(), args] {
        let first = merged(&args, "").unwrap();
        let again = merged(&DevArgs::default(), &first.to_toml()).unwrap();
        let strip = |settings: &Settings| -> Vec<String> {
            let text = settings.to_toml();
            text.lines()
                .map(|line| {
                    line.rsplit_once('#')
                        .map_or(line, |(setting, _)| setting)
                        .to_owned()
                })
                .collect()
        };
        assert_eq!(strip(&first), strip(&again));
    }
}

#[test]
fn ephemeral_with_a_data_directory_is_refused_only_when_both_are_options() {
    let both = DevArgs {
        ephemeral: Some(true),
        data_dir: Some("x".into()),
        ..DevArgs::default()
    };
    assert!(merged(&both, "").unwrap().check().is_err());
    let one = DevArgs {
        ephemeral: Some(true),
        ..DevArgs::default()
    };
    let settings = merged(&one, "data-dir = \"x\"").unwrap();
    assert!(settings.check().is_ok() && settings.dev_config().data_dir.is_none());
}
