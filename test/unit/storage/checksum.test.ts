import { CRC32C } from '@google-cloud/storage';
import { expect, test } from 'vitest';
import { Crc32c, crc32cOf } from '../../../src/storage/checksum.js';

test('the checksum of the test vector of RFC 3720 is its', () => {
  expect(Buffer.from(crc32cOf(Buffer.alloc(32)), 'base64').toString('hex')).toBe('8a9136aa');
  expect(Buffer.from(crc32cOf(Buffer.from('123456789')), 'base64').toString('hex')).toBe('e3069283');
});

test('the checksum is that of Google for any length, in whatever parts the bytes come', () => {
  const bytes = Buffer.from(Array.from({ length: 70 }, (_, index) => (index * 167 + (index >> 3)) & 0xff));
  for (let length = 0; length <= bytes.length; length += 1) {
    const google = new CRC32C();
    google.update(bytes.subarray(0, length));
    for (let cut = 0; cut <= length; cut += 1) {
      const crc = new Crc32c();
      crc.update(bytes.subarray(0, cut));
      crc.update(bytes.subarray(cut, length));
      expect(crc.digest()).toBe(google.toString());
    }
  }
});
