//! A person at a real browser (Debian's Chromium): finds the broken follower, understands why, signs
//! in, approves, watches it heal. Pictures of what they saw go to `target/screenshots`.
//!
//! Time is real here: the story waits for what must come, never for a length of time alone. Without
//! Chromium it is skipped and says so.

mod driver;

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::Method;
use driver::{Browser, LOOKS};
use refollow::app;
use refollow::clock::{Clock as _, SystemClock};
use refollow::config;
use refollow::http::client::AdminClient;
use refollow::sandbox::command::{SandboxOptions, serve};
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::scenario;
use serde_json::{Value, json};

/// What a page must not be for those who see little or use no mouse; asked in the browser, with its
/// own colours and sizes. WCAG 2.1: 1.4.3 (contrast), 1.4.10 (reflow), 2.5.8 (targets), 4.1.2 (names).
const BARRIERS: &str = r"
const wrong = [];
const channels = (text) => {
  const found = text.match(/[\d.]+/g).map(Number);
  return { rgb: found.slice(0, 3), alpha: found.length > 3 ? found[3] : 1 };
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (one) => {
  for (let at = one; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.alpha === 1) return colour.rgb;
  }
  return [255, 255, 255];
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let texts = 0;
while (walker.nextNode()) {
  const one = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !one.checkVisibility() || one.closest('.unseen, .skip, svg, datalist')) continue;
  const style = getComputedStyle(one);
  const [a, b] = [luminance(channels(style.color).rgb), luminance(ground(one))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) wrong.push(`contrast ${ratio.toFixed(2)}: ${walker.currentNode.data.trim()}`);
  texts += 1;
}
if (texts < 10) wrong.push(`only ${texts} texts were looked at`);
if (document.documentElement.scrollWidth > innerWidth) {
  wrong.push(`${document.documentElement.scrollWidth} wide on ${innerWidth}`);
}
for (const one of document.querySelectorAll('a, button, summary, input:not([type=hidden])')) {
  if (!one.checkVisibility() || one.closest('.skip')) continue;
  const name = one.innerText || one.labels?.[0]?.innerText || one.labels?.[0]?.textContent || one.getAttribute('aria-label');
  if (!name?.trim()) wrong.push(`no name: ${one.outerHTML}`);
  const box = one.getBoundingClientRect();
  const inline = getComputedStyle(one).display === 'inline';
  if (!inline && (box.height < 24 || box.width < 24)) wrong.push(`a small target: ${one.outerHTML} ${box.width}x${box.height}`);
}
return wrong;
";

fn configuration(follower: &str, leader: &str, directory: &std::path::Path) -> String {
    let directory = directory.display();
    format!(
        r#"
[daemon]
mode = "ask"
state = "sqlite://{directory}/refollow.db"
listen = "127.0.0.1:0"
admin_socket = "{directory}/admin.sock"

[[clusters]]
name = "eu"
urls = ["{follower}"]
poll_interval = "500ms"
leader_side_interval = "1s"
remotes = {{ lead = "us" }}

[[clusters]]
name = "us"
urls = ["{leader}"]
poll_interval = "1s"

[verify]
settle = "1s"
document_tolerance = "5%"
"#
    )
}

/// Looks at the page in every size and scheme, keeps pictures, and finds no barrier.
async fn look_at(browser: &Browser, name: &str) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    let mut wrong: Vec<String> = Vec::new();
    for look in LOOKS {
        browser.look(look).await;
        browser
            .picture(&directory.join(format!("{name}-{}.png", look.name)))
            .await;
        let found: Value = browser.run(BARRIERS).await;
        wrong.extend(
            found
                .as_array()
                .unwrap()
                .iter()
                .map(|one| format!("{name}, {}: {one}", look.name)),
        );
    }
    browser.look(LOOKS[0]).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_finds_the_broken_follower_understands_approves_and_watches_it_heal() {
    if let Err(missing) = driver::programs() {
        println!("skipped: {missing}");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let options = SandboxOptions {
        leader_port: 0,
        follower_port: 0,
        version: Version::V8_10_4,
        scenario: Some("healthy".to_owned()),
        start_ms: SystemClock.now().as_millisecond(),
        seed: 1,
    };
    let clusters = serve(options, std::future::pending()).await.unwrap();
    let text = configuration(
        &clusters.url(Side::Follower),
        &clusters.url(Side::Leader),
        directory.path(),
    );
    let (config, _) = config::parse("browser", &text, std::iter::empty()).unwrap();
    let running = app::start(&config, Arc::new(SystemClock)).await.unwrap();
    let address = format!("http://{}", running.address);
    let admin = AdminClient::new(&config.daemon.admin_socket);
    let wanted = json!({"role": "operate", "person": "anna", "clusters": ["eu"]});
    let (_, made) = admin
        .call(Method::POST, "/api/v1/tokens", Some(&wanted))
        .await
        .unwrap();
    let token = made["token"].as_str().unwrap();

    let browser = Browser::start().await;
    browser.look(LOOKS[0]).await;
    browser.open(&address).await;
    browser.says("followers are well").await;
    // The first key leads past the tabs, and what has the focus is seen.
    assert_eq!(browser.tab().await, ("Skip to the content".to_owned(), true));
    for _ in 0..6 {
        let (name, seen) = browser.tab().await;
        assert!(seen, "the focus on {name} is not seen");
    }
    browser.says("live").await;

    // The open page tells of it by itself.
    scenario::play(&clusters.world, "history-lost:orders-f").unwrap();
    browser.says("1 follower needs a person").await;
    look_at(&browser, "1-fleet").await;
    browser.click("a[href='/followers/eu/orders-f']").await;
    browser.says("because of: history lost").await;
    browser.says("What it is, and what to do").await;
    browser.says("Read the plan and decide").await;
    look_at(&browser, "2-follower").await;
    browser.click("a.action[href^='/plans/']").await;
    browser.says("What will be lost").await;
    assert!(
        !browser.has("form[action$='/approve']").await,
        "nobody decides without a name"
    );

    browser.click("main a[href^='/login']").await;
    browser.fill("#token", "refollow_wrong").await;
    browser.click("main button[type=submit]").await;
    browser.says("This token is not known").await;
    look_at(&browser, "3-sign-in").await;
    browser.fill("#token", token).await;
    browser.click("main button[type=submit]").await;
    browser.says("Approve this plan").await;
    let at: Value = browser.run("return location.pathname").await;
    assert!(
        at.as_str().unwrap().starts_with("/plans/"),
        "back where one came from: {at}"
    );
    assert!(
        !browser
            .run("return document.cookie")
            .await
            .to_string()
            .contains("refollow"),
        "no script reads the cookie"
    );
    look_at(&browser, "4-plan").await;
    if browser.has("#lose").await {
        browser.fill("#lose", "orders-f").await;
    }
    browser.fill("#note", "seen on the pages").await;
    browser.click("form[action$='/approve'] button").await;
    browser.says("is approved").await;

    browser.open(&format!("{address}/followers/eu/orders-f")).await;
    browser.says("It is following, and nothing is wrong.").await;
    look_at(&browser, "5-healed").await;
    browser.open(&format!("{address}/history")).await;
    browser.says("cured").await;
    look_at(&browser, "6-history").await;
    browser.click("main a[href^='/runs/']").await;
    browser.says("approved by anna").await;
    look_at(&browser, "7-run").await;

    browser.open(&format!("{address}/brakes")).await;
    browser.fill("#scope", "cluster:eu").await;
    browser.fill("#why", "failover drill <b>tonight</b>").await;
    browser.click("form[action='/brakes'] button").await;
    browser.says("Brake cluster:eu").await;
    look_at(&browser, "8-brakes").await;
    browser.open(&format!("{address}/search?q=orders")).await;
    browser.says("Brake cluster:eu").await;
    browser.says("failover drill <b>tonight</b>").await;
    look_at(&browser, "9-search").await;
    browser.open(&format!("{address}/brakes")).await;
    browser.click("form[action='/brakes/release'] button").await;
    browser.says("No brake is engaged").await;

    // A wrong token is answered with 401, which Chromium notes as a failed load.
    let complaints: Vec<String> = browser
        .complaints()
        .await
        .into_iter()
        .filter(|one| !one.contains("401"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    browser.close().await;
    app::drain(&running, &config).await;
    clusters.stop().await;
}
