// How an alert is made: lengths of time, texts with values looked up, the annotations that each has.
function(config) {
  local lib = self,

  // A length of time as Prometheus writes it.
  time(seconds)::
    local millis = std.max(1, std.floor(seconds * config.patience * 1000));
    if millis % 3600000 == 0 then '%dh' % (millis / 3600000)
    else if millis % 60000 == 0 then '%dm' % (millis / 60000)
    else if millis % 1000 == 0 then '%ds' % (millis / 1000)
    else '%dms' % millis,
  // The same as a number of seconds in an expression.
  seconds(seconds):: if config.patience == 1 then '%d' % seconds else '%g' % (seconds * config.patience),

  // A metric with the site's selector, and more.
  metric(name, matchers=''):: '%s{%s}' % [
    name,
    std.join(',', [part for part in [config.selector, matchers] if part != '']),
  ],

  // What stands in a message where a query finds something. The query holds no double quote (PromQL
  // takes single ones as well); its `%q` are the labels.
  found(query, labels, text)::
    '{{ with printf "' + query + '"' + std.join('', [' $labels.' + label for label in labels]) + ' | query }}' + text + '{{ end }}',
  // The value of what was found, as an instant.
  instant: '{{ . | first | value | humanizeTimestamp }}',

  local follower = ['es_cluster', 'follower_index'],
  local remote = ['es_cluster', 'remote_cluster'],
  follower:: '{{ $labels.es_cluster }}/{{ $labels.follower_index }}',

  // "since" of one follower's cause.
  causeSince:: lib.found(
    'refollow_follower_cause_since_timestamp_seconds{es_cluster=%q,follower_index=%q}', follower, ' since ' + lib.instant
  ),
  // What refollow is doing with it at this moment.
  held:: lib.found(
    'refollow_follower_held{es_cluster=%q,follower_index=%q}',
    follower,
    ' A run of refollow holds it paused or closed since ' + lib.instant + ': `refollow runs` shows the step.'
  ),
  // By when, of one follower.
  runway:: lib.found(
    'refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q,follower_index=%q} > time()',
    follower,
    'By when: ' + lib.instant + '. From then on the leader may discard what the follower still needs. To buy time: `refollow extend-runway '
    + lib.follower + ' --to 36h`, then approve its plan.'
  ) + lib.found(
    'refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q,follower_index=%q} <= time()',
    follower,
    'By when: at once. The runway ended at ' + lib.instant + ': history may be lost from then on, which only a resume tells.'
  ) + lib.found(
    'absent(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q,follower_index=%q})',
    follower,
    'By when: no runway is running out, or none is known; the copy grows older all the same.'
  ),
  // By when, of everything behind a remote.
  remoteRunway:: lib.found(
    'min(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q,remote_cluster=%q} > time())',
    remote,
    'By when: ' + lib.instant + ' for the first of them. From then on the leader may discard what it still needs. To buy time, shortest runway first (`refollow status`): `refollow extend-runway {{ $labels.es_cluster }}/<follower> --to 36h`, then approve its plan.'
  ) + lib.found(
    'absent(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q,remote_cluster=%q} > time())',
    remote,
    'By when: no runway is known that has not ended.'
  ),
  // By when, of everything.
  fleetRunway:: lib.found(
    'min(refollow_follower_runway_expiry_timestamp_seconds > time())',
    [],
    'By when: ' + lib.instant + ', when the shortest runway ends. To buy time: `refollow extend-runway <cluster>/<follower> --to 36h`, then approve its plan.'
  ) + lib.found(
    'absent(refollow_follower_runway_expiry_timestamp_seconds > time())', [], 'By when: no runway is known that has not ended.'
  ),
  // How many plans wait, over everything.
  plans:: lib.found(
    'refollow_plans_pending > 0',
    [],
    ' In all, {{ . | first | value }} plan(s) wait for a person: `refollow plans`, then `refollow approve <hash>` or `refollow reject <hash> --reason "…"`.'
  ),

  // One alert. `uid` names the dashboard, `query` what it is opened with.
  alert(name, expr, seconds, severity, scope, summary, description, uid, query='', labels={}):: {
    alert: name,
    expr: expr,
    [if seconds != null then 'for']: lib.time(seconds),
    [if scope != 'none' && config.keepFiring != null && scope != 'event' then 'keep_firing_for']: lib.time(config.keepFiring),
    labels: { severity: severity, scope: if scope == 'event' then 'daemon' else scope } + labels,
    annotations: {
      summary: summary,
      description: description,
      runbook_url: config.runbookUrl % name,
      dashboard_url: config.dashboardUrl % uid + query,
    },
  },
  followerQuery:: '?var-es_cluster={{ $labels.es_cluster | urlquery }}&var-follower_index={{ $labels.follower_index | urlquery }}',
  clusterQuery:: '?var-es_cluster={{ $labels.es_cluster | urlquery }}',
}
