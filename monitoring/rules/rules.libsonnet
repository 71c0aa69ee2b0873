// Recording rules, named level:metric:operations. The alerts use none of them, so that an alert never
// depends on another group's turn.
function(config)
  local series(name, matchers='') = '%s{%s}' % [name, std.join(',', [part for part in [config.selector, matchers] if part != ''])];
  local rule(name, expr) = { record: name, expr: expr };
  [
    rule(
      'es_cluster_remote_cluster_cause:refollow_follower_cause:count',
      'count without (leader_index, follower_index) (%s)' % series('refollow_follower_cause')
    ),
    rule(
      'es_cluster_remote_cluster_state:refollow_follower_state:sum',
      'sum without (leader_index, follower_index) (%s)' % series('refollow_follower_state')
    ),
    rule(
      'es_cluster_remote_cluster:refollow_follower_lag_operations:sum',
      'sum without (leader_index, follower_index) (%s)' % series('refollow_follower_lag_operations')
    ),
    rule(
      'es_cluster_remote_cluster:refollow_follower_runway_expiry_timestamp_seconds:min',
      'min without (leader_index, follower_index) (%s)' % series('refollow_follower_runway_expiry_timestamp_seconds')
    ),
    rule('decision:refollow_decisions:rate5m', 'rate(%s[5m])' % series('refollow_decisions_total')),
    rule('guard:refollow_guard_blocked:increase1h', 'increase(%s[1h])' % series('refollow_guard_blocked_total')),
    rule('remedy_outcome:refollow_runs:increase1d', 'increase(%s[1d])' % series('refollow_runs_total')),
    rule(
      'step:refollow_run_step_duration_seconds:p90_1d',
      'histogram_quantile(0.9, rate(%s[1d]))' % series('refollow_run_step_duration_seconds_bucket')
    ),
    rule('es_cluster:refollow_scrape_errors:rate5m', 'sum without (kind) (rate(%s[5m]))' % series('refollow_scrape_errors_total')),
  ]
