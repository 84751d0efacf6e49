// The dashboards. Queries of Penstock's own metrics begin with `penstock_`, others with the name of who tells them.
import { datasets } from './datasetsBoard.mjs';
import { dashboard, lines, percentiles, stat } from './panels.mjs';

const BACKLOG =
  'sum by (topic) (max by (topic, partition) (penstock_stream_lag_records{group=~"penstock[.]dispatcher[.].+"}))';
const OK = (warn, bad) => [
  [0, 'green'],
  [warn, 'orange'],
  [bad, 'red'],
];

const overview = dashboard('overview', 'Overview', 'Arrivals, the cap, what waits, and whether anything is missing.', {
  Now: [
    stat('Arrivals', 'Accepted uploads', 'cps', 'sum(rate(penstock_intake_events_total{outcome="accepted"}[5m]))'),
    stat(
      'Detections',
      'Images with an outcome',
      'cps',
      'sum(rate(penstock_detector_images_total{outcome=~"detected|dead"}[5m]))',
    ),
    stat(
      'Cap',
      'What the detectors may infer together',
      'cps',
      'sum(max by (model) (penstock_capacity_cap_images_per_second))',
    ),
    stat('Waiting in Kafka', 'Images whose batch is not started', 'short', `sum(${BACKLOG})`),
    stat('Oldest waits', 'Since its upload, or its receipt', 's', 'max(penstock_dispatcher_queue_age_seconds)', {
      steps: OK(3_600, 14_400),
    }),
    stat('Missing', 'By the last audit', 'short', 'sum(max by (bucket, kind) (penstock_audit_missing_images))', {
      steps: [
        [0, 'green'],
        [1, 'red'],
      ],
    }),
  ],
  Flow: [
    lines('Arrivals, cap and detections', 'A surge raises the first and leaves the last at the cap.', 'cps', {
      arrivals: 'sum(rate(penstock_intake_events_total{outcome="accepted"}[$__rate_interval]))',
      cap: 'sum(max by (model) (penstock_capacity_cap_images_per_second))',
      detections: 'sum(rate(penstock_detector_images_total{outcome=~"detected|dead"}[$__rate_interval]))',
      stored: 'sum(rate(penstock_sink_rows_total{table="image_results"}[$__rate_interval]))',
    }),
    lines('Backlog', 'Records in Kafka whose batch is not started, by lane.', 'short', { '{{topic}}': BACKLOG }),
    lines(
      'Age of the queues',
      'Since when the oldest image waits: its upload, or its receipt where that is later.',
      's',
      {
        '{{lane}}': 'max by (lane) (penstock_dispatcher_queue_age_seconds)',
      },
    ),
    lines(
      'Wait for inference',
      'Of images that were detected, from their upload, or their receipt where that is later.',
      's',
      percentiles('penstock_detector_wait_seconds', 'queue'),
    ),
  ],
  Trouble: [
    lines('What intake does with events', 'All outcomes but accepted.', 'cps', {
      '{{outcome}}': 'sum by (outcome) (rate(penstock_intake_events_total{outcome!="accepted"}[$__rate_interval])) > 0',
    }),
    lines('Dead images', 'By reason code.', 'cps', {
      '{{reason}}': 'sum by (reason) (rate(penstock_detector_dead_images_total[$__rate_interval])) > 0',
    }),
    lines('Open breakers', 'Buckets whose images are held back.', 'short', {
      '{{bucket}} {{model}} {{reason}}': 'max by (bucket, model, reason) (penstock_breaker_open)',
    }),
    lines('Processes', 'Roles that Prometheus reaches.', 'short', {
      '{{role}}': 'count by (role) (penstock_build_info)',
    }),
  ],
});

const detector = dashboard('detector', 'Detector and GPU', 'Whether the model is busy, and what it waits for.', {
  Detectors: [
    lines('Images by outcome', 'Outcomes of the engine.', 'cps', {
      '{{outcome}}': 'sum by (outcome) (rate(penstock_detector_images_total[$__rate_interval]))',
    }),
    lines('Share of the cap', 'Rate that each pacer goes by; without a limit it is not shown.', 'cps', {
      '{{instance}}': 'penstock_detector_rate_images_per_second < +Inf',
    }),
    lines(
      'Model at work',
      'Share of the time that model runs took, by detector. Above 1 with several child processes.',
      'percentunit',
      {
        '{{instance}}': 'rate(penstock_detector_model_seconds_total[$__rate_interval])',
      },
    ),
    lines('Fill of model runs', 'Images in a run, of those that it could have held.', 'percentunit', {
      '{{instance}}':
        'rate(penstock_detector_run_images_sum[$__rate_interval]) / rate(penstock_detector_run_places_total[$__rate_interval])',
    }),
    lines('Slots', 'Batches that are worked on, and the most there may be.', 'short', {
      used: 'sum(temporal_worker_task_slots_used{worker_type="ActivityWorker",role=~"detector|"})',
      slots: 'sum(penstock_detector_slots)',
    }),
    lines('Starved', 'How long prepared images have waited for the pacer without one being granted.', 's', {
      '{{instance}}': 'penstock_detector_starved_seconds',
    }),
    lines('Child processes that died', 'By detector, in five minutes.', 'short', {
      '{{instance}}': 'increase(penstock_detector_child_deaths_total[5m])',
    }),
    lines(
      'Memory',
      "Resident, of the process that holds Temporal and Kafka; its child processes are the container's.",
      'bytes',
      {
        '{{instance}}': 'process_resident_memory_bytes{role="detector"}',
      },
    ),
  ],
  'GPU (NVIDIA DCGM exporter)': [
    lines('GPU busy', 'Share of time that a kernel ran.', 'percent', { 'GPU {{gpu}}': 'DCGM_FI_DEV_GPU_UTIL' }),
    lines('GPU memory', 'Used framebuffer.', 'decmbytes', { 'GPU {{gpu}}': 'DCGM_FI_DEV_FB_USED' }),
    lines('Power', 'Drawn by the board.', 'watt', { 'GPU {{gpu}}': 'DCGM_FI_DEV_POWER_USAGE' }),
    lines('Images per joule', 'Detections of the fleet by the power that its GPUs draw.', 'short', {
      images:
        'sum(rate(penstock_detector_images_total{outcome="detected"}[$__rate_interval])) / sum(DCGM_FI_DEV_POWER_USAGE)',
    }),
  ],
});

const kafka = dashboard('kafka', 'Kafka', 'What waits, for whom, and whether somebody deletes what nobody has read.', {
  Groups: [
    lines('Lag by group', 'Records that a group has not finished.', 'short', {
      '{{group}}': 'sum by (group) (max by (group, topic, partition) (penstock_stream_lag_records))',
    }),
    lines('Largest partition', 'One partition far above the others: a hot key, or one that is stopped.', 'short', {
      '{{group}} {{topic}}': 'max by (group, topic) (penstock_stream_lag_records)',
    }),
    lines('Records that became batches', 'By lane.', 'cps', {
      '{{lane}}': 'sum by (lane) (rate(penstock_dispatcher_records_total[$__rate_interval]))',
    }),
    lines(
      'Intake: from the batch to the acknowledgement',
      'Produce requests of intake.',
      's',
      percentiles('penstock_intake_produce_seconds'),
    ),
  ],
  Exactness: [
    lines('Records that are gone unread', 'Always 0. Anything else stops a partition.', 'short', {
      '{{topic}}': 'sum by (topic) (penstock_stream_missing_records_total)',
    }),
    lines(
      'Retention put back',
      'Times that a topic had a setting by which the broker deletes what nobody has read.',
      'short',
      {
        '{{topic}}': 'sum by (topic) (penstock_stream_wrong_retention_total)',
      },
    ),
    lines('Disk of the broker', 'Where intake can see it.', 'percentunit', {
      used: 'max(penstock_intake_disk_used_ratio)',
    }),
  ],
});

const temporal = dashboard('temporal', 'Temporal', 'Open batches, slots, and what the server does for an image.', {
  Batches: [
    lines('Open batches', 'Of the window, by lane.', 'short', {
      '{{lane}}': 'sum by (lane) (penstock_dispatcher_open_batches)',
      window: 'max(penstock_capacity_window_places)',
    }),
    lines('Batches started', 'By lane, and whether they were started before.', 'cps', {
      '{{lane}} {{outcome}}': 'sum by (lane, outcome) (rate(penstock_dispatcher_batches_total[$__rate_interval]))',
    }),
    lines('Workflows that end', 'By type.', 'cps', {
      '{{workflow_type}} completed':
        'sum by (workflow_type) (rate(temporal_workflow_completed_total[$__rate_interval]))',
      '{{workflow_type}} failed': 'sum by (workflow_type) (rate(temporal_workflow_failed_total[$__rate_interval]))',
    }),
    lines('Images in a batch', 'The larger they are, the less an image costs.', 'short', {
      '{{lane}}':
        'sum by (lane) (rate(penstock_dispatcher_batch_images_sum[$__rate_interval])) / sum by (lane) (rate(penstock_dispatcher_batch_images_count[$__rate_interval]))',
    }),
  ],
  Workers: [
    lines('Slots used', 'By queue and kind of task.', 'short', {
      '{{task_queue}} {{worker_type}}': 'sum by (task_queue, worker_type) (temporal_worker_task_slots_used)',
    }),
    lines('Pollers', 'A detector that stands by polls nothing.', 'short', {
      '{{task_queue}} {{poller_type}}': 'sum by (task_queue, poller_type) (temporal_num_pollers)',
    }),
    lines('Activity failures', 'By type.', 'cps', {
      '{{activity_type}}': 'sum by (activity_type) (rate(temporal_activity_execution_failed_total[$__rate_interval]))',
    }),
    lines('Requests to the server', 'By operation.', 'cps', {
      '{{operation}}': 'sum by (operation) (rate(temporal_request_total[$__rate_interval]))',
    }),
  ],
});

const clickhouse = dashboard('clickhouse', 'ClickHouse', 'The sink, parts, disks and rollups.', {
  Sink: [
    lines('Rows stored', 'By table.', 'cps', {
      '{{table}}': 'sum by (table) (rate(penstock_sink_rows_total[$__rate_interval]))',
    }),
    lines('Rows of an insert', 'Mean. Large ones are cheap; after a pause an insert goes at once.', 'short', {
      '{{table}}':
        'sum by (table) (rate(penstock_sink_block_rows_sum[$__rate_interval])) / sum by (table) (rate(penstock_sink_block_rows_count[$__rate_interval]))',
    }),
    lines('Duration of an insert', '', 's', percentiles('penstock_sink_insert_seconds', 'table')),
    lines(
      'From Kafka to a row',
      'How long the oldest record of an insert has waited.',
      's',
      percentiles('penstock_sink_delay_seconds', 'table'),
    ),
    lines('Inserts that failed', 'Unavailable and refused ones are repeated; of data, rows are set apart.', 'cps', {
      '{{kind}}': 'sum by (kind) (rate(penstock_sink_insert_errors_total[$__rate_interval]))',
    }),
    lines('Records set apart', 'By reason code.', 'cps', {
      '{{reason}}': 'sum by (reason) (rate(penstock_sink_refused_total[$__rate_interval])) > 0',
    }),
  ],
  Server: [
    lines('Parts', 'Most of one partition. Inserts are slowed down at 1,000, and refused at 3,000.', 'short', {
      '{{table}}': 'max by (table) (penstock_clickhouse_parts)',
    }),
    lines('Disks', 'Used share.', 'percentunit', {
      '{{disk}}': 'max by (disk) (1 - penstock_clickhouse_disk_free_bytes / penstock_clickhouse_disk_size_bytes)',
    }),
    lines('Rollups behind', 'Up to five minutes while nothing comes.', 's', {
      behind: 'time() - max(penstock_rollup_watermark_timestamp_seconds)',
    }),
    lines('Queries', "By ClickHouse's own endpoint.", 'cps', {
      selects: 'sum(rate(ClickHouseProfileEvents_SelectQuery[$__rate_interval]))',
      inserts: 'sum(rate(ClickHouseProfileEvents_InsertQuery[$__rate_interval]))',
      failed: 'sum(rate(ClickHouseProfileEvents_FailedQuery[$__rate_interval]))',
    }),
  ],
});

const cost = dashboard('cost', 'Cost', 'What a day costs, and what the money buys.', {
  Budget: [
    stat('Used today', 'Images of the day of the budget', 'short', 'max(penstock_budget_used_images)'),
    stat('Left today', 'Images; no value without a ceiling', 'short', 'max(penstock_budget_left_images)'),
    stat(
      'Spent today',
      'In the currency of the budget; no value without a price',
      'none',
      'max(penstock_budget_spent)',
      { decimals: 2 },
    ),
    stat('Exhausted', '1: images wait for the next day', 'short', 'max(penstock_budget_exhausted)', {
      steps: [
        [0, 'green'],
        [1, 'red'],
      ],
    }),
    stat('Detectors serving', 'With a share of the cap', 'short', 'sum(penstock_capacity_detectors{state="serving"})'),
    stat(
      'Standing by',
      'Beyond the plan: they cost, and infer nothing',
      'short',
      'sum(penstock_capacity_detectors{state="standby"})',
      {
        steps: [
          [0, 'green'],
          [1, 'orange'],
        ],
      },
    ),
  ],
  'What the money buys': [
    lines(
      'Use of the cap',
      'Detections by what may be inferred: low with a backlog is money lost, low without one is too many detectors.',
      'percentunit',
      {
        use: 'sum(rate(penstock_detector_images_total{outcome="detected"}[$__rate_interval])) / sum(max by (model) (penstock_capacity_cap_images_per_second))',
      },
    ),
    lines('Money for a million images', 'Of the day so far.', 'none', {
      money: '1e6 * max(penstock_budget_spent) / (max(penstock_budget_used_images) > 0)',
    }),
    lines('Processor time for an image', 'Of all roles together, without their child processes.', 's', {
      seconds:
        'sum(rate(process_cpu_seconds_total{role!=""}[$__rate_interval])) / (sum(rate(penstock_detector_images_total{outcome="detected"}[$__rate_interval])) > 0)',
    }),
    lines(
      'Growth of ClickHouse',
      'Used bytes a day, at the rate of the last hours.',
      'bytes',
      {
        '{{disk}}':
          'max by (disk) (86400 * deriv((penstock_clickhouse_disk_size_bytes - penstock_clickhouse_disk_free_bytes)[6h:5m]))',
      },
      { min: null },
    ),
  ],
});

export const BOARDS = { overview, detector, kafka, temporal, clickhouse, cost, datasets };
