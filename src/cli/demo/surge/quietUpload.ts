import { createStorage } from '../../../storage/index.js';
import { forEachBounded } from '../bounded.js';
import type { ObjectResource } from '../events.js';
import type { Picture } from '../pictures.js';
import type { Target } from '../target.js';
import { UPLOADS_AT_ONCE, uploadPicture } from '../upload.js';

/** A picture that is in the bucket; nobody was told of it yet. */
export interface QuietUpload {
  picture: Picture;
  resource: ObjectResource;
}

/** Puts pictures into the bucket under a prefix, and raises no event; `onUploaded` after each. */
export async function uploadQuietly(
  { config, bucket }: Pick<Target, 'config' | 'bucket'>,
  pictures: readonly Picture[],
  { prefix, signal, onUploaded }: { prefix: string; signal: AbortSignal; onUploaded?: () => void },
): Promise<QuietUpload[]> {
  const storage = createStorage({ endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT });
  const uploads: QuietUpload[] = [];
  const upload = { bucket: storage.bucket(bucket), prefix, signal };
  await forEachBounded(pictures, UPLOADS_AT_ONCE, signal, async (picture) => {
    const { resource } = await uploadPicture(picture, upload);
    uploads.push({ picture, resource });
    onUploaded?.();
  });
  return uploads;
}
