import { Storage } from '@google-cloud/storage';

export interface StorageAddress {
  /** Endpoint of an emulator; Google's when undefined. */
  endpoint?: string | undefined;
  projectId?: string | undefined;
}

/** A client of the storage API. Credentials are Google's application default ones, none for an emulator. */
export function createStorage({ endpoint, projectId }: StorageAddress, bounds: { timeoutMs?: number } = {}): Storage {
  return new Storage({
    ...(endpoint
      ? { apiEndpoint: endpoint, useAuthWithCustomEndpoint: false, projectId: projectId ?? 'penstock' }
      : {}),
    ...(projectId ? { projectId } : {}),
    ...(bounds.timeoutMs === undefined ? {} : { timeout: bounds.timeoutMs }),
    retryOptions: { autoRetry: true, maxRetries: 2, totalTimeout: 20, maxRetryDelay: 2 },
  });
}
