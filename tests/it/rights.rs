//! Who may do what: every route by everybody, tokens, sessions, forms.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use refollow::domain::access::{Grant, Reach, Role, Token, digest};
use refollow::domain::ids::ClusterName;
use refollow::domain::named::{Group, Holder, Rights};
use refollow::http::proxy::Proxy;
use serde_json::{Value, json};

use crate::http_api::{Answer, FakeDaemon, Running, at, exchange, plan, start, start_with};
use crate::tls::{Pki, connect};

fn token(role: Role, clusters: Option<&str>) -> Token {
    let name = format!("{role}-{}", clusters.unwrap_or("all"));
    Token {
        digest: digest(&name),
        grant: Grant {
            id: format!("id-{name}"),
            person: format!("anna-{role}"),
            role,
            reach: clusters.map_or(Reach::All, |name| {
                Reach::Only(BTreeSet::from([ClusterName::parse(name).unwrap()]))
            }),
        },
        created_at: at(0),
        created_by: "root".to_owned(),
        expires_at: None,
    }
}

/// One token of each role on all clusters, on the follower's, and on another.
fn all_tokens() -> Vec<Token> {
    let of = |role: &Role| [None, Some("eu"), Some("ap")].map(|clusters| token(*role, clusters));
    Role::ALL.iter().flat_map(of).collect()
}

async fn with_tokens(reading_needs_no_token: bool) -> Running {
    start_with(FakeDaemon {
        tokens: std::sync::Mutex::new(all_tokens()),
        reading_needs_no_token,
        ..FakeDaemon::default()
    })
    .await
}

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing.
    Nothing,
    /// The role, with what is within reach; for `view` nothing where reading is open.
    Lists(Role),
    /// The role on the cluster `eu`; for `view` nothing where reading is open.
    Eu(Role),
    /// The role on all clusters; for `view` nothing where reading is open.
    All(Role),
    /// The role on the cluster `eu`, and a name in any case.
    NamedEu(Role),
    /// The role with what is within reach, and a name in any case.
    Named(Role),
    /// The admin socket.
    Socket,
}

/// Every route of the API, of health and of the pages that read. Pages' forms have their own test.
fn routes() -> Vec<(&'static str, String, &'static str, Needs)> {
    use Needs::{All, Eu, Lists, Named, NamedEu, Nothing, Socket};
    use Role::{Admin, Approve, Operate, View};
    let hash = plan().hash;
    let plan = |end: &str| format!("/api/v1/plans/{hash}{end}");
    let follower = |end: &str| format!("/api/v1/followers/eu/orders-f{end}");
    let api = |end: &str| format!("/api/v1/{end}");
    vec![
        ("GET", "/livez".to_owned(), "", Nothing),
        ("GET", "/readyz".to_owned(), "", Nothing),
        ("GET", "/login".to_owned(), "", Nothing),
        ("GET", "/static/style.css".to_owned(), "", Nothing),
        ("GET", "/static/live.js".to_owned(), "", Nothing),
        ("GET", api("openapi.json"), "", Nothing),
        ("GET", "/metrics".to_owned(), "", All(View)),
        ("GET", "/metrics?part=own".to_owned(), "", All(View)),
        ("GET", "/metrics?cluster=eu".to_owned(), "", Eu(View)),
        ("GET", "/sd".to_owned(), "", Lists(View)),
        ("GET", api("clusters"), "", Lists(View)),
        ("GET", api("followers"), "", Lists(View)),
        ("GET", follower(""), "", Eu(View)),
        ("GET", follower("/why"), "", Eu(View)),
        ("GET", follower("/plan"), "", NamedEu(View)),
        ("GET", follower("/evidence"), "", NamedEu(View)),
        ("GET", follower("/history"), "", Eu(View)),
        ("POST", follower("/recreate"), "", Eu(Operate)),
        (
            "POST",
            follower("/acknowledge"),
            "{\"reason\":\"known\"}",
            Eu(Operate),
        ),
        ("POST", follower("/extend-runway"), "{\"undo\":true}", Eu(Operate)),
        ("GET", api("incidents"), "", Lists(View)),
        ("GET", api("auto-follow"), "", Lists(View)),
        ("GET", api("plans"), "", Lists(View)),
        ("GET", plan(""), "", Eu(View)),
        ("POST", plan("/approve"), "", Eu(Approve)),
        ("POST", plan("/reject"), "{\"reason\":\"x\"}", Eu(Approve)),
        ("GET", api("runs"), "", Lists(View)),
        ("GET", api("runs/r1"), "", Eu(View)),
        ("POST", api("runs/r1/abort"), "", Eu(Operate)),
        ("GET", api("brakes"), "", Lists(View)),
        (
            "PUT",
            api("brakes"),
            "{\"scope\":\"cluster:eu\",\"reason\":\"x\"}",
            Eu(Operate),
        ),
        (
            "PUT",
            api("brakes"),
            "{\"scope\":\"all\",\"reason\":\"x\"}",
            All(Operate),
        ),
        (
            "DELETE",
            api("brakes"),
            "{\"scope\":\"follower:eu/orders-f\"}",
            Eu(Operate),
        ),
        ("DELETE", api("brakes"), "{\"scope\":\"recreate\"}", All(Operate)),
        ("GET", api("drill"), "", Named(View)),
        ("POST", api("drill"), "{\"cluster\":\"eu\"}", Eu(Admin)),
        ("GET", api("notifications"), "", All(Operate)),
        ("POST", api("notifications/test"), "", All(Operate)),
        ("GET", api("audit"), "", All(Admin)),
        ("GET", api("audit/verify"), "", All(Admin)),
        ("GET", api("events"), "", Lists(View)),
        ("GET", api("tokens"), "", Socket),
        ("POST", api("tokens"), "{\"role\":\"admin\"}", Socket),
        ("DELETE", api("tokens/id-view-all"), "", Socket),
        ("GET", "/".to_owned(), "", Lists(View)),
        ("GET", "/clusters/eu".to_owned(), "", Eu(View)),
        ("GET", "/followers/eu/orders-f".to_owned(), "", Eu(View)),
        ("GET", "/plans".to_owned(), "", Lists(View)),
        ("GET", format!("/plans/{hash}"), "", Eu(View)),
        ("GET", "/runs/r1".to_owned(), "", Eu(View)),
        ("GET", "/history".to_owned(), "", Lists(View)),
        ("GET", "/incidents".to_owned(), "", Lists(View)),
        ("GET", "/brakes".to_owned(), "", Lists(View)),
        ("GET", "/search?q=x".to_owned(), "", Lists(View)),
    ]
}

/// The status that this person must get; `None`: whatever the route itself answers.
fn expected(needs: Needs, who: Option<&Grant>, open: bool) -> Option<u16> {
    let on = |cluster: &str, grant: &Grant| grant.reach.covers(&ClusterName::parse(cluster).unwrap());
    let may = |role: Role, reaches: bool, grant: &Grant| {
        (grant.role >= role && reaches)
            .then_some(())
            .map_or(Some(403), |()| None)
    };
    match (needs, who) {
        (Needs::Nothing, _) => None,
        (Needs::Socket, None) => Some(401),
        (Needs::Socket, Some(_)) => Some(403),
        (Needs::Lists(Role::View) | Needs::Eu(Role::View) | Needs::All(Role::View), None) if open => None,
        (_, None) => Some(401),
        (Needs::Lists(role) | Needs::Named(role), Some(grant)) => may(role, true, grant),
        (Needs::Eu(role) | Needs::NamedEu(role), Some(grant)) => may(role, on("eu", grant), grant),
        (Needs::All(role), Some(grant)) => may(role, grant.reach.is_all(), grant),
    }
}

/// How somebody says who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Token,
    Certificate,
    /// On the pages only.
    Proxy,
}

/// A request of everybody by every way, and what must come of it.
async fn walk(way: Way, open: bool) -> usize {
    let pki = Pki::new();
    let mut daemon = FakeDaemon {
        reading_needs_no_token: open,
        ..FakeDaemon::default()
    };
    match way {
        Way::Token => daemon.tokens = std::sync::Mutex::new(all_tokens()),
        Way::Certificate => {
            daemon.tls = Some(pki.files(false));
            daemon.people = all_tokens()
                .into_iter()
                .map(|token| holder(token.grant))
                .collect();
        }
        Way::Proxy => daemon.proxy = Some(proxy(all_tokens())),
    }
    let running = start_with(daemon).await;
    let mut connectors = BTreeMap::from([(String::new(), pki.connector(None))]);
    if way == Way::Certificate {
        for token in all_tokens() {
            let name = short_name(&token.grant);
            connectors.insert(name.clone(), pki.connector(Some(&name)));
        }
    }
    let mut checked = 0;
    for (method, path, body, needs) in routes() {
        let everybody = all_tokens().into_iter().map(|token| Some(token.grant));
        for who in std::iter::once(None).chain(everybody) {
            let name = who.as_ref().map(short_name).unwrap_or_default();
            let before = running.asked().len();
            let answer = match way {
                _ if who.is_none() && way != Way::Certificate => running.send(method, &path, "", body).await,
                Way::Token => {
                    let header = format!("Authorization: Bearer {name}\r\n");
                    running.send(method, &path, &header, body).await
                }
                Way::Proxy => {
                    let header = format!("X-User: anna\r\nX-Groups: others,{name}\r\n");
                    running.send(method, &path, &header, body).await
                }
                Way::Certificate => {
                    let stream = connect(&running, &connectors[&name]).await.unwrap();
                    exchange(stream, method, &path, "", body).await.unwrap()
                }
            };
            let api = path.starts_with("/api/");
            let counts = who.clone().filter(|_| way != Way::Proxy || !api);
            let expected = expected(needs, counts.as_ref(), open);
            let said = format!(
                "{method} {path} by {way:?} as `{name}`, open {open}: {} {}",
                answer.status, answer.body
            );
            match expected {
                // Pages send who is nobody to sign in; the admin socket's routes say so to whoever asks.
                Some(401) if !api && !path.starts_with("/metrics") && path != "/sd" => {
                    assert_eq!(answer.status, 303, "{said}");
                    assert!(answer.head.contains("location: /login?to="), "{said}");
                }
                Some(401) if needs == Needs::Socket => {
                    assert!(matches!(answer.status, 401 | 403), "{said}");
                }
                Some(status) => assert_eq!(answer.status, status, "{said}"),
                // It got through: what the route itself says is not about rights, but for the
                // drill that there is not.
                None => assert!(!matches!(answer.status, 401 | 403 | 405), "{said}"),
            }
            if expected.is_some() {
                assert_eq!(running.asked().len(), before, "it was done all the same: {said}");
            }
            if answer.status == 401 {
                assert!(answer.head.contains("www-authenticate: bearer"), "{said}");
            }
            checked += 1;
        }
    }
    checked
}

fn short_name(grant: &Grant) -> String {
    grant.id.trim_start_matches("id-").to_owned()
}

fn rights_of(grant: &Grant) -> Rights {
    Rights {
        role: grant.role,
        reach: grant.reach.clone(),
    }
}

fn holder(grant: Grant) -> Holder {
    Holder {
        subject: format!("cn:{}", short_name(&grant)),
        person: grant.person.clone(),
        rights: rights_of(&grant),
    }
}

fn proxy(tokens: Vec<Token>) -> Proxy {
    Proxy {
        from: vec![("127.0.0.1".parse().unwrap(), 32)],
        user_header: "x-user".to_owned(),
        groups_header: "x-groups".to_owned(),
        groups: tokens
            .into_iter()
            .map(|token| Group {
                name: short_name(&token.grant),
                rights: rights_of(&token.grant),
            })
            .collect(),
    }
}

#[tokio::test]
async fn every_route_by_every_role_on_the_right_and_the_wrong_cluster() {
    for open in [true, false] {
        assert_eq!(walk(Way::Token, open).await, routes().len() * 13);
    }
}

#[tokio::test]
async fn every_route_by_every_role_of_a_client_certificate() {
    assert_eq!(walk(Way::Certificate, false).await, routes().len() * 13);
}

#[tokio::test]
async fn every_route_by_every_role_that_a_proxy_names_counts_on_the_pages_alone() {
    for open in [true, false] {
        assert_eq!(walk(Way::Proxy, open).await, routes().len() * 13);
    }
}

#[tokio::test]
async fn a_token_counts_before_what_the_proxy_says_and_a_bad_one_is_refused() {
    let daemon = FakeDaemon {
        reading_needs_no_token: false,
        tokens: std::sync::Mutex::new(all_tokens()),
        proxy: Some(proxy(all_tokens())),
        ..FakeDaemon::default()
    };
    let running = start_with(daemon).await;
    let named = "X-User: otto\r\nX-Groups: admin-all\r\n";
    let of = async |token: &str, path: &str| {
        let header = format!("{named}Authorization: Bearer {token}\r\n");
        running.tcp("GET", path, &header).await
    };
    assert_eq!(
        of("view-ap", "/clusters/eu").await.status,
        403,
        "the token is limited"
    );
    assert_eq!(of("wrong", "/").await.status, 401);
    let hash = plan().hash;
    let approve = format!("/api/v1/plans/{hash}/approve");
    let header = format!("{named}Authorization: Bearer approve-eu\r\n");
    let answer = running.send("POST", &approve, &header, "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        running.asked()[0].contains("by anna-approve"),
        "{:?}",
        running.asked()
    );
    // Who signed in with a token of their own is who they signed in as.
    let (cookie, _) = sign_in(&running, "view-all").await;
    let page = running.tcp("GET", "/", &format!("{named}{cookie}")).await.body;
    assert!(page.contains("anna-view") && !page.contains("otto"), "{page}");
}

#[tokio::test]
async fn whom_the_proxy_names_sends_forms_with_their_own_secret_in_their_own_name() {
    let running = start_with(FakeDaemon {
        reading_needs_no_token: false,
        proxy: Some(proxy(all_tokens())),
        ..FakeDaemon::default()
    })
    .await;
    let hash = plan().hash;
    let path = format!("/plans/{hash}");
    let named = "X-User: otto\r\nX-Groups: approve-eu, view-all\r\n";
    let page = running.tcp("GET", &path, named).await.body;
    assert!(
        page.contains("otto") && page.contains("approve on eu; view"),
        "{page}"
    );
    assert!(
        !page.contains("Sign out"),
        "nobody signs out here of another's sign-in"
    );
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap()[..64].to_owned();
    let approve = format!("{path}/approve");
    let body = format!("csrf={csrf}&note=x&lose=orders-f");
    for (headers, body) in [
        (format!("{FORM}{named}"), "note=x".to_owned()),
        (format!("{FORM}{}", named.replace("otto", "anna")), body.clone()),
        (
            format!("{}{named}", FORM.replace("http://x", "http://evil.example")),
            body.clone(),
        ),
    ] {
        let answer = running.send("POST", &approve, &headers, &body).await;
        assert_eq!(answer.status, 403, "{headers}{body}: {}", answer.body);
        assert_eq!(running.asked(), Vec::<String>::new());
    }
    let done = running
        .send("POST", &approve, &format!("{FORM}{named}"), &body)
        .await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(running.asked()[0].contains("by otto"), "{:?}", running.asked());
    let told = running
        .tcp("GET", &path, &format!("{named}Accept: text/html\r\n"))
        .await
        .body;
    assert!(told.contains("Done: done."), "{told}");
    let cookie = running
        .tcp("GET", "/login", &format!("{named}X-Forwarded-Proto: https\r\n"))
        .await;
    assert_eq!(cookie.status, 200);
}

#[tokio::test]
async fn headers_of_any_other_peer_and_two_of_one_name_nobody() {
    let mut other = proxy(all_tokens());
    other.from = vec![("10.9.8.7".parse().unwrap(), 32)];
    let running = start_with(FakeDaemon {
        reading_needs_no_token: false,
        proxy: Some(other),
        ..FakeDaemon::default()
    })
    .await;
    let named = "X-User: otto\r\nX-Groups: admin-all\r\n";
    assert_eq!(running.tcp("GET", "/", named).await.status, 303, "as nobody");
    let text = running.own_metrics();
    assert!(text.contains("refollow_proxy_headers_ignored_total 1"), "{text}");
    let running = start_with(FakeDaemon {
        proxy: Some(proxy(all_tokens())),
        ..FakeDaemon::default()
    })
    .await;
    let twice = format!("X-User: eve\r\n{named}");
    assert_eq!(running.tcp("GET", "/", &twice).await.status, 403);
}

#[tokio::test]
async fn behind_tls_of_the_proxy_the_cookie_is_secure() {
    let running = start_with(FakeDaemon {
        tokens: std::sync::Mutex::new(all_tokens()),
        proxy: Some(proxy(Vec::new())),
        ..FakeDaemon::default()
    })
    .await;
    let headers = format!("{FORM}X-Forwarded-Proto: https\r\n");
    let answer = running.send("POST", "/login", &headers, "token=view-all").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(
        answer.head.contains("set-cookie: __host-refollow_session=") && answer.head.contains("; secure"),
        "{}",
        answer.head
    );
}

#[tokio::test]
async fn every_route_of_the_description_stands_in_the_table() {
    let running = start().await;
    let document: Value =
        serde_json::from_str(&running.tcp("GET", "/api/v1/openapi.json", "").await.body).unwrap();
    let table: BTreeSet<(String, String)> = routes()
        .into_iter()
        .map(|(method, path, ..)| (method.to_lowercase(), path))
        .collect();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let real = path
            .replace("{cluster}", "eu")
            .replace("{index}", "orders-f")
            .replace("tokens/{id}", "tokens/id-view-all")
            .replace("{id}", "r1")
            .replace("{hash}", plan().hash.as_str());
        for method in methods.as_object().unwrap().keys() {
            assert!(
                table.contains(&(method.clone(), real.clone())),
                "{method} {path} is not in the table"
            );
        }
    }
}

#[tokio::test]
async fn a_limited_token_sees_nothing_of_other_clusters() {
    let running = with_tokens(false).await;
    let paths = [
        "clusters",
        "followers",
        "incidents",
        "auto-follow",
        "plans",
        "runs",
        "events",
    ];
    for path in paths {
        let of = async |token: &str| {
            let header = format!("Authorization: Bearer {token}\r\n");
            running.tcp("GET", &format!("/api/v1/{path}"), &header).await.body
        };
        let (own, other) = (of("view-eu").await, of("view-ap").await);
        assert!(own.contains("eu"), "{path}: {own}");
        assert!(
            !other.contains("orders") && !other.contains("\"eu"),
            "{path}: {other}"
        );
    }
    for path in ["/", "/plans", "/history", "/incidents", "/search?q=o"] {
        let page = running
            .tcp("GET", path, "Authorization: Bearer view-ap\r\n")
            .await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("orders-f"), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_never_taken_for_none() {
    let running = with_tokens(true).await;
    for header in [
        "Authorization: Bearer wrong\r\n",
        "Authorization: Basic YTpi\r\n",
        "Authorization: x\r\n",
    ] {
        for path in ["/api/v1/followers", "/", "/metrics"] {
            let answer = running.tcp("GET", path, header).await;
            assert_eq!(answer.status, 401, "{header} {path}");
            assert!(
                !answer.body.contains("wrong") && !answer.body.contains("YTpi"),
                "{}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn a_token_acts_in_the_name_of_its_person() {
    let running = with_tokens(true).await;
    let hash = plan().hash;
    let answer = running
        .send(
            "POST",
            &format!("/api/v1/plans/{hash}/approve"),
            "Authorization: Bearer approve-eu\r\n",
            "{\"note\":\"seen\"}",
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        running.asked(),
        [format!(
            "approve {hash} by anna-approve (0) note Some(\"seen\") overrides []"
        )]
    );
}

#[tokio::test]
async fn tokens_are_made_on_the_socket_shown_once_and_end_when_revoked() {
    let running = start().await;
    let body = json!({"role": "approve", "person": "bob", "clusters": ["eu"], "for_seconds": 3600});
    let (status, made) = running
        .client
        .call(Method::POST, "/api/v1/tokens", Some(&body))
        .await
        .unwrap();
    assert_eq!(status, 200, "{made}");
    let (text, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(text.starts_with("refollow_") && text.len() == 73, "{text}");
    assert_eq!(made["expires_at"], at(3600).to_string());
    let (_, listed) = running
        .client
        .call(Method::GET, "/api/v1/tokens", None)
        .await
        .unwrap();
    assert_eq!(listed["tokens"][0]["person"], "bob");
    let kept = digest(text);
    assert!(
        !listed.to_string().contains(&text[9..]) && !listed.to_string().contains(&kept),
        "{listed}"
    );
    let header = format!("Authorization: Bearer {text}\r\n");
    let path = "/api/v1/followers/eu/orders-f/evidence";
    assert_eq!(running.tcp("GET", path, &header).await.status, 200);
    let revoke = format!("/api/v1/tokens/{id}");
    assert_eq!(
        running
            .client
            .call(Method::DELETE, &revoke, None)
            .await
            .unwrap()
            .0,
        200
    );
    assert_eq!(running.tcp("GET", path, &header).await.status, 401);
    for wrong in [
        json!({"role": "root"}),
        json!({"role": "view", "person": "refollow"}),
        json!({"role": "view", "person": "a b"}),
        json!({"role": "view", "clusters": []}),
        json!({"role": "view", "clusters": ["nowhere"]}),
        json!({"role": "view", "for_seconds": 0}),
        json!({}),
    ] {
        let (status, answer) = running
            .client
            .call(Method::POST, "/api/v1/tokens", Some(&wrong))
            .await
            .unwrap();
        assert_eq!(status, 400, "{wrong}: {answer}");
    }
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://x\r\n";

/// Signs in; the cookie, and what forms must carry.
async fn sign_in(running: &Running, token: &str) -> (String, String) {
    let answer = running
        .send("POST", "/login", FORM, &format!("token={token}&to=%2Fplans"))
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(answer.head.contains("location: /plans"), "{}", answer.head);
    let cookie = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    for part in ["httponly", "samesite=strict", "path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let page = running.tcp("GET", "/", &cookie).await.body;
    let csrf = page
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(csrf.len(), 64);
    (cookie, csrf)
}

async fn post(running: &Running, path: &str, cookie: &str, body: &str) -> Answer {
    running.send("POST", path, &format!("{FORM}{cookie}"), body).await
}

#[tokio::test]
async fn who_signs_in_finds_the_form_and_decides_in_their_own_name() {
    let running = with_tokens(false).await;
    let hash = plan().hash;
    let path = format!("/plans/{hash}");
    let (cookie, csrf) = sign_in(&running, "approve-eu").await;
    let page = running.tcp("GET", &path, &cookie).await.body;
    assert!(
        page.contains(&format!("action=\"/plans/{hash}/approve\"")),
        "{page}"
    );
    assert!(
        page.contains("anna-approve") && page.contains("(approve on eu)"),
        "{page}"
    );
    let done = post(
        &running,
        &format!("{path}/approve"),
        &cookie,
        &format!("csrf={csrf}&note=seen+it&lose=orders-f"),
    )
    .await;
    assert_eq!(
        (done.status, done.head.contains(&format!("location: {path}"))),
        (303, true),
        "{}",
        done.body
    );
    assert_eq!(
        running.asked(),
        [format!(
            "approve {hash} by anna-approve (0) note Some(\"seen it\") overrides []"
        )]
    );
    let told = running
        .tcp("GET", &path, &format!("{cookie}Accept: text/html\r\n"))
        .await
        .body;
    assert!(told.contains("Done: done."), "{told}");
    let again = running
        .tcp("GET", &path, &format!("{cookie}Accept: text/html\r\n"))
        .await
        .body;
    assert!(!again.contains("Done: done."), "told once");
}

#[tokio::test]
async fn every_form_needs_its_own_secret_its_own_page_and_the_role() {
    let running = with_tokens(true).await;
    let hash = plan().hash;
    let forms = [
        (format!("/plans/{hash}/approve"), "note=x", Role::Approve),
        (format!("/plans/{hash}/reject"), "reason=x", Role::Approve),
        ("/runs/r1/abort".to_owned(), "x=y", Role::Operate),
        (
            "/brakes".to_owned(),
            "scope=cluster%3Aeu&reason=x&hours=2",
            Role::Operate,
        ),
        ("/brakes/release".to_owned(), "scope=cluster%3Aeu", Role::Operate),
    ];
    for (path, body, needs) in &forms {
        assert_eq!(
            post(&running, path, "", body).await.status,
            303,
            "{path}: nobody is sent to sign in"
        );
        let bearer = "Authorization: Bearer admin-all\r\n";
        let by_bearer = post(&running, path, bearer, &format!("csrf=&{body}")).await;
        assert_ne!(by_bearer.status, 200, "{path}: a form is for sessions");
        for role in Role::ALL {
            let (cookie, csrf) = sign_in(&running, &format!("{role}-eu")).await;
            let before = running.asked().len();
            for wrong in [
                body.to_string(),
                format!("{body}&csrf="),
                format!("{body}&csrf={}", "0".repeat(64)),
            ] {
                let answer = post(&running, path, &cookie, &wrong).await;
                assert_eq!(answer.status, 403, "{path} {wrong}: {}", answer.body);
            }
            let elsewhere = FORM.replace("http://x", "http://evil.example");
            let answer = running
                .send(
                    "POST",
                    path,
                    &format!("{elsewhere}{cookie}"),
                    &format!("{body}&csrf={csrf}"),
                )
                .await;
            assert_eq!(answer.status, 403, "{path}: from another site");
            assert_eq!(running.asked().len(), before, "{path}: something was done");
            let answer = post(&running, path, &cookie, &format!("{body}&csrf={csrf}")).await;
            let (other, other_csrf) = sign_in(&running, &format!("{role}-ap")).await;
            let there = post(&running, path, &other, &format!("{body}&csrf={other_csrf}")).await;
            assert_eq!(there.status, 403, "{path} as {role} of another cluster");
            if role >= needs {
                // The fake daemon's run has passed the point of no return.
                let fine = if path.ends_with("abort") { 409 } else { 303 };
                assert_eq!(answer.status, fine, "{path} as {role}: {}", answer.body);
            } else {
                assert_eq!(answer.status, 403, "{path} as {role}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn a_cookie_opens_the_pages_and_never_the_api() {
    let running = with_tokens(false).await;
    let (cookie, _) = sign_in(&running, "admin-all").await;
    assert_eq!(running.tcp("GET", "/", &cookie).await.status, 200);
    assert_eq!(running.tcp("GET", "/api/v1/followers", &cookie).await.status, 401);
    let body = "{\"scope\":\"all\",\"reason\":\"x\"}";
    assert_eq!(
        running.send("PUT", "/api/v1/brakes", &cookie, body).await.status,
        401
    );
    assert_eq!(running.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_by_signing_out() {
    let running = with_tokens(false).await;
    let (cookie, csrf) = sign_in(&running, "view-all").await;
    let (other, _) = sign_in(&running, "approve-all").await;
    post(&running, "/logout", &cookie, "csrf=wrong").await;
    assert_eq!(
        running.tcp("GET", "/", &cookie).await.status,
        200,
        "only the own form signs out"
    );
    assert_eq!(
        post(&running, "/logout", &cookie, &format!("csrf={csrf}"))
            .await
            .status,
        303
    );
    assert_eq!(running.tcp("GET", "/", &cookie).await.status, 303);
    running
        .client
        .call(Method::DELETE, "/api/v1/tokens/id-approve-all", None)
        .await
        .unwrap();
    assert_eq!(running.tcp("GET", "/", &other).await.status, 303);
}

#[tokio::test]
async fn who_guesses_tokens_must_wait_and_no_guess_is_shown() {
    let running = with_tokens(true).await;
    for _ in 0..10 {
        let answer = running.send("POST", "/login", FORM, "token=guess-of-mine").await;
        assert_eq!(answer.status, 401);
        assert!(!answer.body.contains("guess-of-mine"), "{}", answer.body);
    }
    let answer = running.send("POST", "/login", FORM, "token=view-all").await;
    assert_eq!(answer.status, 429, "also the right one waits: {}", answer.body);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
}
