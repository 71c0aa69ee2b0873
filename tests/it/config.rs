//! The configuration from outside: the shipped files, the contract's example, every mistake with its message.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refollow::app::build::engine_settings;
use refollow::cli::check_config;
use refollow::config::{self, Config, Problems, State, Warning, reference};
use refollow::domain::ids::{ClusterName, FollowerKey, RemoteAlias};
use refollow::elastic::auth::Auth;
use refollow::metrics::{Level, Series};
use refollow::policy::settings::{Action, Mode, Settings};

const LEAST: &str = "[[clusters]]\nname = \"eu\"\nurls = [\"http://127.0.0.1:9312\"]\n";

/// The example of the contract, word for word.
const CONTRACT: &str = include_str!("config/contract.toml");

fn read(text: &str) -> Result<(Config, Vec<Warning>), Problems> {
    config::parse("test.toml", text, std::iter::empty())
}

fn with_env(text: &str, env: &[(&str, &str)]) -> Result<(Config, Vec<Warning>), Problems> {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    config::parse("test.toml", text, env.collect::<Vec<_>>().into_iter())
}

/// The mistakes as `path: problem; remedy` lines.
fn mistakes(text: &str) -> Vec<String> {
    match read(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.list.iter().map(ToString::to_string).collect(),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_contracts_example_is_accepted_with_its_values() {
    let (config, warnings) = read(CONTRACT).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.policy.mode, Mode::Observe);
    assert_eq!(
        config.daemon.state,
        State::Sqlite("/var/lib/refollow/refollow.db".into())
    );
    assert_eq!(config.daemon.undo_directory, Path::new("/var/lib/refollow/undo"));
    assert_eq!(config.daemon.brake_file, Path::new("/var/lib/refollow/brake-all"));
    let eu = config.cluster(&ClusterName::parse("eu").unwrap()).unwrap();
    assert_eq!(
        eu.remotes.get(&RemoteAlias::parse("lead").unwrap()),
        Some(&ClusterName::parse("us").unwrap())
    );
    assert_eq!(eu.poll_interval, Duration::from_secs(15));
    assert!(matches!(*eu.credentials.read, Auth::None));
    assert_eq!(config.policy.rules.len(), 1);
    assert_eq!(config.policy.rules[0].action, Action::Auto);
    assert_eq!(config.policy.windows.len(), 1);
    assert_eq!(config.policy.windows[0].days.len(), 5);
    let default = Settings::default();
    assert_eq!(config.policy.limits, default.limits);
    assert_eq!(config.policy.confirm_looks, default.confirm_looks);
    assert_eq!(config.policy.verify_settle, default.verify_settle);
}

#[test]
fn the_shipped_files_say_what_the_code_does_by_default() {
    let full = fs::read_to_string(root().join("config/refollow.toml")).unwrap();
    let minimal = fs::read_to_string(root().join("config/minimal.toml")).unwrap();
    let (full, full_warnings) = read(&full).unwrap();
    let (minimal, minimal_warnings) = read(&minimal).unwrap();
    assert_eq!(full_warnings, []);
    assert_eq!(minimal_warnings, []);
    assert_eq!(format!("{full:#?}"), format!("{minimal:#?}"));
}

#[test]
fn the_shipped_file_and_the_reference_name_the_same_options_and_defaults() {
    let text = fs::read_to_string(root().join("config/refollow.toml")).unwrap();
    for option in reference::OPTIONS {
        let keys: Vec<&str> = option.path.split('.').collect();
        let key = keys.last().unwrap();
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.trim_start_matches("# "))
            .filter(|line| line.contains(&format!("{key} = ")))
            .collect();
        assert!(
            !lines.is_empty(),
            "{} is not in config/refollow.toml",
            option.path
        );
        // Selectors of rules, aliases and days of windows stand there as examples.
        let examples = [
            "policy.rules",
            "metrics.rules",
            "windows",
            "blockers",
            "clusters[].remotes",
            "notify.receivers",
            "notify.routes",
        ];
        let example = examples.iter().any(|start| option.path.starts_with(start));
        if let (Some(default), false) = (option.default, example) {
            let written = format!("{key} = {default}");
            assert!(
                lines.iter().any(|line| line.contains(&written)),
                "{}: {lines:?}",
                option.path
            );
        }
    }
}

#[test]
fn the_reference_is_what_the_code_takes() {
    // Every option outside arrays of tables, set through its variable to its default, is taken
    // and changes nothing.
    let (plain, _) = read(LEAST).unwrap();
    // These need each other and files that are there, or have no default; their own test has them.
    let together = [
        "auth.tls.",
        "auth.client_certificates.",
        "auth.proxy.",
        "notify.public_url",
    ];
    for option in reference::OPTIONS.iter().filter(|option| {
        !option.path.contains("[]") && !together.iter().any(|start| option.path.starts_with(start))
    }) {
        let name = format!("REFOLLOW__{}", option.path.replace('.', "__").to_uppercase());
        let value = match (option.default, option.path) {
            (Some(default), _) => default.trim_matches('"').to_owned(),
            (None, "daemon.undo_directory") => "/var/lib/refollow/undo".to_owned(),
            (None, _) => "/var/lib/refollow/brake-all".to_owned(),
        };
        let (set, warnings) = with_env(LEAST, &[(&name, &value)]).unwrap();
        assert_eq!(warnings, [], "{name}");
        assert_eq!(format!("{set:?}"), format!("{plain:?}"), "{name}");
    }
}

#[test]
fn the_printed_reference_is_current() {
    let path = root().join("docs/CONFIGURATION.md");
    let printed = reference::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == printed,
        "docs/CONFIGURATION.md is not current; run UPDATE_DOCS=1 cargo test --test it config::"
    );
}

#[test]
fn all_mistakes_are_told_at_once_with_place_value_and_remedy() {
    let text = r#"
[daemon]
mode = "observ"
shutdown_timeout = 30
lissten = "127.0.0.1:1"

[[clusters]]
name = "eu"
urls = ["ftp://x", "http://elastic:hunter2@es1:9200"]
poll_interval = "15"
remotes = { lead = "uss" }

[[clusters]]
name = "eu"
urls = ["http://127.0.0.1:9311"]

[[policy.rules]]
clusters = ["eu"]
causes = ["history_gone"]
action = "repair"

[limits]
bytes_per_day = "500 gigs"
[limits.breaker]
max_unhealthy = "300%"

[[windows]]
days = ["mon-frei"]
start = "25:00"
end = "05:00"
time_zone = "Europe/Bärlin"
"#;
    let problems = read(text).unwrap_err();
    let lines: Vec<(Option<usize>, &str)> = problems
        .list
        .iter()
        .map(|problem| (problem.line, problem.path.as_str()))
        .collect();
    for expected in [
        (Some(3), "daemon.mode"),
        (Some(4), "daemon.shutdown_timeout"),
        (Some(5), "daemon.lissten"),
        (Some(9), "clusters[0].urls[0]"),
        (Some(9), "clusters[0].urls[1]"),
        (Some(10), "clusters[0].poll_interval"),
        (Some(11), "clusters[0].remotes.lead"),
        (Some(14), "clusters[1].name"),
        (Some(19), "policy.rules[0].causes[0]"),
        (Some(20), "policy.rules[0].action"),
        (Some(23), "limits.bytes_per_day"),
        (Some(25), "limits.breaker.max_unhealthy"),
        (Some(28), "windows[0].days[0]"),
        (Some(29), "windows[0].start"),
        (Some(31), "windows[0].time_zone"),
    ] {
        assert!(lines.contains(&expected), "{expected:?} is not among {lines:#?}");
    }
    assert_eq!(lines.len(), 15, "{problems}");
    assert!(problems.list.iter().all(|problem| !problem.remedy.is_empty()));
    let told = problems.to_string();
    assert!(told.contains("did you mean `listen`?"), "{told}");
    assert!(told.contains("did you mean \"observe\"?"), "{told}");
    assert!(told.contains("did you mean \"history_lost\"?"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!told.contains("elastic:"), "{told}");
}

#[test]
fn unknown_keys_are_refused_wherever_they_stand() {
    for (text, expected) in [
        ("[demon]\n", "did you mean `daemon`?"),
        (
            "[daemon]\npoll_interval = \"1s\"\n",
            "`poll_interval` belongs to [[clusters]]",
        ),
        (
            "[limits.breaker]\nscope = 1\n",
            "limits.breaker.scope: there is no such option",
        ),
        (
            "[limits]\nrecreates_in_flight = { totl = 1 }\n",
            "did you mean `total`?",
        ),
        ("[metrics]\nlevels = \"index\"\n", "did you mean `level`?"),
        ("[policy]\nrule = []\n", "did you mean `rules`?"),
    ] {
        let told = mistakes(&format!("{text}{LEAST}")).join("\n");
        assert!(told.contains(expected), "{text}: {told}");
    }
}

#[test]
fn an_unknown_key_never_shows_its_value() {
    let told = mistakes(&format!(
        "{LEAST}auth = {{ password = \"hunter2\", api_key = \"hunter3\" }}\n"
    ))
    .join("\n");
    assert!(!told.contains("hunter"), "{told}");
    assert!(told.contains("password_file = \"…\""), "{told}");
    let told = mistakes(&format!("{LEAST}auth = {{ username = 12345 }}\n")).join("\n");
    assert!(!told.contains("12345"), "{told}");
}

#[test]
fn the_environment_wins_over_the_file_and_keeps_its_types() {
    let text = format!("[limits.breaker]\nmin_unhealthy = 5\n{LEAST}");
    let (config, _) = with_env(
        &text,
        &[
            ("REFOLLOW__LIMITS__BREAKER__MIN_UNHEALTHY", "7"),
            ("REFOLLOW__DAEMON__MODE", "ask"),
            ("REFOLLOW__LIMITS__RECREATES_IN_FLIGHT__TOTAL", "9"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    assert_eq!(config.policy.limits.breaker.min_unhealthy, 7);
    assert_eq!(config.policy.limits.recreates_in_flight.total, 9);
    assert_eq!(config.policy.limits.recreates_in_flight.per_cluster, 1);
    assert_eq!(config.policy.mode, Mode::Ask);
}

#[test]
fn unknown_and_wrong_variables_are_mistakes_beside_those_of_the_file() {
    let problems = with_env(
        &format!("[daemon]\nmode = 3\n{LEAST}"),
        &[
            ("REFOLLOW__LIMITS__BREAKER__MIN_UNHEALTY", "hunter2"),
            ("REFOLLOW__CLUSTERS__0__NAME", "x"),
            ("REFOLLOW__LIMITS__RESUMES_PER_MINUTE", "many"),
        ],
    )
    .unwrap_err();
    let told = problems.to_string();
    assert_eq!(problems.list.len(), 4, "{told}");
    assert!(
        told.contains("did you mean REFOLLOW__LIMITS__BREAKER__MIN_UNHEALTHY?"),
        "{told}"
    );
    assert!(
        told.contains("(set by REFOLLOW__LIMITS__RESUMES_PER_MINUTE)"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_number_in_quotes_is_a_mistake_in_the_file() {
    let told = mistakes(&format!("[judge]\nconfirm_looks = \"2\"\n{LEAST}")).join("\n");
    assert!(
        told.contains("judge.confirm_looks = \"2\": is a text and should be a whole number"),
        "{told}"
    );
}

#[test]
fn a_postgresql_url_names_user_host_and_database_and_no_password() {
    let state = |url: &str| format!("[daemon]\nstate = \"{url}\"\n{LEAST}");
    for url in [
        "postgres://me:hunter2@db/refollow",
        "postgres://me@db/refollow?password=hunter2",
    ] {
        let told = mistakes(&state(url)).join("\n");
        assert!(
            told.contains("a file of libpq's form") && told.contains("PGPASSFILE"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
    for url in ["postgres://db/refollow", "postgres://me@db"] {
        let told = mistakes(&state(url)).join("\n");
        assert!(told.contains("names no user, host or database"), "{url}: {told}");
    }
    let (config, _) = read(&state("postgresql://me@db:5433/refollow?sslmode=verify-full")).unwrap();
    assert_eq!(
        config.daemon.state.url(),
        "postgresql://me@db:5433/refollow?sslmode=verify-full"
    );
    assert_eq!(config.daemon.undo_directory, Path::new("/var/lib/refollow/undo"));
}

#[test]
fn values_out_of_bounds_or_of_another_kind_are_refused() {
    for text in [
        "[daemon]\nstate = \"sqlite::memory:\"\n",
        "[daemon]\nstate = \"/var/lib/x.db\"\n",
        "[daemon]\nstate = \"sqlite:///x.db?mode=ro\"\n",
        "[daemon]\nlisten = \"localhost:9958\"\n",
        "[daemon]\nlisten = \"127.0.0.1\"\n",
        "[daemon]\nshutdown_timeout = \"0s\"\n",
        "[daemon]\nlog = \"xml\"\n",
        "daemon = 3\n",
        "clusters = 3\n[daemon]\n",
        "[judge]\nconfirm_looks = 0\n",
        "[judge]\nconfirm_looks = -1\n",
        "[judge]\nconfirm_looks = 2.5\n",
        "[approval]\nexpires_after = \"1s\"\n",
        "[approval]\napprovers = 0\n",
        "[verify]\ndocument_tolerance = 0.001\n",
        "[metrics]\nlevel = \"node\"\n",
        "[metrics]\nworst_shards = -1\n",
        "[metrics]\nmax_series = 10\n",
        "[metrics]\nexporter_names = \"true\"\n",
        "[metrics]\nexporter_names = 1\n",
        "[[metrics.rules]]\nfollowers = [\"orders-*\"]\n",
        "[[metrics.rules]]\nlevel = \"node\"\n",
        "[[metrics.rules]]\nlevel = \"shard\"\nfollowers = []\n",
        "[[metrics.rules]]\nlevel = \"shard\"\nclusters = [\"ue\"]\n",
        "[[metrics.rules]]\nlevel = \"shard\"\ncauses = [\"none\"]\n",
        "[limits]\nrecreate_max_bytes = \"0B\"\n",
        "[limits]\nrecreates_per_hour = 99999999999\n",
        "[[policy.rules]]\naction = \"auto\"\nfollowers = [\"a,b\"]\n",
        "[[policy.rules]]\naction = \"auto\"\nfollowers = [\"Orders\"]\n",
        "[[policy.rules]]\naction = \"auto\"\nfollowers = [\"-orders\"]\n",
        "[[policy.rules]]\naction = \"auto\"\nfollowers = \"orders\"\n",
        "[[policy.rules]]\naction = \"auto\"\nfollowers = [3]\n",
        "[[policy.rules]]\nfollowers = [\"orders\"]\n",
        "[[policy.rules]]\naction = \"auto\"\ndocument_tolerance = 0.01\n",
        "[[policy.rules]]\naction = \"auto\"\ndocument_tolerance = \"101%\"\n",
        "[[windows]]\nstart = \"22:00\"\nend = \"05:00\"\n",
        "[[windows]]\nstart = \"22\"\nend = \"05:00\"\ntime_zone = \"UTC\"\n",
        "[[windows]]\ndays = []\nstart = \"22:00\"\nend = \"05:00\"\ntime_zone = \"UTC\"\n",
    ] {
        let told = mistakes(&format!("{text}{LEAST}"));
        assert!(!told.is_empty(), "accepted: {text}");
    }
}

#[test]
fn the_first_rule_that_matches_says_how_much_is_exported_of_a_follower() {
    let text = format!(
        "{LEAST}[metrics]\nlevel = \"index\"\nworst_shards = 5\nmax_series = 5000\nexporter_names = true\n\
         [[metrics.rules]]\nfollowers = [\"logs-*\"]\nlevel = \"index\"\n\
         [[metrics.rules]]\nclusters = [\"eu\"]\nremotes = [\"lead\"]\nlevel = \"shard\"\n"
    );
    let (config, warnings) = read(&text).unwrap();
    assert_eq!(warnings, []);
    let metrics = engine_settings(&config).metrics;
    assert_eq!(
        metrics.series,
        Series {
            worst_shards: 5,
            max: 5000,
            exporter_names: true,
            shards: false,
        }
    );
    assert!(metrics.series().shards, "a rule asks for them");
    let (lead, other) = (
        RemoteAlias::parse("lead").unwrap(),
        RemoteAlias::parse("other").unwrap(),
    );
    for (key, remote, expected) in [
        ("eu/orders-f", Some(&lead), Level::Shard),
        ("eu/orders-f", Some(&other), Level::Index),
        ("eu/orders-f", None, Level::Index),
        ("eu/logs-f", Some(&lead), Level::Index),
        ("us/orders-f", Some(&lead), Level::Index),
    ] {
        let level = metrics.level_of(&FollowerKey::parse(key).unwrap(), remote);
        assert_eq!(level, expected, "{key} {remote:?}");
    }
    let (set, _) = with_env(LEAST, &[("REFOLLOW__METRICS__EXPORTER_NAMES", "true")]).unwrap();
    assert!(set.metrics.exporter_names);
    assert!(with_env(LEAST, &[("REFOLLOW__METRICS__EXPORTER_NAMES", "yes")]).is_err());
}

#[test]
fn wrong_clusters_are_refused() {
    for (text, expected) in [
        ("[daemon]\n", "clusters: names no cluster"),
        ("clusters = []\n", "clusters: names no cluster"),
        (
            "[[clusters]]\nurls = [\"http://a\"]\n",
            "clusters[0].name: is missing",
        ),
        (
            "[[clusters]]\nname = \"a b\"\nurls = [\"http://a\"]\n",
            "may hold only letters",
        ),
        ("[[clusters]]\nname = \"a\"\n", "clusters[0].urls: is missing"),
        (
            "[[clusters]]\nname = \"a\"\nurls = []\n",
            "clusters[0].urls: is empty",
        ),
        (
            "[[clusters]]\nname = \"a\"\nurls = \"http://a\"\n",
            "should be a list",
        ),
        (
            "[[clusters]]\nname = \"a\"\nurls = [\"http://a\"]\ndeclared_followers = [\"x-*\"]\n",
            "patterns are not understood here",
        ),
        (
            "[[clusters]]\nname = \"a\"\nurls = [\"http://a\"]\ncall_deadline = \"2m\"\n",
            "is shorter than call_deadline",
        ),
        (
            "[[clusters]]\nname = \"a\"\nurls = [\"http://a\"]\nrequests_in_flight = 0\n",
            "is not between 1 and 64",
        ),
        (
            "[[clusters]]\nname = \"a\"\nurls = [\"http://a/\"]\n[[clusters]]\nname = \"b\"\nurls = [\"http://A\"]\n",
            "is an address of `a` as well",
        ),
    ] {
        let told = mistakes(text).join("\n");
        assert!(told.contains(expected), "{text}: {told}");
    }
}

#[test]
fn a_rule_that_can_never_match_is_refused_and_one_that_never_counts_is_told() {
    let rule = |body: &str| format!("{LEAST}[[policy.rules]]\naction = \"auto\"\n{body}\n");
    for body in [
        "clusters = [\"us\"]",
        "clusters = []",
        "followers = []",
        "causes = []",
    ] {
        let told = mistakes(&rule(body)).join("\n");
        assert!(told.contains("can never match"), "{body}: {told}");
    }
    let (_, warnings) = read(&format!(
        "{}[[policy.rules]]\naction = \"alert\"\nfollowers = [\"orders\"]\n",
        rule("")
    ))
    .unwrap();
    assert!(
        warnings
            .iter()
            .any(|w| w.path == "policy.rules[1]" && w.message.contains("policy.rules[0]")),
        "{warnings:?}"
    );
    let (config, warnings) = read(&rule("document_tolerance = \"20%\"")).unwrap();
    assert_eq!(config.policy.rules[0].document_tolerance, Some(0.2));
    assert!(
        warnings.iter().any(|w| w.message.contains("more than a tenth")),
        "{warnings:?}"
    );
    let (_, warnings) = read(&rule("causes = [\"leader_deleted\"]")).unwrap();
    assert!(
        warnings.iter().any(|w| w.message.contains("never repairs it")),
        "{warnings:?}"
    );
}

#[test]
fn a_rule_without_selectors_is_about_everything() {
    let (config, _) = read(&format!("{LEAST}[[policy.rules]]\naction = \"ask\"\n")).unwrap();
    let rule = &config.policy.rules[0];
    assert_eq!(rule.followers.len(), 1);
    assert_eq!(rule.followers[0].as_str(), "*");
    assert_eq!(rule.causes.len(), refollow::domain::cause::Cause::ALL.len());
}

#[test]
fn credentials_come_from_files_and_never_print() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let password = file("password", "hunter2\n", 0o640);
    let key = file("key", "id:hunter3", 0o600);
    let (config, warnings) = read(&format!(
        "{LEAST}auth = {{ username = \"refollow\", password_file = {password:?} }}\nfollow_auth = {{ api_key_file = {key:?} }}\n"
    ))
    .unwrap();
    assert_eq!(warnings, []);
    let cluster = &config.clusters[0];
    assert!(matches!(*cluster.credentials.read, Auth::Basic { .. }));
    assert!(matches!(*cluster.credentials.act, Auth::Basic { .. }));
    assert!(matches!(*cluster.credentials.follow, Auth::ApiKey(_)));
    assert_eq!(cluster.transports().len(), 1);
    assert!(!format!("{config:?}").contains("hunter"));
    let open = file("open", "hunter2", 0o644);
    let (_, warnings) = read(&format!("{LEAST}auth = {{ api_key_file = {open:?} }}\n")).unwrap();
    assert!(
        warnings[0].message.contains("can be read by everybody"),
        "{warnings:?}"
    );
}

#[test]
fn wrong_credentials_are_told_without_their_content() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = file("good", "hunter2");
    let empty = file("empty", "\n");
    let lines = file("lines", "hunter2\nhunter3\n");
    let directory = dir.path().display().to_string();
    for (auth, expected) in [
        ("{ }".to_owned(), "names no credential"),
        (
            format!("{{ api_key_file = {good:?}, username = \"u\", password_file = {good:?} }}"),
            "names more than one kind",
        ),
        (
            "{ username = \"u\" }".to_owned(),
            "clusters[0].auth.password_file: is missing",
        ),
        (
            format!("{{ password_file = {good:?} }}"),
            "clusters[0].auth.username: is missing",
        ),
        (format!("{{ api_key_file = {empty:?} }}"), "is empty"),
        (format!("{{ api_key_file = {lines:?} }}"), "auth.api_key_file"),
        (format!("{{ api_key_file = {directory:?} }}"), "is not a file"),
        ("{ api_key_file = \"/nowhere/key\" }".to_owned(), "cannot be read"),
        (
            format!("{{ client_certificate_file = {good:?}, client_key_file = {good:?} }}"),
            "no certificate chain",
        ),
        (
            format!("{{ username = \"a:b\", password_file = {good:?} }}"),
            "basic authentication cannot carry",
        ),
    ] {
        let told = mistakes(&format!("{LEAST}auth = {auth}\n")).join("\n");
        assert!(told.contains(expected), "{auth}: {told}");
        assert!(!told.contains("hunter"), "{auth}: {told}");
    }
}

#[test]
fn a_client_certificate_needs_https() {
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("both.pem");
    let made = rcgen::generate_simple_self_signed(vec!["refollow".to_owned()]).unwrap();
    let text = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(&pem, text).unwrap();
    fs::set_permissions(&pem, fs::Permissions::from_mode(0o600)).unwrap();
    let auth = format!("auth = {{ client_certificate_file = {pem:?}, client_key_file = {pem:?} }}\n");
    let told = mistakes(&format!("{LEAST}{auth}")).join("\n");
    assert!(told.contains("is not https"), "{told}");
    let (config, _) = read(&format!("{}{auth}", LEAST.replace("http:", "https:"))).unwrap();
    assert!(matches!(
        *config.clusters[0].credentials.read,
        Auth::ClientCertificate(_)
    ));
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_one_clear_mistake() {
    let problems = config::load(Some(Path::new("/nowhere/refollow.toml")), std::iter::empty()).unwrap_err();
    assert_eq!(problems.list.len(), 1);
    assert!(problems.to_string().contains("cannot be read"), "{problems}");
    let problems = read("[daemon\nmode = \"ask\"\n").unwrap_err();
    assert!(
        problems.list.iter().all(|p| p.problem.contains("not TOML")),
        "{problems}"
    );
    assert_eq!(problems.list[0].line, Some(1));
}

#[test]
fn check_config_answers_2_for_mistakes_and_0_without() {
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good.toml");
    let bad = dir.path().join("bad.toml");
    fs::write(&good, LEAST).unwrap();
    fs::write(&bad, "[daemon]\nmode = \"x\"\nlog = \"y\"\n").unwrap();
    let ask = |file: &Path, json: bool| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check_config::run(Some(file), std::iter::empty(), json, &mut out, &mut err).unwrap();
        (
            code,
            String::from_utf8(out).unwrap(),
            String::from_utf8(err).unwrap(),
        )
    };
    let (code, out, err) = ask(&good, false);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("valid: mode observe"), "{out}");
    let (code, out, err) = ask(&bad, false);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("daemon.mode") && err.contains("daemon.log") && err.contains("clusters"),
        "{err}"
    );
    let (code, out, _) = ask(&bad, true);
    assert_eq!(code, 2);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["valid"], false);
    assert_eq!(answer["problems"].as_array().unwrap().len(), 3);
    assert_eq!(answer["problems"][0]["path"], "clusters");
}

#[test]
fn what_needs_a_restart_is_named() {
    let (old, _) = read(LEAST).unwrap();
    let (new, _) = read(&format!(
        "[daemon]\nmode = \"ask\"\nlisten = \"127.0.0.1:9\"\nstate = \"sqlite:///tmp/x.db\"\n{LEAST}"
    ))
    .unwrap();
    assert_eq!(
        new.needs_restart(&old),
        [
            "daemon.state",
            "daemon.listen",
            "daemon.undo_directory",
            "daemon.brake_file"
        ]
    );
    assert_eq!(old.needs_restart(&old), [""; 0]);
}

#[test]
fn every_limit_is_either_enforced_or_named() {
    let (config, _) = read(LEAST).unwrap();
    let named = config.not_enforced();
    assert_eq!(named, config.policy.unenforced);
    // A name that is no option would tell people nothing.
    for name in named {
        assert!(
            reference::OPTIONS
                .iter()
                .any(|option| option.path.starts_with(&name)),
            "{name}"
        );
    }
}

#[test]
fn a_blocker_has_the_keys_of_its_kind_and_a_name_of_its_own() {
    let two = "[[blockers]]\nname = \"a\"\nkind = \"file\"\npath = \"/run/x\"\nstops = \"recreate\"\n\
               [[blockers]]\nname = \"b\"\nkind = \"alertmanager\"\nurl = \"http://127.0.0.1:9093\"\n\
               matchers = [\"alertname=\\\"x\\\"\"]\nevery = \"10s\"\n";
    let (config, _) = read(&format!("{LEAST}{two}")).unwrap();
    assert_eq!(config.blockers.len(), 2);
    assert!(config.blockers[0].recreate_only && !config.blockers[1].recreate_only);
    let named = "[[blockers]]\nname = \"a\"\n";
    for (wrong, expected) in [
        ("kind = \"prometeus\"\n", "did you mean \"prometheus\"?"),
        (
            "kind = \"prometheus\"\nurl = \"http://x:1\"\n",
            "blockers[0].query: is missing",
        ),
        ("kind = \"webhook\"\n", "blockers[0].url: is missing"),
        (
            "kind = \"webhook\"\nurl = \"http://u:hunter2@x:1\"\n",
            "holds a user name",
        ),
        ("kind = \"file\"\npath = \"run/x\"\n", "is not an absolute path"),
        (
            "kind = \"file\"\npath = \"/x\"\nquery = \"up\"\n",
            "blockers[0].query: there is no such option",
        ),
        (
            "kind = \"alertmanager\"\nurl = \"http://x:1\"\nmatchers = []\n",
            "names no matcher",
        ),
        (
            "kind = \"file\"\npath = \"/x\"\n[[blockers]]\nname = \"a\"\nkind = \"file\"\npath = \"/y\"\n",
            "is the name of another blocker",
        ),
    ] {
        let told = mistakes(&format!("{LEAST}{named}{wrong}")).join("\n");
        assert!(told.contains(expected), "{wrong}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn receivers_and_routes_are_read_and_every_mistake_is_told_without_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let slack = file("slack", "https://hooks.slack.com/services/T0/B0/hunter2");
    let key = file("key", "hunter2hunter2hunter2hunter2hunt");
    let good = format!(
        "[notify]\npublic_url = \"https://r.example.org/\"\nwait = \"1m\"\nrepeat = {{ first = \"2h\" }}\n\
         [[notify.receivers]]\nname = \"chat\"\nkind = \"slack\"\nurl_file = \"{slack}\"\n\
         [[notify.receivers]]\nname = \"pager\"\nkind = \"pagerduty\"\nrouting_key_file = \"{key}\"\n\
         [[notify.receivers]]\nname = \"mail\"\nkind = \"email\"\nserver = \"smtp.example.org:587\"\n\
         username = \"u\"\npassword_file = \"{key}\"\nfrom = \"r@example.org\"\nto = [\"Ann <a@example.org>\"]\n\
         [[notify.routes]]\nclusters = [\"e*\"]\ncauses = [\"history_lost\"]\nmin_severity = \"critical\"\n\
         receivers = [\"pager\"]\nthen = \"continue\"\n[[notify.routes]]\nreceivers = [\"chat\", \"mail\"]\n"
    );
    let (config, warnings) = read(&format!("{LEAST}{good}")).unwrap();
    assert_eq!(warnings, []);
    let notify = &config.notify;
    assert_eq!(notify.public_url.as_deref(), Some("https://r.example.org"));
    assert_eq!(notify.repeat.first, Duration::from_hours(2));
    let kinds: Vec<String> = notify
        .receivers
        .iter()
        .map(|receiver| format!("{:?}", receiver.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            "slack(https://hooks.slack.com)",
            "pagerduty(https://events.pagerduty.com)",
            "email(smtp.example.org:587)"
        ]
    );
    assert_eq!(notify.routes.len(), 2);
    assert!(notify.routes[0].goes_on && !notify.routes[1].goes_on);
    assert!(!format!("{config:?}").contains("hunter2"));
    let receiver = |keys: &str| format!("[[notify.receivers]]\nname = \"a\"\n{keys}\n");
    let hook = receiver("kind = \"webhook\"\nurl = \"http://x:1\"");
    for (wrong, expected) in [
        (receiver("kind = \"slak\""), "did you mean \"slack\"?"),
        (
            receiver("kind = \"slack\""),
            "notify.receivers[0].url_file: is missing",
        ),
        (
            receiver("kind = \"slack\"\nurl = \"https://hooks.slack.com/services/hunter2\""),
            "notify.receivers[0].url: there is no such option",
        ),
        (
            receiver(&format!("kind = \"slack\"\nurl_file = \"{key}\"")),
            "holds no http or https address",
        ),
        (
            receiver("kind = \"pagerduty\"\nrouting_key = \"hunter2\""),
            "notify.receivers[0].routing_key_file: is missing",
        ),
        (
            receiver("kind = \"webhook\""),
            "notify.receivers[0].url: is missing",
        ),
        (
            receiver("kind = \"webhook\"\nurl = \"https://u:hunter2@x\""),
            "holds a user name",
        ),
        (
            receiver(&format!(
                "kind = \"email\"\nserver = \"x:25\"\nsecurity = \"none\"\nfrom = \"r@x.org\"\nto = [\"a@x.org\"]\n\
                 username = \"u\"\npassword_file = \"{key}\""
            )),
            "where everybody on the way can read it",
        ),
        (
            receiver("kind = \"email\"\nserver = \"x\"\nfrom = \"r@x.org\"\nto = [\"not an address\"]"),
            "notify.receivers[0].server: has no port",
        ),
        (
            receiver("kind = \"email\"\nserver = \"x:25\"\nfrom = \"r@x.org\"\nto = [\"not an address\"]"),
            "notify.receivers[0].to[0]",
        ),
        (format!("{hook}{hook}"), "is the name of another receiver"),
        (
            format!("{hook}[[notify.routes]]\nreceivers = [\"aa\"]\n"),
            "did you mean \"a\"?",
        ),
        (
            format!("{hook}[[notify.routes]]\ncauses = [\"history_los\"]\nreceivers = [\"a\"]\n"),
            "did you mean \"history_lost\"?",
        ),
        (format!("{hook}[[notify.routes]]\n"), "names nobody"),
        (
            "[notify]\nrepeat = { first = \"2h\", longest = \"1h\" }\n".to_owned(),
            "is shorter than `first`",
        ),
    ] {
        let told = mistakes(&format!("{LEAST}{wrong}")).join("\n");
        assert!(told.contains(expected), "{expected} is not in\n{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn who_may_approve_is_named_and_too_few_names_are_a_mistake() {
    let text = format!("[approval]\napprovers = 2\npersons = [\"ann\", \"group:ops\"]\n{LEAST}");
    let (config, _) = read(&text).unwrap();
    assert_eq!(config.policy.approval.persons.len(), 2);
    let set = [("REFOLLOW__APPROVAL__PERSONS", "ann, group:ops")];
    let (by_environment, _) = with_env(LEAST, &set).unwrap();
    assert_eq!(
        by_environment.policy.approval.persons,
        config.policy.approval.persons
    );
    for (wrong, expected) in [
        (
            "approvers = 2\npersons = [\"ann\", \"ann\"]\n",
            "names fewer people than the 2",
        ),
        ("persons = [\"\"]\n", "is empty"),
        ("persons = [\"group:\"]\n", "is empty"),
        (
            "persons = [\"role:ops\"]\n",
            "is not the name of a user or of a group",
        ),
        ("persons = [\"*\"]\n", "is not the name of a user or of a group"),
    ] {
        let told = mistakes(&format!("[approval]\n{wrong}{LEAST}")).join("\n");
        assert!(told.contains(expected), "{wrong}: {told}");
    }
    let told = mistakes(&format!(
        "[store]\nkeep_runs = \"40d\"\n[limits]\nrecreates_per_follower = {{ count = 1, per = \"60d\" }}\n{LEAST}"
    ))
    .join("\n");
    assert!(told.contains("store.keep_runs"), "{told}");
}

#[test]
fn what_other_hosts_can_reach_is_read_with_a_token_or_the_daemon_does_not_start() {
    for listen in ["0.0.0.0:9958", "[::]:9958", "10.0.0.1:9958"] {
        let text = format!("[daemon]\nlisten = \"{listen}\"\n");
        let told = mistakes(&format!("{text}{LEAST}")).join("\n");
        assert!(
            told.contains("auth.reading") && told.contains("can be reached from other hosts"),
            "{told}"
        );
        let told = mistakes(&format!("{text}[auth]\nreading = \"open\"\n{LEAST}")).join("\n");
        assert!(told.contains("write reading = \"token\""), "{told}");
        let (config, warnings) = read(&format!("{text}[auth]\nreading = \"token\"\n{LEAST}")).unwrap();
        assert!(!config.auth.reading_open);
        assert!(
            warnings
                .iter()
                .any(|one| one.to_string().contains("not encrypted")),
            "{warnings:?}"
        );
    }
    for listen in ["127.0.0.1:9958", "127.8.8.8:1", "[::1]:9958"] {
        let (config, warnings) = read(&format!("[daemon]\nlisten = \"{listen}\"\n{LEAST}")).unwrap();
        assert!(config.auth.reading_open && warnings.is_empty(), "{warnings:?}");
    }
}

#[test]
fn whom_certificates_and_a_proxy_name_is_read_and_every_mistake_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (crt, key) = (dir.path().join("crt"), dir.path().join("key"));
    std::fs::write(&crt, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = format!("[auth]\ntls = {{ certificate_file = {crt:?}, key_file = {key:?} }}\n");
    let clients = format!("[auth.client_certificates]\nca_file = {crt:?}\n");
    let person = "[[auth.client_certificates.people]]\nsubject = \"cn:anna\"\nperson = \"anna\"\nrole = \"approve\"\nclusters = [\"eu\"]\n";
    let proxy = "[auth.proxy]\nfrom = [\"10.0.0.7\", \"10.1.0.0/16\"]\nuser_header = \"X-User\"\n";
    let group = "[[auth.proxy.groups]]\ngroup = \"sre\"\nrole = \"operate\"\n";
    let (config, warnings) = read(&format!("{tls}{clients}{person}{proxy}{group}{LEAST}")).unwrap();
    let clients_read = config.auth.clients.unwrap();
    assert!(!clients_read.required);
    assert_eq!(clients_read.people[0].rights.reach.to_string(), "eu");
    let proxy_read = config.auth.proxy.unwrap();
    assert_eq!(proxy_read.from[1], ("10.1.0.0".parse().unwrap(), 16));
    assert_eq!(
        (proxy_read.user_header.as_str(), proxy_read.groups_header.as_str()),
        ("x-user", "x-forwarded-groups")
    );
    assert!(proxy_read.groups[0].rights.reach.is_all());
    assert!(
        warnings
            .iter()
            .all(|one| one.to_string().contains("can be read by everybody")),
        "{warnings:?}"
    );
    for (text, expected) in [
        (clients.clone(), "needs [auth.tls]"),
        (
            format!("{tls}[auth.client_certificates]\nask = \"require\"\n"),
            "ca_file: is missing",
        ),
        (
            format!("{tls}[auth.client_certificates]\nca_file = {key:?}\n"),
            "holds no certificate",
        ),
        (
            format!("{tls}{clients}{}", person.replace("cn:anna", "anna")),
            "does not say where the name stands",
        ),
        (
            format!("{tls}{clients}{}", person.replace("eu", "nowhere")),
            "is not among [[clusters]]",
        ),
        (
            format!("{tls}{clients}{}", person.replace("approve", "root")),
            "is not a role",
        ),
        (format!("{tls}{clients}{person}{person}"), "is named twice"),
        (
            proxy.replace("10.0.0.7", "proxy.example"),
            "is not an address or a network",
        ),
        (proxy.replace("10.1.0.0/16", "0.0.0.0/0"), "believes everybody"),
        ("[auth.proxy]\n".to_owned(), "names no address"),
        (
            proxy.replace("X-User", "Authorization"),
            "browsers send by themselves",
        ),
        (
            proxy.replace("X-User", "X-Forwarded-Groups"),
            "is the user's header",
        ),
        (format!("{proxy}{}", group.replace("sre", "a,b")), "is no group"),
    ] {
        let told = mistakes(&format!("{text}{LEAST}")).join("\n");
        assert!(told.contains(expected), "{text}: {told}");
    }
    let (_, warnings) = read(&format!("{}{LEAST}", proxy.replace("10.0.0.7", "127.0.0.1"))).unwrap();
    assert!(
        warnings
            .iter()
            .any(|one| one.to_string().contains("every process on this host"))
    );
}
