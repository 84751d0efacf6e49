/** Formats that are decoded. Bytes of any other kind never reach a decoder: fewer parsers face strangers' bytes. */
export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';

export type Sniffed =
  { kind: 'picture'; format: PictureFormat } | { kind: 'unsupported'; format: string } | { kind: 'unknown' };

/** Tells a picture's format by its first bytes, as content types and names of objects are often wrong. */
export function sniffFormat(bytes: Uint8Array): Sniffed {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 256)).toString('latin1');
  for (const [format, pattern] of PICTURES) if (pattern.test(head)) return { kind: 'picture', format };
  for (const [format, pattern] of OTHERS) if (pattern.test(head)) return { kind: 'unsupported', format };
  return { kind: 'unknown' };
}

const PICTURES: readonly (readonly [PictureFormat, RegExp])[] = [
  ['jpeg', /^\xff\xd8\xff/],
  ['png', /^\x89PNG\r\n\x1a\n/],
  ['webp', /^RIFF[^]{4}WEBP/],
  ['gif', /^GIF8[79]a/],
  ['tiff', /^(II[*+]\0|MM\0[*+])/],
  ['avif', /^[^]{4}ftyp(avif|avis|mif1[^]{4}[^]{0,64}?avif)/],
];

const OTHERS: readonly (readonly [string, RegExp])[] = [
  ['HEIC', /^[^]{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/],
  ['BMP', /^BM[^]{4}\0\0\0\0/],
  ['JPEG 2000', /^(\0\0\0\x0cjP {2}\r\n|\xff\x4f\xff\x51)/],
  ['JPEG XL', /^(\xff\x0a|\0\0\0\x0cJXL )/],
  ['Photoshop', /^8BPS/],
  ['icon', /^\0\0[\x01\x02]\0[^]\0/],
  ['PDF', /^%PDF-/],
  ['SVG', /^(\xef\xbb\xbf)?\s*(<\?xml[^]*?)?(<!--[^]*?-->\s*)?(<!DOCTYPE svg|<svg)/i],
  ['OpenEXR', /^v\/1\x01/],
  ['DICOM', /^[^]{128}DICM/],
  ['netpbm', /^P[1-7]\s/],
];
