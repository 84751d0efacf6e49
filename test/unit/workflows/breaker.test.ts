import { describe, expect, it, vi } from 'vitest';
import { BREAKER_QUERY, type BreakerState } from '../../../src/domain/index.js';
import { breaker } from '../../../src/workflows/breaker.js';

const workflow = vi.hoisted(() => ({ handlers: new Map<string, (value?: unknown) => unknown>(), refused: 0 }));

vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  condition: () => new Promise(() => undefined),
  log: { error: () => (workflow.refused += 1) },
  setCurrentDetails: () => undefined,
  setHandler: ({ name }: { name: string }, handler: (value?: unknown) => unknown) =>
    workflow.handlers.set(name, handler),
}));

describe('the workflow of the breakers', () => {
  it('leaves signals out that can not be used, and goes on: thrown, they would be tried again for ever', () => {
    void breaker({ settings: { minImages: 20, probeMs: 1_000, maxProbeMs: 8_000 }, open: [], seen: [] });
    const send = (signal: string, value: unknown): unknown => workflow.handlers.get(signal)?.(value);
    for (const value of [
      undefined,
      'open',
      { bucket: 'b', model: 'm', open: true },
      { bucket: 'b', open: true, why: '' },
    ])
      send('decide', value);
    send('evidence', { bucket: 'b' });
    send('probed', null);
    expect(workflow.refused).toBe(6);
    send('decide', { bucket: 'uploads', model: 'shapes', open: true, why: 'ana' });
    const { open } = workflow.handlers.get(BREAKER_QUERY)?.() as BreakerState;
    expect(open.map(({ bucket }) => bucket)).toEqual(['uploads']);
  });
});
