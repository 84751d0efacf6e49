import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listMetrics } from '../../../src/cli/metricsTable.js';
import { program } from '../../../src/cli/program.js';

const path = (relative: string): string => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
const read = (relative: string): string => readFileSync(path(relative), 'utf8');

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

const { groups } = parse(read('deploy/prometheus/rules/penstock.yml'), { merge: true }) as {
  groups: { rules: Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]));
const SECTIONS = ['## What it means', '## What to look at', '## What to do', '## The command'];

describe('alerts', () => {
  it.each(alerts)(
    '$alert says how urgent it is, what happens and where to read on',
    ({ alert, labels, annotations }) => {
      expect(alert).toMatch(/^Penstock[A-Z]/);
      expect(['page', 'ticket']).toContain(labels?.['severity']);
      expect(annotations?.['summary']).toBeTruthy();
      expect(annotations?.['description']).toBeTruthy();
      const runbook = annotations?.['runbook'] ?? '';
      expect(existsSync(path(runbook)), runbook).toBe(true);
      expect(read(runbook)).toContain(`\`${alert}\``);
    },
  );

  it('ask only for metrics that there are', () => {
    const known = new Set(
      listMetrics().flatMap(({ name, type }) =>
        type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => `${name}${part}`) : [name],
      ),
    );
    const asked = rules.flatMap(({ expr }) => expr.match(/\bpenstock_[a-z_]+/g) ?? []);
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  it('are tested both ways, each', () => {
    const { tests } = parse(read('deploy/prometheus/tests/penstock.yml')) as { tests: { name: string }[] };
    for (const { alert } of alerts) {
      const names = tests.map(({ name }) => name).filter((name) => name.startsWith(`${alert} `));
      expect(names.some((name) => name.includes(' fires'))).toBe(true);
      expect(names.some((name) => name.includes(' is quiet'))).toBe(true);
    }
  });

  it('that silence others, and are silenced, are alerts of ours', () => {
    const { inhibit_rules: inhibitions } = parse(read('deploy/alertmanager/alertmanager.yml'), { merge: true }) as {
      inhibit_rules: { source_matchers: string[]; target_matchers: string[] }[];
    };
    const named = inhibitions.flatMap(({ source_matchers: source, target_matchers: target }) =>
      [...source, ...target].flatMap((matcher) => matcher.match(/Penstock[A-Za-z]+/g) ?? []),
    );
    expect(named.length).toBeGreaterThan(10);
    const known = new Set(alerts.map(({ alert }) => alert));
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

/** What is wrong with words that somebody types after `penstock`, none of which is run. */
function wrongOf(words: readonly string[]): string[] {
  let command = program();
  let rest = [...words];
  while (command.commands.length > 0) {
    const [name = '', ...others] = rest;
    const next = command.commands.find((one) => one.name() === name);
    if (next === undefined) return [`${command.name()} has no ${name}`];
    [command, rest] = [next, others];
  }
  const { operands, unknown } = command.parseOptions(rest);
  const { registeredArguments: known, options } = command;
  return [
    ...unknown.map((word) => `unknown: ${word}`),
    ...known.slice(operands.length).flatMap((one) => (one.required ? [`missing: <${one.name()}>`] : [])),
    ...(known.at(-1)?.variadic ? [] : operands.slice(known.length).map((word) => `too many: ${word}`)),
    ...options
      .filter((one) => one.mandatory && command.getOptionValue(one.attributeName()) === undefined)
      .map(({ flags }) => `missing: ${flags}`),
  ];
}

describe('runbooks', () => {
  it('would be told of a command that there is not', () => {
    expect(wrongOf(['capacity', 'stop'])).toEqual(['capacity has no stop']);
    expect(wrongOf(['capacity', 'pause', '--wy'])).toEqual(['unknown: --wy', 'missing: --why <text>']);
    expect(wrongOf(['capacity', 'set'])).toEqual(['missing: <rate>']);
    expect(wrongOf(['capacity', 'set', '3', '4'])).toEqual(['too many: 4']);
  });

  it.each(readdirSync(path('docs/runbooks')))(
    '%s says what it means, what to look at, what to do and what to type',
    (name) => {
      const text = read(`docs/runbooks/${name}`);
      const places = SECTIONS.map((section) => text.indexOf(`\n${section}\n`));
      expect(places.every((place) => place > 0)).toBe(true);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      const [, command = ''] = /^## The command\n+```sh\nnpx penstock (.+)\n```$/m.exec(text) ?? [];
      const words = (command.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
      expect(wrongOf(words)).toEqual([]);
      const listed = /^Alerts: (.*)$/m.exec(text)?.[1]?.match(/Penstock[A-Za-z]+/g) ?? [];
      expect(listed.length).toBeGreaterThan(0);
      for (const alert of listed) {
        const runbooks = alerts.filter((one) => one.alert === alert).map(({ annotations }) => annotations?.['runbook']);
        expect(new Set(runbooks)).toEqual(new Set([`docs/runbooks/${name}`]));
      }
    },
  );
});
