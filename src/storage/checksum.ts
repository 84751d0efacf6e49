import { crc32c } from '@node-rs/crc32';

/** The checksum that the storage API tells of an object: CRC32C, base64. */
export function crc32cOf(bytes: Uint8Array): string {
  const crc = new Crc32c();
  crc.update(bytes);
  return crc.digest();
}

/** CRC32C of bytes as they come. */
export class Crc32c {
  #crc = 0;

  update(bytes: Uint8Array): void {
    this.#crc = crc32c(bytes, this.#crc);
  }

  /** As the storage API has it: the four bytes, the first one highest, in base64. */
  digest(): string {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#crc);
    return bytes.toString('base64');
  }
}
