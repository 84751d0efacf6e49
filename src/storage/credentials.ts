import type { Storage } from '@google-cloud/storage';

/** Kept and renewed by Google's client; that it takes too long ends with the request that they are for. */
export async function credentials(storage: Storage, signal: AbortSignal): Promise<Record<string, string>> {
  const given = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([storage.authClient.getRequestHeaders(), given]);
}
