// One way to make dashboards: the same source, units, legends and sizes everywhere.
import {
  LegendDisplayMode,
  LegendPlacement,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

const SOURCE = { type: 'prometheus', uid: '${source}' };

/**
 * A dashboard of rows: `{ 'Title of a row': [panel, …] }`. Grafana's picker of a data source chooses the Prometheus.
 */
export function dashboard(name, title, description, rows) {
  const builder = new DashboardBuilder(`Penstock / ${title}`)
    .uid(`penstock-${name}`)
    .description(description)
    .tags(['penstock'])
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(
      new DashboardLinkBuilder('Penstock')
        .type(DashboardLinkType.Dashboards)
        .tags(['penstock'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('source').label('Prometheus').type('prometheus'));
  for (const [row, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(row));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder.build();
}

/** One number, now. `steps` colours it: `[[0, 'green'], [10, 'red']]`. */
export function stat(title, description, unit, expr, { steps = [], span = 4, decimals } = {}) {
  const panel = new StatBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .span(span)
    .height(4)
    .withTarget(new DataqueryBuilder().expr(expr).instant().refId('A'));
  if (decimals !== undefined) panel.decimals(decimals);
  if (steps.length > 0) panel.thresholds(thresholds(steps));
  return panel;
}

/** Lines over time. `lines`: legend to query; `{{label}}` in a legend is replaced by the label's value. */
export function lines(title, description, unit, queries, { span = 12, steps = [], min = 0 } = {}) {
  const panel = new TimeseriesBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .span(span)
    .height(8)
    .fillOpacity(8)
    .lineWidth(2)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
  if (min !== null) panel.min(min);
  if (steps.length > 0) panel.thresholds(thresholds(steps));
  for (const [index, [legend, expr]] of Object.entries(queries).entries()) {
    panel.withTarget(
      new DataqueryBuilder()
        .expr(expr)
        .legendFormat(legend)
        .range()
        .refId(String.fromCharCode(65 + index)),
    );
  }
  return panel;
}

function thresholds(steps) {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(steps.map(([value, color], index) => ({ value: index === 0 ? null : value, color })));
}

/** The 50th, 95th and 99th percentile of a histogram, as `lines` takes them. */
export function percentiles(histogram, by = '') {
  const legend = by === '' ? '' : ` {{${by}}}`;
  const group = by === '' ? 'le' : `le, ${by}`;
  return Object.fromEntries(
    [0.5, 0.95, 0.99].map((share) => [
      `p${share * 100}${legend}`,
      `histogram_quantile(${share}, sum by (${group}) (rate(${histogram}_bucket[$__rate_interval])))`,
    ]),
  );
}
