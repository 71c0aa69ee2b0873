// The mixin: alerts, recording rules and dashboards of refollow, in the usual four fields.
(import 'config.libsonnet') + {
  local config = $._config,
  local lib = (import 'lib.libsonnet')(config),
  local dashboards = (import 'dashboards/dashboards.libsonnet')(config),

  prometheusAlerts:: {
    groups: [
      { name: 'refollow-causes', rules: (import 'alerts/causes.libsonnet')(config, lib) },
      { name: 'refollow-followers', rules: (import 'alerts/followers.libsonnet')(config, lib) },
      { name: 'refollow-repairs', rules: (import 'alerts/repairs.libsonnet')(config, lib) },
      { name: 'refollow-itself', rules: (import 'alerts/itself.libsonnet')(config, lib) },
    ],
  },
  prometheusRules:: {
    groups: [{ name: 'refollow-rules', rules: (import 'rules/rules.libsonnet')(config) }],
  },
  grafanaDashboards:: { [name + '.json']: dashboards[name] for name in std.objectFields(dashboards) },
}
