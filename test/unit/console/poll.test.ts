import { expect, test } from 'vitest';
import { createPoll } from '../../../src/console/page/poll.js';

interface Asked {
  answer: (text: string) => void;
  fail: (error: Error) => void;
}

function start() {
  const asked: Asked[] = [];
  const told: string[] = [];
  const poll = createPoll(
    () => new Promise<string>((resolve, reject) => asked.push({ answer: resolve, fail: reject })),
    { answered: (text) => told.push(text), failed: (error) => told.push(`failed: ${String(error)}`) },
  );
  return { asked, told, poll };
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test('an answer that takes longer than the time between two ticks is told, and nothing is asked beside it', async () => {
  const { asked, told, poll } = start();
  poll.now();
  poll.tick();
  poll.tick();
  expect(asked).toHaveLength(1);
  asked[0]?.answer('late');
  await settled();
  expect(told).toEqual(['late']);
  poll.tick();
  expect(asked).toHaveLength(2);
  asked[1]?.fail(new Error('away'));
  await settled();
  poll.tick();
  expect(told).toEqual(['late', 'failed: Error: away']);
  expect(asked).toHaveLength(3);
});

test('what is asked at once supersedes what is on its way', async () => {
  const { asked, told, poll } = start();
  poll.now();
  poll.now();
  asked[0]?.answer('of before');
  await settled();
  poll.tick();
  expect([asked.length, told]).toEqual([2, []]);
  asked[1]?.answer('of now');
  await settled();
  expect(told).toEqual(['of now']);
});

test('after it is closed nothing is told, and it may begin again', async () => {
  const { asked, told, poll } = start();
  poll.now();
  poll.close();
  asked[0]?.fail(new Error('away'));
  await settled();
  expect(told).toEqual([]);
  poll.tick();
  expect(asked).toHaveLength(2);
});
