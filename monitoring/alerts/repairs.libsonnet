// Repairs and what holds them back: runs, plans, brakes, breakers.
function(config, lib)
  local holding(name, seconds, severity, summary, ends) = lib.alert(
    name,
    'time() - %s > %s' % [lib.metric('refollow_follower_held'), lib.seconds(seconds)],
    0,
    severity,
    'follower',
    summary,
    std.join('\n', [
      'refollow has held `' + lib.follower + '` for {{ $value | humanizeDuration }}: {{ if eq $labels.step "pause" }}paused{{ else if eq $labels.step "close" }}closed{{ else }}deleted, not followed anew yet{{ end }}.',
      'What it is: a run of refollow has begun and has not ended. A large copy may take that long; a run may also wait for what never comes.',
      'The data: the follower grows older, and a closed one cannot be searched. Before the copy began it can be put back as it was; afterwards it can only be finished.',
      'refollow: it goes on looking, backs out while that is possible, and else finishes. ' + ends,
      'You: see which step waits and why. `refollow abort <run>` backs out, or says why not any more.',
      lib.runway,
      'The commands to undo and to finish by hand are on the daemon\'s host in %s, one file per run.' % config.undoDirectory,
      'Type: `refollow runs`, then `refollow why ' + lib.follower + '`.',
    ]),
    'refollow-follower',
    lib.followerQuery,
  );

  [
    holding(
      'RefollowFollowerHeld', config.heldFor, 'warning', 'A run of refollow holds a follower for a long time.', 'Nothing needs to be approved again.'
    ),
    holding(
      'RefollowRepairStuck', config.stuckAfter, 'critical', 'A run of refollow does not end.', 'It has not ended by itself for two hours or longer.'
    ),

    lib.alert(
      'RefollowRepairFailed',
      'sum without (remedy) (increase(%s[%s])) > 0' % [
        lib.metric('refollow_runs_total', 'outcome=~"not_cured|cannot_tell"'),
        lib.time(config.lookBack),
      ],
      0,
      'critical',
      'event',
      'A repair has ended and its follower is not proven well.',
      std.join('\n', [
        'Within the last ' + lib.time(config.lookBack) + ' repairs ended as {{ $labels.outcome }}.',
        'What it is: {{ if eq $labels.outcome "not_cured" }}the follower was looked at after the repair and is not well{{ else }}the follower could not be looked at well enough to say that it is well{{ end }}.',
        'The data: see the run: before its PUT the old copy stands as it was; after it the follower holds what was copied so far.',
        'refollow: it does not try the same again by itself before the follower\'s pause between two recreates is over (`limits.recreates_per_follower`).' + lib.plans,
        'You: read the run\'s last steps, then decide.',
        'By when: the follower is not up to date until then; `refollow status` shows its runway. To buy time: `refollow extend-runway <cluster>/<follower> --to 36h`.',
        'Type: `refollow runs`, then `refollow why <cluster>/<follower>`, and for the whole story `refollow audit show --since 2h`.',
      ]),
      'refollow-repairs',
    ),

    lib.alert(
      'RefollowPlanAwaitingApproval',
      '%s > 0' % lib.metric('refollow_plans_pending'),
      config.planWaitsFor,
      'warning',
      'daemon',
      'Plans wait for a yes or a no.',
      std.join('\n', [
        '{{ $value }} plan(s) wait for a person for ' + lib.time(config.planWaitsFor) + ' or longer.',
        'What it is: refollow knows what would cure these followers and is not allowed to do it without a yes.',
        'The data: these followers stay as old as they are; each plan says what it would destroy.',
        'refollow: it does nothing until somebody answers; a plan whose facts change becomes void, and a new one takes its place.',
        'You: read each plan, and approve or reject it.',
        lib.found('refollow_plans_next_expiry_timestamp_seconds', [], 'By when: the first of them expires at ' + lib.instant + '.')
        + lib.found(
          'min(refollow_follower_runway_expiry_timestamp_seconds > time())',
          [],
          ' The shortest runway ends at ' + lib.instant + '; to buy time: `refollow extend-runway <cluster>/<follower> --to 36h`.'
        ),
        'Type: `refollow plans`, `refollow plan <cluster>/<follower>`, then `refollow approve <hash>` or `refollow reject <hash> --reason "…"`.',
      ]),
      'refollow-repairs',
    ),

    lib.alert(
      'RefollowPlanExpired',
      'increase(%s[%s]) > 0' % [lib.metric('refollow_plans_expired_total'), lib.time(config.lookBack)],
      0,
      'warning',
      'event',
      'A plan expired because nobody answered.',
      std.join('\n', [
        'Within the last ' + lib.time(config.lookBack) + ' a plan expired: nobody approved or rejected it within `approval.expires_after`, or it did not start in time.',
        'What it is: an answer that was asked for did not come.',
        'The data: the follower is as it was, and older.',
        'refollow: it has done nothing, and makes a new plan while the cause holds.' + lib.plans,
        'You: find out whom the question did not reach, and answer the new plan.',
        'By when: the new plan expires as the old one did. To buy time for the follower: `refollow extend-runway <cluster>/<follower> --to 36h`.',
        'Type: `refollow plans`, and for the old one `refollow audit show --since 24h`.',
      ]),
      'refollow-repairs',
    ),

    lib.alert(
      'RefollowBreakerOpen',
      '%s == 1' % lib.metric('refollow_breaker_open'),
      0,
      'critical',
      'daemon',
      'Too many followers are unhealthy at once: recreates ask, resumes go on slowly.',
      std.join('\n', [
        'The breaker over {{ if $labels.name }}remote `{{ $labels.name }}`{{ else }}everything{{ end }} is open.',
        'What it is: more followers are unhealthy at once than `limits.breaker` allows. That is seldom many faults, and often one.',
        'The data: nothing is lost by waiting before the first runway ends.',
        'refollow: it recreates nothing there without a yes given after the breaker opened; resumes go on one by one, then two, four, ….' + lib.plans,
        'You: find what they have in common before you approve anything.',
        lib.fleetRunway,
        'Type: `refollow status`; it begins with the incidents.',
      ]),
      'refollow-repairs',
    ),

    lib.alert(
      'RefollowBrakeSetTooLong',
      '%s == 1' % lib.metric('refollow_brake_engaged'),
      config.brakeFor,
      'warning',
      'daemon',
      'A brake has stopped repairs for hours.',
      std.join('\n', [
        'The brake `{{ $labels.scope }}{{ if $labels.name }}:{{ $labels.name }}{{ end }}` has held for ' + lib.time(config.brakeFor) + ' or longer.',
        'What it is: a person stopped repairs, or the file `brake-all` stands beside the state, or a brake could not be read and so counts as engaged.',
        'The data: what breaks in its scope stays broken.',
        'refollow: it looks, judges and tells, and changes nothing in that scope.',
        'You: ask whoever engaged it (`refollow status` shows who and why), and release it if it is no longer meant.',
        lib.fleetRunway,
        'Type: `refollow status`, then `refollow release {{ $labels.scope }}{{ if $labels.name }}:{{ $labels.name }}{{ end }}`. A brake by file: `rm /var/lib/refollow/brake-all`.',
      ]),
      'refollow-repairs',
    ),
  ]
