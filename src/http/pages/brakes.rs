//! Brakes and breakers: what holds now, and the forms to engage and release.

use askama::Template;

use crate::domain::access::{Role, Target};
use crate::domain::time::Timestamp;
use crate::domain::words::relative;
use crate::http::App;
use crate::http::access::{Access, Who};
use crate::http::dto::{BrakeItem, Problem};
use crate::http::pages::frame::{Frame, Tab, breaker_words, concerns};

struct BrakeRow {
    scope: String,
    tone: &'static str,
    text: String,
    release: bool,
}

#[derive(Template)]
#[template(path = "brakes.html")]
pub(super) struct BrakesPage {
    frame: Frame,
    brakes: Vec<BrakeRow>,
    breakers: Vec<String>,
    scopes: Vec<String>,
    may: bool,
    may_not: String,
    sign_in: bool,
    csrf: String,
}

fn row(brake: &BrakeItem, access: &Access, now: Timestamp) -> BrakeRow {
    let since = brake
        .engaged_at
        .map(|at| format!(", engaged {}", relative(at, now)))
        .unwrap_or_default();
    let until = match brake.expires_at {
        _ if !brake.holds => "has let go".to_owned(),
        Some(at) => format!("lets go {}", relative(at, now)),
        None => "until it is released".to_owned(),
    };
    BrakeRow {
        scope: brake.scope.to_string(),
        tone: if brake.holds { "bad" } else { "" },
        text: format!("by {}{since}, {until}: {}", brake.owner, brake.reason),
        // The one on disk is released by removing the file.
        release: brake.owner != "file"
            && access.csrf.is_some()
            && access.act(Role::Operate, &(&brake.scope).into()).is_ok(),
    }
}

pub(super) async fn brakes(app: &App, access: &Access) -> Result<BrakesPage, Problem> {
    let now = app.daemon.now();
    let all = app.daemon.brakes().await?;
    let frame = Frame::new(app.daemon.as_ref(), access, Tab::Brakes, "Brakes and breakers").await;
    let operates = access.act(Role::Operate, &Target::Lists);
    let clusters = app.daemon.clusters().clusters;
    let csrf = frame.csrf();
    Ok(BrakesPage {
        brakes: all
            .brakes
            .iter()
            .filter(|brake| concerns(access, brake.scope.cluster()))
            .map(|brake| row(brake, access, now))
            .collect(),
        breakers: all
            .breakers
            .iter()
            .filter(|breaker| concerns(access, breaker.cluster.as_ref()))
            .map(|breaker| breaker_words(breaker, now))
            .collect(),
        scopes: clusters
            .iter()
            .filter(|cluster| access.sees(&cluster.name))
            .map(|cluster| format!("cluster:{}", cluster.name))
            .collect(),
        may: operates.is_ok() && !csrf.is_empty(),
        may_not: match (&access.who, operates) {
            (Who::Nobody { .. }, _) => {
                "A brake is engaged by somebody with the role `operate`, or with: refollow brake all --reason …".to_owned()
            }
            (_, Err(problem)) => problem.message,
            (_, Ok(_)) => "Use the command line: refollow brake all --reason …".to_owned(),
        },
        sign_in: matches!(access.who, Who::Nobody { .. }),
        csrf,
        frame,
    })
}
