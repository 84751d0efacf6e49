const MOST_CHARACTERS = 63;
const SPELLED: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  ß: 'ss',
  æ: 'ae',
  ø: 'oe',
  å: 'a',
  '%': 'percent',
};

/** Names of columns for those of a source: small letters and underscores, none twice. */
export function columnNames(sources: readonly string[]): string[] {
  const taken = new Set<string>();
  return sources.map((source, index) => {
    const wanted = plainName(source) || `column_${index + 1}`;
    let name = wanted;
    for (let number = 2; taken.has(name); number += 1) name = `${wanted.slice(0, MOST_CHARACTERS - 5)}_${number}`;
    taken.add(name);
    return name;
  });
}

/** Of a dataset: what a file is called, without its date and what comes after the first point. */
export function datasetName(file: string): string {
  const [stem = ''] = file.split('.', 1);
  const words = plainText(stem)
    .split('_')
    .filter((word) => /^[a-z][a-z0-9]*$/.test(word) && !/^t?\d+z?$/.test(word));
  return words.join('_').slice(0, MOST_CHARACTERS).replace(/_+$/, '') || 'dataset';
}

/** A pattern that takes the files of the same series: numbers in the name may be others. */
export function filePattern(file: string): string {
  return file.replaceAll(/\d+(?:[-_.T]\d+)*/g, '*').replaceAll(/\*+/g, '*');
}

/** No name begins with a digit. */
function plainName(source: string): string {
  const plain = plainText(source);
  return (/^\d/.test(plain) ? `c_${plain}` : plain).slice(0, MOST_CHARACTERS).replace(/_+$/, '');
}

function plainText(source: string): string {
  return source
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[äöüßæøå%]/g, (letter) => SPELLED[letter] ?? '')
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
}

/** A name as keys have it: order_id, sku, belegnummer. */
export function isKeyName(name: string): boolean {
  return /(?:^|_)(?:id|ids|uuid|guid|key|nr|no|num|number|nummer|sku|ean|isbn|code)$|^id_|(?:nummer|_?nr)$/.test(name);
}

/** A name as the time has it at which a row came to be. */
export function isTimeName(name: string): boolean {
  return /(?:^|_)(?:created|ordered|occurred|event|booked|recorded|received|sent|placed|timestamp|ts|time|date|datum|erstellt|gebucht|bestellt|zeit|zeitpunkt)(?:_|$)|_at$|_am$/.test(
    name,
  );
}

/** An amount or a count that is below zero by mistake only. */
export function isQuantityName(name: string): boolean {
  return /(?:^|_)(?:quantity|qty|price|count|stock|weight|age|size|length|width|height|menge|preis|anzahl|gewicht)(?:_|$)/.test(
    name,
  );
}

const PERSONAL: readonly [RegExp, string][] = [
  [/(?:^|_)(?:e_?mail|mail)(?:_|$)/, 'an address of mail'],
  [/(?:^|_)(?:tele)?(?:phone|fon)|(?:^|_)(?:tel|mobile|mobil|handy|fax)(?:_|$)/, 'a telephone number'],
  [
    /(?:^|_)(?:first|last|full|middle|given|family|sur|maiden)_?name|(?:vor|nach)name|(?:customer|user|person|contact|kunden)_?name/,
    'the name of a person',
  ],
  [/(?:^|_)(?:street|strasse|address|adresse|anschrift)(?:_|$|\d)/, 'an address'],
  [/birth|geburt|(?:^|_)dob(?:_|$)/, 'a date of birth'],
  [/(?:^|_)iban(?:_|$)|credit_?card|card_?number|(?:^|_)konto/, 'an account'],
  [/(?:^|_)(?:ip|ip_?address|client_?ip|remote_?addr)(?:_|$)/, 'an address of a device'],
  [/(?:^|_)(?:ssn|passport|tax_?id|steuer_?id|social_?security)(?:_|$)/, 'a number that identifies a person'],
];

/** What of a person a column seems to say by its name. */
export function personalByName(name: string): string | undefined {
  return PERSONAL.find(([pattern]) => pattern.test(name))?.[1];
}

const EMAIL = /^[^\s@]+@[^\s@]+\.[a-z]{2,}$/i;
const IBAN = /^[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}$/;
const PHONE = /^\+\d{1,3}[\d ()/-]{6,18}$/;

/** What of a person a column seems to say by its values. */
export function personalByValues(values: readonly string[]): string | undefined {
  const most = (pattern: RegExp): boolean => values.filter((value) => pattern.test(value)).length > values.length * 0.8;
  if (values.length === 0) return undefined;
  if (most(EMAIL)) return 'an address of mail';
  if (most(IBAN)) return 'an account';
  return most(PHONE) ? 'a telephone number' : undefined;
}
