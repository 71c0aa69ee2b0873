// Grafana panels in the few forms that are used here, and a dashboard that lays them out: each row a
// list of panels, each with its width in 24ths.
function(config) {
  local datasource = { type: 'prometheus', uid: '${datasource}' },
  local target(expr, legend, id) = {
    refId: id,
    datasource: datasource,
    expr: expr,
    legendFormat: legend,
  },
  local targets(list) = [
    target(list[i][0], list[i][1], std.char(std.codepoint('A') + i))
    for i in std.range(0, std.length(list) - 1)
  ],
  local base(title, description, list) = {
    title: title,
    description: description,
    datasource: datasource,
    targets: targets(list),
  },

  // Lines over time.
  lines(title, description, list, unit='short', stack=false):: base(title, description, list) {
    type: 'timeseries',
    fieldConfig: {
      defaults: {
        unit: unit,
        min: 0,
        custom: {
          lineWidth: 1,
          fillOpacity: if stack then 30 else 0,
          showPoints: 'never',
          stacking: { mode: if stack then 'normal' else 'none', group: 'A' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  },

  // One number, red from `red` on.
  number(title, description, expr, unit='short', red=1):: base(title, description, [[expr, '']]) {
    type: 'stat',
    fieldConfig: {
      defaults: {
        unit: unit,
        thresholds: {
          mode: 'absolute',
          steps: [{ color: 'green', value: null }] + (if red == null then [] else [{ color: 'red', value: red }]),
        },
      },
      overrides: [],
    },
    options: {
      colorMode: 'value',
      graphMode: 'none',
      justifyMode: 'auto',
      orientation: 'auto',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      textMode: 'auto',
    },
  },

  // What is true now, a row for each series.
  table(title, description, list, unit='short', hide=[]):: base(title, description, list) {
    targets: [one { format: 'table', instant: true } for one in super.targets],
    type: 'table',
    fieldConfig: { defaults: { unit: unit, custom: { align: 'auto' } }, overrides: [] },
    options: { showHeader: true, footer: { show: false } },
    transformations: [
      {
        id: 'organize',
        options: { excludeByName: { [name]: true for name in ['Time', '__name__', 'job', 'instance'] + hide }, indexByName: {}, renameByName: {} },
      },
    ],
  },

  // Which of several holds, over time.
  bands(title, description, list):: base(title, description, list) {
    type: 'state-timeline',
    fieldConfig: {
      defaults: {
        custom: { lineWidth: 0, fillOpacity: 80 },
        thresholds: { mode: 'absolute', steps: [{ color: 'transparent', value: null }, { color: 'blue', value: 1 }] },
        color: { mode: 'thresholds' },
      },
      overrides: [],
    },
    options: { mergeValues: true, showValue: 'never', alignValue: 'left', rowHeight: 0.9, legend: { displayMode: 'list', placement: 'bottom', showLegend: false } },
  },

  local variable(name, label, query) = {
    name: name,
    label: label,
    type: 'query',
    datasource: datasource,
    query: { query: query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: false,
    includeAll: true,
    allValue: '.*',
    current: { selected: true, text: 'All', value: '$__all' },
    options: [],
    hide: 0,
    regex: '',
    skipUrlSync: false,
  },
  cluster:: variable('es_cluster', 'Cluster', 'label_values(refollow_cluster_up{%s}, es_cluster)' % config.selector),
  remote:: variable('remote_cluster', 'Remote', 'label_values(refollow_follower_cause{%s,es_cluster=~"$es_cluster"}, remote_cluster)' % config.selector),
  follower:: variable('follower_index', 'Follower', 'label_values(refollow_follower_cause{%s,es_cluster=~"$es_cluster"}, follower_index)' % config.selector),

  // Rows are placed one under the other; within one, panels stand side by side.
  dashboard(uid, title, description, variables, rows, from='now-6h')::
    local heights = [std.foldl(std.max, [panel.h for panel in row], 0) for row in rows];
    local top(i) = std.foldl(function(sum, j) sum + heights[j], std.range(0, i - 1), 0);
    local left(row, j) = std.foldl(function(sum, k) sum + row[k].w, std.range(0, j - 1), 0);
    local before(i) = std.foldl(function(sum, j) sum + std.length(rows[j]), std.range(0, i - 1), 0);
    {
      uid: uid,
      title: title,
      description: description,
      tags: config.dashboardTags,
      schemaVersion: 38,
      version: 1,
      editable: false,
      graphTooltip: 1,
      timezone: 'utc',
      refresh: '30s',
      time: { from: from, to: 'now' },
      timepicker: {},
      fiscalYearStartMonth: 0,
      liveNow: false,
      weekStart: '',
      style: 'dark',
      annotations: { list: [] },
      links: [{
        title: 'refollow',
        type: 'dashboards',
        asDropdown: true,
        tags: ['refollow'],
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        icon: 'external link',
        tooltip: '',
        url: '',
      }],
      templating: {
        list: [{
          name: 'datasource',
          label: 'Data source',
          type: 'datasource',
          query: 'prometheus',
          current: {},
          hide: 0,
          includeAll: false,
          multi: false,
          options: [],
          refresh: 1,
          regex: '',
          skipUrlSync: false,
        }] + variables,
      },
      panels: [
        rows[i][j].panel {
          id: before(i) + j + 1,
          gridPos: { x: left(rows[i], j), y: top(i), w: rows[i][j].w, h: rows[i][j].h },
        }
        for i in std.range(0, std.length(rows) - 1)
        for j in std.range(0, std.length(rows[i]) - 1)
      ],
    },
  at(w, h, panel):: { w: w, h: h, panel: panel },
}
