import { createStorage, type StorageAddress } from './client.js';

/** Asks the storage API; rejects when it gives no answer at all within the time. Any status is one: it needs no rights. */
export function createStorageCheck(address: StorageAddress): (timeoutMs: number) => Promise<void> {
  // The client alone knows what the API's address is where none is given.
  const { apiEndpoint } = createStorage(address);
  return async (timeoutMs) => {
    const response = await fetch(`${apiEndpoint}/`, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
  };
}
