//! Which receivers get a notice: rules by cluster, cause and severity, in their order.

use crate::domain::cause::Cause;
use crate::domain::notice::{Notice, Severity};
use crate::policy::glob::Glob;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Follower clusters; empty: every notice, also one that stands over all clusters.
    pub clusters: Vec<Glob>,
    /// Causes; empty: every notice, also one without a cause.
    pub causes: Vec<Cause>,
    /// The least severity.
    pub at_least: Severity,
    /// Who gets it, by name.
    pub receivers: Vec<String>,
    /// Rules after this one are asked too.
    pub goes_on: bool,
}

impl Route {
    fn takes(&self, notice: &Notice) -> bool {
        let cluster = self.clusters.is_empty()
            || notice
                .cluster
                .as_ref()
                .is_some_and(|name| self.clusters.iter().any(|glob| glob.matches(name.as_str())));
        let cause = self.causes.is_empty() || notice.cause.is_some_and(|cause| self.causes.contains(&cause));
        cluster && cause && notice.severity >= self.at_least
    }
}

/// The receivers of a notice, each once, in the order of the rules. Nobody, where no rule matches.
pub fn receivers<'a>(routes: &'a [Route], notice: &Notice) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for route in routes.iter().filter(|route| route.takes(notice)) {
        for name in &route.receivers {
            if !found.contains(&name.as_str()) {
                found.push(name);
            }
        }
        if !route.goes_on {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::tests::asking;

    fn route(cluster: &str, causes: &[Cause], at_least: Severity, to: &str, goes_on: bool) -> Route {
        Route {
            clusters: if cluster.is_empty() {
                Vec::new()
            } else {
                vec![Glob::new(cluster)]
            },
            causes: causes.to_vec(),
            at_least,
            receivers: vec![to.to_owned()],
            goes_on,
        }
    }

    #[test]
    fn the_first_rule_that_matches_counts_and_one_that_goes_on_asks_the_next() {
        let info = Severity::Info;
        let table: [(&[Route], &[&str]); 7] = [
            (&[], &[]),
            (
                &[
                    route("us", &[], info, "a", false),
                    route("e*", &[], info, "b", false),
                ],
                &["b"],
            ),
            (
                &[
                    route("", &[], info, "a", false),
                    route("eu", &[], info, "b", false),
                ],
                &["a"],
            ),
            (
                &[
                    route("", &[], info, "a", true),
                    route("eu", &[], info, "b", false),
                ],
                &["a", "b"],
            ),
            (
                &[
                    route("", &[], info, "a", true),
                    route("eu", &[], info, "a", false),
                ],
                &["a"],
            ),
            (&[route("", &[Cause::License], info, "a", false)], &[]),
            (&[route("", &[], Severity::Critical, "a", false)], &[]),
        ];
        for (routes, wanted) in table {
            assert_eq!(receivers(routes, &asking(1)), wanted, "{routes:?}");
        }
    }

    #[test]
    fn a_rule_for_clusters_or_causes_never_takes_what_has_none() {
        let mut notice = asking(1);
        notice.cluster = None;
        notice.cause = None;
        let by_cluster = [route("*", &[], Severity::Info, "a", false)];
        let by_cause = [route("", &[Cause::HistoryLost], Severity::Info, "a", false)];
        assert!(receivers(&by_cluster, &notice).is_empty());
        assert!(receivers(&by_cause, &notice).is_empty());
    }
}
