//! The API described for machines: OpenAPI 3.1, one row per route.

use serde_json::{Map, Value, json};

use crate::http::paging::MOST;

/// Method, path below `/api/v1`, operation, summary, schema of the answer, schema of the body, who may over TCP.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static str,
);

const VIEW: &str = "Over TCP with a token of the role `view`, or with none where reading is open.";
const NAMED: &str = "Over TCP with a token of the role `view`.";
const APPROVE: &str = "Over TCP with a token of the role `approve` that reaches the cluster.";
const OPERATE: &str = "Over TCP with a token of the role `operate` that reaches the cluster.";
const EVERYWHERE: &str = "Over TCP with a token of the role `operate` that reaches all clusters.";
const ADMIN: &str = "Over TCP with a token of the role `admin` that reaches it.";
const SOCKET: &str = "Only through the admin socket; over TCP the answer is 403.";

/// A test asks the router for each of these, and each route of the router stands here.
pub(super) const ROUTES: &[Row] = &[
    (
        "get",
        "/clusters",
        "listClusters",
        "The configured clusters and how the last look at each went",
        "Clusters",
        None,
        VIEW,
    ),
    (
        "get",
        "/followers",
        "listFollowers",
        "Every follower in short",
        "Status",
        None,
        VIEW,
    ),
    (
        "get",
        "/followers/{cluster}/{index}",
        "getFollower",
        "One follower with every guard",
        "Why",
        None,
        VIEW,
    ),
    (
        "get",
        "/followers/{cluster}/{index}/why",
        "whyFollower",
        "The same",
        "Why",
        None,
        VIEW,
    ),
    (
        "get",
        "/followers/{cluster}/{index}/plan",
        "planFollower",
        "What would be done now",
        "PlanNow",
        None,
        NAMED,
    ),
    (
        "get",
        "/followers/{cluster}/{index}/evidence",
        "evidenceOfFollower",
        "An evidence file",
        "Evidence",
        None,
        NAMED,
    ),
    (
        "get",
        "/followers/{cluster}/{index}/history",
        "pastOfFollower",
        "What was kept of its past: numbers thinned for a picture, every change, every run",
        "Past",
        None,
        VIEW,
    ),
    (
        "post",
        "/followers/{cluster}/{index}/recreate",
        "recreateFollower",
        "Make a plan to recreate; it still needs its approval",
        "Done",
        Some("Recreate"),
        OPERATE,
    ),
    (
        "post",
        "/followers/{cluster}/{index}/acknowledge",
        "acknowledgeFollower",
        "Say that the cause is known: it counts for no breaker until it is another one",
        "Done",
        Some("Reject"),
        OPERATE,
    ),
    (
        "post",
        "/followers/{cluster}/{index}/extend-runway",
        "extendRunway",
        "Make a plan to raise the leader's lease period; it always needs its approval; or undo it",
        "Done",
        Some("Extend"),
        OPERATE,
    ),
    (
        "get",
        "/incidents",
        "listIncidents",
        "What is wrong with several followers at once",
        "Incidents",
        None,
        VIEW,
    ),
    (
        "get",
        "/auto-follow",
        "listPatterns",
        "Every auto-follow pattern that is known, and whether it fails",
        "Patterns",
        None,
        VIEW,
    ),
    (
        "get",
        "/plans",
        "listPlans",
        "Plans, newest first; open=1 for those that can still lead to a run",
        "Plans",
        None,
        VIEW,
    ),
    (
        "get",
        "/plans/{hash}",
        "getPlan",
        "One plan whole",
        "Plan",
        None,
        VIEW,
    ),
    (
        "post",
        "/plans/{hash}/approve",
        "approvePlan",
        "One person's yes to exactly this hash",
        "Done",
        Some("Approve"),
        APPROVE,
    ),
    (
        "post",
        "/plans/{hash}/reject",
        "rejectPlan",
        "One person's no",
        "Done",
        Some("Reject"),
        APPROVE,
    ),
    (
        "get",
        "/runs",
        "listRuns",
        "Runs, newest first",
        "Runs",
        None,
        VIEW,
    ),
    (
        "get",
        "/runs/{id}",
        "getRun",
        "One run with its journal",
        "Run",
        None,
        VIEW,
    ),
    (
        "post",
        "/runs/{id}/abort",
        "abortRun",
        "Back out now",
        "Done",
        None,
        OPERATE,
    ),
    (
        "get",
        "/brakes",
        "listBrakes",
        "Every brake",
        "Brakes",
        None,
        VIEW,
    ),
    (
        "put",
        "/brakes",
        "engageBrake",
        "Engage a brake, or replace the one of that scope",
        "Done",
        Some("Brake"),
        OPERATE,
    ),
    (
        "delete",
        "/brakes",
        "releaseBrake",
        "Release a brake",
        "Done",
        Some("Release"),
        OPERATE,
    ),
    (
        "get",
        "/audit",
        "listAudit",
        "Records of the audit log, oldest first: all, or those of one run or one follower",
        "AuditStory",
        None,
        ADMIN,
    ),
    (
        "get",
        "/audit/verify",
        "verifyAudit",
        "Compute the chain of the whole audit log",
        "AuditVerdict",
        None,
        ADMIN,
    ),
    (
        "get",
        "/drill",
        "getDrill",
        "The newest drill, over or not, step by step",
        "Drill",
        None,
        NAMED,
    ),
    (
        "post",
        "/drill",
        "beginDrill",
        "Break a follower of its own making and have it repaired",
        "Drill",
        Some("DrillOf"),
        ADMIN,
    ),
    (
        "get",
        "/notifications",
        "listNotifications",
        "What receivers were told and are to be told",
        "Notifications",
        None,
        EVERYWHERE,
    ),
    (
        "post",
        "/notifications/test",
        "tryReceivers",
        "Send a test message to one receiver or each, and say what they answered",
        "TriedReceivers",
        Some("TryReceivers"),
        EVERYWHERE,
    ),
    (
        "get",
        "/events",
        "listEvents",
        "What happened, from the audit log; after=SEQ",
        "Events",
        None,
        VIEW,
    ),
    (
        "get",
        "/tokens",
        "listTokens",
        "Every token, without anything secret",
        "Tokens",
        None,
        SOCKET,
    ),
    (
        "post",
        "/tokens",
        "createToken",
        "Make a token; the answer is the only place where it is shown",
        "TokenMade",
        Some("TokenOf"),
        SOCKET,
    ),
    (
        "delete",
        "/tokens/{id}",
        "revokeToken",
        "End a token and the sessions that it began",
        "Done",
        None,
        SOCKET,
    ),
];

fn object(required: &[&str], more: &[(&str, Value)]) -> Value {
    let named: Map<String, Value> = required
        .iter()
        .map(|name| ((*name).to_owned(), json!({})))
        .chain(
            more.iter()
                .map(|(name, schema)| ((*name).to_owned(), schema.clone())),
        )
        .collect();
    json!({ "type": "object", "required": required, "properties": named })
}

fn list(name: &str, of: &str) -> Value {
    object(
        &[name],
        &[(
            name,
            json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{of}") } }),
        )],
    )
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let maybe_text = json!({ "type": ["string", "null"] });
    let follower = [
        "cluster",
        "index",
        "state",
        "cause",
        "decision",
        "lag_operations",
        "runway_expires_at",
        "incident",
    ];
    let why: Vec<&str> = follower.into_iter().chain(["guards"]).collect();
    let plan = [
        "hash",
        "follower",
        "cause",
        "ladder",
        "approval",
        "state",
        "expires_at",
        "guards",
    ];
    let whole: Vec<&str> = plan.into_iter().chain(["plan"]).collect();
    let run = ["id", "plan", "follower", "outcome", "remedy", "steps"];
    let run_whole: Vec<&str> = run.into_iter().chain(["journal"]).collect();
    let mut all = json!({
        "Clusters": list("clusters", "Cluster"),
        "Cluster": object(&["name", "up", "version", "cluster_uuid", "last_look_at", "last_success_at", "followers", "problem", "spared", "remotes"], &[("spared", json!({ "type": ["object", "null"] }))]),
        "Status": list("followers", "Follower"),
        "Follower": object(&follower, &[("lag_operations", json!({ "type": ["integer", "null"] })), ("runway_expires_at", maybe_text.clone()), ("incident", maybe_text.clone())]),
        "Incidents": list("incidents", "Incident"),
        "Incident": object(&["id", "kind", "cluster", "remote", "node", "cause", "since", "followers", "what"], &[("kind", json!({ "enum": ["cluster", "license", "credentials", "remote", "node"] }))]),
        "Patterns": list("patterns", "Pattern"),
        "Pattern": object(&["cluster", "name", "remote", "cause", "failing", "evidence"], &[("cause", json!({ "enum": ["none", "auto_follow_failing", "unknown"] }))]),
        "Why": object(&why, &[("guards", json!({ "type": "array", "items": { "$ref": "#/components/schemas/Guard" } }))]),
        "Guard": object(&["name", "verdict", "inputs", "changes_at"], &[("verdict", json!({ "enum": ["pass", "block", "unknown"] })), ("changes_at", maybe_text.clone())]),
        "PlanNow": object(&["follower", "decision", "reasons", "plan", "stored"], &[]),
        "Evidence": object(&["format", "taken_at", "follower_cluster", "follower_index", "responses"], &[("format", json!({ "const": "refollow-evidence/1" }))]),
        "Plans": list("plans", "PlanItem"),
        "PlanItem": object(&plan, &[("hash", json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }))]),
        "Plan": object(&whole, &[]),
        "Runs": list("runs", "RunItem"),
        "RunItem": object(&run, &[("steps", json!({ "type": "array", "items": { "$ref": "#/components/schemas/Step" } }))]),
        "Step": object(&["name", "state", "started_at", "ended_at"], &[]),
        "Run": object(&run_whole, &[]),
        "Brakes": list("brakes", "BrakeItem"),
        "BrakeItem": object(&["scope", "owner", "reason", "engaged_at", "expires_at", "holds"], &[]),
        "Events": list("events", "Event"),
        "Event": object(&["seq", "at", "kind", "who", "subject", "detail"], &[]),
        "AuditStory": list("records", "AuditItem"),
        "AuditItem": object(&["seq", "at", "kind", "who", "subject", "detail", "hash"], &[]),
        "AuditVerdict": object(&["whole", "records", "broken_at", "problem"], &[("whole", json!({ "type": "boolean" }))]),
        "Done": object(&["message", "plan", "run"], &[("message", text.clone())]),
        "Approve": object(&[], &[
            ("note", maybe_text.clone()),
            ("lose", maybe_text.clone()),
            ("overrides", json!({ "type": "array", "items": object(&["index", "fact"], &[]) })),
        ]),
        "Extend": object(&[], &[
            ("to_seconds", json!({ "type": "integer", "minimum": 1 })),
            ("undo", json!({ "type": "boolean" })),
        ]),
        "Recreate": object(&[], &[
            ("overrides", json!({ "type": "array", "items": object(&["index", "fact"], &[]) })),
            ("snapshot", maybe_text.clone()),
            ("lease", json!({ "enum": ["forget", "wait", "unfollow", null] })),
            ("beside", maybe_text.clone()),
        ]),
        "Reject": object(&["reason"], &[("reason", text.clone())]),
        "Brake": object(&["scope", "reason"], &[("for_seconds", json!({ "type": "integer", "minimum": 1 }))]),
        "Release": object(&["scope"], &[]),
        "Problem": object(&["code", "status", "title", "detail", "message", "remedy", "guard", "problems"], &[
            ("code", json!({ "enum": ["not_found", "refused", "expired", "void", "failed", "bad_request", "admin_socket_only", "no_token", "forbidden", "busy", "method_not_allowed", "not_ready"] })),
        ]),
    });
    // `json!` takes no more in one piece.
    all["Drill"] = object(
        &[
            "by",
            "started_at",
            "follower",
            "remote",
            "leader_cluster",
            "leader",
            "steps",
            "plan",
            "run",
            "result",
            "cleaned",
        ],
        &[("cleaned", json!({ "type": "boolean" }))],
    );
    notifications(&mut all);
    all["Tokens"] = list("tokens", "Token");
    let token = [
        "id",
        "person",
        "role",
        "clusters",
        "created_at",
        "created_by",
        "expires_at",
        "holds",
    ];
    let role = json!({ "enum": ["view", "approve", "operate", "admin"] });
    all["Token"] = object(&token, &[("role", role.clone())]);
    let made: Vec<&str> = token.into_iter().chain(["token"]).collect();
    all["TokenMade"] = object(&made, &[("role", role.clone()), ("token", text)]);
    all["TokenOf"] = object(
        &["role"],
        &[
            ("role", role),
            ("person", maybe_text.clone()),
            (
                "clusters",
                json!({ "type": ["array", "null"], "items": { "type": "string" } }),
            ),
            (
                "for_seconds",
                json!({ "type": ["integer", "null"], "minimum": 1 }),
            ),
        ],
    );
    all["DrillOf"] = object(&["cluster"], &[("remote", maybe_text)]);
    all
}

fn notifications(all: &mut Value) {
    all["Notifications"] = list("notifications", "Notification");
    all["Notification"] = object(
        &[
            "receiver", "id", "subject", "severity", "title", "since", "ended_at", "told", "told_at",
            "waiting", "next_at", "failures", "problem",
        ],
        &[("waiting", json!({ "type": "boolean" }))],
    );
    all["TriedReceivers"] = list("receivers", "TriedReceiver");
    all["TriedReceiver"] = object(
        &["name", "kind", "place", "ok", "problem"],
        &[("ok", json!({ "type": "boolean" }))],
    );
    all["TryReceivers"] = object(&[], &[("receiver", json!({ "type": ["string", "null"] }))]);
}

fn parameters(path: &str) -> Vec<Value> {
    let named = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    named
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .chain(asked(path).into_iter().map(|(name, about, schema)| {
            json!({ "name": name, "in": "query", "description": about, "schema": schema })
        }))
        .collect()
}

/// Whether a route answers in pages.
fn is_paged(path: &str) -> bool {
    matches!(
        path,
        "/clusters" | "/followers" | "/incidents" | "/auto-follow" | "/plans" | "/runs"
    )
}

/// What may stand in the query of reading this.
fn asked(path: &str) -> Vec<(&'static str, &'static str, Value)> {
    let text = json!({ "type": "string" });
    let number = |least: u32, most: u32| json!({ "type": "integer", "minimum": least, "maximum": most });
    let mut all = Vec::new();
    if is_paged(path) {
        let usual = if path == "/runs" {
            "How many; without it 100"
        } else {
            "How many; without it all"
        };
        all.push(("limit", usual, number(1, MOST)));
        all.push((
            "cursor",
            "Of the `Link` of the page before: begins after what that one ended with",
            text.clone(),
        ));
    }
    match path {
        "/plans" => all.push((
            "open",
            "1: only those that can still lead to a run",
            number(0, 255),
        )),
        "/events" => all.push((
            "after",
            "The last `seq` that is known",
            json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
        )),
        "/audit" => {
            all.push(("limit", "How many; without it 200", number(1, 100_000)));
            all.push(("run", "Of this run", text.clone()));
            all.push(("follower", "Of this follower, `<cluster>/<index>`", text.clone()));
            all.push((
                "since",
                "From then on",
                json!({ "type": "string", "format": "date-time" }),
            ));
        }
        "/followers/{cluster}/{index}/history" => {
            let time = json!({ "type": "string", "format": "date-time" });
            all.push(("since", "From then on; without it a day ago", time.clone()));
            all.push(("until", "Until then; without it now", time));
            all.push(("points", "In so many points; without it 240", number(1, 10_000)));
        }
        "/followers/{cluster}/{index}/plan" => {
            for (name, about) in [
                ("override", "Look past this fact"),
                ("side_by_side", "A copy under this free name"),
                ("snapshot", "`<repository>/<snapshot>` to follow from"),
                ("lease", "`forget`, `wait` or `unfollow`"),
            ] {
                all.push((name, about, text.clone()));
            }
        }
        _ => {}
    }
    all
}

fn past() -> Value {
    object(
        &[
            "follower",
            "since",
            "until",
            "points",
            "changes",
            "cut",
            "runs",
            "unreadable",
        ],
        &[("cut", json!({ "type": "boolean" }))],
    )
}

/// The whole document.
pub(super) fn document() -> Value {
    let mut schemas = schemas();
    schemas["Past"] = past();
    let content = |schema: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } });
    let mut paths: Map<String, Value> = Map::new();
    for (method, path, operation, summary, answer, body, who) in ROUTES {
        let mut described = json!({
            "operationId": operation,
            "summary": summary,
            "description": who,
            "responses": {
                "200": { "description": "Done", "content": content(answer) },
                "default": { "description": "Not done, and why", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } },
            },
        });
        let parameters = parameters(path);
        if method == &"get" && is_paged(path) {
            described["responses"]["200"]["headers"]["Link"] = json!({
                "description": "`rel=\"next\"`: the next page; absent where there is none",
                "schema": { "type": "string" },
            });
        }
        if method == &"get" || path.contains('{') {
            described["parameters"] = Value::Array(parameters);
        }
        if let Some(body) = body {
            described["requestBody"] = json!({ "required": true, "content": content(body) });
        }
        let entry = paths.entry(format!("/api/v1{path}")).or_insert_with(|| json!({}));
        entry[*method] = described;
    }
    json!({
        "openapi": "3.1.0",
        "security": [{}, { "token": [] }],
        "info": {
            "title": "refollow",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Watches Elasticsearch cross-cluster replication and repairs broken followers safely.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}
