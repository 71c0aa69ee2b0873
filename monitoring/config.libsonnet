// What a site may want otherwise. Everything here can be overridden:
//   (import 'mixin.libsonnet') + { _config+:: { selector: 'job="ccr"' } }
{
  _config+:: {
    // Which series are refollow's; also what `up` is watched by.
    selector: 'job="refollow"',
    // Where runbooks and dashboards are found. %s: the alert's name, the dashboard's uid. Set both: the
    // defaults are true on the daemon's host alone, where the package puts the runbooks and a Grafana of
    // its own listens.
    runbookUrl: 'file:///usr/share/doc/refollow/runbooks/%s.md',
    dashboardUrl: 'http://localhost:3000/d/%s',
    dashboardTags: ['refollow', 'elasticsearch', 'ccr'],
    // `daemon.undo_directory` of the daemon: the message of a dead daemon names it.
    undoDirectory: '/var/lib/refollow/undo/',

    // Every length of time below is in seconds and is multiplied by this: 1 in earnest, a small
    // part of it in the end-to-end test, which has no hours.
    patience: 1,
    // Held over a restart of the daemon, whose series are gone for as long. `null` for a Prometheus
    // before 2.42, which does not know `keep_firing_for`.
    keepFiring: 300,

    // How long a cause stands before somebody is told.
    personAfter: 300,  // only a person can help
    repairAfter: 900,  // refollow may be repairing it
    waitAfter: 3600,  // it may heal by itself: the contract's hour

    // The leader keeps history for 12 h after the last renewal by default: half of it is used up,
    // and four fifths.
    runwayLow: 21600,
    runwayCritical: 8640,
    lagGrowingFrom: 5120,  // operations; where the state `catching_up` begins
    lagGrowingFor: 1800,
    lagHigh: 1000000,  // operations
    lagHighFor: 1800,
    pausedFor: 3600,
    fatalFor: 3600,
    planWaitsFor: 900,
    heldFor: 900,
    stuckAfter: 7200,
    brakeFor: 14400,
    incidentFor: 300,
    clusterDownFor: 300,
    sparedFor: 900,
    staleAfter: 600,
    downFor: 300,
    downDuringRepairFor: 60,
    // How far back the last word of a daemon that is gone is searched.
    remembered: 86400,
    lookBack: 3600,
    reloadFor: 600,
    notifyFor: 600,  // longer than a receiver that restarts
    drillEvery: 3024000,  // 35 days
  },
}
