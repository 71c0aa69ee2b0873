// Every compiled file by its name; `scripts/monitoring` writes them, and a test compares. They are
// JSON, which is YAML too: jsonnet's own writer is quick, and its library's YAML writer is not.
local mixin = import 'mixin.libsonnet';
{
  'alerts.yaml': mixin.prometheusAlerts,
  'rules.yaml': mixin.prometheusRules,
} + {
  ['dashboards/' + name]: mixin.grafanaDashboards[name]
  for name in std.objectFields(mixin.grafanaDashboards)
}
