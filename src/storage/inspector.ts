import { createStorage, type StorageAddress } from './client.js';
import { answerOf, type FailedAnswer } from './errors.js';

/** What the storage API says of one object, or why it says nothing. */
export type InspectOutcome =
  /** Object resource as the storage API has it. */
  { kind: 'object'; resource: unknown } | { kind: FailedAnswer; detail: string };

export interface ObjectInspector {
  /** The generation that is asked for, or without one the current generation. Never throws. */
  inspect(object: { bucket: string; object: string; generation?: string | undefined }): Promise<InspectOutcome>;
}

/** Asks for the resources of objects. `timeoutMs` bounds one request, default 5,000; three are made at most. */
export function createObjectInspector(options: StorageAddress & { timeoutMs?: number }): ObjectInspector {
  const storage = createStorage(options, { timeoutMs: options.timeoutMs ?? 5_000 });
  return {
    inspect: async ({ bucket, object, generation }) => {
      try {
        const file = storage.bucket(bucket).file(object, generation === undefined ? {} : { generation });
        const [resource] = await file.getMetadata();
        return { kind: 'object', resource };
      } catch (error) {
        const { answer, detail } = answerOf(error);
        return { kind: answer, detail };
      }
    },
  };
}
