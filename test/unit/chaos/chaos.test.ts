import { describe, expect, it } from 'vitest';
import { tablesOf } from '../../chaos/model.js';
import { planOf, type Input } from '../../chaos/plan.js';

describe('the plan of a chaos run', () => {
  const plan = planOf('1', { images: 500, seconds: 60 });

  it('is the same for the same seed, and another for another', () => {
    expect(planOf('1', { images: 500, seconds: 60 })).toEqual(plan);
    expect(planOf('2', { images: 500, seconds: 60 })).not.toEqual(plan);
  });

  it('delivers every input at least once, some more often, and not in their order', () => {
    const delivered = plan.deliveries.map(({ input }) => input.generation);
    expect(new Set(delivered).size).toBe(500);
    expect(delivered.length).toBeGreaterThan(600);
    expect(delivered).not.toEqual(delivered.toSorted((a, b) => Number(a) - Number(b)));
    expect(plan.deliveries.every(({ atMs }) => atMs >= 0 && atMs <= 60_000)).toBe(true);
  });

  it('names no image twice, and has faults of every kind, before the end', () => {
    const names = plan.inputs.map(({ object, generation }) => `${object}#${generation}`);
    expect(new Set(names).size).toBe(500);
    expect(new Set(plan.faults.map(({ fault }) => fault.kind))).toContain('kill');
    expect(plan.faults.length).toBeGreaterThan(6);
    expect(Math.max(...plan.faults.map(({ atMs }) => atMs))).toBeLessThan(60_000);
  });
});

it('the model counts each image once, in the hour of its upload, with the boxes of its picture', () => {
  const input = (object: string, kind: Input['kind'], hoursAgo: number, picture = 0): Input => ({
    ...{ object, kind, hoursAgo, picture, generation: '7' },
  });
  const inputs = [
    input('a.jpg', 'noop', 0),
    input('b.jpg', 'picture', 1, 1),
    input('c.jpg', 'picture', 1, 0),
    input('d.jpg', 'empty', 1),
    input('e.txt', 'text', 1),
  ];
  expect(tablesOf(inputs, [['circle'], ['circle', 'square', 'circle']], 7_300)).toEqual({
    images: ['a.jpg#7 detected', 'b.jpg#7 detected', 'c.jpg#7 detected', 'd.jpg#7 dead NOT_AN_IMAGE'],
    uploads: ['a.jpg#7', 'b.jpg#7', 'c.jpg#7'],
    detections: ['b.jpg circle', 'b.jpg circle', 'b.jpg square', 'c.jpg circle'],
    hourly: ['3600 3 1 4', '7200 1 0 0'],
    classes: ['3600 circle 2 3', '3600 square 1 1'],
  });
});
