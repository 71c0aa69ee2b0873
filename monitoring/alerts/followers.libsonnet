// What stands beside the cause: runways, lag, followers that stay fatal, incidents.
function(config, lib)
  local runway(name, seconds, severity, summary) = lib.alert(
    name,
    // One for all that follow through an alias, so that four hundred of them are one page.
    'min without (leader_index, follower_index) (%s) - time() < %s' % [
      lib.metric('refollow_follower_runway_expiry_timestamp_seconds'),
      lib.seconds(seconds),
    ],
    0,
    severity,
    'remote',
    summary,
    std.join('\n', [
      'Through `{{ $labels.es_cluster }}/{{ $labels.remote_cluster }}` '
      + lib.found(
        'count(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%%q,remote_cluster=%%q} - time() < %s)' % lib.seconds(seconds),
        ['es_cluster', 'remote_cluster'],
        '{{ . | first | value }}'
      ) + ' follower(s) have at most {{ $value | humanizeDuration }} of runway left; the first is '
      + lib.found(
        'refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q,remote_cluster=%q} <= scalar(min(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q,remote_cluster=%q}))',
        ['es_cluster', 'remote_cluster', 'es_cluster', 'remote_cluster'],
        '`{{ $labels.es_cluster }}/{{ . | sortByLabel "follower_index" | first | label "follower_index" }}`, at ' + lib.instant
      ) + '.',
      'What it is: nothing renews their retention leases (they are paused, fatal, closed or cut off), and the leader keeps what they need only that long.',
      'The data: {{ if lt $value 0.0 }}the runway of the first is over: its history may be lost since then, which only a resume tells. Of the others nothing is lost before theirs ends.{{ else }}nothing is lost yet. After that instant the leader may discard operations, and only a full copy brings the follower up to date.{{ end }}',
      'refollow: it resumes where cause and rules allow it, shortest runway first, and never lengthens a runway without approval.' + lib.plans,
      'You: cure the cause before that instant, or buy time. `refollow extend-runway {{ $labels.es_cluster }}/<follower> --to 36h` makes the plan, `refollow approve <hash>` lets it go; it helps only while the leases have not run out.',
      'Type: `refollow status`, then `refollow why {{ $labels.es_cluster }}/<follower>`.',
    ]),
    'refollow-cluster',
    lib.clusterQuery,
  );

  local lag(name, expr, seconds, summary, what) = lib.alert(
    name,
    expr,
    seconds,
    'warning',
    'follower',
    summary,
    std.join('\n', [
      '`' + lib.follower + '` (it follows `{{ $labels.leader_index }}` through `{{ $labels.remote_cluster }}`) is {{ $value | humanize }} operations behind. ' + what,
      'The data: what is searched on this side is older than on the leader by those operations. Nothing is lost while it reads.',
      'refollow: a lag alone is no cause and is not repaired; the state is `catching_up`.' + lib.held,
      'You: see whether the leader is written to faster than this side can take (queues, disk, the line between the clusters), or whether one shard stands still.',
      lib.runway,
      'Type: `refollow why ' + lib.follower + '`.',
    ]),
    'refollow-follower',
    lib.followerQuery,
  );

  [
    runway('RefollowRunwayLow', config.runwayLow, 'warning', 'Half of the time is used up after which history may be lost.'),
    runway('RefollowRunwayCritical', config.runwayCritical, 'critical', 'History is about to be lost, or may be lost already.'),

    lib.alert(
      'RefollowFollowerFatal',
      '%s == 1' % lib.metric('refollow_follower_state', 'state="fatal"'),
      config.fatalFor,
      'critical',
      'follower',
      'A follower is fatal and nothing has cured it.',
      std.join('\n', [
        '`' + lib.follower + '` (it follows `{{ $labels.leader_index }}` through `{{ $labels.remote_cluster }}`) has been fatal for ' + lib.time(config.fatalFor) + ' or longer' + lib.found(
          'refollow_follower_cause{es_cluster=%q,follower_index=%q}', ['es_cluster', 'follower_index'], '; the cause is {{ . | first | label "cause" }}'
        ) + lib.causeSince + '.',
        'What it is: a follow task has failed for good. It reads nothing until somebody resumes it, whatever the lag says: a dead task shows 0.',
        'The data: the follower is searchable and grows older.',
        'refollow: whatever it could do it has not done, or it did not help: a rule, a guard, a brake, a plan that waits, a person who must act first.' + lib.held + lib.plans,
        'You: read the guards, and approve, or remove what blocks.',
        lib.runway,
        'Type: `refollow why ' + lib.follower + '`.',
      ]),
      'refollow-follower',
      lib.followerQuery,
    ),

    lag(
      'RefollowFollowerLagGrowing',
      '%s > %d and deriv(%s[%s]) > 0' % [
        lib.metric('refollow_follower_lag_operations'),
        config.lagGrowingFrom,
        lib.metric('refollow_follower_lag_operations'),
        lib.time(config.lagGrowingFor),
      ],
      config.lagGrowingFor,
      'A follower falls further and further behind.',
      'What it is: it has been growing for ' + lib.time(config.lagGrowingFor) + '.',
    ),
    lag(
      'RefollowFollowerLagHigh',
      '%s > %d' % [lib.metric('refollow_follower_lag_operations'), config.lagHigh],
      config.lagHighFor,
      'A follower is far behind.',
      'What it is: more than %d for %s.' % [config.lagHigh, lib.time(config.lagHighFor)],
    ),

    lib.alert(
      'RefollowIncident',
      '%s > 0' % lib.metric('refollow_incident_followers'),
      config.incidentFor,
      'critical',
      'incident',
      'Several followers are sick for one and the same reason.',
      std.join('\n', [
        '{{ $value }} followers of `{{ $labels.es_cluster }}` are sick for one reason: {{ if eq $labels.kind "remote" }}the remote behind `{{ $labels.remote_cluster }}`, or what happened behind it'
        + '{{ else if eq $labels.kind "credentials" }}rights that are refused through `{{ $labels.remote_cluster }}`'
        + '{{ else if eq $labels.kind "license" }}a licence that does not allow CCR'
        + '{{ else if eq $labels.kind "node" }}one node that runs their follow tasks'
        + '{{ else }}the cluster cannot be looked at{{ end }}' + lib.found(
          'refollow_incident_since_timestamp_seconds{es_cluster=%q,remote_cluster=%q,kind=%q}', ['es_cluster', 'remote_cluster', 'kind'], ', since ' + lib.instant
        ) + '.',
        'What it is: one thing is broken, and these followers only show it. Their own alerts are held back for as long.',
        'The data: none of them is up to date. Nothing is lost before the first runway ends.',
        'refollow: it recreates nothing in a mass event (a breaker makes every recreate ask), and resumes slowly, one probe first, once the reason is gone.' + lib.plans,
        'You: mend that one thing; do not approve recreates before you know it.',
        lib.found(
          'min(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q})',
          ['es_cluster'],
          'By when: ' + lib.instant + ', when the first runway on this cluster ends. To buy time: `refollow extend-runway {{ $labels.es_cluster }}/<follower> --to 36h`, then approve its plan.'
        ) + lib.found(
          'absent(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q})', ['es_cluster'], 'By when: no runway is known to be running out.'
        ),
        'Type: `refollow status`; it begins with the incidents.',
      ]),
      'refollow-cluster',
      lib.clusterQuery,
    ),
  ]
