import { CRC32C } from '@google-cloud/storage';

/** The checksum that the storage API tells of an object: CRC32C, base64. */
export function crc32cOf(bytes: Buffer): string {
  const crc = new CRC32C();
  crc.update(bytes);
  return crc.toString();
}
