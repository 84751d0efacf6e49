// The dashboard of datasets.
import { dashboard, lines } from './panels.mjs';

export const datasets = dashboard('datasets', 'Datasets', 'Whether they arrive, and what of them is set aside.', {
  Runs: [
    lines('Since the last good run', 'Published, or nothing new. By dataset.', 's', {
      '{{dataset}}': 'time() - max by (dataset) (penstock_dataset_good_timestamp_seconds)',
    }),
    lines('Failed runs since then', 'Above 0 somebody has to look: the runs say why.', 'short', {
      '{{dataset}}': 'max by (dataset) (penstock_dataset_failed_runs)',
    }),
    lines('Rows of the last run', 'That landed, or were there already.', 'short', {
      '{{dataset}}': 'sum by (dataset) (max by (dataset, outcome) (penstock_dataset_rows{outcome!="quarantined"}))',
    }),
    lines('Share that was set aside', 'Of the rows of the last published run.', 'percentunit', {
      '{{dataset}}':
        'max by (dataset) (penstock_dataset_rows{outcome="quarantined"}) / (sum by (dataset) (max by (dataset, outcome) (penstock_dataset_rows)) > 0)',
    }),
  ],
  Ingesters: [
    lines('Runs that end', 'By what became of them.', 'cps', {
      published: 'sum(rate(temporal_workflow_completed_total{workflow_type="ingestDataset"}[$__rate_interval]))',
      failed: 'sum(rate(temporal_workflow_failed_total{workflow_type="ingestDataset"}[$__rate_interval]))',
    }),
    lines('Steps at work', 'Slots that are used, of all ingesters.', 'short', {
      used: 'sum(temporal_worker_task_slots_used{worker_type="ActivityWorker",task_queue="penstock-datasets"})',
    }),
    lines('Memory', 'Resident, with the embedded DuckDB.', 'bytes', {
      '{{instance}}': 'process_resident_memory_bytes{role="ingester"}',
    }),
    lines('Uploads that no dataset was told of yet', 'Records of penstock.other-uploads.', 'short', {
      waiting: 'sum(max by (topic, partition) (penstock_stream_lag_records{group="penstock.ingester"}))',
    }),
  ],
});
