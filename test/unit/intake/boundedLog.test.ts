import { afterEach, expect, it, vi } from 'vitest';
import { createBoundedLog } from '../../../src/telemetry/index.js';
import { capturedLogger } from './capturedLogger.js';
import { binaryEvent, startIntake } from './rig.js';

afterEach(() => {
  vi.useRealTimers();
});

it('writes at most so many lines a second and says how many it left out', () => {
  vi.useFakeTimers({ now: 1_000_000 });
  const { log, lines } = capturedLogger();
  const warn = createBoundedLog(log, 2);
  for (let index = 0; index < 5; index += 1) warn({ tries: index }, 'refused');
  vi.setSystemTime(1_001_000);
  warn({ tries: 5 }, 'refused');
  expect(lines.map(({ tries, suppressed }) => [tries, suppressed])).toEqual([
    [0, undefined],
    [1, undefined],
    [5, 3],
  ]);
});

it('writes one line for a refused event: its reason and what was wrong, not its content', async () => {
  const { post, lines } = await startIntake();
  await post('/events/gcs', binaryEvent({ generation: 'SECRET', mediaLink: 'https://x/?X-Goog-Signature=SECRET' }));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ reason: 'INVALID_EVENT', msg: 'event refused' });
  expect(JSON.stringify(lines)).not.toContain('SECRET');
});
