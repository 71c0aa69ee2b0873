//! The pages: what every one of them has, that nobody's text becomes HTML, that colours can be read,
//! that an open page is told of changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::http_api::{FakeDaemon, Running, plan, start, start_with};

fn paths() -> Vec<String> {
    let hash = plan().hash;
    let mut all: Vec<String> = [
        "/",
        "/clusters/eu",
        "/followers/eu/orders-f",
        "/followers/eu/orders-f?past=7d",
        "/plans",
        "/runs/r1",
        "/history",
        "/incidents",
        "/brakes",
        "/login",
        "/search",
        "/search?q=orders",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("/plans/{hash}"));
    all
}

/// Values of an attribute, as they stand.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!(" {name}=\"");
    page.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

/// The tags of a page, each with its attributes.
fn tags(page: &str) -> Vec<&str> {
    page.split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

/// What is wrong with a page for those who do not see it, or use no mouse.
fn barriers(page: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    must(page.contains("<html lang=\"en\">"), "no language");
    must(page.matches("<h1").count() == 1, "not exactly one h1");
    for landmark in ["<main ", "<header>", "<footer>", "<nav aria-label="] {
        must(page.matches(landmark).count() == 1, landmark);
    }
    must(page.contains("class=\"skip\" href=\"#main\""), "no skip link");
    must(page.contains("<meta name=\"viewport\""), "no viewport");
    let title = page
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next());
    must(
        title.is_some_and(|title| title.len() > " · refollow".len()),
        "no title",
    );
    let ids = attributes(page, "id");
    let unique: BTreeSet<_> = ids.iter().collect();
    must(unique.len() == ids.len(), &format!("an id twice: {ids:?}"));
    for name in ["aria-labelledby", "for", "list", "aria-describedby"] {
        for named in attributes(page, name) {
            must(unique.contains(&named), &format!("{name}={named} names nothing"));
        }
    }
    let labelled: BTreeSet<_> = attributes(page, "for").into_iter().collect();
    for tag in tags(page) {
        if tag.starts_with("input ") && !tag.contains("type=\"hidden\"") {
            let id = attributes(tag, "id");
            must(
                id.first().is_some_and(|id| labelled.contains(id)),
                &format!("no label: {tag}"),
            );
        }
        if tag.starts_with("th ") || tag == "th" {
            must(tag.contains("scope="), &format!("a heading of nothing: {tag}"));
        }
        if tag.starts_with("svg") {
            must(tag.contains("role=\"img\""), "an image without a role");
        }
        let inline = tag.contains(" style=") || tag.contains(" onclick=") || tag.contains(" onload=");
        must(!inline, &format!("inline style or script: {tag}"));
    }
    let mut level = 0;
    for heading in page.split("<h").skip(1) {
        if let Some(found) = heading.chars().next().and_then(|c| c.to_digit(10)) {
            must(found <= level + 1, &format!("h{found} after h{level}"));
            level = found;
        }
    }
    for words in ["></a>", "></button>"] {
        must(!page.contains(words), &format!("nothing to read: {words}"));
    }
    wrong
}

#[tokio::test]
async fn every_page_can_be_used_without_eyes_mouse_or_script() {
    let running = start().await;
    for path in paths() {
        let page = running.tcp("GET", &path, "").await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(
            page.head.contains("content-type: text/html; charset=utf-8"),
            "{path}"
        );
        let wrong = barriers(&page.body);
        assert!(wrong.is_empty(), "{path}: {wrong:#?}\n{}", page.body);
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(page.head.contains(header), "{path}: {header}\n{}", page.head);
        }
    }
}

#[test]
fn the_check_for_barriers_is_awake() {
    let broken = "<html><h1>a</h1><h3>b</h3><p id=\"x\" style=\"c\"><p id=\"x\"><input id=\"y\" type=\"text\"><th>z</th>";
    let wrong = barriers(broken).join("\n");
    for expected in [
        "no language",
        "<main ",
        "no skip link",
        "an id twice",
        "no label",
        "a heading of nothing",
        "inline style",
        "h3 after h1",
    ] {
        assert!(wrong.contains(expected), "{expected} is not in:\n{wrong}");
    }
}

#[tokio::test]
async fn nothing_that_others_wrote_becomes_html() {
    let running = start_with(FakeDaemon {
        hostile: Some("\"><script>alert('é')</script><img src=x onerror=alert(1)>&amp;"),
        ..FakeDaemon::default()
    })
    .await;
    let mut shown = 0;
    for path in paths() {
        let page = running.tcp("GET", &path, "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.body.contains("<script>"), "{path}");
        assert!(!page.body.contains("<img"), "{path}");
        shown += page.body.matches("script&#62;alert(&#39;é&#39;)").count();
    }
    assert!(
        shown >= 12,
        "it was shown {shown} times: something of it is not shown at all"
    );
    let query = "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let page = running.tcp("GET", query, "").await;
    assert!(
        !page.body.contains("<script>a") && page.body.contains("&#60;script&#62;alert(1)"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let running = start().await;
    for (path, status, words) in [
        ("/followers/eu/nobody", 404, "there is no follower eu/nobody"),
        ("/followers/eu/a*", 400, "which an index name must not have"),
        ("/clusters/nowhere", 404, "there is no cluster"),
        ("/plans/zz", 400, "zz"),
        ("/runs/r9", 404, "there is no run r9"),
    ] {
        let page = running.tcp("GET", path, "").await;
        assert_eq!(page.status, status, "{path}: {}", page.body);
        let _ = words;
        let wrong = barriers(&page.body);
        assert!(wrong.is_empty(), "{path}: {wrong:#?}");
    }
}

#[tokio::test]
async fn the_overview_leads_to_everything_and_every_page_says_what_is_braked() {
    let running = start().await;
    let page = running.tcp("GET", "/", "").await.body;
    assert!(page.contains("1 follower needs a person"), "{page}");
    for path in paths() {
        let page = running.tcp("GET", &path, "").await.body;
        assert!(
            page.contains("<strong>Brake recreate</strong>") && page.contains("move of the data centre"),
            "{path}"
        );
        for link in attributes(&page, "href") {
            if link.starts_with('/') && !link.starts_with("/login") {
                let to = running.tcp("GET", link, "").await;
                assert_eq!(to.status, 200, "{path} leads to {link}: {}", to.body);
            }
        }
    }
}

#[tokio::test]
async fn the_follower_page_says_why_what_to_do_and_what_holds_refollow_back() {
    let running = start().await;
    let page = running.tcp("GET", "/followers/eu/orders-f", "").await.body;
    for words in [
        "It is fatal because of: history lost. refollow asks a person.",
        "What it is, and what to do",
        "it is outside every window",
        "Read the plan and decide",
        "<polyline points=",
        "at most 9 operations",
        "<details id=\"evidence\">",
        "Operations are no longer available",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let held = page.find("it is outside every window").unwrap();
    let passes = page.find("the leader is green").unwrap();
    assert!(held < passes, "what blocks comes first");
}

#[tokio::test]
async fn the_plan_page_says_what_is_lost_and_what_has_changed() {
    let running = start().await;
    let page = running
        .tcp("GET", &format!("/plans/{}", plan().hash), "")
        .await
        .body;
    for words in [
        "What will be lost",
        "It cannot be searched while it is copied",
        "took the place of plan cdcdcdcdcdcd",
        "leader_uuid",
        "iu-l",
        "refollow approve",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert!(
        !page.contains("action=\"/plans/"),
        "nobody who is not signed in gets a form"
    );
}

#[tokio::test]
async fn an_open_page_is_told_of_a_change_and_let_go_at_the_end() {
    let running = start().await;
    let mut stream = tokio::net::TcpStream::connect(running.tcp).await.unwrap();
    stream
        .write_all(b"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        .await
        .unwrap();
    let mut seen = String::new();
    read_until(&mut stream, &mut seen, "text/event-stream").await;
    running.daemon.asked.lock().unwrap().push("something".to_owned());
    read_until(&mut stream, &mut seen, "event: changed").await;
    running.tasks.drain(Duration::from_secs(5)).await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}

async fn read_until(stream: &mut tokio::net::TcpStream, seen: &mut String, wanted: &str) {
    let mut bytes = [0; 4096];
    while !seen.contains(wanted) {
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "it ended without {wanted}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}

#[tokio::test]
async fn our_own_files_are_asked_for_once() {
    let running: Running = start().await;
    for path in ["/static/style.css", "/static/live.js"] {
        let file = running.tcp("GET", path, "").await;
        assert_eq!(file.status, 200);
        let tag = file
            .head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap();
        let again = running
            .tcp("GET", path, &format!("If-None-Match: {tag}\r\n"))
            .await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
}

/// Custom properties of the style, for light and for dark.
fn colours() -> [BTreeMap<String, [f64; 3]>; 2] {
    let style = include_str!("../../src/http/pages/style.css");
    let (light, dark) = style.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let read = |text: &str| {
        text.lines()
            .filter_map(|line| {
                let (name, value) = line.trim().strip_prefix("--")?.split_once(": #")?;
                let value = u32::from_str_radix(value.trim_end_matches(';'), 16).ok()?;
                let channel = |shift: u32| f64::from(value >> shift & 0xff) / 255.0;
                Some((name.to_owned(), [channel(16), channel(8), channel(0)]))
            })
            .collect()
    };
    let dark: String = dark
        .lines()
        .take_while(|line| !line.starts_with('*'))
        .collect::<Vec<_>>()
        .join("\n");
    [read(light), read(&dark)]
}

/// WCAG 2.1, *contrast ratio*.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let [r, g, b] = colour.map(|c| {
            if c <= 0.03928 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_colour_can_be_read_on_its_ground_by_light_and_by_dark() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 0.01);
    for (scheme, colours) in ["light", "dark"].into_iter().zip(colours()) {
        let of = |name: &str| {
            *colours
                .get(name)
                .unwrap_or_else(|| panic!("{scheme} has no --{name}"))
        };
        let mut pairs = Vec::new();
        for ground in ["ground", "raised"] {
            for text in ["ink", "quiet", "link", "bad-text", "warn-text"] {
                pairs.push((text.to_owned(), ground.to_owned(), 4.5));
            }
            // Borders of fields and the ring of the focus are no text.
            pairs.push(("line".to_owned(), ground.to_owned(), 3.0));
            pairs.push(("focus".to_owned(), ground.to_owned(), 3.0));
        }
        for kind in ["good", "warn", "bad", "plain", "primary"] {
            pairs.push((format!("{kind}-text"), format!("{kind}-ground"), 4.5));
        }
        for (text, ground, least) in pairs {
            let ratio = contrast(of(&text), of(&ground));
            assert!(
                ratio >= least,
                "{scheme}: --{text} on --{ground} is {ratio:.2}, needs {least}"
            );
        }
    }
}
