import { describe, expect, it } from 'vitest';
import { bodyKind, readQuery, readReference } from '../../../../src/intake/detect/request.js';

const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('a reference', () => {
  it.each([
    ['gs://b-1/a.jpg', { bucket: 'b-1', object: 'a.jpg', generation: undefined }],
    ['gs://b-1/a/ü #1.jpg', { bucket: 'b-1', object: 'a/ü #1.jpg', generation: undefined }],
    ['gs://b-1/a#b#17', { bucket: 'b-1', object: 'a#b', generation: '17' }],
  ])('is read: %s', (image, expected) => {
    expect(readReference(body({ image }))).toEqual({ image: expected, deadlineMs: 30_000 });
    expect(readReference(body({ image, model: 'm', deadlineMs: 60_000 }))).toMatchObject({
      model: 'm',
      deadlineMs: 60_000,
    });
  });

  it.each([
    [{ image: 'http://b/a.jpg' }, 'image: it looks like'],
    [{ image: 'gs://b' }, 'image: it looks like'],
    [{ image: 'gs://b/' }, 'image: it looks like'],
    [{ image: `gs://b/a#${'9'.repeat(19)}` }, 'image.generation'],
    [{ image: 'gs://b/a', deadlineMs: 60_001 }, 'body.deadlineMs'],
    [{ image: 'gs://b/a', deadlineMs: 0 }, 'body.deadlineMs'],
    [{ image: 'gs://b/a', model: 'A B' }, 'body.model'],
    [{ image: 'gs://b/a', deadline: 5 }, 'body: '],
    [{}, 'body.image'],
    [[], 'body: '],
  ])('is refused with what is wrong: %j', (value, message) => {
    expect(() => readReference(body(value))).toThrow(message);
  });

  it('is refused where it is no JSON', () => {
    expect(() => readReference(Buffer.from('{'))).toThrow('body: no JSON');
  });
});

describe('a picture', () => {
  it('has a deadline, a model and a name beside it', () => {
    expect(readQuery({})).toEqual({ deadlineMs: 30_000 });
    expect(readQuery({ deadlineMs: '5', model: 'm', name: 'a b.jpg' })).toEqual({
      deadlineMs: 5,
      model: 'm',
      name: 'a b.jpg',
    });
  });

  it.each([
    { deadlineMs: '1e3' },
    { deadlineMs: '0' },
    { name: 'a/b' },
    { name: '' },
    { name: ['a', 'b'] },
    { other: '1' },
  ])('is refused with %j beside it', (query) => {
    expect(() => readQuery(query)).toThrow('query');
  });

  it.each([
    ['image/jpeg', 'picture'],
    ['image/svg+xml; charset=utf-8', 'picture'],
    ['application/octet-stream', 'picture'],
    ['Application/JSON; charset=utf-8', 'reference'],
  ])('is told by its content type: %s is a %s', (type, kind) => {
    expect(bodyKind({ 'content-type': type }).kind).toBe(kind);
  });

  it.each([
    { 'content-type': 'text/plain' },
    {},
    { 'content-type': 'image/a\r\nb: c' },
    { 'content-type': 'image/jpeg', 'content-encoding': 'gzip' },
  ])('is refused with 415: %j', (headers) => {
    expect(() => bodyKind(headers)).toThrow(expect.objectContaining({ status: 415 }) as Error);
  });
});
