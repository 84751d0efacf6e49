import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { environmentSchema, loadConfig } from '../../../src/config/index.js';
import { createSenderCheck } from '../../../src/intake/sender.js';

/**
 * What can be held of deploy/gcp without Terraform. With it: `terraform validate` and `terraform test` in that folder.
 */
const DIR = fileURLToPath(new URL('../../../deploy/gcp/', import.meta.url));
const read = (file: string): string => readFileSync(join(DIR, file), 'utf8').replaceAll(/^\s*#.*$/gm, '');
const files = readdirSync(DIR).filter((name) => name.endsWith('.tf'));
const all = files.map(read).join('\n');

/** `NAME = expression` lines of the environments, and names of the values that come from a secret. */
const assigned = new Map(
  [...read('intake.tf').matchAll(/^\s*([A-Z][A-Z_]+)\s+= (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
);
const secrets = [...read('intake.tf').matchAll(/name = "([A-Z_]+)"/g)].map(([, name = '']) => name);

/** What a plan puts in place of an expression; a literal stands for itself. */
const PLANNED: Record<string, string> = {
  PENSTOCK_KAFKA_BROKERS: '10.0.0.2:9092,10.0.0.3:9092',
  PENSTOCK_KAFKA_SSL: 'true',
  PENSTOCK_KAFKA_PARTITIONS: '6',
  PENSTOCK_KAFKA_REPLICATION: '3',
  PENSTOCK_KAFKA_SASL_MECHANISM: 'scram-sha-512',
  PENSTOCK_KAFKA_USERNAME: 'penstock',
  PENSTOCK_KAFKA_PASSWORD: 'secret',
  PENSTOCK_INTAKE_OIDC_AUDIENCE: 'https://penstock-intake.my-project,https://penstock-intake-1.europe-west1.run.app',
  PENSTOCK_INTAKE_OIDC_EMAILS: 'penstock-sender@my-project.iam.gserviceaccount.com',
};

function environments(): Record<string, string>[] {
  const signatures = [...(assigned.get('PENSTOCK_INTAKE_OIDC_SIGNATURE') ?? '').matchAll(/"([^"]+)"/g)];
  expect(signatures).toHaveLength(2);
  return signatures.map(([, signature = '']) => {
    const literals = [...assigned].flatMap(([name, value]): [string, string][] => {
      const literal = /^"([^"]*)"$/.exec(value)?.[1];
      return literal === undefined ? [] : [[name, literal]];
    });
    return { ...Object.fromEntries(literals), ...PLANNED, PENSTOCK_INTAKE_OIDC_SIGNATURE: signature };
  });
}

describe('deploy/gcp', () => {
  test('names only variables that the program knows', () => {
    const names = [...all.matchAll(/PENSTOCK_[A-Z0-9_]*[A-Z0-9]/g)].map(([name]) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !Object.hasOwn(environmentSchema.shape, name))).toEqual([]);
  });

  test('gives intake an environment with which it starts on every address', () => {
    const planned = new Set([...assigned.keys(), ...secrets]);
    for (const environment of environments()) {
      expect(Object.keys(environment).filter((name) => !planned.has(name))).toEqual([]);
      const config = loadConfig(environment);
      expect(config.PENSTOCK_HTTP_HOST).toBe('0.0.0.0');
      expect(createSenderCheck(config)).toBeTypeOf('function');
      // The port of the container, of both probes, and that which Cloud Run expects.
      const ports = [...read('intake.tf').matchAll(/port\s+= (\d+)/g)].map(([, port]) => Number(port));
      expect(ports).toEqual([8080, 8080, 8080]);
      expect(config.PENSTOCK_HTTP_PORT).toBe(8080);
    }
  });

  test('has intake answered and stopped within the grace of Cloud Run, and before Pub/Sub sends again', () => {
    const [environment = {}] = environments();
    const config = loadConfig(environment);
    const ackDeadlineS = Number(/ack_deadline_seconds\s+= (\d+)/.exec(read('pubsub.tf'))?.[1]);
    expect(config.PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS).toBeLessThan(config.PENSTOCK_SHUTDOWN_MS);
    expect(config.PENSTOCK_SHUTDOWN_MS).toBeLessThan(10_000);
    expect(config.PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS).toBeLessThan(ackDeadlineS * 1000);
  });

  test('probes /healthz, which needs no Kafka, and posts where intake takes events', () => {
    expect([...all.matchAll(/path = "(\/[a-z]+)"/g)].map(([, path]) => path)).toEqual(['/healthz', '/healthz']);
    expect(all).toContain('/events/pubsub"');
    expect(all).toMatch(/path += "\/events\/gcs"/);
  });

  test('gives roles on resources, and on whole projects only the two that Eventarc needs', () => {
    const projectWide = [...all.matchAll(/resource "google_project_iam_member" "\w+" \{[^}]*role += "([^"]+)"/g)];
    expect(projectWide.map(([, role]) => role)).toEqual(['roles/eventarc.eventReceiver', 'roles/pubsub.publisher']);
    expect(all).not.toMatch(/google_project_iam_(binding|policy)|roles\/(owner|editor|storage\.admin)|allUsers/);
  });
});
