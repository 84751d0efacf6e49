import { expect, test } from 'vitest';
import type { TemporalClient } from '../../../src/client/index.js';
import { ConsoleError } from '../../../src/console/errors.js';
import { lazily } from '../../../src/console/temporal.js';

test('Temporal that can not be reached is away, by its name, and the next who asks tries again', async () => {
  let tries = 0;
  let closed = 0;
  const connected = { connection: { close: () => Promise.resolve((closed += 1)) } } as unknown as TemporalClient;
  const temporal = lazily(() => {
    tries += 1;
    return tries === 1
      ? Promise.reject(new Error('Failed to connect before the deadline'))
      : Promise.resolve(connected);
  });
  const away = temporal.get();
  await expect(away).rejects.toBeInstanceOf(ConsoleError);
  await expect(away).rejects.toMatchObject({
    ...{ status: 503, message: 'Temporal: Failed to connect before the deadline' },
  });
  await expect(Promise.all([temporal.get(), temporal.get()])).resolves.toEqual([connected, connected]);
  expect(tries).toBe(2);
  await temporal.close();
  expect(closed).toBe(1);
});

test('what was never asked for is not connected when it is closed', async () => {
  await lazily(() => Promise.reject(new Error('asked for'))).close();
});
