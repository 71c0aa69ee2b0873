// The five dashboards, by uid.
function(config)
  local p = (import 'panels.libsonnet')(config);
  local m(name, matchers='') = '%s{%s}' % [name, std.join(',', [part for part in [config.selector, matchers] if part != ''])];
  local cluster = 'es_cluster=~"$es_cluster"';
  local remote = cluster + ',remote_cluster=~"$remote_cluster"';
  local follower = cluster + ',follower_index=~"$follower_index"';
  local sick = 'cause!~"none|restoring"';
  {
    'refollow-fleet': p.dashboard(
      'refollow-fleet',
      'refollow / fleet',
      'Every follower of every cluster: how many are sick, of what, and who runs out of time first.',
      [p.cluster],
      [
        [
          p.at(4, 4, p.number('Followers', 'All that are known.', 'count(%s)' % m('refollow_follower_cause', cluster), red=null)),
          p.at(4, 4, p.number('Sick', 'With a cause other than none and restoring.', 'count(%s == 1) or vector(0)' % m('refollow_follower_cause', cluster + ',' + sick))),
          p.at(4, 4, p.number('Incidents', 'One reason for several followers.', 'count(%s) or vector(0)' % m('refollow_incident_followers', cluster))),
          p.at(4, 4, p.number('Plans that wait', 'For a yes or a no.', 'sum(%s)' % m('refollow_plans_pending'))),
          p.at(4, 4, p.number('Runs underway', 'Repairs that have begun and not ended.', 'sum(%s)' % m('refollow_runs_in_flight'), red=null)),
          p.at(4, 4, p.number('Brakes', 'That hold now.', 'sum(%s)' % m('refollow_brake_engaged'))),
        ],
        [
          p.at(12, 8, p.lines('Followers by cause', 'Without those that are well.', [['sum by (cause) (%s)' % m('refollow_follower_cause', cluster + ',cause!="none"') + ' or label_replace(vector(0), "cause", "sick", "", "")', '{{cause}}']], stack=true)),
          p.at(12, 8, p.lines('Followers by state', 'All of them.', [['sum by (state) (%s) > 0' % m('refollow_follower_state', cluster), '{{state}}']], stack=true)),
        ],
        [
          p.at(12, 8, p.table('Shortest runways', 'Seconds until the leader may discard what the follower still needs; negative: over. Absent while leases are renewed.', [['bottomk(20, %s - time())' % m('refollow_follower_runway_expiry_timestamp_seconds', cluster), '{{es_cluster}}/{{follower_index}}']], unit='s')),
          p.at(12, 8, p.table('Incidents', 'Followers behind one reason.', [[m('refollow_incident_followers', cluster), '{{es_cluster}}/{{remote_cluster}} {{kind}}']])),
        ],
        [
          p.at(12, 8, p.table('Sick followers', 'With their cause.', [['%s == 1' % m('refollow_follower_cause', cluster + ',' + sick), '{{es_cluster}}/{{follower_index}} {{cause}}']])),
          p.at(12, 8, p.lines('Furthest behind', 'Operations behind the leader.', [['topk(10, %s)' % m('refollow_follower_lag_operations', cluster), '{{es_cluster}}/{{follower_index}}']])),
        ],
      ],
    ),
    'refollow-cluster': p.dashboard(
      'refollow-cluster',
      'refollow / cluster',
      'One cluster: whether it can be looked at, its remotes, its followers, its auto-follow patterns.',
      [p.cluster, p.remote],
      [
        [
          p.at(4, 4, p.number('Reachable', '1: the last look succeeded.', 'min(%s)' % m('refollow_cluster_up', cluster), red=null)),
          p.at(4, 4, p.number('Age of the last good look', 'What is shown is from then.', 'max(time() - %s)' % m('refollow_last_scrape_success_timestamp_seconds', cluster), unit='s', red=600)),
          p.at(4, 4, p.number('Followers', 'Behind these remotes.', 'count(%s)' % m('refollow_follower_cause', remote), red=null)),
          p.at(4, 4, p.number('Sick', 'With a cause other than none and restoring.', 'count(%s == 1) or vector(0)' % m('refollow_follower_cause', remote + ',' + sick))),
          p.at(4, 4, p.number('Shortest runway', 'Until the leader may discard what a follower needs; empty while all leases are renewed.', 'min(%s - time())' % m('refollow_follower_runway_expiry_timestamp_seconds', remote), unit='s', red=null)),
          p.at(4, 4, p.number('Failing patterns', 'Auto-follow patterns that fail or are paused.', 'count(%s) or vector(0)' % m('refollow_autofollow_pattern_cause', cluster + ',cause="auto_follow_failing"'))),
        ],
        [
          p.at(12, 8, p.bands('Remote connected', 'As the follower cluster says.', [[m('refollow_remote_connected', remote), '{{es_cluster}}/{{remote_cluster}}']])),
          p.at(12, 8, p.lines('Followers by cause', 'Behind these remotes.', [['sum by (cause) (%s)' % m('refollow_follower_cause', remote), '{{cause}}']], stack=true)),
        ],
        [
          p.at(12, 8, p.lines('Lag', 'Operations behind the leader, over all followers.', [['sum by (es_cluster, remote_cluster) (%s)' % m('refollow_follower_lag_operations', remote), '{{es_cluster}}/{{remote_cluster}}']])),
          p.at(12, 8, p.lines('How long looks take', 'Successful or not.', [[m('refollow_scrape_duration_seconds', cluster), '{{es_cluster}}']], unit='s')),
        ],
        [
          p.at(12, 8, p.lines('Looks that fail', 'By kind.', [['sum by (es_cluster, kind) (increase(%s[$__rate_interval])) > 0 or label_replace(sum by (es_cluster) (increase(%s[$__rate_interval])), "kind", "all", "", "")' % [m('refollow_scrape_errors_total', cluster), m('refollow_scrape_errors_total', cluster)], '{{es_cluster}} {{kind}}']])),
          p.at(12, 8, p.lines('Auto-follow', 'Indices followed and failed, as the cluster counts them.', [
            [m('refollow_autofollow_follow_total', cluster), '{{es_cluster}} followed'],
            [m('refollow_autofollow_follow_failed_total', cluster), '{{es_cluster}} failed'],
            [m('refollow_autofollow_recent_errors', cluster), '{{es_cluster}} recent errors'],
          ])),
        ],
      ],
    ),
    'refollow-follower': p.dashboard(
      'refollow-follower',
      'refollow / follower',
      'One follower: state, cause, lag, runway, and whether refollow holds it.',
      [p.cluster, p.follower],
      [
        [
          p.at(6, 4, p.table('Cause', 'Why it is not following; none: nothing is wrong.', [['%s == 1' % m('refollow_follower_cause', follower), '{{cause}}']], hide=['Value'])),
          p.at(6, 4, p.number('For', 'How long that cause has held.', 'max(time() - %s)' % m('refollow_follower_cause_since_timestamp_seconds', follower), unit='s', red=null)),
          p.at(6, 4, p.number('Runway left', 'Empty while its leases are renewed; negative: over.', 'min(%s - time())' % m('refollow_follower_runway_expiry_timestamp_seconds', follower), unit='s', red=null)),
          p.at(6, 4, p.number('Held by refollow', 'How long a run has kept it paused or closed; empty: it does not.', 'max(time() - %s)' % m('refollow_follower_held', follower), unit='s', red=900)),
        ],
        [
          p.at(24, 8, p.bands('State', 'The band that is coloured holds.', [['max by (state) (%s)' % m('refollow_follower_state', follower), '{{state}}']])),
        ],
        [
          p.at(12, 8, p.lines('Lag', 'Operations behind the leader. A dead task shows 0: read the state first.', [[m('refollow_follower_lag_operations', follower), '{{es_cluster}}/{{follower_index}}']])),
          p.at(12, 8, p.lines('Since the last read', 'Of the shard that has waited longest; up to a minute is normal for an idle leader.', [['time() - %s' % m('refollow_follower_last_read_timestamp_seconds', follower), '{{es_cluster}}/{{follower_index}}']], unit='s')),
        ],
        [
          p.at(12, 8, p.bands('Cause', 'The band that is coloured holds.', [['max by (cause) (%s)' % m('refollow_follower_cause', follower), '{{cause}}']])),
          p.at(12, 8, p.lines('Runway left', 'It falls while nothing renews the lease, and jumps back once something does.', [['%s - time()' % m('refollow_follower_runway_expiry_timestamp_seconds', follower), '{{es_cluster}}/{{follower_index}}']], unit='s')),
        ],
      ],
    ),
    'refollow-repairs': p.dashboard(
      'refollow-repairs',
      'refollow / repairs and budgets',
      'What was decided, what waits, what runs, what came of it, and what held it back.',
      [p.cluster],
      [
        [
          p.at(4, 4, p.number('Plans that wait', 'For a yes or a no.', 'sum(%s)' % m('refollow_plans_pending'))),
          p.at(4, 4, p.number('First of them expires in', 'Empty while none waits.', 'min(%s - time())' % m('refollow_plans_next_expiry_timestamp_seconds'), unit='s', red=null)),
          p.at(4, 4, p.number('Plans expired, 7 days', 'Nobody answered in time.', 'sum(increase(%s[7d]))' % m('refollow_plans_expired_total'))),
          p.at(4, 4, p.number('Runs underway', 'Repairs that have begun and not ended.', 'sum(%s)' % m('refollow_runs_in_flight'), red=null)),
          p.at(4, 4, p.number('Breakers open', 'Recreates ask, resumes go on slowly.', 'sum(%s)' % m('refollow_breaker_open'))),
          p.at(4, 4, p.number('Brakes', 'That hold now.', 'sum(%s)' % m('refollow_brake_engaged'))),
        ],
        [
          p.at(12, 8, p.lines('Decisions', 'One for each follower and judgement.', [['sum by (decision) (rate(%s[$__rate_interval]))' % m('refollow_decisions_total'), '{{decision}}']], unit='ops')),
          p.at(12, 8, p.lines('Runs that ended', 'By the last rung tried and what came of it, since the daemon started.', [['sum by (remedy, outcome) (%s) > 0 or label_replace(vector(0), "outcome", "none yet", "", "")' % m('refollow_runs_total'), '{{remedy}} {{outcome}}']])),
        ],
        [
          p.at(12, 8, p.lines('What holds repairs back', 'Guards that blocked or could not be evaluated.', [['topk(10, sum by (guard) (increase(%s[$__rate_interval]))) > 0 or label_replace(vector(0), "guard", "none", "", "")' % m('refollow_guard_blocked_total'), '{{guard}}']])),
          p.at(12, 8, p.lines('How long steps take', 'Nine of ten take no longer.', [['histogram_quantile(0.9, sum by (step, le) (rate(%s[$__rate_interval])))' % m('refollow_run_step_duration_seconds_bucket'), '{{step}}']], unit='s')),
        ],
        [
          p.at(12, 8, p.table('Held by refollow', 'Seconds since a run paused or closed it.', [['time() - %s' % m('refollow_follower_held', cluster), '{{es_cluster}}/{{follower_index}} {{step}}']], unit='s')),
          p.at(12, 8, p.table('Brakes and breakers', '1: it holds.', [['%s == 1 or %s == 1' % [m('refollow_brake_engaged'), m('refollow_breaker_open')], '{{scope}} {{name}}']])),
        ],
      ],
      from='now-24h',
    ),
    'refollow-itself': p.dashboard(
      'refollow-itself',
      'refollow / itself',
      'Whether refollow lives, looks, has its configuration, and when it was last drilled.',
      [p.cluster],
      [
        [
          p.at(6, 4, p.number('Up', '1: it answers scrapes.', 'max(up{%s}) or vector(0)' % config.selector, red=null)),
          p.at(6, 4, p.table('Version', 'That runs.', [[m('refollow_build_info'), '{{version}}']], hide=['Value'])),
          p.at(6, 4, p.number('Configuration', '1: the last one was taken; 0: it was refused and the one before holds.', 'min(%s)' % m('refollow_config_last_reload_successful'), red=null)),
          p.at(6, 4, p.number('Configuration loaded', 'When the one in force was taken.', 'max(%s) * 1000' % m('refollow_config_last_reload_success_timestamp_seconds'), unit='dateTimeAsIso', red=null)),
        ],
        [
          p.at(12, 8, p.bands('Clusters reachable', 'Whether the last look succeeded.', [[m('refollow_cluster_up'), '{{es_cluster}}']])),
          p.at(12, 8, p.lines('How long looks take', 'By cluster.', [[m('refollow_scrape_duration_seconds', cluster), '{{es_cluster}}']], unit='s')),
        ],
        [
          p.at(12, 8, p.lines('Age of what is known', 'Seconds since the last good look.', [['time() - %s' % m('refollow_last_scrape_success_timestamp_seconds', cluster), '{{es_cluster}}']], unit='s')),
          p.at(12, 8, p.lines('How long a scrape takes', 'Of refollow by Prometheus.', [['scrape_duration_seconds{%s}' % config.selector, '{{instance}}']], unit='s')),
        ],
        [
          p.at(12, 8, p.lines('Requests of a look', 'The last one, at followers and as a leader.', [[m('refollow_look_requests', cluster), '{{es_cluster}} {{purpose}}']])),
          p.at(12, 8, p.bands('Clusters that are asked less', '1: by the reason that the legend names.', [[m('refollow_cluster_spared', cluster), '{{es_cluster}} {{reason}}']])),
        ],
        [
          p.at(12, 6, p.table('Drills', 'Seconds since the last one of each pair.', [['time() - %s' % m('refollow_drill_last_timestamp_seconds', cluster), '{{es_cluster}}/{{remote_cluster}}']], unit='s')),
          p.at(12, 6, p.table('Drills proven', '1: it proved the whole way; 0: it did not.', [[m('refollow_drill_last_success', cluster), '{{es_cluster}}/{{remote_cluster}}']])),
        ],
      ],
    ),
  }
