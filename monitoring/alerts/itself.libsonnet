// refollow itself: alive, looking, configured, drilled.
function(config, lib)
  local undo = 'The commands to undo and to finish by hand lie on the daemon\'s host in %s, one file per run, and stand in its log.' % config.undoDirectory;
  local fleet = 'refollow-itself';
  // Counts only while no living daemon says otherwise.
  local gone = 'unless on (job, instance) up{%s} == 1' % config.selector;

  [
    lib.alert(
      'RefollowDown',
      'up{%s} == 0 or absent(up{%s})' % [config.selector, config.selector],
      config.downFor,
      'critical',
      'daemon',
      'refollow does not answer: nobody watches the followers.',
      std.join('\n', [
        'refollow{{ if $labels.instance }} on `{{ $labels.instance }}`{{ end }} has not answered a scrape for ' + lib.time(config.downFor) + ' or longer, or Prometheus has no such target any more.'
        + lib.found('last_over_time(refollow_runs_in_flight[%s])' % lib.time(config.remembered), [], ' In its last word {{ . | first | value }} run(s) were underway.'),
        'What it is: the daemon is dead, does not start, or cannot be reached. Alerts about followers that seem to have ended at this moment have not: their series are gone.',
        'The data: followers go on following without refollow. What breaks now stays broken, and nobody is told.',
        'refollow: a run that was cut short goes on from its journal at the next start, by looking first; nothing is sent twice.',
        'You: start it, or read why it does not start: exit code 2 is the configuration, 1 the state (locked, unopenable or newer).',
        'By when: a follower that a run had paused or closed cannot wait longer than its runway. ' + undo,
        'Type: `systemctl status refollow`, `journalctl -u refollow -n 100`, `refollow check-config`, then `systemctl start refollow`. To stop every repair before that start: `touch /var/lib/refollow/brake-all`.',
      ]),
      fleet,
    ),

    lib.alert(
      'RefollowDownDuringRepair',
      'last_over_time(%s[%s]) > 0 %s' % [lib.metric('refollow_runs_in_flight'), lib.time(config.remembered), gone],
      config.downDuringRepairFor,
      'critical',
      'daemon',
      'refollow died in the middle of a repair: a follower may be paused or closed.',
      std.join('\n', [
        'refollow on `{{ $labels.instance }}` does not answer, and in its last word {{ $value }} run(s) were underway.' + lib.found(
          'max_over_time(timestamp(refollow_follower_held)[%s:%s]) >= on () group_left max(max_over_time(timestamp(refollow_runs_in_flight)[%s:%s]))'
          % [lib.time(config.remembered), lib.time(60), lib.time(config.remembered), lib.time(60)],
          [],
          ' It held:{{ range . | sortByLabel "follower_index" }} `{{ .Labels.es_cluster }}/{{ .Labels.follower_index }}` ({{ .Labels.step }}){{ end }}.'
        ),
        'What it is: the daemon is gone between the first and the last step of a repair.',
        'The data: a follower that was paused or closed stays so; it grows older, and a closed one cannot be searched. Nothing of it is deleted by waiting before its runway ends.',
        'refollow: the journal on its host knows every step. The next start looks first, then backs out or finishes.',
        'You: start the daemon again. Only if its host or its state is lost, use the undo file.',
        'By when: now; nobody renews the lease of a paused or closed follower, and the leader keeps its history for 12 h by default.',
        undo + ' Look first: each file begins with the command that shows how the follower stands.',
        'Type: `systemctl start refollow`, then `refollow runs`; once it runs, time can be bought by `refollow extend-runway <cluster>/<follower> --to 36h`.',
      ]),
      fleet,
      labels={ urgency: 'immediate' },
    ),

    lib.alert(
      'RefollowClusterDown',
      '%s == 0' % lib.metric('refollow_cluster_up'),
      config.clusterDownFor,
      'critical',
      'cluster',
      'A cluster cannot be looked at.',
      std.join('\n', [
        'Looks at cluster `{{ $labels.es_cluster }}` have failed for ' + lib.time(config.clusterDownFor) + ' or longer' + lib.found(
          'refollow_last_scrape_success_timestamp_seconds{es_cluster=%q}', ['es_cluster'], '; the last good one was at ' + lib.instant
        ) + '.' + lib.found(
          'increase(refollow_scrape_errors_total{es_cluster=%%q}[%s]) > 0' % lib.time(config.lookBack), ['es_cluster'], ' Kinds of failure:{{ range . | sortByLabel "kind" }} {{ .Labels.kind }}{{ end }}.'
        ),
        'What it is: it does not answer, or answers what refollow must not believe: no licence, no rights, a wrong certificate, not Elasticsearch.',
        'The data: unknown. Every follower on it is `unknown`; of a leader cluster, nothing behind it can be proven.',
        'refollow: it does nothing to what it cannot see, and tries again with longer and longer pauses.',
        'You: see that the cluster answers, with refollow\'s own credentials, from refollow\'s own host.',
        lib.found(
          'min(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q})', ['es_cluster'], 'By when: ' + lib.instant + ', as far as was known: then the first runway ends. With the cluster back: `refollow extend-runway {{ $labels.es_cluster }}/<follower> --to 36h`.'
        ) + lib.found(
          'absent(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q})', ['es_cluster'], 'By when: no runway was known to be running out.'
        ),
        'Type: `refollow status`, and `journalctl -u refollow` for the reason of the last failed look.',
      ]),
      'refollow-cluster',
      lib.clusterQuery,
    ),

    lib.alert(
      'RefollowClusterScrapeStale',
      'time() - %s > %s' % [lib.metric('refollow_last_scrape_success_timestamp_seconds'), lib.seconds(config.staleAfter)],
      0,
      'warning',
      'cluster',
      'What is known of a cluster is old.',
      std.join('\n', [
        'The last good look at cluster `{{ $labels.es_cluster }}` is {{ $value | humanizeDuration }} old.',
        'What it is: looks fail, or do not happen. Where RefollowClusterDown is silent, the daemon does not look at all.',
        'The data: unknown since then; what dashboards show of this cluster is from then.',
        'refollow: followers on it become `unknown`, and it does nothing to them.',
        'You: see the daemon\'s log; if it does not look at a cluster that answers, restart it.',
        'By when: see the runways on the dashboard; time can be bought only while the cluster can be looked at (`refollow extend-runway {{ $labels.es_cluster }}/<follower> --to 36h`).',
        'Type: `refollow status`, `journalctl -u refollow -n 100`.',
      ]),
      'refollow-cluster',
      lib.clusterQuery,
    ),

    lib.alert(
      'RefollowClusterSpared',
      '%s == 1' % lib.metric('refollow_cluster_spared', 'reason=~"rejected|no_master"'),
      config.sparedFor,
      'warning',
      'cluster',
      'A cluster has too much to do, and refollow asks it less.',
      std.join('\n', [
        'Cluster `{{ $labels.es_cluster }}` has {{ if eq $labels.reason "no_master" }}had no master that answers{{ else }}rejected requests{{ end }} for ' + lib.time(config.sparedFor) + ' or longer.' + lib.found(
          'increase(refollow_request_errors_total{es_cluster=%%q}[%s]) > 0' % lib.time(config.lookBack), ['es_cluster'], ' Failed requests by class:{{ range . | sortByLabel "class" }} {{ .Labels.class }}{{ end }}.'
        ),
        'What it is: full queues, open circuit breakers, or masters that cannot be elected. refollow itself is seldom the reason: what it asks stands on the dashboard.',
        'The data: following may be slow or stand still on this cluster.',
        'refollow: it looks every few minutes, makes fewer second calls, and begins no repair there (guard `clusters_at_ease`); runs that have begun go on.',
        'You: look at heap, queues and masters of the cluster, and take other load away.',
        lib.found(
          'min(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q})', ['es_cluster'], 'By when: ' + lib.instant + ', as far as is known: then the first runway ends. To buy time: `refollow extend-runway {{ $labels.es_cluster }}/<follower> --to 36h`, then approve its plan.'
        ) + lib.found(
          'absent(refollow_follower_runway_expiry_timestamp_seconds{es_cluster=%q})', ['es_cluster'], 'By when: no runway is known to be running out.'
        ),
        'Type: `refollow status`, and on the cluster `GET /_nodes/stats/breaker,thread_pool` and `GET /_cluster/health`.',
      ]),
      'refollow-cluster',
      lib.clusterQuery,
    ),

    lib.alert(
      'RefollowSeriesLeftOut',
      '%s > 0' % lib.metric('refollow_metrics_series_left_out'),
      config.reloadFor,
      'warning',
      'daemon',
      'Not every follower is exported: there are more series than allowed.',
      std.join('\n', [
        'refollow on `{{ $labels.instance }}` leaves up to {{ $value }} series out of its answer.',
        'What it is: followers and their shards have more series than `metrics.max_series`.',
        'The data: not touched, and watched as ever; alerts about the followers that are left out are silent.',
        'refollow: it leaves out those that are well and least behind, series of shards first. Repairs do not depend on it.',
        'You: raise `metrics.max_series`, export shards of fewer followers (`metrics.rules`), or scrape the fleet in parts.',
        'By when: before one of those followers breaks and nobody is told.',
        'Type: `refollow check-config /etc/refollow/refollow.toml`, then `systemctl reload refollow`.',
      ]),
      fleet,
    ),

    lib.alert(
      'RefollowConfigReloadFailed',
      '%s == 0' % lib.metric('refollow_config_last_reload_successful'),
      config.reloadFor,
      'warning',
      'daemon',
      'A changed configuration was refused; the old one stays in force.',
      std.join('\n', [
        'refollow on `{{ $labels.instance }}` has refused its configuration for ' + lib.time(config.reloadFor) + ' or longer' + lib.found(
          'refollow_config_last_reload_success_timestamp_seconds', [], '; the one in force was loaded at ' + lib.instant
        ) + '.',
        'What it is: the file has a mistake, and a file with a mistake is refused as a whole.',
        'The data: not touched.',
        'refollow: it goes on with the configuration before; after a restart it would not start.',
        'You: put the file right before anything restarts the daemon.',
        'By when: before the next restart.',
        'Type: `refollow check-config /etc/refollow/refollow.toml`, then `systemctl reload refollow`.',
      ]),
      fleet,
    ),

    lib.alert(
      'RefollowNotificationsFailing',
      '%s > 0' % lib.metric('refollow_notifications_waiting'),
      config.notifyFor,
      'warning',
      'daemon',
      'People are not told what they should be: a receiver does not take messages.',
      std.join('\n', [
        'The receiver `{{ $labels.receiver }}` of refollow on `{{ $labels.instance }}` has had {{ $value }} message(s) waiting for ' + lib.time(config.notifyFor) + ' or longer' + lib.found(
          'refollow_notification_last_success_timestamp_seconds{receiver=%q}', ['receiver'], '; it last took one at ' + lib.instant
        ) + '.',
        'What it is: it gives no usable answer, or refuses what it is sent. Whoever relies on it is not told of what is wrong now.',
        'The data: not touched by this.',
        'refollow: it keeps the messages over restarts and tries again, at the latest after 10 min, after a refusal after 6 h. Looks and repairs go on.',
        'You: see what it answers and mend it: an address, a key that was revoked, a proxy, a certificate.',
        'By when: before the next thing that only this receiver would tell.',
        'Type: `refollow notify show`, then `refollow notify test {{ $labels.receiver }}`; after a change of the configuration `systemctl reload refollow`, which tries at once.',
      ]),
      fleet,
    ),

    lib.alert(
      'RefollowDrillFailed',
      '%s == 0' % lib.metric('refollow_drill_last_success'),
      0,
      'warning',
      'remote',
      'The last drill did not prove the way from the look to the cure.',
      std.join('\n', [
        'The last drill on `{{ $labels.es_cluster }}` through `{{ $labels.remote_cluster }}`' + lib.found(
          'refollow_drill_last_timestamp_seconds{es_cluster=%q,remote_cluster=%q}', ['es_cluster', 'remote_cluster'], ' (at ' + lib.instant + ')'
        ) + ' failed.',
        'What it is: on a scratch follower that was broken on purpose, something between look, judgement, plan, repair and proof did not work. On a real one it might not either.',
        'The data: only indices named `refollow-drill-…` were touched.',
        'refollow: it has deleted them, or does so later; `refollow status` says which.',
        'You: read what failed, mend it (rights are the usual reason), and drill again.',
        'By when: before the next follower breaks.',
        'Type: `refollow audit show --since 24h`, then `refollow drill {{ $labels.es_cluster }} --remote {{ $labels.remote_cluster }}`.',
      ]),
      fleet,
    ),
    lib.alert(
      'RefollowDrillOverdue',
      'time() - %s > %s' % [lib.metric('refollow_drill_last_timestamp_seconds'), lib.seconds(config.drillEvery)],
      0,
      'info',
      'remote',
      'Nobody has drilled for a long time.',
      std.join('\n', [
        'The last drill on `{{ $labels.es_cluster }}` through `{{ $labels.remote_cluster }}` is {{ $value | humanizeDuration }} old.',
        'What it is: that refollow could repair here was last proven then.',
        'The data: not touched.',
        'refollow: it drills only when asked.',
        'You: drill in quiet hours; it takes a few minutes.',
        'By when: when it suits you.',
        'Type: `refollow drill {{ $labels.es_cluster }} --remote {{ $labels.remote_cluster }}`.',
      ]),
      fleet,
    ),

    lib.alert(
      'RefollowWatchdog',
      'vector(1)',
      null,
      'none',
      'none',
      'Always fires, so that its absence can be noticed.',
      std.join('\n', [
        'This alert always fires. Route it to a receiver that calls somebody when it stops coming.',
        'What it is: the proof that Prometheus evaluates these rules and that Alertmanager delivers.',
        'The data: not concerned.',
        'refollow: not concerned.',
        'You: nothing while it fires. When it stops: Prometheus, Alertmanager or the way between is broken, and no other alert arrives.',
        'By when: at once when it stops.',
        'Type: `refollow status`; it needs neither of the two.',
      ]),
      fleet,
    ),
  ]
