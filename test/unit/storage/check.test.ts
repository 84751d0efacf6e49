import { Storage } from '@google-cloud/storage';
import { expect, it, vi } from 'vitest';
import { createStorageCheck } from '../../../src/storage/index.js';
import { startStorage } from './storageServer.js';

vi.mock('@google-cloud/storage', async (original) => {
  const { Storage: Real } = await original<{ Storage: typeof Storage }>();
  return { Storage: vi.fn(Real) };
});

it('a check of the storage builds one client, however often it asks; any status is an answer, silence is none', async () => {
  const { endpoint, requests } = await startStorage((_object, _before, response) => {
    if (requests() < 3) response.writeHead(404).end();
  });
  const ask = createStorageCheck({ endpoint });
  await ask(5_000);
  await ask(5_000);
  await expect(ask(200)).rejects.toThrow(/timeout/);
  expect(requests()).toBe(3);
  expect(Storage).toHaveBeenCalledOnce();
});
