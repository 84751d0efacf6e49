import type { Detection } from '../../domain/index.js';
import { tensorText, type TensorInfo } from '../../inference/index.js';
import { createTable } from '../table.js';
import type { CheckReport } from './check.js';

/** What a check found, for a person. */
export function reportText(report: CheckReport): string {
  const facts = createTable();
  for (const fact of [...modelFacts(report), ...runFacts(report)]) facts.push(fact);
  const parts = report.model === null ? [] : [facts.toString()];
  if (report.run) parts.push(detectionTable(report.run.detections));
  if (!report.ok) parts.push('This model can not be used:', ...report.problems.map((problem) => `  ${problem}`));
  return parts.join('\n');
}

type Fact = [name: string, value: string];

function modelFacts({ model, onnx, batch, provider }: CheckReport): Fact[] {
  if (model === null) return [];
  const { layout, color, resize } = model.input;
  const tensors = (name: string, infos: readonly TensorInfo[] = []): Fact[] =>
    infos.map((info): Fact => [name, `${info.name} ${tensorText(info)}`]);
  return [
    ['model', model.id],
    ['licence', model.license],
    ['ONNX file', model.file ?? 'none'],
    ...tensors('input', onnx?.inputs),
    ...tensors('output', onnx?.outputs),
    ...(batch === null ? [] : [['batch', batchText(batch)] satisfies Fact]),
    ['pictures', `${layout}, ${color}, ${resize}`],
    ['decoder', model.output.decoder],
    ['classes', String(model.classes)],
    ['provider', provider],
  ];
}

function batchText(batch: number | 'dynamic'): string {
  return batch === 'dynamic' ? 'dynamic' : `fixed: ${batch} a run`;
}

function runFacts({ run }: CheckReport): Fact[] {
  if (run === null) return [];
  return [
    ['picture', `${run.picture}, ${run.width} x ${run.height}`],
    ['prepare', `${run.prepareMs.toFixed(1)} ms`],
    ['model run', `${run.modelMs.toFixed(1)} ms`],
    ['drawn in', run.out],
  ];
}

function detectionTable(detections: readonly Detection[]): string {
  if (detections.length === 0) return 'It finds nothing in this picture.';
  const table = createTable(['class', 'score', 'xMin', 'yMin', 'xMax', 'yMax']);
  for (const { class: name, score, xMin, yMin, xMax, yMax } of detections)
    table.push([name, score.toFixed(3), ...[xMin, yMin, xMax, yMax].map((pixels) => pixels.toFixed(1))]);
  return table.toString();
}
