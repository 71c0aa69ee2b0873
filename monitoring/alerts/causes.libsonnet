// One alert for each cause that needs a person. What a cause is, what it means for the data and
// what to do first are the handbook's words (`../causes.json`, made from `src/domain/handbook`);
// here stands only how loud it is and how long it is waited for.
local causes = import '../causes.json';

// What nobody is called for, and why.
local silent = {
  none: 'nothing is wrong',
  restoring: 'a copy is running; one that moves no byte is restore_stuck',
};

function(config, lib)
  local loud = {
    history_lost: { alert: 'RefollowHistoryLost', after: config.repairAfter },
    leader_deleted: { alert: 'RefollowLeaderDeleted' },
    leader_replaced: { alert: 'RefollowLeaderReplaced' },
    leader_rewound: { alert: 'RefollowLeaderRewound' },
    // Told by counts that are made seldom: once seen within the hour is enough.
    diverged: { alert: 'RefollowDiverged', after: 0, over: config.lookBack },
    remote_repointed: { alert: 'RefollowRemoteRepointed', scope: 'remote' },
    leader_not_followable: { alert: 'RefollowLeaderNotFollowable' },
    leader_closed: { alert: 'RefollowLeaderClosed', severity: 'warning', after: config.waitAfter },
    leader_unavailable: { alert: 'RefollowLeaderUnavailable', after: config.repairAfter },
    remote_unreachable: { alert: 'RefollowRemoteUnreachable', scope: 'remote' },
    remote_not_configured: { alert: 'RefollowRemoteNotConfigured', scope: 'remote' },
    license: { alert: 'RefollowLicense', scope: 'remote' },
    credentials: { alert: 'RefollowCredentials', scope: 'remote' },
    follower_blocked: { alert: 'RefollowFollowerBlocked' },
    follower_closed: { alert: 'RefollowFollowerClosed', severity: 'warning' },
    follower_unallocated: { alert: 'RefollowFollowerUnallocated', after: config.repairAfter },
    restore_failed: { alert: 'RefollowRestoreFailed' },
    restore_stuck: { alert: 'RefollowRestoreStuck' },
    restored_not_following: { alert: 'RefollowRestoredNotFollowing', severity: 'warning', after: config.repairAfter },
    paused: { alert: 'RefollowFollowerPausedTooLong', severity: 'warning', after: config.pausedFor },
    leader_change_rejected: { alert: 'RefollowLeaderChangeRejected' },
    settings_diverged: { alert: 'RefollowSettingsDiverged' },
    follower_rewritten: { alert: 'RefollowFollowerRewritten' },
    task_unassigned: { alert: 'RefollowTaskUnassigned', after: config.repairAfter },
    overloaded: { alert: 'RefollowOverloaded', severity: 'warning', after: config.waitAfter },
    stalled: { alert: 'RefollowStalled', after: config.repairAfter },
    unclassified: { alert: 'RefollowUnclassified', after: config.repairAfter },
    unfollowed: { alert: 'RefollowUnfollowed', severity: 'warning' },
    missing: { alert: 'RefollowFollowerMissing' },
    auto_follow_failing: { alert: 'RefollowAutoFollowFailing', severity: 'warning', scope: 'pattern' },
    unknown: { alert: 'RefollowFollowersUnknown', severity: 'warning', scope: 'cluster', after: config.repairAfter },
  };

  // What refollow does of itself, by the cause's approval.
  local asks = {
    none: 'it waits for it to heal, and the wait has been long.',
    policy: 'it repairs this by itself where mode and rule say `auto`; else it has made, or will make, a plan that waits for a yes.',
    always: 'it does nothing without a yes to its plan, in every mode.',
    never: 'it tells, and does not repair this, approved or not.',
  };
  local does(entry) = asks[entry.approval] + ' Its ladder is `%s`.' % entry.ladder;

  // A text of the handbook: every second part is a placeholder, filled from labels where the alert
  // has them.
  local fill(parts, names) = std.join('', [
    if i % 2 == 0 then parts[i] else names[parts[i]]
    for i in std.range(0, std.length(parts) - 1)
  ]);
  local plain = { key: '<cluster>/<follower>', follower: '<follower>', leader: '<leader>', alias: '<alias>' };

  local scopes = {
    follower: {
      names: {
        key: lib.follower,
        follower: '{{ $labels.follower_index }}',
        leader: '{{ $labels.leader_index }}',
        alias: '{{ $labels.remote_cluster }}',
      },
      expr(cause): '%s == 1' % lib.metric('refollow_follower_cause', 'cause="%s"' % cause),
      opening(cause):
        '`' + lib.follower + '` (it follows `{{ $labels.leader_index }}` through `{{ $labels.remote_cluster }}`): ' + cause + lib.causeSince + '.',
      by: lib.runway,
      doing: lib.held,
      type: '`refollow why ' + lib.follower + '`',
      uid: 'refollow-follower',
      query: lib.followerQuery,
    },
    remote: self.follower {
      names: plain {
        key: '{{ $labels.es_cluster }}/<follower>',
        alias: '{{ $labels.remote_cluster }}',
      },
      expr(cause):
        local each = 'count without (leader_index, follower_index) (%s == 1)' % lib.metric('refollow_follower_cause', 'cause="%s"' % cause);
        // The connection is gone before the followers behind it are judged, and without any.
        if cause == 'remote_unreachable' then '%s or label_replace(%s == 0, "cause", "%s", "", "")' % [
          each,
          lib.metric('refollow_remote_connected'),
          cause,
        ] else each,
      opening(cause):
        'Remote `{{ $labels.es_cluster }}/{{ $labels.remote_cluster }}`: %s, {{ $value }} follower(s) behind it' % cause + lib.found(
          "min(refollow_follower_cause_since_timestamp_seconds{es_cluster=%%q,remote_cluster=%%q} and ignoring (cause) refollow_follower_cause{cause='%s'})" % cause,
          ['es_cluster', 'remote_cluster'],
          ', the first since ' + lib.instant
        ) + '.',
      by: lib.remoteRunway,
      doing: '',
      type: '`refollow status`, then `refollow why {{ $labels.es_cluster }}/<follower>`',
      uid: 'refollow-cluster',
      query: lib.clusterQuery,
    },
    cluster: self.remote {
      names: plain { key: '{{ $labels.es_cluster }}/<follower>' },
      expr(cause): 'count without (remote_cluster, leader_index, follower_index) (%s == 1)' % lib.metric('refollow_follower_cause', 'cause="%s"' % cause),
      opening(cause): 'Cluster `{{ $labels.es_cluster }}`: {{ $value }} follower(s) are `%s`.' % cause,
      by: lib.found(
        'min(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q})',
        ['es_cluster'],
        'By when: ' + lib.instant + ', as far as was known: then the first runway ends, and `refollow extend-runway {{ $labels.es_cluster }}/<follower> --to 36h` helps no more.'
      ),
    },
    pattern: self.remote {
      names: plain { key: '{{ $labels.es_cluster }}/<follower>', alias: '{{ $labels.remote_cluster }}' },
      expr(cause): '%s == 1' % lib.metric('refollow_autofollow_pattern_cause', 'cause="%s"' % cause),
      opening(cause): 'Auto-follow pattern `{{ $labels.pattern }}` of `{{ $labels.es_cluster }}` (remote `{{ $labels.remote_cluster }}`): %s.' % cause,
      by: 'By when: each new leader index is missing on this side from its first document on.',
      type: '`refollow status`',
    },
  };

  local one(entry) =
    local row = { severity: 'critical', scope: 'follower', after: config.personAfter } + loud[entry.cause];
    local scope = scopes[row.scope];
    lib.alert(
      row.alert,
      if std.objectHas(row, 'over') then 'max_over_time(%s[%s]) == 1' % [
        lib.metric('refollow_follower_cause', 'cause="%s"' % entry.cause),
        lib.time(row.over),
      ] else scope.expr(entry.cause),
      row.after,
      row.severity,
      row.scope,
      entry.summary,
      std.join('\n', [
        scope.opening(entry.cause),
        'What it is: ' + fill(entry.what, scope.names),
        'The data: ' + fill(entry.data, scope.names),
        'refollow: ' + does(entry) + scope.doing + (if entry.approval == 'never' || entry.approval == 'none' then '' else lib.plans),
        'You: ' + fill(entry.first, scope.names),
        'Never: ' + fill(entry.you_never, scope.names),
        scope.by,
        'Type: ' + scope.type + '.',
      ]),
      scope.uid,
      scope.query,
      labels={ cause: entry.cause },
    );

  local names = [entry.cause for entry in causes];
  local known = std.set(std.objectFields(loud) + std.objectFields(silent));
  assert known == std.set(names) : 'alerts/causes.libsonnet and causes.json know other causes: %s' % [std.setDiff(std.set(names), known) + std.setDiff(known, std.set(names))];
  [one(entry) for entry in causes if std.objectHas(loud, entry.cause)]
