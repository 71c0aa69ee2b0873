//! How the made files differ from each other without their labels differing: names, versions,
//! UUIDs, paths, forms of instants, orders, neighbours. All of it follows from one number.

/// A small generator (splitmix64): the same number makes the same file for ever.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// From the number of a file.
    pub fn new(seed: u64) -> Self {
        Self(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(0x0005_DEEC_E66D),
        )
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of several.
    pub fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = usize::try_from(self.roll() % u64::try_from(list.len()).unwrap()).unwrap();
        &list[at]
    }

    /// Below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// A base64url identifier of 22 characters, as Elasticsearch makes them.
    pub fn uuid(&mut self) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        (0..22)
            .map(|_| char::from(LETTERS[usize::try_from(self.roll() % 64).unwrap()]))
            .collect()
    }
}

/// Versions of the follower cluster; what differs between them follows from `World`.
pub const VERSIONS: &[&str] = &[
    "7.7.0", "8.10.4", "7.17.9", "8.13.4", "9.0.2", "8.4.3", "7.10.2", "8.15.1", "9.1.0",
];

/// Pairs of follower and leader index: plain, with words of exceptions in them, one the prefix of
/// the other, the same, Unicode, hidden, of a data stream.
pub const NAMES: &[(&str, &str)] = &[
    ("orders-f", "orders"),
    ("orders", "orders-2026"),
    ("same-name", "same-name"),
    ("index_closed_exception-f", "index_closed_exception"),
    ("f-requested_operations_missing", "requested_operations_missing"),
    ("métriques-été-f", "métriques-été"),
    ("日本語-索引-f", "日本語-索引"),
    (
        ".ds-logs-app-eu-2026.11.20-000003",
        ".ds-logs-app-eu-2026.11.20-000003",
    ),
    (".hidden-f", ".hidden"),
    ("l", "l-f"),
    ("a_all-f", "a_all"),
    ("shard_not_found", "index_not_found_exception"),
    ("events-2026.11.23", "events"),
    ("connect_transport_exception", "security_exception"),
];

/// The longest name that Elasticsearch takes: 255 bytes.
pub fn longest(beginning: &str) -> String {
    let mut name = beginning.to_owned();
    while name.len() + 2 <= 255 {
        name.push('ü');
    }
    while name.len() < 255 {
        name.push('x');
    }
    name
}

/// Follower cluster, leader cluster, alias.
pub const CLUSTERS: &[(&str, &str, &str)] = &[
    ("eu", "us", "lead"),
    ("follower-a", "leader-a", "dc1"),
    ("eu", "us", "us"),
    ("dr.site", "main.site", "main_site-1"),
];

/// The same instant in one of the forms of RFC 3339.
pub fn instant(millis: i64, form: u64) -> String {
    const HOUR: i64 = 3_600_000;
    let print = |millis: i64| jiff::Timestamp::from_millisecond(millis).unwrap().to_string();
    match form % 4 {
        0 | 1 => print(millis),
        2 => print(millis + HOUR).replace('Z', "+01:00"),
        _ => print(millis).replace('Z', "-00:00"),
    }
}

/// A path segment as a client would send it.
pub fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%2E", ".")
        .replace("%5F", "_")
}
