import { createStorage, type StorageAddress } from './client.js';

/** Rejects when the storage API gives no answer at all within the time. Any status is one: it needs no rights. */
export async function askStorage(address: StorageAddress, timeoutMs: number): Promise<void> {
  const { apiEndpoint } = createStorage(address);
  const response = await fetch(`${apiEndpoint}/`, {
    method: 'HEAD',
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.body?.cancel();
}
