import { select } from '../system/pipeline.js';
import type { Tables } from './model.js';

/** What the tables say of a bucket, as the model writes it. */
export async function readTables(bucket: string): Promise<Tables> {
  const of = `WHERE bucket = '${bucket}'`;
  const lines = async (sql: string): Promise<string[]> =>
    (await select<{ line: string }>(sql)).map(({ line }) => line).sort();
  const name = "concat(object, '#', toString(generation))";
  return {
    images: await lines(
      `SELECT concat(${name}, ' ', toString(status), if(reason = '', '', concat(' ', reason))) AS line FROM images ${of}`,
    ),
    uploads: await lines(`SELECT ${name} AS line FROM uploads ${of}`),
    detections: await lines(`SELECT concat(object, ' ', class) AS line FROM detections ${of}`),
    hourly: await lines(
      `SELECT concat(toString(toUnixTimestamp(hour)), ' ', toString(sum(images)), ' ', toString(sum(dead)), ' ', toString(sum(detections))) AS line
       FROM images_hourly ${of} GROUP BY hour`,
    ),
    classes: await lines(
      `SELECT concat(toString(toUnixTimestamp(hour)), ' ', class, ' ', toString(sum(images)), ' ', toString(sum(detections))) AS line
       FROM detections_hourly ${of} GROUP BY hour, class`,
    ),
  };
}
