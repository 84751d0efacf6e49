// The baseline of the path: what a person would write with kafkajs alone. Reads events, "detects", sends results, lets the
// client commit. No retries of an image, no cap, no state that outlives it, nobody to ask where a picture is.
import kafkajs from 'kafkajs';

const { kafka, events, results } = JSON.parse(process.argv[2]);
const client = new kafkajs.Kafka({ brokers: [kafka], logLevel: kafkajs.logLevel.NOTHING });
const producer = client.producer({ idempotent: false });
const consumer = client.consumer({ groupId: 'bench-plain', sessionTimeout: 6_000 });
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: events, fromBeginning: true });
await consumer.run({
  autoCommitInterval: 1_000,
  eachBatch: async ({ batch }) => {
    const messages = batch.messages.map(({ key, value }) => ({
      key,
      value: JSON.stringify(detect(JSON.parse(value))),
    }));
    // A result is larger than its event: all that one fetch brings may be more than a broker takes at once.
    for (let from = 0; from < messages.length; from += 1_000)
      await producer.send({ topic: results, messages: messages.slice(from, from + 1_000), acks: -1 });
  },
});
process.send({ ready: true });

function detect({ bucket, object, generation, uploadedAtMs, receivedAtMs }) {
  return {
    ...{ v: 1, bucket, object, generation, model: 'noop@plain', status: 'detected', width: 1, height: 1 },
    ...{ detections: [], uploadedAtMs, receivedAtMs, detectedAtMs: Date.now(), attempts: 1, workflowId: '', runId: '' },
  };
}
